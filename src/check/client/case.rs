//! Cases as they are written, read into what the server does and what is expected of the client.

use crate::check::text::{self, Block, Level, Malformed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const TEXTS: [&str; 3] =
    [include_str!("odd.case"), include_str!("failing.case"), include_str!("hostile.case")];

/// What the client is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// One file comes.
    Download,
    /// One file goes.
    Upload,
    /// A directory is shown.
    List,
    /// All below a directory comes.
    Mirror,
}

/// What it is judged by. Whatever the case: nothing may be written outside of its directory, nobody else
/// connected to, and it has to end in time, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Exit status 0, and the file is whole.
    Works,
    /// No exit status 0, unless the file is whole.
    Aloud,
    /// Nothing more.
    Safe,
    /// No escape sequence of the server's is printed.
    QuietTerminal,
    /// A stranger's bytes are not taken for the file.
    NoStranger,
}

/// A situation, and the client's task in it.
#[derive(Debug)]
pub struct Case {
    /// `959/4.2/name`, or `names/name`.
    pub id: &'static str,
    /// How binding what it asks for is.
    pub level: Level,
    /// What is asked for.
    pub sentence: &'static str,
    /// What the client does.
    pub task: Task,
    pub(super) expected: Expected,
    pub(super) script: Script,
}

/// What the server does, beside what every server does. Verbs are those of commands, and CONNECT (the
/// greeting), BEGIN (the preliminary reply of a transfer) and DONE (its completion).
#[derive(Debug, Default)]
pub(super) struct Script {
    /// MLST is in FEAT, and MLSD is understood.
    pub mlsd: bool,
    /// `on VERB "..."`: the reply; the second for the second time. `""` is the ordinary one, or none where the
    /// connection is dropped.
    pub replies: BTreeMap<&'static str, Vec<&'static str>>,
    /// `delay VERB MS`.
    pub delays_ms: BTreeMap<&'static str, u64>,
    /// `drop VERB`: the control connection ends behind the reply.
    pub drops: BTreeSet<&'static str>,
    /// `split`: replies come byte by byte.
    pub split: bool,
    /// `early`: the completion before the data.
    pub early: bool,
    /// `together`: both replies after the data, in one segment.
    pub together: bool,
    /// `trickle`: data in small pieces.
    pub trickle: bool,
    /// `stranger`: active data connections come from another host.
    pub stranger: bool,
    /// `cut N`, `reset N`: data end after so many bytes, by FIN or RST.
    pub end: Option<(usize, bool)>,
    /// `unread`: the data connection of an upload is reset before a byte is read.
    pub unread: bool,
    /// `content "..."`: of the file.
    pub content: Option<&'static str>,
    /// `listing`, `machine`, `bare`: what LIST, MLSD and NLST send.
    pub listing: Option<&'static str>,
    pub machine: Option<&'static str>,
    pub bare: Option<&'static str>,
    /// `never VERB`: a command that the client must not say.
    pub never: Vec<&'static str>,
    /// `absent NAME`: a file that must not come to be.
    pub absent: Vec<&'static str>,
}

impl Script {
    fn step(&mut self, word: &str, operand: &'static str) -> Result<(), Malformed> {
        let wrong = |why| Malformed { line: format!("{word} {operand}"), why };
        let pair = || operand.split_once(' ').ok_or_else(|| wrong("expected two words"));
        let number = |text: &str| text.parse::<usize>().map_err(|_| wrong("expected a number"));
        match word {
            "on" => {
                let (verb, reply) = pair()?;
                text::bytes(reply)?;
                self.replies.entry(verb).or_default().push(reply);
            }
            "delay" => {
                let (verb, ms) = pair()?;
                self.delays_ms.insert(verb, number(ms)? as u64);
            }
            "drop" => drop(self.drops.insert(operand)),
            "split" => self.split = true,
            "early" => self.early = true,
            "together" => self.together = true,
            "trickle" => self.trickle = true,
            "stranger" => self.stranger = true,
            "unread" => self.unread = true,
            "cut" => self.end = Some((number(operand)?, false)),
            "reset" => self.end = Some((number(operand)?, true)),
            "content" => self.content = Some(operand),
            "listing" => self.listing = Some(operand),
            "machine" => self.machine = Some(operand),
            "bare" => self.bare = Some(operand),
            "never" => self.never.push(operand),
            "absent" => self.absent.push(operand),
            _ => return Err(wrong("no such step")),
        }
        Ok(())
    }

    /// Commands without which the case has not happened: one of them has to be heard.
    pub(super) fn asked_for(&self) -> Vec<&'static str> {
        let pseudo = ["CONNECT", "BEGIN", "DONE"];
        let verbs = self.replies.keys().chain(self.delays_ms.keys()).chain(&self.drops);
        let mut all: Vec<&'static str> = verbs.copied().filter(|verb| !pseudo.contains(verb)).collect();
        let listings = [(self.listing, "LIST"), (self.machine, "MLSD"), (self.bare, "NLST")];
        all.extend(listings.into_iter().filter_map(|(given, verb)| given.map(|_| verb)));
        if all.len() > 1 {
            // It is refused so that something else is asked for.
            all.retain(|verb| *verb != "EPSV");
        }
        all
    }
}

impl Case {
    fn read(block: Block) -> Result<Self, Malformed> {
        let wrong = |why| Malformed { line: block.id.to_owned(), why };
        let mut script = Script::default();
        let mut expected = Expected::Works;
        let mut task = None;
        for option in &block.options {
            match *option {
                "get" => task = Some(Task::Download),
                "put" => task = Some(Task::Upload),
                "list" => task = Some(Task::List),
                "mirror" => task = Some(Task::Mirror),
                "aloud" => expected = Expected::Aloud,
                "safe" => expected = Expected::Safe,
                "quiet-terminal" => expected = Expected::QuietTerminal,
                "stranger" => expected = Expected::NoStranger,
                "mlsd" => script.mlsd = true,
                _ => return Err(wrong("no such option")),
            }
        }
        for (word, operand) in &block.steps {
            script.step(word, operand)?;
        }
        let task = task.ok_or_else(|| wrong("expected get, put, list or mirror"))?;
        Ok(Self { id: block.id, level: block.level, sentence: block.sentence, task, expected, script })
    }

    /// Nothing odd: what every client gets along with.
    pub(super) fn ordinary() -> Self {
        Self {
            id: "ordinary/ordinary",
            level: Level::Must,
            sentence: "An ordinary server is no trouble.",
            task: Task::Download,
            expected: Expected::Works,
            script: Script::default(),
        }
    }

    /// What stands before the last `/` of its id.
    pub fn section(&self) -> &'static str {
        text::section(self.id)
    }
}

fn parse(text: &'static str) -> Result<Vec<Case>, Malformed> {
    text::blocks(text)?.into_iter().map(Case::read).collect()
}

/// Every case.
pub fn all() -> &'static [Case] {
    static ALL: OnceLock<Vec<Case>> = OnceLock::new();
    ALL.get_or_init(|| text::built_in(&TEXTS, parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_well_formed_and_has_an_id_of_its_own() {
        let mut ids = BTreeSet::new();
        for text in TEXTS {
            let cases = parse(text).unwrap_or_else(|malformed| panic!("{malformed}"));
            for case in cases {
                assert!(ids.insert(case.id), "{} is there twice", case.id);
                let words = case.sentence.split(' ').count();
                assert!(case.sentence.ends_with('.') && words >= 3, "{}: no sentence", case.id);
            }
        }
        assert!(ids.len() >= 60, "{} cases", ids.len());
        assert_eq!(all().len(), ids.len());
    }

    #[test]
    fn what_has_to_be_heard() {
        let case = |id: &str| all().iter().find(|case| case.id == id).unwrap();
        assert_eq!(case("2577/3/pasv-other-host").script.asked_for(), ["PASV"]);
        assert_eq!(case("2428/3/epsv-refused").script.asked_for(), ["EPSV"]);
        assert!(case("959/5.4/completion-late").script.asked_for().is_empty());
    }
}
