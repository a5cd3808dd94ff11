//! Runs programs to their end; the files they carry.

pub(crate) use crate::common::{LIMIT, PASSWORD, Reaped, Server, USER, has, noise, peers};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn ftpsim() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ftpsim"))
}

/// Runs to the end, within the limit.
pub(crate) fn run(command: &mut Command) -> Output {
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
pub(crate) fn run_ok(command: &mut Command) -> String {
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

/// Files of many sizes: name, content.
pub(crate) fn samples() -> Vec<(&'static str, Vec<u8>)> {
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

pub(crate) fn write_samples(directory: &Path) {
    for (name, content) in samples() {
        std::fs::write(directory.join(name), content).unwrap();
    }
}

/// That every sample is in `directory`.
pub(crate) fn assert_samples(directory: &Path, who: &str) {
    for (name, content) in samples() {
        let got =
            std::fs::read(directory.join(name)).unwrap_or_else(|error| panic!("{who}: {name}: {error}"));
        assert!(got == content, "{who}: {name}: {} bytes, expected {}", got.len(), content.len());
    }
}
