//! LIST NLST MLSD: text lines over the data connection, in the current mode and implied TYPE A (RFC
//! 1123 section 4.1.2.7); MLST: one over the control connection.

use crate::net::Net;
use crate::server::accounts::{Accounts, Rights};
use crate::server::replies::Refusal;
use crate::server::session::Session;
use crate::store::{Entry, Kind, Metadata, ReadFile, Store, StoreError};
use ftp_proto::listing::{Listed, long_line, one_line};
use ftp_proto::name;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;

/// Text made here, sent as a file.
pub(super) struct Text {
    bytes: Vec<u8>,
    at: usize,
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }
}

impl ReadFile for Text {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let rest = &self.bytes[self.at..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }

    fn remaining_bytes(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }
}

pub(super) fn listed(name: &str, metadata: &Metadata) -> Listed {
    Listed {
        name: name.to_owned(),
        is_directory: metadata.kind == Kind::Directory,
        size_bytes: metadata.size_bytes,
        modified: metadata.modified,
    }
}

/// What a pathname of LIST or NLST stands for.
pub(super) struct Group {
    /// What the entries' names must be preceded by, to be pathnames from the working directory.
    prefix: String,
    pub(super) entries: Vec<Entry>,
    pub(super) is_directory: bool,
}

/// Options as of `ls` are taken and ignored: many clients send `-a` or `-l`.
fn without_options(argument: &str) -> &str {
    let mut rest = argument;
    while let Some(option) = rest.strip_prefix('-') {
        rest = option.split_once(' ').map_or("", |(_, rest)| rest.trim_start_matches(' '));
    }
    rest
}

/// `*` and `?`, in one name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // On a mismatch, the last star takes one byte more; so the work is bounded by the product.
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((after, begun)) => {
                    star = Some((after, begun + 1));
                    at = after;
                    seen = begun + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How a listing names an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Lines {
    /// LIST: a line for people.
    Long,
    /// NLST: the name alone.
    Names,
}

impl<N: Net, A: Accounts> Session<N, A> {
    pub(in crate::server) async fn list(
        &mut self,
        argument: Option<String>,
        lines: Lines,
    ) -> Result<Reply, Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let group = self.group(&store, argument.as_deref().unwrap_or_default()).await?;
        let now = self.config.calendar.as_ref().map(|calendar| calendar().0);
        let mut text = Vec::new();
        for entry in &group.entries {
            if lines == Lines::Long {
                let line = long_line(&listed(&entry.name, &entry.metadata), rights.write, now);
                text.extend_from_slice(&name::encode(&line));
            } else {
                text.extend_from_slice(&name::encode(&group.prefix));
                text.extend_from_slice(&name::encode(&one_line(&entry.name)));
            }
            text.extend_from_slice(b"\r\n");
        }
        self.send_text("(listing)", text).await
    }

    /// A directory's entries, one file, or the names that match a pattern.
    pub(super) async fn group(&mut self, store: &A::Store, argument: &str) -> Result<Group, Refusal> {
        let argument = without_options(argument);
        let path = self.path(argument)?;
        let failed = |error| match error {
            StoreError::NotFound | StoreError::NotDirectory => Refusal::NotListed,
            other => Refusal::Store(other),
        };
        let prefix = match argument.rsplit_once('/') {
            Some((directory, _)) => format!("{directory}/"),
            None => String::new(),
        };
        match store.metadata(&path).await {
            Ok(metadata) if metadata.kind == Kind::Directory => {
                let entries = store.list(&path).await.map_err(failed)?;
                let prefix = match argument {
                    "" => String::new(),
                    _ if argument.ends_with('/') => argument.to_owned(),
                    _ => format!("{argument}/"),
                };
                Ok(Group { prefix, entries, is_directory: true })
            }
            Ok(metadata) => {
                let name = path.name().unwrap_or_default().to_owned();
                Ok(Group { prefix, entries: vec![Entry { name, metadata }], is_directory: false })
            }
            Err(StoreError::NotFound) => {
                let pattern = path.name().unwrap_or_default();
                if !pattern.contains(['*', '?']) {
                    return Err(Refusal::NotListed);
                }
                let directory: VirtualPath = path.parent();
                let mut entries = store.list(&directory).await.map_err(failed)?;
                entries.retain(|entry| matches(pattern.as_bytes(), entry.name.as_bytes()));
                Ok(Group { prefix, entries, is_directory: false })
            }
            Err(other) => Err(failed(other)),
        }
    }
}

/// The perm fact (RFC 3659 section 7.5.5).
fn permissions(is_directory: bool, rights: &Rights) -> String {
    let mut out = String::new();
    let letters = if is_directory {
        [("e", true), ("l", rights.read), ("cm", rights.write), ("dfp", rights.delete)]
    } else {
        [("r", rights.read), ("aw", rights.write && rights.delete), ("df", rights.delete), ("", false)]
    };
    for (letter, has) in letters {
        if has {
            out.push_str(letter);
        }
    }
    out
}

impl<N: Net, A: Accounts> Session<N, A> {
    /// RFC 3659 section 7: a directory's entries, no less and no more than that.
    /// What MLSD and MLST are about: by default the working directory.
    async fn looked_up(
        &mut self,
        argument: Option<String>,
    ) -> Result<(A::Store, Rights, VirtualPath, Metadata), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let path = self.path(argument.as_deref().unwrap_or_default())?;
        let metadata = store.metadata(&path).await?;
        Ok((store, rights, path, metadata))
    }

    pub(in crate::server) async fn machine_list(
        &mut self,
        argument: Option<String>,
    ) -> Result<Reply, Refusal> {
        let (store, rights, path, itself) = self.looked_up(argument).await?;
        if itself.kind != Kind::Directory {
            return Err(Refusal::Syntax("MLSD needs a directory"));
        }
        let mut text = String::new();
        let mut line = |kind: &str, entry: &Listed| {
            let permissions = permissions(entry.is_directory, &rights);
            text.push_str(&self.negotiated.facts.line(kind, entry, &permissions));
            text.push_str("\r\n");
        };
        // Without the type fact, nobody could tell them from entries.
        if self.negotiated.facts.kind {
            line("cdir", &listed(".", &itself));
        }
        for entry in store.list(&path).await? {
            let entry = listed(&entry.name, &entry.metadata);
            line(if entry.is_directory { "dir" } else { "file" }, &entry);
        }
        self.send_text("(listing)", name::encode(&text).into_owned()).await
    }

    pub(in crate::server) async fn machine_list_one(
        &mut self,
        argument: Option<String>,
    ) -> Result<Reply, Refusal> {
        let (_, rights, path, metadata) = self.looked_up(argument).await?;
        let entry = listed(&path.to_string(), &metadata);
        // Only a listing has a directory that is listed, cdir (RFC 3659 section 7.5.1.2).
        let kind = if entry.is_directory { "dir" } else { "file" };
        let line = self.negotiated.facts.line(kind, &entry, &permissions(entry.is_directory, &rights));
        let lines = vec![format!("Listing {path}"), format!(" {line}"), "End".to_owned()];
        Ok(Reply::multi(250, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a?c*", "abcd", true),
            ("a?c", "ac", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn options_are_dropped() {
        assert_eq!(without_options("-la  dir x"), "dir x");
        assert_eq!(without_options("-a -l"), "");
        assert_eq!(without_options("a -l"), "a -l");
    }
}
