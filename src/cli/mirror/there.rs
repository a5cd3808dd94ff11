//! The tree at the server, and what the server says of single files.

use super::filter::Filter;
use super::tree::{Kind, Node, Tree, leads_inside};
use crate::cli::remote::{MAX_DEPTH, MAX_ENTRIES, Remote, join};
use crate::cli::round::{Rounds, Way};
use crate::cli::skipped::Reason;
use ftp_endpoint::client::{ClientError, Entry, EntryKind};
use ftp_endpoint::store::disk::is_hidden;
use ftp_proto::command::Command;
use ftp_proto::time::{Timestamp, parse_timestamp};
use std::collections::VecDeque;

/// A walk under way.
struct Walk<'a> {
    remote: &'a mut Remote,
    base: &'a str,
    filter: &'a Filter,
    is_source: bool,
    tree: Tree,
    open: VecDeque<(String, Way)>,
}

/// All below `base`. `is_source` as at this end. Errors: `base` itself cannot be listed.
pub(super) async fn walk(
    remote: &mut Remote,
    base: &str,
    filter: &Filter,
    is_source: bool,
) -> anyhow::Result<Tree> {
    let missing = remote.missing();
    let open = VecDeque::from([(String::new(), Way::default())]);
    let mut walk = Walk { remote, base, filter, is_source, tree: Tree::default(), open };
    walk.all().await?;
    let Walk { remote, mut tree, .. } = walk;
    tree.unknown = remote.missing() - missing;
    Ok(tree)
}

/// Below the mirror's directory at the server.
pub(super) fn below(base: &str, path: &str) -> String {
    if path.is_empty() { base.to_owned() } else { join(base, path) }
}

impl Walk<'_> {
    async fn all(&mut self) -> Result<(), ClientError> {
        let mut rounds = Rounds::default();
        while let Some((path, way)) = self.open.pop_front() {
            let directory = below(self.base, &path);
            if let Some(why) = rounds.known(&way) {
                self.round(&directory, why);
                continue;
            }
            let listing = match self.remote.list(&directory).await {
                Ok(listing) => listing,
                Err(error) if path.is_empty() => return Err(error),
                Err(error) => {
                    self.remote.miss(format_args!("cannot list {directory}: {error}"));
                    continue;
                }
            };
            let way = match rounds.enter(self.remote, way, &directory, &listing).await {
                Ok(way) => way,
                Err(why) => {
                    self.round(&directory, why);
                    continue;
                }
            };
            for entry in listing.entries {
                if self.tree.nodes.len() >= MAX_ENTRIES {
                    self.remote.miss(format_args!(
                        "more than {MAX_ENTRIES} files and directories; the rest is left out"
                    ));
                    return Ok(());
                }
                self.take(&path, &entry, &way).await;
            }
        }
        Ok(())
    }

    /// A directory that has been looked at under another name. Where it is written to, nothing is missing: what is in it
    /// is known.
    fn round(&mut self, directory: &str, why: String) {
        if self.is_source {
            self.remote.miss(format_args!("{directory}: {why}"));
        }
    }

    async fn take(&mut self, directory: &str, entry: &Entry, way: &Way) {
        let path = join(directory, &entry.name);
        let Some(is_directory) = self.is_directory(entry, &path).await else { return };
        if is_hidden(&entry.name) {
            return self.tree.skip(path, Reason::Own);
        }
        if self.filter.leaves_out(&path, is_directory) {
            return self.tree.skip(path, Reason::Excluded);
        }
        let is_link = entry.kind == EntryKind::Link;
        let node = match entry.kind {
            EntryKind::Link | EntryKind::Special if !self.is_source => Node::new(Kind::Other),
            EntryKind::Special => return self.tree.skip(path, Reason::Special),
            _ if is_link && is_directory => {
                return self.tree.skip(path, Reason::LinkToDirectory);
            }
            _ if is_link && !entry.target.as_deref().is_some_and(|to| leads_inside(directory, to)) => {
                return self.tree.skip(path, Reason::LinkOut);
            }
            _ => Node {
                size_bytes: entry.size_bytes.filter(|_| !is_directory),
                // A link's own time is not the file's.
                modified: entry.modified.filter(|_| !is_link).map(|(seconds, _)| (seconds, 0)),
                ..Node::new(if is_directory { Kind::Directory } else { Kind::File })
            },
        };
        if node.kind == Kind::Directory {
            if way.depth() > MAX_DEPTH {
                return self.remote.miss(format_args!(
                    "{path}: more than {MAX_DEPTH} directories deep; is there a loop of links?"
                ));
            }
            self.open.push_back((path.clone(), way.to(entry)));
        }
        if self.tree.nodes.insert(path.clone(), node).is_some() {
            self.remote.miss(format_args!("{path}: is listed twice"));
        }
    }

    /// None: nobody can tell, which has been told.
    async fn is_directory(&mut self, entry: &Entry, path: &str) -> Option<bool> {
        match entry.kind {
            EntryKind::File | EntryKind::Special => return Some(false),
            EntryKind::Directory => return Some(true),
            EntryKind::Link if !self.is_source => return Some(false),
            EntryKind::Link | EntryKind::Unknown => {}
        }
        let remote = below(self.base, path);
        match self.remote.is_directory(&remote).await {
            Ok(is_directory) => Some(is_directory),
            Err(error) => {
                self.remote.miss(format_args!("{remote}: {error}"));
                None
            }
        }
    }
}

/// What a server can be asked of a file, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub size: bool,
    pub time: bool,
}

impl Default for Asking {
    fn default() -> Self {
        Self { size: true, time: true }
    }
}

/// SIZE and MDTM (RFC 3659 sections 3 and 4) of what no listing has told.
pub(super) async fn ask_facts(
    remote: &mut Remote,
    file: &str,
    node: &mut Node,
    asking: &mut Asking,
) -> Result<(), ClientError> {
    if node.size_bytes.is_none() && asking.size {
        let reply = remote.client().session().command(&Command::Size(file.to_owned())).await?;
        asking.size = !matches!(reply.code, 500 | 502 | 504);
        node.size_bytes =
            Some(reply).filter(|reply| reply.code == 213).and_then(|reply| reply.text().trim().parse().ok());
    }
    if node.modified.is_none() && asking.time {
        let reply = remote.client().session().command(&Command::Mdtm(file.to_owned())).await?;
        asking.time = !matches!(reply.code, 500 | 502 | 504);
        let time: Option<Timestamp> = Some(reply)
            .filter(|reply| reply.code == 213)
            .and_then(|reply| parse_timestamp(reply.text().trim()));
        node.modified = time.map(|(seconds, _)| (seconds, 0));
    }
    Ok(())
}
