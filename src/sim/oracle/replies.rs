//! Replies: as the client sees them, every reply answers a command, in order, with a code of
//! RFC 959 section 4.2, and a transfer is said to begin once.

use super::{End, Oracle};
use crate::sim::heard::Heard;
use ftp_endpoint::observe::{Event, Who};
use ftp_proto::command::Verb;
use std::collections::{BTreeMap, VecDeque};

struct Owed {
    /// `None` is a line that begins with no verb.
    verb: Option<Verb>,
    /// 125 or 150 has come.
    begun: bool,
}

#[derive(Default)]
struct Session {
    greeted: bool,
    /// The commands without a final reply yet.
    owed: VecDeque<Owed>,
}

/// Finds replies that answer no command, come out of order, or have a code that is none.
#[derive(Default)]
pub struct Replies {
    sessions: BTreeMap<u64, Session>,
    violation: Option<String>,
}

impl Replies {
    fn reply(&mut self, session: u64, code: u16) -> Option<String> {
        let state = self.sessions.entry(session).or_default();
        let class = code / 100;
        if !(1..=5).contains(&class) || !(0..=5).contains(&(code / 10 % 10)) {
            return Some(format!("session {session}: reply code {code} is none of RFC 959 section 4.2"));
        }
        // 421 may come at any time (section 5.4); 120 and 220 greet.
        if code == 421 {
            return None;
        }
        if !state.greeted {
            state.greeted = class == 2;
            let greets = matches!(code, 120 | 220);
            return (!greets).then(|| format!("session {session}: greeted by {code}"));
        }
        let Some(Owed { verb, begun }) = state.owed.front_mut() else {
            return Some(format!("session {session}: reply {code} answers no command"));
        };
        let name = verb.map_or("no command", Verb::as_str);
        if class == 1 && !verb.is_some_and(Verb::may_be_answered_twice) {
            return Some(format!("session {session}: preliminary reply {code} to {name}"));
        }
        // One transfer begins once; of markers (110) there may be many.
        if matches!(code, 125 | 150) && std::mem::replace(begun, true) {
            return Some(format!("session {session}: {code} to {name}, which has begun already"));
        }
        if class == 3 && !verb.is_some_and(Verb::may_want_more) {
            return Some(format!("session {session}: intermediate reply {code} to {name}"));
        }
        if class != 1 {
            state.owed.pop_front();
        }
        None
    }
}

impl Oracle for Replies {
    fn name(&self) -> &'static str {
        "replies"
    }

    fn event(&mut self, heard: &Heard<'_>) {
        if heard.who != Who::Client {
            return;
        }
        match heard.event {
            Event::Command { .. } => {
                self.sessions
                    .entry(heard.session)
                    .or_default()
                    .owed
                    .push_back(Owed { verb: heard.verb, begun: false });
            }
            Event::Reply { code, .. } => {
                let violation = self.reply(heard.session, *code);
                self.violation = self.violation.take().or(violation);
            }
            _ => {}
        }
    }

    fn conclude(&mut self, _end: &End<'_>) -> Option<String> {
        self.violation.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::heard::tests::heard;
    use crate::sim::oracle::tests::ended;

    fn violation(dialogue: &[(&str, u16)]) -> Option<String> {
        let mut oracle = Replies::default();
        for (line, code) in dialogue {
            if line.is_empty() {
                oracle.event(&heard(Who::Client, &Event::Reply { code: *code, text: "" }));
            } else {
                oracle.event(&heard(Who::Client, &Event::Command { line }));
            }
        }
        oracle.conclude(&ended().borrow())
    }

    #[test]
    fn an_orderly_dialogue_passes() {
        let orderly = [
            ("", 220),
            ("USER a", 0),
            ("", 331),
            ("PASS ****", 0),
            ("", 230),
            ("STOR f", 0),
            ("", 150),
            ("", 226),
        ];
        assert_eq!(violation(&orderly), None);
        assert_eq!(violation(&[("", 220), ("NOOP", 0), ("", 421)]), None);
    }

    #[test]
    fn disorder_is_found() {
        let unasked = violation(&[("", 220), ("", 226)]).unwrap();
        assert!(unasked.contains("answers no command"), "{unasked}");
        let preliminary = violation(&[("", 220), ("NOOP", 0), ("", 150)]).unwrap();
        assert!(preliminary.contains("preliminary"), "{preliminary}");
        let twice =
            violation(&[("", 220), ("RETR f", 0), ("", 150), ("", 110), ("", 125), ("", 226)]).unwrap();
        assert!(twice.contains("125 to RETR, which has begun already"), "{twice}");
        assert!(violation(&[("", 226)]).unwrap().contains("greeted by 226"));
        assert!(violation(&[("", 220), ("NOOP", 0), ("", 299)]).is_some());
    }
}
