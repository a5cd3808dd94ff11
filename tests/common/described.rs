//! A server that is described by a file, as its administrator has it.
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

use super::{LIMIT, Raw, Reaped};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that is described by a file, and what it says on stderr.
pub(crate) struct Described {
    pub process: Reaped,
    pub address: SocketAddr,
    pub here: TempDir,
    stdout: BufReader<ChildStdout>,
}

impl Described {
    /// `config`: of the directory that all lies in, with its `root`.
    pub(crate) fn start(options: &[&str], config: impl Fn(&Path) -> String) -> Self {
        let here = tempfile::tempdir().unwrap();
        fs::set_permissions(here.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for directory in ["root", "logs", "etc"] {
            fs::create_dir(here.path().join(directory)).unwrap();
        }
        let file = here.path().join("etc/server.toml");
        fs::write(&file, config(here.path())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let said = fs::File::create(here.path().join("stderr")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpsim"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file).args(options);
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said);
        let mut process = Reaped(command.spawn().unwrap());
        let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.split_whitespace().find_map(|word| word.parse().ok());
        let said = fs::read_to_string(here.path().join("stderr")).unwrap();
        let address = address.unwrap_or_else(|| panic!("it does not serve: {said}"));
        Self { process, address, here, stdout }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.here.path().join(name)
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }

    /// The next line of its stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// SIGHUP, with another configuration, until the log says `word` once more.
    pub(crate) fn reload(&self, config: &str, word: &str) {
        fs::write(self.path("etc/server.toml"), config).unwrap();
        let before = self.said().matches(word).count();
        let process = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
        let begun = Instant::now();
        while self.said().matches(word).count() == before {
            assert!(begun.elapsed() < LIMIT, "no {word}: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the kernel has confined it; says so if not.
    pub(crate) fn is_confined(&self) -> bool {
        let confined = self.said().contains("confined to what is served (landlock)");
        if !confined {
            println!("skipped: this kernel does not confine");
        }
        confined
    }

    /// A line of /proc for each of its threads.
    pub(crate) fn of_threads(&self, key: &str) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.0.id())).unwrap();
        let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = |status: String| {
            let line = status.lines().find(|line| line.starts_with(key))?;
            Some(line[key.len() + 1..].split_whitespace().collect::<Vec<_>>().join(" "))
        };
        tasks.flatten().map(status).filter_map(line).collect()
    }
}

pub(crate) fn users(here: &Path, users: &[(&str, &str)], more: &str) -> String {
    let mut text = format!(
        "root = {:?}\ntransfer-log = {:?}\ntransfer-log-format = \"json\"\n{more}\n",
        here.join("root"),
        here.join("logs/log")
    );
    for (name, password) in users {
        text.push_str(&format!("[[user]]\nname = {name:?}\npassword = {password:?}\n"));
    }
    text
}

pub(crate) fn log_in(to: SocketAddr, user: &str, password: &str, code: &str) -> Raw {
    let mut raw = Raw::connect(to);
    raw.expect("220");
    raw.ask(&format!("USER {user}"), "331");
    raw.ask(&format!("PASS {password}"), code);
    raw
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
