//! LIST and NLST: text lines over the data connection, in the current mode and implied TYPE A
//! (RFC 1123 section 4.1.2.7).

use crate::net::Net;
use crate::proto::listing::{Listed, long_line};
use crate::proto::path::VirtualPath;
use crate::proto::reply::Reply;
use crate::server::accounts::Accounts;
use crate::server::replies::Refusal;
use crate::server::session::Session;
use crate::store::{Entry, Kind, Metadata, ReadFile, Store, StoreError};

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
    entries: Vec<Entry>,
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

impl<N: Net, A: Accounts> Session<N, A> {
    pub(in crate::server) async fn list(
        &mut self,
        argument: Option<String>,
        long: bool,
    ) -> Result<Reply, Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let group = self.group(&store, argument.as_deref().unwrap_or_default()).await?;
        let now = self.config.calendar.as_ref().map(|calendar| calendar().0);
        let mut text = Vec::new();
        for entry in &group.entries {
            if long {
                let line = long_line(&listed(&entry.name, &entry.metadata), rights.write, now);
                text.extend_from_slice(line.as_bytes());
            } else {
                text.extend_from_slice(group.prefix.as_bytes());
                text.extend_from_slice(entry.name.replace(['\r', '\n'], "?").as_bytes());
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
                Ok(Group { prefix, entries })
            }
            Ok(metadata) => {
                let name = path.name().unwrap_or_default().to_owned();
                Ok(Group { prefix, entries: vec![Entry { name, metadata }] })
            }
            Err(StoreError::NotFound) => {
                let pattern = path.name().unwrap_or_default();
                if !pattern.contains(['*', '?']) {
                    return Err(Refusal::NotListed);
                }
                let directory: VirtualPath = path.parent();
                let mut entries = store.list(&directory).await.map_err(failed)?;
                entries.retain(|entry| matches(pattern.as_bytes(), entry.name.as_bytes()));
                Ok(Group { prefix, entries })
            }
            Err(other) => Err(failed(other)),
        }
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
