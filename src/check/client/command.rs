//! The client's command: a template, filled, run in a directory and with a HOME of its own, without a shell,
//! and ended with all that it has started.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Of each of stdout and stderr so much is kept.
const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// Of the environment this would lead elsewhere.
const UNSET: [&str; 8] = [
    "ftp_proxy",
    "FTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "NETRC",
];
const PLACEHOLDERS: [&str; 8] =
    ["{host}", "{port}", "{user}", "{password}", "{local}", "{local_dir}", "{remote}", "{url}"];

/// Why a template is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing to run.
    #[error("the command is empty")]
    Empty,
    /// Of words in quotes.
    #[error("a quote in it does not end")]
    Quote,
    /// Nothing in it says where the server is.
    #[error("it names neither {{url}} nor {{port}}, so it cannot find the server")]
    NoServer,
}

/// A program and its arguments, with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<String>);

impl Template {
    /// Of words as they are.
    pub fn of(words: Vec<String>) -> Result<Self, TemplateError> {
        if words.is_empty() {
            return Err(TemplateError::Empty);
        }
        let finds = words.iter().any(|word| word.contains("{url}") || word.contains("{port}"));
        if finds { Ok(Self(words)) } else { Err(TemplateError::NoServer) }
    }

    /// Of a line, whose words are parted as a shell parts them.
    pub fn split(line: &str) -> Result<Self, TemplateError> {
        Self::of(shlex::split(line).ok_or(TemplateError::Quote)?)
    }

    /// The program.
    pub fn program(&self) -> &str {
        &self.0[0]
    }
}

/// What the placeholders stand for, in their order.
pub(super) struct Filled(pub [String; 8]);

/// Where a client runs: everything below is the run's own.
pub(super) struct Place {
    /// Holds the others.
    pub top: tempfile::TempDir,
    /// Its working directory, in which it may write.
    pub work: PathBuf,
    pub home: PathBuf,
}

impl Place {
    pub(super) fn new() -> std::io::Result<Self> {
        let top = tempfile::Builder::new().prefix("ftpsim-check-").tempdir()?;
        let base = top.path().join("place");
        let (work, home) = (base.join("work"), base.join("home"));
        for directory in [&work, &home, &base.join("tmp")] {
            std::fs::create_dir_all(directory)?;
        }
        Ok(Self { top, work, home })
    }

    /// `text` with the working directory as its placeholder: what was seen is the same wherever it was seen.
    pub(super) fn named(&self, text: &str) -> String {
        text.replace(&self.work.display().to_string(), "{local_dir}")
    }

    /// A name outside that only who leaves the directory writes to.
    pub(super) fn outside(&self) -> PathBuf {
        self.top.path().join("ftpsim-evil-absolute")
    }

    /// What has come to be outside of the working directory: anything beside it, and in HOME what a server's
    /// name has led to.
    pub(super) fn escaped(&self) -> Vec<String> {
        let mut escaped = Vec::new();
        let base = self.top.path().join("place");
        let ours = [base.clone(), self.work.clone(), self.home.clone(), base.join("tmp")];
        let mut open = vec![self.top.path().to_owned()];
        while let Some(directory) = open.pop() {
            let Ok(entries) = std::fs::read_dir(&directory) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                let is_own = path.starts_with(&self.home) || path.starts_with(base.join("tmp"));
                let is_evil = path.to_string_lossy().contains("ftpsim-evil");
                if !ours.contains(&path) && (!is_own || is_evil) {
                    escaped.push(path.display().to_string());
                }
                // What is in the working directory may be there.
                if path.is_dir() && !path.is_symlink() && path != self.work {
                    open.push(path);
                }
            }
        }
        escaped
    }
}

/// What a client has done.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// `None`: it had to be ended.
    pub status: Option<ExitStatus>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Ends a process group when dropped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.0.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            // It may be empty by now.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Runs it to its end, or to the limit.
pub(super) async fn run(
    template: &Template,
    filled: &Filled,
    place: &Place,
    limit: Duration,
) -> std::io::Result<Ran> {
    let fill = |word: &String| {
        let replace = |text: String, (name, value): (&&str, &String)| text.replace(*name, value);
        PLACEHOLDERS.iter().zip(&filled.0).fold(word.clone(), replace)
    };
    let words: Vec<String> = template.0.iter().map(fill).collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(&place.work);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for name in UNSET {
        command.env_remove(name);
    }
    command.env("HOME", &place.home).env("LC_ALL", "C.UTF-8").env("TMPDIR", tmp(place));
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    let group = Group(child.id());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let all = async {
        let ((), (), status) = tokio::join!(keep(out, &mut stdout), keep(err, &mut stderr), child.wait());
        status
    };
    let status = match tokio::time::timeout(limit, all).await {
        Ok(status) => Some(status?),
        Err(_) => None,
    };
    drop(group);
    Ok(Ran { status, stdout, stderr })
}

fn tmp(place: &Place) -> PathBuf {
    place.work.parent().unwrap_or(Path::new("/")).join("tmp")
}

/// Reads to the end, keeping the beginning.
async fn keep(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let room = MAX_OUTPUT_BYTES - into.len();
        into.extend_from_slice(&piece[..length.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let words = |line| Template::split(line).map(|template| template.0);
        assert_eq!(words("curl '{url}' -o \"a b\"").unwrap(), ["curl", "{url}", "-o", "a b"]);
        assert_eq!(words("").unwrap_err(), TemplateError::Empty);
        assert_eq!(words("curl '{url}").unwrap_err(), TemplateError::Quote);
        assert_eq!(words("curl x").unwrap_err(), TemplateError::NoServer);
    }

    #[test]
    fn what_is_outside_is_found() {
        let place = Place::new().unwrap();
        std::fs::write(place.work.join("ftpsim-evil"), "may be here").unwrap();
        std::fs::write(place.home.join(".netrc"), "may be here").unwrap();
        assert_eq!(place.escaped(), Vec::<String>::new());
        std::fs::write(place.home.join("ftpsim-evil"), "no").unwrap();
        std::fs::write(place.work.join("../ftpsim-other"), "no").unwrap();
        std::fs::write(place.outside(), "no").unwrap();
        assert_eq!(place.escaped().len(), 3);
    }
}
