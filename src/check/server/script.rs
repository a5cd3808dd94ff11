//! Checks as they are written, read into steps.

use super::predicates::Predicate;
use crate::check::text::{self, Block, Level, Malformed, built_in};
use std::sync::OnceLock;

/// In the order in which they are told: one file a document.
const TEXTS: [&str; 10] = [
    include_str!("rfc959.check"),
    include_str!("rfc1123.check"),
    include_str!("rfc2228.check"),
    include_str!("rfc2389.check"),
    include_str!("rfc2428.check"),
    include_str!("rfc2577.check"),
    include_str!("rfc2640.check"),
    include_str!("rfc3659.check"),
    include_str!("rfc4217.check"),
    include_str!("rfc7151.check"),
];

/// A requirement, and the dialogue that asks for it.
#[derive(Debug)]
pub struct Check {
    /// `959/5.4/name`.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What is required.
    pub sentence: &'static str,
    pub(super) start: Start,
    pub(super) needs: Needs,
    pub(super) steps: Vec<Step>,
}

/// What has happened before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A connection, nothing read.
    Raw,
    /// The greeting is read.
    Fresh,
    /// Somebody has logged in, is in a directory of the check's own, and has said TYPE I.
    LoggedIn,
}

/// What the setting has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The control connection begins in clear, and nobody says AUTH but the check.
    pub clear: bool,
    /// It is under TLS.
    pub tls: bool,
    pub ipv4: bool,
    /// Files are made or changed.
    pub writes: bool,
}

/// Codes, an `x` for any digit.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes(pub Vec<&'static str>);

impl Codes {
    pub(super) fn has(&self, code: u16) -> bool {
        let code = code.to_string();
        let like = |pattern: &str| pattern.bytes().zip(code.bytes()).all(|(p, c)| p == b'x' || p == c);
        self.0.iter().any(|pattern| like(pattern))
    }
}

#[derive(Debug)]
pub(super) enum Step {
    /// `> LINE`: a command.
    Say(&'static str),
    /// `>> "..."`: bytes as they are.
    Raw(Vec<u8>),
    /// `>! "..."`: the last byte urgent.
    Urgent(Vec<u8>),
    /// `< CODES | CODES`: the next reply; one of the second kind ends the check, well.
    Reply(Codes, Codes),
    /// `? CODES`: likewise, but a refusal means that it is not offered.
    Offered(Codes),
    /// `refused CODES`: one of these, at once or behind 125 or 150, and no data.
    Refused(Codes),
    /// `has TEXT`: in the last reply, in either case.
    Has(&'static str),
    /// `is PREDICATE ARGUMENT`: of the last reply, or what came over the data connection.
    Is(Predicate, &'static str),
    /// `feat WORD`: FEAT names it, else the check is skipped.
    Feature(&'static str),
    /// `data`: a passive data connection; `port`: an active one, `port EPRT` by EPRT over IPv4, too.
    Passive,
    Active(bool),
    /// `connect`: to where the last 227 or 229 has said.
    Connect,
    /// `send "..."`, `close`, `reset`.
    Transmit(Vec<u8>),
    Close,
    Reset,
    /// `cut`: FIN without close_notify.
    Cut,
    /// `recv`: to the end; `recv "..."`: this, to the end; `recv NUMBER`: so many bytes.
    Receive,
    ReceiveExactly(Vec<u8>),
    ReceiveSome(usize),
    /// `put NAME "..."` and `mkdir NAME`: what a check needs.
    Put(&'static str, Vec<u8>),
    MakeDirectory(&'static str),
    /// `get NAME "..."`: what is there has to be this.
    Get(&'static str, Vec<u8>),
    /// `login`: USER and PASS, as a check needs them; `login asked`: as it is about them.
    LogIn(bool),
    /// `tls`: the handshake; `tls or-refused`: one that fails ends the check, well.
    Handshake(bool),
    /// `slow`: replies to come may take four times as long.
    Slow,
    /// `plain`, `private`: what PROT has said of data connections to come.
    Plain,
    Private,
    /// `quiet MS`: nothing comes for so long.
    Quiet(u64),
    /// `wait MS`.
    Wait(u64),
    /// `closed`: the control connection ends.
    Closed,
    /// `shutdown`: our side of it ends.
    Shutdown,
}

/// Verbs that change what is at the server.
const WRITES: [&str; 11] =
    ["STOR", "STOU", "APPE", "DELE", "MKD", "XMKD", "RMD", "XRMD", "RNTO", "MFMT", "MFF"];

impl Step {
    fn read(word: &str, operand: &'static str) -> Result<Self, Malformed> {
        let wrong = |why| Malformed { line: format!("{word} {operand}"), why };
        let codes = |text: &'static str| Codes(text.split_whitespace().collect());
        let number = || operand.parse().map_err(|_| wrong("expected milliseconds"));
        let named = || -> Result<(&'static str, Vec<u8>), Malformed> {
            let (name, content) = operand.split_once(" \"").ok_or_else(|| wrong("expected NAME \"...\""))?;
            Ok((name, text::bytes(&operand[operand.len() - content.len() - 1..])?))
        };
        let step = match word {
            ">" => Self::Say(operand),
            ">>" => Self::Raw(text::bytes(operand)?),
            ">!" => Self::Urgent(text::bytes(operand)?),
            "<" => {
                let (pass, done) = operand.split_once('|').unwrap_or((operand, ""));
                Self::Reply(codes(pass), codes(done))
            }
            "?" => Self::Offered(codes(operand)),
            "refused" => Self::Refused(codes(operand)),
            "has" => Self::Has(operand),
            "is" => {
                let (name, argument) = operand.split_once(' ').unwrap_or((operand, ""));
                Self::Is(Predicate::named(name).ok_or_else(|| wrong("no such predicate"))?, argument)
            }
            "feat" => Self::Feature(operand),
            "data" => Self::Passive,
            "port" => Self::Active(operand == "EPRT"),
            "connect" => Self::Connect,
            "send" => Self::Transmit(text::bytes(operand)?),
            "close" => Self::Close,
            "reset" => Self::Reset,
            "cut" => Self::Cut,
            "recv" if operand.is_empty() => Self::Receive,
            "recv" if operand.starts_with('"') => Self::ReceiveExactly(text::bytes(operand)?),
            "recv" => Self::ReceiveSome(operand.parse().map_err(|_| wrong("expected bytes"))?),
            "put" => named().map(|(name, content)| Self::Put(name, content))?,
            "get" => named().map(|(name, content)| Self::Get(name, content))?,
            "mkdir" => Self::MakeDirectory(operand),
            "login" => Self::LogIn(operand == "asked"),
            "tls" => Self::Handshake(operand == "or-refused"),
            "slow" => Self::Slow,
            "plain" => Self::Plain,
            "private" => Self::Private,
            "quiet" => Self::Quiet(number()?),
            "wait" => Self::Wait(number()?),
            "closed" => Self::Closed,
            "shutdown" => Self::Shutdown,
            _ => return Err(wrong("no such step")),
        };
        Ok(step)
    }

    fn writes(&self) -> bool {
        let changes = |line: &str| {
            line.split("\r\n").any(|line| {
                let verb = line.split(' ').next().unwrap_or_default();
                WRITES.iter().any(|write| verb.eq_ignore_ascii_case(write))
            })
        };
        match self {
            Self::Put(..) | Self::MakeDirectory(_) | Self::Get(..) => true,
            Self::Say(line) => changes(line),
            Self::Raw(bytes) => changes(&String::from_utf8_lossy(bytes)),
            _ => false,
        }
    }

    /// How many commands it takes to bring about what the check is not about, but needs.
    pub(super) fn set_up_commands(&self) -> Option<usize> {
        match self {
            Self::Put(..) | Self::LogIn(false) => Some(2),
            Self::MakeDirectory(_) | Self::Passive | Self::Active(_) => Some(1),
            // It asks what is known.
            Self::Feature(_) => Some(0),
            _ => None,
        }
    }

    /// Whether it can end a check badly by what the server does.
    fn judges(&self) -> bool {
        matches!(
            self,
            Self::Reply(..)
                | Self::Refused(_)
                | Self::Has(_)
                | Self::Is(..)
                | Self::ReceiveExactly(_)
                | Self::Get(..)
                | Self::LogIn(true)
                | Self::Closed
                | Self::Quiet(_)
        )
    }
}

impl Check {
    fn read(block: Block) -> Result<Self, Malformed> {
        let wrong = |why| Malformed { line: block.id.to_owned(), why };
        let read = |(word, operand): &(&'static str, &'static str)| Step::read(word, operand);
        let steps: Vec<Step> = block.steps.iter().map(read).collect::<Result<_, _>>()?;
        let mut needs = Needs { writes: steps.iter().any(Step::writes), ..Needs::default() };
        let mut start = Start::LoggedIn;
        for option in &block.options {
            match *option {
                "raw" => start = Start::Raw,
                "fresh" => start = Start::Fresh,
                "clear" => needs.clear = true,
                "tls" => needs.tls = true,
                "ipv4" => needs.ipv4 = true,
                "writes" => needs.writes = true,
                _ => return Err(wrong("no such option")),
            }
        }
        if !steps.iter().any(Step::judges) {
            return Err(wrong("nothing in it can fail"));
        }
        Ok(Self { id: block.id, level: block.level, sentence: block.sentence, start, needs, steps })
    }

    /// What stands before the last `/` of its id.
    pub fn section(&self) -> &'static str {
        text::section(self.id)
    }

    /// What has happened before its first step.
    pub fn start(&self) -> Start {
        self.start
    }

    /// Whether it makes or changes files.
    pub fn writes(&self) -> bool {
        self.needs.writes
    }

    /// Commands that its steps say before the first that asks.
    pub fn commands_of_set_up(&self) -> usize {
        self.steps.iter().map_while(Step::set_up_commands).sum()
    }

    /// Whether it is about sessions under TLS.
    pub fn needs_tls(&self) -> bool {
        self.needs.tls
    }

    /// Whether `prefix` is its id, or the beginning of it up to a `/`.
    pub fn is_below(&self, prefix: &str) -> bool {
        text::is_below(self.id, prefix)
    }
}

/// The checks of a file of one's own. Errors: what is malformed in it.
pub fn own(text: String) -> Result<&'static [Check], String> {
    // For the rest of the program, as those that come with it.
    parse(text.leak()).map(|checks| &*checks.leak())
}

/// The checks of a text. Errors: what is malformed in it.
pub fn parse(text: &'static str) -> Result<Vec<Check>, String> {
    let read = text::blocks(text).and_then(|blocks| blocks.into_iter().map(Check::read).collect());
    read.map_err(|malformed: Malformed| malformed.to_string())
}

/// Every check, by document.
pub fn all() -> &'static [Check] {
    static ALL: OnceLock<Vec<Check>> = OnceLock::new();
    ALL.get_or_init(|| built_in(&TEXTS, parse))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_is_well_formed_and_has_an_id_of_its_own() {
        let mut ids = BTreeSet::new();
        for text in TEXTS {
            let checks = parse(text).unwrap();
            assert!(!checks.is_empty());
            let document = checks[0].id.split('/').next().unwrap();
            for check in &checks {
                assert!(ids.insert(check.id), "{} is there twice", check.id);
                let parts: Vec<&str> = check.id.split('/').collect();
                assert_eq!((parts.len(), parts[0]), (3, document), "{}", check.id);
                let section = parts[1].split('.').all(|part| part.parse::<u8>().is_ok());
                assert!(section, "{}: its middle is no section", check.id);
                let words = check.sentence.split(' ').count();
                assert!(check.sentence.ends_with('.') && words >= 3, "{}: no sentence", check.id);
            }
        }
        assert!(ids.len() >= 150, "{} checks", ids.len());
        assert_eq!(all().len(), ids.len());
    }

    #[test]
    fn a_check_that_cannot_fail_is_refused() {
        assert!(parse("[1/2/a] MUST\nAll that is said is said.\n> NOOP\n? 2xx\n").is_err());
        assert!(parse("[1/2/a] MUST\nAll that is said is said.\n> NOOP\n< 2xx\n").is_ok());
    }

    #[test]
    fn what_writes_is_known() {
        for (steps, writes) in [
            ("> NOOP\n< 2xx", false),
            ("> stor x\n< 2xx", true),
            (r#">> "NOOP\r\nMKD x\r\n""#, true),
            ("put a \"x\"", true),
            ("> RNFR x\n< 5xx", false),
        ] {
            let text = format!("[1/2/a] MUST\nAll that is said is said.\n{steps}\n< 2xx\n");
            assert_eq!(parse(text.leak()).unwrap()[0].needs.writes, writes, "{steps}");
        }
    }
}
