//! Verbs by themselves: what a command asks for, known even where its argument is malformed.

use std::fmt;

/// Verbs with their old spellings (RFC 1123 section 4.1.3.1) behind them.
const ALIASES: &[(&str, &str)] =
    &[("XCUP", "CDUP"), ("XCWD", "CWD"), ("XMKD", "MKD"), ("XPWD", "PWD"), ("XRMD", "RMD")];

/// Every verb, in alphabetical order, for HELP.
pub const VERBS: &[&str] = &[
    "ABOR", "ACCT", "ALLO", "APPE", "CDUP", "CLNT", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HASH", "HELP",
    "HOST", "LANG", "LIST", "MDTM", "MFMT", "MKD", "MLSD", "MLST", "MODE", "NLST", "NOOP", "OPTS", "PASS",
    "PASV", "PORT", "PWD", "QUIT", "RANG", "REIN", "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE",
    "SMNT", "STAT", "STOR", "STOU", "STRU", "SYST", "TYPE", "USER",
];

/// One of [`VERBS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verb(&'static str);

impl Verb {
    /// The verb at the beginning of a line, in either case and in either spelling; `None` when the line
    /// begins with none.
    pub fn of(line: &str) -> Option<Self> {
        let upper = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let name = ALIASES.iter().find(|(old, _)| *old == upper).map_or(upper.as_str(), |(_, new)| new);
        VERBS.iter().find(|verb| **verb == name).map(|verb| Self(verb))
    }

    /// In capitals.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether it moves a file over a data connection.
    pub fn moves_a_file(self) -> bool {
        matches!(self.0, "APPE" | "RETR" | "STOR" | "STOU")
    }

    /// Whether a preliminary reply may answer it (RFC 959 section 5.4; RFC 3659 section 7.2 for MLSD).
    pub fn may_be_answered_twice(self) -> bool {
        self.moves_a_file() || matches!(self.0, "LIST" | "MLSD" | "NLST" | "REIN")
    }

    /// Whether an intermediate reply may answer it: another command is to follow (RFC 959 section 5.4;
    /// draft-bryan-ftp-range-09 for RANG).
    pub fn may_want_more(self) -> bool {
        matches!(self.0, "PASS" | "RANG" | "REST" | "RNFR" | "USER")
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_known_whatever_follows() {
        for line in ["STOR f", "stor", "STOR  ", "Stor \r"] {
            assert_eq!(Verb::of(line).map(Verb::as_str), Some("STOR"), "{line}");
        }
        assert_eq!(Verb::of("xpwd").map(Verb::as_str), Some("PWD"));
        for line in ["", " STOR f", "STORE f", "ST"] {
            assert_eq!(Verb::of(line), None, "{line}");
        }
    }
}
