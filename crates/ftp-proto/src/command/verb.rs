//! Verbs by themselves: what a command asks for, known even where its argument is malformed.

use super::table::{About, Fact, TABLE};
use std::fmt;

/// One of [`VERBS`](super::VERBS).
#[derive(Clone, Copy)]
pub struct Verb(&'static About);

impl Verb {
    /// Every verb, in alphabetical order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        TABLE.iter().map(Self)
    }

    /// The verb at the beginning of a line, in either case and in either spelling; `None` when the line
    /// begins with none.
    pub fn of(line: &str) -> Option<Self> {
        let word = line.split(' ').next().unwrap_or_default();
        let capitals = || word.bytes().map(|byte| byte.to_ascii_uppercase());
        let row = match TABLE.binary_search_by(|about| about.verb.bytes().cmp(capitals())) {
            Ok(row) => Some(&TABLE[row]),
            Err(_) => TABLE.iter().find(|about| about.old.is_some_and(|old| old.eq_ignore_ascii_case(word))),
        };
        row.map(Self)
    }

    pub(super) fn of_row(row: &'static About) -> Self {
        Self(row)
    }

    pub(super) fn about(self) -> &'static About {
        self.0
    }

    /// In capitals.
    pub fn as_str(self) -> &'static str {
        self.0.verb
    }

    /// What may stand behind it, for people; empty where nothing may.
    pub fn syntax(self) -> &'static str {
        self.0.syntax
    }

    /// The line by which FEAT names it, without its server's parameters (RFC 2389 section 3.2); `None` for
    /// the commands of RFC 959 and those that no feature has a name of.
    pub fn feature(self) -> Option<&'static str> {
        self.0.feature
    }

    fn is(self, fact: Fact) -> bool {
        self.0.is.contains(&fact)
    }

    /// Whether it can be asked for before a login.
    pub fn comes_before_login(self) -> bool {
        self.is(Fact::BeforeLogin)
    }

    /// Whether it moves a file over a data connection.
    pub fn moves_a_file(self) -> bool {
        self.is(Fact::MovesFile)
    }

    /// Whether it moves a file or a listing over a data connection.
    pub fn uses_a_data_connection(self) -> bool {
        self.moves_a_file() || self.is(Fact::Lists)
    }

    /// Whether a preliminary reply may answer it (RFC 959 section 5.4; RFC 3659 section 7.2 for MLSD).
    pub fn may_be_answered_twice(self) -> bool {
        self.uses_a_data_connection() || self.is(Fact::Preliminary)
    }

    /// Whether an intermediate reply may answer it: another command is to follow (RFC 959 section 5.4;
    /// draft-bryan-ftp-range-09 for RANG).
    pub fn may_want_more(self) -> bool {
        self.is(Fact::WantsMore)
    }
}

impl PartialEq for Verb {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Verb {}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
        assert_eq!(Verb::of("stor"), Verb::of("STOR f"));
        assert_ne!(Verb::of("stor"), Verb::of("RETR f"));
    }

    #[test]
    fn what_people_read_of_a_verb() {
        let told = |line: &str| Verb::of(line).map(|verb| format!("{verb} {}", verb.syntax()));
        assert_eq!(told("allo").as_deref(), Some("ALLO <bytes> [R <bytes>]"));
        assert_eq!(told("noop").as_deref(), Some("NOOP "));
    }

    #[test]
    fn facts_are_those_of_the_documents() {
        let those = |fact: fn(Verb) -> bool| {
            Verb::all().filter(|verb| fact(*verb)).map(Verb::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(those(Verb::moves_a_file), "APPE RETR STOR STOU");
        assert_eq!(those(Verb::uses_a_data_connection), "APPE LIST MLSD NLST RETR STOR STOU");
        assert_eq!(those(Verb::may_be_answered_twice), "APPE LIST MLSD NLST REIN RETR STOR STOU");
        assert_eq!(those(Verb::may_want_more), "PASS RANG REST RNFR USER");
        // RFC 4217 section 12: AUTH comes first, PBSZ and PROT may come before the login.
        let early =
            "ABOR ACCT AUTH CCC CLNT FEAT HELP HOST LANG NOOP OPTS PASS PBSZ PROT QUIT REIN SYST USER";
        assert_eq!(those(Verb::comes_before_login), early);
    }
}
