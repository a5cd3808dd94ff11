//! What lies at the server: listings, wildcards, whole trees.

use super::dialogue::observer;
use super::glob;
use super::transfer::{TransferArgs, login, runtime};
use super::url::FtpUrl;
use anyhow::{Context, bail};
use ftp_endpoint::client::{Direction, Policy, Publish, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Watch, Who};
use ftp_endpoint::store::{StoreError, WriteFile};
use ftp_proto::command::Command;
use ftp_proto::listing::{Listed, parse_facts, parse_long_line};
use ftp_proto::mode::{Structure, TransmissionMode};

/// Directories in directories that a tree may have.
const MAX_DEPTH: usize = 64;
/// Of one directory's listing.
const MAX_LISTING_BYTES: usize = 256 << 20;

/// A file to fetch.
pub struct Found {
    /// As RETR names it.
    pub remote: String,
    /// Below the directory that it goes to, in components.
    pub local: Vec<String>,
    pub size_bytes: u64,
}

/// A session for listings only: stream mode, which every server has.
pub struct Remote {
    session: Session<RealNet>,
    has_mlsd: bool,
}

/// Runs `work` with a session.
pub fn with_remote<T>(
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
        let has_mlsd = session.announces("MLST").await?;
        let mut remote = Remote { session, has_mlsd };
        let result = work(&mut remote).await;
        remote.session.quit().await;
        result
    })
}

impl Remote {
    /// Makes a directory, unless it is there.
    pub async fn make_directory(&mut self, path: &str) -> anyhow::Result<()> {
        let command = Command::Mkd(path.to_owned());
        let reply = self.session.command(&command).await?;
        if reply.is_completion() {
            return Ok(());
        }
        // No code says that it exists already; that one can go there does.
        let there = self.session.command(&Command::Pwd).await?;
        let entered = self.session.command(&Command::Cwd(path.to_owned())).await?.is_completion();
        if !entered {
            bail!("cannot make the directory {path} at the server: {reply}");
        }
        let home = quoted(&there.text()).context("the server does not say where we are")?;
        self.session.must(Command::Cwd(home)).await?;
        Ok(())
    }

    /// Files and directories in `directory` ("" for the current one), in the server's order.
    async fn list(&mut self, directory: &str) -> anyhow::Result<Vec<Listed>> {
        let path = Some(directory.to_owned()).filter(|path| !path.is_empty());
        let command = if self.has_mlsd { Command::Mlsd(path) } else { Command::List(path) };
        let mut text = Text::default();
        self.session
            .receive(command, directory, &mut text)
            .await
            .with_context(|| format!("cannot list {directory:?}"))?;
        let text = String::from_utf8(text.0).context("the listing is not UTF-8")?;
        let parse = if self.has_mlsd { parse_facts } else { parse_long_line };
        let mut found: Vec<Listed> =
            text.lines().filter_map(|line| parse(line.trim_end_matches('\r'))).collect();
        // A name with a path in it would lead out of where we put it.
        found.retain(|entry| !entry.name.contains('/') && entry.name != "." && entry.name != "..");
        Ok(found)
    }

    /// Files in `directory` whose names match; with `recursive` directories, too.
    pub async fn matching(
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
    pub async fn tree(&mut self, directory: &str, local: Vec<String>) -> anyhow::Result<Vec<Found>> {
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

pub fn join(directory: &str, name: &str) -> String {
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

#[derive(Default)]
struct Text(Vec<u8>);

impl WriteFile for Text {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.0.len() + bytes.len() > MAX_LISTING_BYTES {
            return Err(StoreError::Full);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
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
