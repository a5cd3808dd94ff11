//! Whether what DELE was refused of is a directory to be emptied, and not a link to one: some servers list a link
//! as what it leads to, CWD goes through it, and what would be lost lies elsewhere.

use crate::cli::remote::{Remote, name_of, parent};
use ftp_endpoint::client::{ClientError, Entry, EntryKind};
use ftp_proto::reply::Reply;

/// What becomes of a name that DELE was refused of.
pub(super) enum Entering {
    /// A directory, with something in it perhaps.
    In,
    /// It was an empty directory.
    Gone,
    /// A link, or what may be one: for all that the server tells, what is in it is not what was meant.
    Stays(&'static str),
}

/// What a refusal of DELE or RMD tells of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Directory,
    /// Which a link is told, too.
    NoRight,
    Nothing,
}

const LINK: &str = "a link; what it leads to stays";
const UNKNOWN: &str = "it may be a link to a directory, for all that the server tells; what is in it stays";

/// `listed`: as what a listing has it, where there was one.
pub(super) async fn entering(
    remote: &mut Remote,
    path: &str,
    listed: Option<EntryKind>,
    refusal: &Reply,
) -> Result<Entering, ClientError> {
    let listed = match listed {
        Some(kind) => Some(kind),
        None => listed_as(remote, path).await?,
    };
    if listed.is_some_and(is_no_directory) {
        return Ok(Entering::Stays(LINK));
    }
    let mut told = told_of(path, refusal);
    if told == Told::NoRight {
        // A system without a word of its own for directories says the same of both; RMD takes no link.
        told = match remote.client().remove_dir(path).await {
            Ok(()) => return Ok(Entering::Gone),
            Err(ClientError::Refused { reply, .. }) if told_of(path, &reply) == Told::Directory => {
                Told::Directory
            }
            Err(ClientError::Refused { .. }) => return Ok(Entering::Stays(UNKNOWN)),
            Err(error) => return Err(error),
        };
    }
    if told == Told::Directory {
        return Ok(Entering::In);
    }
    // LIST shows links for what they are where MLSD follows them.
    let lists_lines = !remote.client().session().announces("MLST").await?;
    let by_lines = if lists_lines { listed } else { line_of(remote, path).await? };
    Ok(match by_lines {
        Some(EntryKind::Directory) => Entering::In,
        Some(kind) if is_no_directory(kind) => Entering::Stays(LINK),
        _ => Entering::Stays(UNKNOWN),
    })
}

/// In the directory in which it lies, if that can be listed.
pub(super) async fn listed_as(remote: &mut Remote, path: &str) -> Result<Option<EntryKind>, ClientError> {
    kind_in(remote.client().list(parent(path)).await, path)
}

async fn line_of(remote: &mut Remote, path: &str) -> Result<Option<EntryKind>, ClientError> {
    kind_in(remote.client().list_lines(parent(path)).await, path)
}

fn kind_in(
    listing: Result<ftp_endpoint::client::Listing, ClientError>,
    path: &str,
) -> Result<Option<EntryKind>, ClientError> {
    match listing {
        Ok(listing) => {
            let named = listing.entries.iter().find(|entry| entry.name == name_of(path));
            let kind = |entry: &Entry| if entry.is_linked { EntryKind::Link } else { entry.kind };
            Ok(named.map(kind).filter(|kind| *kind != EntryKind::Unknown))
        }
        Err(ClientError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn is_no_directory(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Link | EntryKind::File | EntryKind::Special)
}

/// The name, which many servers repeat, says nothing.
fn told_of(path: &str, refusal: &Reply) -> Told {
    let text = without(&without(&refusal.text(), path), name_of(path)).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["is a directory", "is directory", "not empty"]) {
        Told::Directory
    } else if has(&["denied", "permi", "privilege", "right", "allowed", "forbidden", "read-only"]) {
        Told::NoRight
    } else {
        Told::Nothing
    }
}

/// The text without a name where it stands as one, and not as a part of other words.
fn without(text: &str, name: &str) -> String {
    let (mut rest, mut out) = (text, String::new());
    while let Some(at) = rest.find(name).filter(|_| !name.is_empty()) {
        let (before, behind) = (&rest[..at], &rest[at + name.len()..]);
        let touches = before.ends_with(char::is_alphanumeric) || behind.starts_with(char::is_alphanumeric);
        out.push_str(before);
        if touches {
            out.push_str(name);
        }
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refusals_tell_of_a_name() {
        for (text, told) in [
            ("Is a directory.", Told::Directory),
            ("d: Is a directory", Told::Directory),
            ("Could not delete d: Is a directory", Told::Directory),
            ("The directory is not empty.", Told::Directory),
            ("Permission denied.", Told::NoRight),
            ("d: Operation not permitted", Told::NoRight),
            ("Access is denied.", Told::NoRight),
            ("Delete operation failed.", Told::Nothing),
            ("d: Not a directory", Told::Nothing),
            ("d: No such file or directory", Told::Nothing),
        ] {
            assert_eq!(told_of("x/d", &Reply::new(550, text)), told, "{text}");
        }
        let named = Reply::new(550, "x/is a directory: Permission denied");
        assert_eq!(told_of("x/is a directory", &named), Told::NoRight);
    }
}
