//! Whether something is not at the server any more. Who is not let in, or asked at a bad time, does not know.

use super::tree::Kind;
use crate::cli::remote::Remote;
use ftp_endpoint::client::ClientError;
use ftp_proto::command::Command;
use ftp_proto::reply::Reply;

/// In a 550, words by which it speaks of who may look, or when, or of what went wrong in looking. It has one code for all
/// that and for what is not there (RFC 959 section 4.2.2). One word too many costs a file that stays, one too few a file.
#[rustfmt::skip]
const NOT_OF_ABSENCE: &[&str] = &[
    "access", "allowed", "authorized", "blocked", "busy", "credentials", "denied", "disabled", "forbidden", "inaccessible",
    "insufficient", "later", "locked", "logged", "login", "permission", "permissions", "permitted", "policy", "privilege",
    "privileged", "privileges", "prohibited", "protected", "read-only", "refused", "rejected", "restricted", "right",
    "rights", "security", "temporarily", "unauthorized", "unreadable",
    "connection", "corrupt", "device", "error", "failure", "fault", "full", "handle", "i/o", "internal", "limit", "many",
    "memory", "migrated", "mounted", "network", "offline", "quota", "recall", "resource", "resources", "stale", "timed",
    "timeout", "unavailable", "unreachable",
];

/// Whether the server says, asked by name, that something is not there; `None` where it says neither. A
/// listing that has been cut short between two lines looks like a whole one.
pub(super) async fn is_gone(
    remote: &mut Remote,
    path: &str,
    kind: Kind,
) -> Result<Option<bool>, ClientError> {
    let session = remote.client().session();
    let question = if session.announces("MLST").await? {
        Command::Mlst(Some(path.to_owned()))
    } else if kind == Kind::Directory {
        return is_directory_gone(remote, path).await;
    } else if session.announces("SIZE").await? {
        Command::Size(path.to_owned())
    } else {
        Command::Mdtm(path.to_owned())
    };
    let reply = session.command(&question).await?;
    Ok(if reply.is_completion() { Some(false) } else { says_gone(&reply) })
}

/// By CWD. Where PWD does not tell the way back, nothing is known: the session has to stay where it is.
async fn is_directory_gone(remote: &mut Remote, path: &str) -> Result<Option<bool>, ClientError> {
    let session = remote.client().session();
    match session.enter(path).await {
        Ok(Some(entered)) => session.go_back(&entered).await.map(|()| Some(false)),
        Ok(None) => Ok(None),
        // Of the way there; a way back that is refused has ended the session.
        Err(ClientError::Refused { reply, .. }) if session.in_step() => Ok(says_gone(&reply)),
        Err(error) => Err(error),
    }
}

/// Of a refusal. Whole words are compared, for the text may have the file's name in it.
fn says_gone(reply: &Reply) -> Option<bool> {
    let text = reply.text().to_lowercase();
    let mut words = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let is_of_something_else = words.any(|word| NOT_OF_ABSENCE.contains(&word));
    (reply.code == 550 && !is_of_something_else).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_550_is_of_what_is_gone_unless_it_speaks_of_something_else() {
        for (code, text, gone) in [
            (550, "No such file or directory", Some(true)),
            (550, "Failed to change directory.", Some(true)),
            (550, "access.log: no such file or directory", Some(true)),
            (550, "/var/busy/x: not found", Some(true)),
            (550, "Permission denied", None),
            (550, "\"d\": Permission denied.", None),
            (550, "Access is denied. ", None),
            (550, "Insufficient privileges.", None),
            (550, "You have no right to look at x", None),
            (550, "x: rejected by the security policy", None),
            (550, "SIZE not allowed in ASCII mode", None),
            (550, "x is busy; try again", None),
            (550, "Input/output error", None),
            (550, "x: Stale file handle", None),
            (550, "Too many open files.", None),
            (550, "Requested action not taken: file unavailable", None),
            (450, "No such file or directory", None),
            (502, "what", None),
        ] {
            assert_eq!(says_gone(&Reply::new(code, text)), gone, "{code} {text}");
        }
    }
}
