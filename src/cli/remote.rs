//! What lies at the server: listings, wildcards, whole trees.

use super::dialogue::observer;
use super::glob;
use super::transfer::{TransferArgs, login, runtime};
use super::url::FtpUrl;
use anyhow::{Context, bail};
use ftp_endpoint::client::{Client, Direction, Entry, Policy, Publish, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Watch, Who};
use ftp_proto::command::Command;
use ftp_proto::mode::{Structure, TransmissionMode};

/// Directories in directories that a tree may have.
const MAX_DEPTH: usize = 64;

/// A file to fetch.
pub(super) struct Found {
    /// As RETR names it.
    pub remote: String,
    /// Below the directory that it goes to, in components.
    pub local: Vec<String>,
    pub size_bytes: u64,
}

/// A session for listings only: stream mode, which every server has.
pub(super) struct Remote {
    client: Client<RealNet>,
}

/// Runs `work` with a session.
pub(super) fn with_remote<T>(
    url: &FtpUrl,
    args: &TransferArgs,
    work: impl AsyncFnOnce(&mut Remote) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let server = url.resolve()?;
    let login = login(url)?;
    let policy = Policy {
        mode: TransmissionMode::Stream,
        structure: Structure::File,
        ..args.policy(Direction::Get, Publish::Direct)
    };
    runtime()?.block_on(async {
        let observer = observer(args.verbose);
        let watch = || Watch::new(observer, Who::Client, 1);
        let mut session = Session::open(RealNet::new(), server, &login, &policy, watch).await?;
        // Before anything else: the dialogue is the same whatever the work is.
        session.features().await?;
        let mut remote = Remote { client: session.into() };
        let result = work(&mut remote).await;
        remote.client.quit().await;
        result
    })
}

impl Remote {
    /// Makes a directory, unless it is there.
    pub(super) async fn make_directory(&mut self, path: &str) -> anyhow::Result<()> {
        let session = self.client.session();
        let reply = session.command(&Command::Mkd(path.to_owned())).await?;
        if reply.is_completion() {
            return Ok(());
        }
        // No code says that it exists already; that one can go there does.
        let there = session.command(&Command::Pwd).await?;
        let entered = session.command(&Command::Cwd(path.to_owned())).await?.is_completion();
        if !entered {
            bail!("cannot make the directory {path} at the server: {reply}");
        }
        let home = quoted(&there.text()).context("the server does not say where we are")?;
        session.must(Command::Cwd(home)).await?;
        Ok(())
    }

    /// Files and directories in `directory` ("" for the current one), in the server's order.
    async fn list(&mut self, directory: &str) -> anyhow::Result<Vec<Entry>> {
        self.client.list(directory).await.with_context(|| format!("cannot list {directory:?}"))
    }

    /// Files in `directory` whose names match; with `recursive` directories, too.
    pub(super) async fn matching(
        &mut self,
        directory: &str,
        pattern: &str,
        recursive: bool,
    ) -> anyhow::Result<Vec<Found>> {
        let mut all = Vec::new();
        for entry in self.list(directory).await? {
            if !glob::matches(pattern, &entry.name) {
                continue;
            }
            let remote = join(directory, &entry.name);
            if !entry.is_directory {
                all.push(Found { remote, local: vec![entry.name], size_bytes: entry.size_bytes });
            } else if recursive {
                all.extend(self.tree(&remote, vec![entry.name]).await?);
            }
        }
        if all.is_empty() {
            bail!("no file matches {}", join(directory, pattern));
        }
        Ok(all)
    }

    /// All files below `directory`, which go below `local`.
    pub(super) async fn tree(&mut self, directory: &str, local: Vec<String>) -> anyhow::Result<Vec<Found>> {
        let mut all = Vec::new();
        let base = local.len();
        let mut open = vec![(directory.to_owned(), local)];
        while let Some((directory, local)) = open.pop() {
            if local.len() - base > MAX_DEPTH {
                bail!("{directory}: more than {MAX_DEPTH} directories deep; is there a loop of links?");
            }
            for entry in self.list(&directory).await? {
                let remote = join(&directory, &entry.name);
                let mut local = local.clone();
                local.push(entry.name);
                if entry.is_directory {
                    open.push((remote, local));
                } else {
                    all.push(Found { remote, local, size_bytes: entry.size_bytes });
                }
            }
        }
        all.sort_by(|a, b| a.remote.cmp(&b.remote));
        Ok(all)
    }
}

pub(super) fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        directory if directory.ends_with('/') => format!("{directory}{name}"),
        directory => format!("{directory}/{name}"),
    }
}

/// The pathname in a 257 reply: in quotes, those within it doubled (RFC 959 appendix II).
fn quoted(text: &str) -> Option<String> {
    let rest = text.split_once('"')?.1;
    let mut name = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if_eq(&'"').is_some() {
            name.push('"');
        } else {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pathnames_in_quotes() {
        assert_eq!(quoted("\"/a\" is the current directory").as_deref(), Some("/a"));
        assert_eq!(quoted("\"/say \"\"hi\"\"\" created").as_deref(), Some("/say \"hi\""));
        assert_eq!(quoted("no quotes"), None);
        assert_eq!(quoted("\"unclosed"), None);
    }
}
