//! Starts our server and other people's programs, for tests of interoperability. A missing peer is
//! said on stdout and skipped, unless `FTPSIM_REQUIRE_PEERS=1`: then the test fails.
#![allow(dead_code, reason = "each test uses a part")]

#[cfg(all(feature = "cli", unix))]
pub(crate) mod certificate;
#[cfg(all(feature = "cli", unix))]
pub(crate) mod described;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "s3cret";
/// No program of a test needs as long, on however busy a machine: it only ends what hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// Where `tests/peers/install.sh` keeps what is not Debian's.
pub(crate) fn peers_cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    set("FTPSIM_PEERS_DIR")
        .unwrap_or_else(|| cache().unwrap_or_else(|| "/root/.cache".into()).join("ftpsim-peers"))
}

/// Says that a peer is missing; fails where peers are required.
pub(crate) fn skip(what: &str) {
    assert!(std::env::var_os("FTPSIM_REQUIRE_PEERS").is_none_or(|value| value != "1"), "missing: {what}");
    println!("skipped: {what} is missing");
}

/// Whether `program` can be started.
pub(crate) fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()));
    if !found {
        skip(program);
    }
    found
}

/// A command that is ended after [`LIMIT`], in the C.UTF-8 locale and without the user's settings.
pub(crate) fn bounded(program: impl AsRef<std::ffi::OsStr>, home: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(program);
    command.timeout(LIMIT).current_dir(home).env("HOME", home).env("LC_ALL", "C.UTF-8");
    command
}

/// Our own program, likewise bounded.
pub(crate) fn ftpsim(home: &Path) -> assert_cmd::Command {
    bounded(env!("CARGO_BIN_EXE_ftpsim"), home)
}

/// Stdout and stderr of a command that has to succeed.
pub(crate) fn succeed(command: &mut assert_cmd::Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = said(&output);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Ends its process when dropped.
pub(crate) struct Reaped(pub Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `ftpsim serve` on a free port of loopback, ended when this is dropped.
pub(crate) struct Server {
    process: Reaped,
    pub address: SocketAddr,
    pub root: TempDir,
}

impl Server {
    /// With one user, [`USER`].
    pub(crate) fn start(options: &[&str]) -> Self {
        let user = format!("{USER}:{PASSWORD}");
        Self::start_as(&[&["--user", &user], options].concat())
    }

    pub(crate) fn start_as(options: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", options)
    }

    /// With one user, on an address of either family.
    pub(crate) fn start_on(listen: &str, options: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.arg("serve").args(["--listen", listen]).args(options);
        if !options.contains(&"--root") {
            command.arg("--root").arg(root.path());
        }
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut process = Reaped(child);
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().split_whitespace().find_map(|word| word.parse().ok()))
            .expect("serve says where it listens");
        Self { process, address, root }
    }

    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        self.process.0.wait().unwrap()
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.process.0.id()
    }

    /// With user and password.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ftp://{USER}:{PASSWORD}@{}/{path}", self.address)
    }

    /// With the user alone: the password is for `FTPSIM_PASSWORD`.
    pub(crate) fn url_of_user(&self, path: &str) -> String {
        format!("ftp://{USER}@{}/{path}", self.address)
    }

    /// Names in the root, hidden ones too, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.root.path())
    }
}

/// Says what a test writes.
pub(crate) struct Raw {
    pub lines: BufReader<TcpStream>,
}

impl Raw {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self { lines: BufReader::new(stream) }
    }

    pub(crate) fn log_in(to: SocketAddr) -> Self {
        let mut raw = Self::connect(to);
        raw.expect("220");
        raw.ask(&format!("USER {USER}"), "331");
        raw.ask(&format!("PASS {PASSWORD}"), "230");
        raw
    }

    pub(crate) fn expect(&mut self, code: &str) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "{line}");
        line
    }

    pub(crate) fn ask(&mut self, command: &str, code: &str) -> String {
        self.lines.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.expect(code)
    }

    /// Whether the server has closed the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.lines.read(&mut [0]), Ok(0) | Err(_))
    }

    pub(crate) fn passive(&mut self) -> TcpStream {
        let reply = self.ask("EPSV", "229");
        let port = ftp_proto::address::parse_extended_passive(reply.trim_end()).unwrap();
        let mut to = self.lines.get_ref().peer_addr().unwrap();
        to.set_port(port);
        TcpStream::connect(to).unwrap()
    }

    /// Sends `bytes` on a data connection of its own, closes it, and expects `code`.
    pub(crate) fn store(&mut self, name: &str, bytes: &[u8], code: &str) {
        let mut data = self.passive();
        self.ask(&format!("STOR {name}"), "150");
        data.write_all(bytes).unwrap();
        drop(data);
        self.expect(code);
    }
}

pub(crate) fn read_all(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Another FTP server, started by `tests/peers/launch.py`; ends when this is dropped.
pub(crate) struct Peer {
    process: Child,
    stdin: Option<ChildStdin>,
    pub name: String,
    /// With user and password, without a path.
    pub url: String,
    pub user: String,
    pub address: SocketAddr,
    pub root: PathBuf,
    /// Under TLS.
    pub certificate: Option<PathBuf>,
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
    pub(crate) fn start(name: &str) -> Option<Self> {
        Self::start_with(name, &[])
    }

    /// With options of the launcher.
    pub(crate) fn start_with(name: &str, options: &[&str]) -> Option<Self> {
        let launcher = peers().join("launch.py");
        let check = Command::new(&launcher).arg("--check").stdin(Stdio::null()).output();
        if !check.as_ref().is_ok_and(|output| output.status.success()) {
            let missing = check.map(|output| String::from_utf8_lossy(&output.stdout).replace('\n', " "));
            skip(&format!("{name} ({})", missing.unwrap_or_else(|error| error.to_string())));
            return None;
        }
        let mut launch = Command::new(&launcher);
        launch.arg(name).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = launch.spawn().unwrap();
        let stdin = process.stdin.take();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let about: serde_json::Value = serde_json::from_str(&line).expect("the launcher's line of JSON");
        let text = |key: &str| about[key].as_str().unwrap().to_owned();
        let address = format!("{}:{}", text("host"), about["port"]);
        Some(Self {
            process,
            stdin,
            name: name.to_owned(),
            url: format!("ftp://{}:{}@{address}", text("user"), text("password")),
            user: text("user"),
            address: address.parse().unwrap(),
            root: text("root").into(),
            certificate: about["certificate"].as_str().map(PathBuf::from),
        })
    }

    /// Files that the server's user may change.
    pub(crate) fn write_samples(&self) {
        write_samples(&self.root);
        let owner = format!("{0}:{0}", self.user);
        assert!(Command::new("chown").arg("-R").arg(owner).arg(&self.root).status().unwrap().success());
    }
}

/// `len` bytes without a pattern that a line-end conversion or a compressor would leave alone, and
/// then, where there is room, every byte value in order, twice each.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes: Vec<u8> = (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    if let Some(start) = len.checked_sub(512) {
        bytes[start..]
            .iter_mut()
            .zip((0..=255).flat_map(|byte| [byte, byte]))
            .for_each(|(to, from)| *to = from);
    }
    bytes
}

/// Files of many sizes, and of names that a client or a server might trip over: name, content.
pub(crate) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty.bin", Vec::new()),
        ("one.bin", vec![0xff]),
        ("lines.txt", b"a line\r\nand\nanother\r".to_vec()),
        ("telnet.bin", [0xff, 0xf4, 0xff, 0xf2, b'\r', 0].repeat(50)),
        ("64k.bin", noise(64 * 1024, 1)),
        ("1m.bin", noise(1024 * 1024, 2)),
        ("3m.bin", noise(3_000_001, 8)),
        ("two  spaces.bin", noise(1000, 3)),
        ("naïve 日本.bin", noise(70_000, 4)),
        ("a#b%20c&;'(1).bin", noise(3, 5)),
        ("quo\"te.bin", noise(5, 6)),
    ]
}

pub(crate) fn write_samples(directory: &Path) {
    for (name, content) in samples() {
        std::fs::write(directory.join(name), content).unwrap();
    }
}

/// That the samples, and nothing else, are in `directory`.
pub(crate) fn assert_samples(directory: &Path, who: &str) {
    let mut expected: Vec<_> = samples().into_iter().map(|(name, _)| name.to_owned()).collect();
    expected.sort();
    assert_eq!(names(directory), expected, "{who}");
    for (name, content) in samples() {
        let got = std::fs::read(directory.join(name)).unwrap();
        assert!(got == content, "{who}: {name}: {} bytes, expected {}", got.len(), content.len());
    }
}

/// What is in a directory, hidden names too, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
