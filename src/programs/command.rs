//! A client's command: a template, filled, run in a directory and with a HOME of its own, without a shell,
//! and ended with all that it has started.

use super::group::Group;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Ends a process with its parent.
const SETPRIV: &str = "/usr/bin/setpriv";
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

    /// The program and its arguments, as they were given.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// Placeholders, as `{host}`, and what they stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled(pub Vec<(&'static str, String)>);

impl Filled {
    /// `text` with what its placeholders stand for.
    pub(crate) fn fill(&self, text: &str) -> String {
        let replace = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.0.iter().fold(text.to_owned(), replace)
    }
}

/// Where a client runs: everything below is the run's own.
pub(crate) struct Place {
    /// Holds the others.
    pub top: tempfile::TempDir,
    /// Its working directory, in which it may write.
    pub work: PathBuf,
    pub home: PathBuf,
}

impl Place {
    /// `prefix` begins the name of its directory, for whoever finds it.
    pub(crate) fn new(prefix: &str) -> std::io::Result<Self> {
        let top = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let base = top.path().join("place");
        let (work, home) = (base.join("work"), base.join("home"));
        for directory in [&work, &home, &base.join("tmp")] {
            std::fs::create_dir_all(directory)?;
        }
        Ok(Self { top, work, home })
    }

    /// `text` with its directories as their placeholders: what was seen is the same wherever it was seen.
    pub(crate) fn named(&self, text: &str) -> String {
        let top = self.top.path();
        let directories = [(&*self.work, "{local_dir}"), (&*self.home, "{home}"), (&*tmp(self), "{tmp}")];
        let text = directories
            .iter()
            .fold(text.to_owned(), |text, (path, name)| text.replace(&path.display().to_string(), name));
        text.replace(&top.display().to_string(), "{top}")
    }

    /// A name outside that only who leaves the directory writes to.
    pub(crate) fn outside(&self) -> PathBuf {
        self.top.path().join("ftpsim-evil-absolute")
    }

    /// What has come to be outside of the working directory: anything beside it, and in HOME what a server's
    /// name has led to.
    pub(crate) fn escaped(&self) -> Vec<String> {
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
pub(crate) struct Ran {
    /// `None`: it had to be ended.
    pub status: Option<ExitStatus>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// A command without a shell, a process group of its own, that ends with us, too, whatever becomes of us where
/// `setpriv` (util-linux) can see to that. Nothing in its environment leads elsewhere.
pub(crate) fn command(words: &[String]) -> Command {
    let mut all: Vec<&str> = words.iter().map(String::as_str).collect();
    if Path::new(SETPRIV).exists() {
        all.splice(0..0, [SETPRIV, "--pdeathsig", "KILL", "--"]);
    }
    let mut command = Command::new(all.first().copied().unwrap_or_default());
    command.args(all.iter().skip(1)).stdin(Stdio::null()).kill_on_drop(true).env("LC_ALL", "C.UTF-8");
    for name in UNSET {
        command.env_remove(name);
    }
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Where a program is: itself where it is a path, else found in PATH.
fn find(program: &str) -> std::io::Result<PathBuf> {
    let there = |path: PathBuf| path.is_file().then_some(path);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = match program.contains('/') {
        true => there(program.into()),
        false => std::env::split_paths(&paths).find_map(|directory| there(directory.join(program))),
    };
    let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, format!("there is no {program}"));
    found.ok_or_else(missing)
}

/// Runs it to its end, or until `stop`.
pub(crate) async fn run(
    template: &Template,
    filled: &Filled,
    place: &Place,
    stop: impl Future<Output = ()>,
) -> std::io::Result<Ran> {
    let words: Vec<String> = template.0.iter().map(|word| filled.fill(word)).collect();
    find(&words[0])?;
    let mut command = command(&words);
    command.current_dir(&place.work).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("HOME", &place.home).env("TMPDIR", tmp(place));
    let mut child = command.spawn()?;
    let group = Group::led_by(child.id());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let all = async {
        let ((), (), status) = tokio::join!(keep(out, &mut stdout), keep(err, &mut stderr), child.wait());
        status
    };
    let status = tokio::select! {
        biased;
        status = all => Some(status?),
        () = stop => None,
    };
    drop(group);
    if status.is_none() {
        // Its connections are closed when its end has been seen.
        let _ = child.wait().await;
    }
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

    /// The words of a client's script name its HOME, where it lies.
    #[test]
    fn what_was_said_names_no_directory_of_the_run() {
        let place = Place::new("ftpsim-check-").unwrap();
        let (work, home, outside) = (place.work.display(), place.home.display(), place.outside());
        let tmp = tmp(&place);
        let text = format!("{home}/client.py: {work}/a, {}/b and {}", tmp.display(), outside.display());
        assert_eq!(
            place.named(&text),
            "{home}/client.py: {local_dir}/a, {tmp}/b and {top}/ftpsim-evil-absolute"
        );
    }

    #[test]
    fn what_is_outside_is_found() {
        let place = Place::new("ftpsim-check-").unwrap();
        std::fs::write(place.work.join("ftpsim-evil"), "may be here").unwrap();
        std::fs::write(place.home.join(".netrc"), "may be here").unwrap();
        assert_eq!(place.escaped(), Vec::<String>::new());
        std::fs::write(place.home.join("ftpsim-evil"), "no").unwrap();
        std::fs::write(place.work.join("../ftpsim-other"), "no").unwrap();
        std::fs::write(place.outside(), "no").unwrap();
        assert_eq!(place.escaped().len(), 3);
    }
}
