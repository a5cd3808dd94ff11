//! What client and server tell their observers, read once for all who listen: the recorder, the
//! injector and the oracles.

use super::names::{FileId, FileNames, LISTING};
use super::time::SimTime;
use ftp_endpoint::observe::{Event, Who};
use ftp_proto::command::{Command, Verb};

/// An event with what its text says.
#[derive(Clone, Debug)]
pub struct Heard<'a> {
    /// When it happened.
    pub at: SimTime,
    /// Who told it.
    pub who: Who,
    /// The control connection, counted by `who` from 1.
    pub session: u64,
    /// What was told.
    pub event: &'a Event<'a>,
    /// The verb of a command line, also of one whose argument is malformed.
    pub verb: Option<Verb>,
    /// The command of a line that is one.
    pub command: Option<Command>,
    /// The file of the delivery that the event names.
    pub file: Option<FileId>,
}

impl<'a> Heard<'a> {
    /// Reads an event.
    pub fn new(at: SimTime, who: Who, session: u64, event: &'a Event<'a>, files: &FileNames) -> Self {
        let mut heard = Self { at, who, session, event, verb: None, command: None, file: None };
        match event {
            Event::Command { line } => {
                heard.verb = Verb::of(line);
                heard.command = Command::parse(line.as_bytes()).ok();
                heard.file = match &heard.command {
                    Some(Command::Mlsd(_) | Command::List(_) | Command::Nlst(_)) => files.find(LISTING),
                    command => command.as_ref().and_then(Command::pathname).and_then(|name| files.find(name)),
                };
            }
            Event::SendBegins { name, .. }
            | Event::ReceiveBegins { name, .. }
            | Event::FileEnds { name, .. }
            | Event::FileReported { name, .. } => heard.file = files.find(name),
            _ => {}
        }
        heard
    }

    /// Whether the event names `target`, which is a file.
    pub fn is_of(&self, target: Option<FileId>) -> bool {
        target.is_some() && self.file == target
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What is heard in session 1 of a delivery of the files `a` and `b`.
    pub(crate) fn heard<'a>(who: Who, event: &'a Event<'a>) -> Heard<'a> {
        Heard::new(SimTime::default(), who, 1, event, &FileNames::new(["a".to_owned(), "b".to_owned()]))
    }

    #[test]
    fn a_line_is_read_as_far_as_it_can_be() {
        let read = |line| {
            let event = Event::Command { line };
            let heard = heard(Who::Client, &event);
            (heard.verb.map(Verb::as_str), heard.command.is_some(), heard.file)
        };
        assert_eq!(read("STOR /b"), (Some("STOR"), true, Some(FileId(1))));
        assert_eq!(read("RNFR .a.part"), (Some("RNFR"), true, Some(FileId(0))));
        assert_eq!(read("SIZE c"), (Some("SIZE"), true, None));
        assert_eq!(read("STOR"), (Some("STOR"), false, None));
        assert_eq!(read("STORE b"), (None, false, None));
    }
}
