//! Starts our server and other people's programs.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const USER: &str = "tester";
pub const PASSWORD: &str = "s3cret";
/// No peer needs as long.
const LIMIT: Duration = Duration::from_secs(60);

pub fn ftpsim() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ftpsim"))
}

pub fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// Says that a peer is missing; fails where peers are required.
pub fn skip(what: &str) {
    assert!(std::env::var_os("FTPSIM_REQUIRE_PEERS").is_none_or(|v| v != "1"), "missing: {what}");
    println!("skipped: {what} is missing");
}

/// Whether `program` can be started.
pub fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()));
    if !found {
        skip(program);
    }
    found
}

/// Runs to the end, within the limit.
pub fn run(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = Reaped(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let (out, err) = (drain(child.0.stdout.take()), drain(child.0.stderr.take()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(started.elapsed() < LIMIT, "{command:?} takes more than {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(5));
    };
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

/// Runs to the end and demands success.
pub fn run_ok(command: &mut Command) -> String {
    let output = run(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    let mut pipe = pipe.unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Ends its process when dropped.
pub struct Reaped(pub Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `ftpsim serve` on a free port of loopback.
pub struct Server {
    _process: Reaped,
    pub address: SocketAddr,
    pub root: TempDir,
}

impl Server {
    pub fn start(options: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut command = ftpsim();
        command.arg("serve").arg("--root").arg(root.path());
        command.args(["--listen", "127.0.0.1:0", "--user", &format!("{USER}:{PASSWORD}")]).args(options);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut process = Reaped(child);
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().split_whitespace().find_map(|word| word.parse().ok()))
            .expect("serve says where it listens");
        Self { _process: process, address, root }
    }

    /// With user and password.
    pub fn url(&self, path: &str) -> String {
        format!("ftp://{USER}:{PASSWORD}@{}/{path}", self.address)
    }

    /// Names in the root, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Another FTP server, started by `tests/peers/launch.py`; ends when this is dropped.
pub struct Peer {
    process: Child,
    stdin: Option<ChildStdin>,
    pub url: String,
    pub root: PathBuf,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The launcher ends what it started when its standard input ends.
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

impl Peer {
    /// `None` (said, or failed) where the peers are not installed.
    pub fn start(name: &str) -> Option<Self> {
        let launcher = peers().join("launch.py");
        let check = Command::new(&launcher).arg("--check").stdin(Stdio::null()).output();
        if !check.as_ref().is_ok_and(|output| output.status.success()) {
            let missing = check.map(|output| String::from_utf8_lossy(&output.stdout).replace('\n', " "));
            skip(&format!("{name} ({})", missing.unwrap_or_else(|error| error.to_string())));
            return None;
        }
        let mut process =
            Command::new(&launcher).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = process.stdin.take();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let about: serde_json::Value = serde_json::from_str(&line).expect("the launcher's line of JSON");
        let text = |key: &str| about[key].as_str().unwrap().to_owned();
        Some(Self {
            process,
            stdin,
            url: format!("ftp://{}:{}@{}:{}", text("user"), text("password"), text("host"), about["port"]),
            root: text("root").into(),
        })
    }
}

/// `len` bytes without a pattern that a line-end conversion or a compressor would leave alone.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// Files of many sizes: name, content.
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("one", b"x".to_vec()),
        ("block", noise(65_535, 1)),
        ("block-plus", noise(65_536, 2)),
        ("zeros", vec![0; 300_000]),
        ("ff", vec![0xff; 1000]),
        ("big", noise(3_000_001, 3)),
        ("with space", b"a line\r\nand\nanother".to_vec()),
    ]
}

pub fn write_samples(directory: &Path) {
    for (name, content) in samples() {
        std::fs::write(directory.join(name), content).unwrap();
    }
}

/// That every sample is in `directory`.
pub fn assert_samples(directory: &Path, who: &str) {
    for (name, content) in samples() {
        let got =
            std::fs::read(directory.join(name)).unwrap_or_else(|error| panic!("{who}: {name}: {error}"));
        assert!(got == content, "{who}: {name}: {} bytes, expected {}", got.len(), content.len());
    }
}
