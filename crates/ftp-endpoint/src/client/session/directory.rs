//! Into a directory and back, and lists of what is in it, as text.

use super::Session;
use crate::client::error::ClientError;
use crate::net::Net;
use crate::store::WriteFile;
use ftp_proto::command::Command;
use ftp_proto::listing::unique_fact;
use ftp_proto::name;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;

/// Where a session has gone, and whence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    home: String,
    /// Where the server says that we are (PWD); the path that was asked for where it does not.
    pub there: String,
}

impl<N: Net> Session<N> {
    /// CWD, if the way back is known: PWD tells it (RFC 959 section 4.1.3). `None`: nothing has changed, as
    /// PWD does not tell, or CWD does not move.
    pub async fn enter(&mut self, path: &str) -> Result<Option<Entered>, ClientError> {
        let Some(home) = self.working_directory().await? else { return Ok(None) };
        self.must(Command::Cwd(path.to_owned())).await?;
        let there = self.working_directory().await?;
        let same = || {
            let home = VirtualPath::root().join(&home).ok()?;
            Some(home.join(path).ok()? == home)
        };
        match there {
            // CWD said that it had gone; PWD says that it has not. One more command makes sure.
            Some(there) if there == home && same() == Some(false) => {
                self.go_back(&Entered { home, there }).await.map(|()| None)
            }
            there => Ok(Some(Entered { there: there.unwrap_or_else(|| path.to_owned()), home })),
        }
    }

    /// By an absolute path. If that is refused, nobody knows what later paths would mean, and the session
    /// is out of step.
    pub async fn go_back(&mut self, entered: &Entered) -> Result<(), ClientError> {
        if !self.in_step() {
            return Ok(());
        }
        let back = self.must(Command::Cwd(entered.home.clone())).await;
        if back.is_err() {
            self.give_up();
        }
        back.map(drop)
    }

    /// PWD's pathname; `None` where the server does not tell.
    pub async fn working_directory(&mut self) -> Result<Option<String>, ClientError> {
        let reply = self.command(&Command::Pwd).await?;
        Ok(Some(reply).filter(|reply| reply.code == 257).and_then(|reply| pathname(&reply.text())))
    }

    /// Has MLSD tell what a directory differs from all others by, where the server knows that and does not
    /// tell it unasked (OPTS MLST, RFC 3659 section 7.9). If it will not, listings are without.
    pub(in crate::client) async fn choose_facts(&mut self) -> Result<(), ClientError> {
        if std::mem::replace(&mut self.facts_chosen, true) {
            return Ok(());
        }
        if let Some(facts) = self.features().await?.iter().find_map(|line| with_unique(line)) {
            self.command(&Command::Opts(format!("MLST {facts}"))).await?;
        }
        Ok(())
    }

    /// The `unique` fact of what `path` leads to ("" for where we are), by MLST (RFC 3659 section 7.5.2).
    pub async fn unique(&mut self, path: &str) -> Result<Option<String>, ClientError> {
        let argument = Some(path.to_owned()).filter(|path| !path.is_empty());
        let reply = self.command(&Command::Mlst(argument)).await?;
        let line = reply.lines.get(1).filter(|_| reply.code == 250);
        Ok(line.and_then(|line| unique_fact(&name::encode(line))))
    }

    /// LIST of a directory or file as the server writes it, or NLST (`names_only`), into `file`. In the
    /// directory where that can be, and without an argument: servers split it at blanks, take dashes for
    /// options and stars for patterns. The session may stay in the directory.
    pub async fn list_text(
        &mut self,
        path: &str,
        names_only: bool,
        file: &mut impl WriteFile,
    ) -> Result<(), ClientError> {
        let is_here = path.is_empty()
            || match self.enter(path).await {
                Ok(entered) => entered.is_some(),
                // It is a file, or nothing.
                Err(ClientError::Refused { .. }) => false,
                Err(error) => return Err(error),
            };
        let argument = (!is_here).then(|| guarded(path));
        let command = if names_only { Command::Nlst(argument) } else { Command::List(argument) };
        let name = command.to_string();
        match self.receive_text(command, "(listing)", file).await {
            Ok(reply) if is_failure_in_disguise(&reply) => Err(ClientError::Refused { command: name, reply }),
            Ok(_) => Ok(()),
            Err(ClientError::Refused { reply, .. }) if is_here && says_empty(&reply) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Of FEAT's line for MLST, which marks the facts that come unasked by `*` (RFC 3659 section 7.8): those, and
/// `unique`. `None` if it is among them, or not known there.
fn with_unique(line: &str) -> Option<String> {
    let (_, facts) = line.split_once(' ').filter(|(name, _)| name.eq_ignore_ascii_case("MLST"))?;
    let facts = || facts.split(';').map(str::trim);
    facts().find(|fact| fact.eq_ignore_ascii_case("unique"))?;
    let wanted = facts().filter_map(|fact| fact.strip_suffix('*')).chain(["unique"]);
    Some(wanted.flat_map(|fact| [fact, ";"]).collect())
}

/// No option, whatever it begins with.
pub(in crate::client) fn guarded(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// Some servers answer for an empty directory, which is there, as for a file that is not: "No files found"
/// (NLST of BSD's ftpd), "No members found" and "No data sets found" (z/OS), "Directory is empty". That one thing
/// was not found, as of "File not found", does not say that nothing is missing.
pub(in crate::client) fn says_empty(reply: &Reply) -> bool {
    let text = reply.text().to_ascii_lowercase();
    let words = ["no files", "no members", "no data sets", "no datasets", "no entries", "empty"];
    matches!(reply.code, 450 | 550) && words.iter().any(|word| text.contains(word))
}

/// `226 Transfer done (but failed to open directory).` is how vsftpd says it.
pub(in crate::client) fn is_failure_in_disguise(reply: &Reply) -> bool {
    reply.text().contains("failed to open directory")
}

/// Of a 257 reply: in quotes, those within it doubled (RFC 959 appendix II); some servers leave the
/// quotes out, some the doubling.
fn pathname(text: &str) -> Option<String> {
    let text = text.trim_start();
    let Some((_, rest)) = text.split_once('"') else {
        let bare = text.split_once(" is ").map_or(text, |(path, _)| path).trim_end();
        return bare.starts_with('/').then(|| bare.to_owned());
    };
    let mut name = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if_eq(&'"').is_some() {
            name.push('"');
        } else if chars.peek().is_none_or(|c| c.is_whitespace()) {
            return Some(name).filter(|name| !name.is_empty());
        } else {
            // This quote is not the end: some servers do not double it.
            name.push('"');
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pathnames_with_quotes_and_without() {
        assert_eq!(pathname("\"/a\" is the current directory").as_deref(), Some("/a"));
        assert_eq!(pathname("\"/say \"\"hi\"\"\" created").as_deref(), Some("/say \"hi\""));
        assert_eq!(pathname("\"/say\"hi\" is it").as_deref(), Some("/say\"hi"));
        assert_eq!(pathname("/home/a b is the current directory").as_deref(), Some("/home/a b"));
        assert_eq!(pathname("/home/u").as_deref(), Some("/home/u"));
        for text in ["no quotes", "\"unclosed", "\"\" nowhere", ""] {
            assert_eq!(pathname(text), None, "{text}");
        }
    }
}
