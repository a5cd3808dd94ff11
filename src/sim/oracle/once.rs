//! Once: whoever takes files as they appear gets each of them once, unless it had to be sent again. FTP
//! cannot tell a reply that was lost from a file that was not stored, so who tries again sends twice; but a
//! file whose last reply has come, and says that all is well, is never sent again.

use super::{End, Oracle};
use crate::sim::heard::Heard;
use crate::sim::names::FileId;
use crate::sim::outcome::{FileFate, Verdict};
use crate::sim::trace::hex;
use crate::sim::truth::Contents;
use ftp_endpoint::client::{Direction, Policy, Publish, Verify};
use ftp_endpoint::observe::{Event, Who};
use ftp_endpoint::transfer::DISBELIEVED;
use ftp_proto::command::Verb;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};

/// What the client knows of its latest upload of a file.
#[derive(Clone, Debug, Default)]
struct Known {
    /// REST came before it.
    resumed: bool,
    /// Bytes of payload, when all of them have been sent.
    sent_bytes: Option<u64>,
    /// The reply to STOR has come after that, and was positive.
    stored: bool,
    /// What SIZE was answered by.
    size: Option<String>,
    /// What HASH was answered by.
    hash: Option<String>,
    renamed: bool,
    /// What has been answered, or will be, may be about what somebody else has sent.
    doubted: bool,
    /// On which control connection.
    session: u64,
    /// The client has reported it as delivered.
    reported: bool,
}

impl Known {
    /// Whether nothing is left to be asked for, and nothing wrong.
    fn is_delivered(&self, policy: &Policy, contents: &Contents) -> bool {
        let is_verified = match policy.verify {
            // What was put together is compared in any case.
            _ if self.resumed => self.has_hash_of(contents),
            Verify::Reply => true,
            Verify::Size => self.size.as_ref().is_some_and(|size| size.parse().ok() == self.sent_bytes),
            Verify::Hash => self.has_hash_of(contents),
        };
        let is_named = policy.publish == Publish::Direct || self.renamed;
        self.reported || self.stored && !self.doubted && is_verified && is_named
    }

    fn has_hash_of(&self, contents: &Contents) -> bool {
        let is_of =
            |version| self.hash.as_ref().is_some_and(|hash| hash.contains(&hex(&Sha256::digest(version))));
        contents.versions.iter().any(is_of)
    }
}

/// One control connection.
#[derive(Default)]
struct Session {
    /// Commands whose last reply is owed, and their files.
    owed: VecDeque<(&'static str, Option<FileId>)>,
    greeted: bool,
    /// REST was the last command.
    restarts: bool,
}

/// Finds files that came twice, or were sent again, without need.
#[derive(Default)]
pub struct Once {
    sessions: BTreeMap<u64, Session>,
    files: BTreeMap<FileId, Known>,
    /// What was known when an upload began again.
    again: Vec<(FileId, Known)>,
    /// How many uploads of each file began.
    uploads: BTreeMap<FileId, u32>,
}

impl Once {
    fn command(&mut self, heard: &Heard<'_>) {
        let session = self.sessions.entry(heard.session).or_default();
        let verb = heard.verb.map_or("", Verb::as_str);
        session.owed.push_back((verb, heard.file));
        let resumed = std::mem::replace(&mut session.restarts, verb == "REST");
        if let ("STOR", Some(file)) = (verb, heard.file) {
            *self.uploads.entry(file).or_default() += 1;
            let known = Known { resumed, session: heard.session, ..Known::default() };
            self.again.extend(self.files.insert(file, known).map(|before| (file, before)));
        }
    }

    fn reply(&mut self, session: u64, code: u16, text: &str) {
        let session = self.sessions.entry(session).or_default();
        let class = code / 100;
        if class == 1 || code == 421 {
            return;
        }
        if !std::mem::replace(&mut session.greeted, true) {
            return;
        }
        let Some((verb, Some(file))) = session.owed.pop_front() else { return };
        let Some(known) = self.files.get_mut(&file).filter(|_| class == 2) else { return };
        match verb {
            "STOR" => known.stored = known.sent_bytes.is_some(),
            "SIZE" => known.size = Some(text.trim().to_owned()),
            "HASH" => known.hash = Some(text.to_ascii_lowercase()),
            "RNTO" => known.renamed = true,
            _ => {}
        }
    }
}

impl Oracle for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn event(&mut self, heard: &Heard<'_>) {
        if heard.who != Who::Client {
            return;
        }
        let known = heard.file.and_then(|file| self.files.get_mut(&file));
        match (heard.event, known) {
            (Event::Command { .. }, _) => self.command(heard),
            (Event::Reply { code, text }, _) => self.reply(heard.session, *code, text),
            (Event::FileEnds { payload_bytes, error, .. }, Some(known)) => {
                known.sent_bytes = error.is_none().then_some(*payload_bytes);
            }
            (Event::FileReported { error: None, .. }, Some(known)) => known.reported = true,
            (Event::DataCloses { how, .. }, _) if *how == DISBELIEVED => {
                let of_session = |known: &&mut Known| known.session == heard.session;
                self.files.values_mut().filter(of_session).for_each(|known| known.doubted = true);
            }
            _ => {}
        }
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // It would be taken twice at least if its name were its own.
        if let Some(name) = end.astray.first().filter(|_| !end.case.may_misread_names()) {
            return Some(format!("{name} was taken, a name under which nobody sent anything"));
        }
        let policy = &end.case.policy;
        let index = |file: &FileId| usize::try_from(file.0).unwrap_or(usize::MAX);
        let needless = |(file, known): &&(FileId, Known)| {
            end.truth.get(index(file)).is_some_and(|contents| known.is_delivered(policy, contents))
        };
        if let Some(name) =
            self.again.iter().find(needless).and_then(|(file, _)| end.case.files.get(index(file)))
        {
            return Some(format!("{} was sent again after its delivery had been answered", name.name));
        }
        let came_once = |(id, fate): &(FileId, &FileFate)| match policy.direction {
            Direction::Put => self.uploads.get(id).is_none_or(|uploads| *uploads <= 1),
            // A client that died has not told how often it has begun.
            Direction::Get => fate.attempts == 1,
        };
        let fates = (0..).map(FileId).zip(&end.outcome.files);
        let mut twice = fates.filter(|(_, fate)| fate.verdict == Verdict::Duplicated);
        let (_, file) = twice.find(came_once)?;
        Some(format!("{} was sent once and taken twice", file.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::FaultKind;
    use crate::sim::names::FileNames;
    use crate::sim::oracle::tests::{Ended, ended};
    use crate::sim::time::SimTime;
    use ftp_proto::command::Command;

    /// What the client tells: a command, a reply, or the end of the sending of this many bytes.
    enum Told {
        Sends(String),
        Hears(u16, String),
        HasSent(u64),
        Closes(&'static str),
        Reports,
    }
    use Told::{Closes, HasSent, Hears, Reports, Sends};

    /// With one session, greeted; its one file is `file`.
    fn judged(end: &Ended, dialogue: &[Told]) -> Option<String> {
        let mut oracle = Once::default();
        let names = FileNames::new(end.case.files.iter().map(|file| file.name.clone()));
        let file = end.case.files[0].name.as_str();
        let mut tell = |event: Event<'_>| {
            oracle.event(&Heard::new(SimTime::default(), Who::Client, 1, &event, &names));
        };
        tell(Event::Reply { code: 220, text: "ready" });
        for told in dialogue {
            match told {
                Sends(line) => tell(Event::Command { line }),
                Hears(code, text) => tell(Event::Reply { code: *code, text }),
                HasSent(payload_bytes) => {
                    tell(Event::FileEnds { name: file, payload_bytes: *payload_bytes, error: None });
                }
                Closes(how) => {
                    let (local, peer) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into());
                    tell(Event::DataCloses { local, peer, how });
                }
                Reports => tell(Event::FileReported { name: file, attempts: 1, error: None }),
            }
        }
        oracle.conclude(&end.borrow())
    }

    fn put(verify: Verify, publish: Publish) -> Ended {
        let mut end = ended();
        end.case.policy.direction = Direction::Put;
        (end.case.policy.verify, end.case.policy.publish) = (verify, publish);
        end
    }

    fn stor(end: &Ended) -> Told {
        Sends(Command::Stor(end.case.files[0].name.clone()).to_string())
    }

    fn hears(code: u16) -> Told {
        Hears(code, "text".to_owned())
    }

    #[test]
    fn what_may_be_about_anothers_file_is_no_answer() {
        let end = put(Verify::Reply, Publish::Direct);
        let sent = || [stor(&put(Verify::Reply, Publish::Direct)), hears(150), HasSent(1)];
        let again =
            |between: Vec<Told>| -> Vec<Told> { sent().into_iter().chain(between).chain(sent()).collect() };
        assert!(judged(&end, &again(vec![hears(226)])).is_some());
        let doubts = || Closes(DISBELIEVED);
        for between in [vec![hears(226), doubts()], vec![doubts(), hears(226)]] {
            assert_eq!(judged(&end, &again(between)), None);
        }
        // A connection that closes in order is no reason to doubt.
        assert!(judged(&end, &again(vec![Closes("closed"), hears(226)])).is_some());
    }

    #[test]
    fn twice_is_for_who_sent_twice() {
        let mut end = put(Verify::Reply, Publish::Direct);
        let once = || [stor(&put(Verify::Reply, Publish::Direct)), hears(150), HasSent(1)];
        assert_eq!(judged(&end, &once()), None);
        end.outcome.files[0].verdict = Verdict::Duplicated;
        assert!(judged(&end, &once()).unwrap().contains("taken twice"));
        // However it was counted: one sent ahead of a lost reply has no attempt of its own.
        end.case.policy.pipeline_depth = 4;
        end.outcome.fault_fired = true;
        assert!(judged(&end, &once()).unwrap().contains("taken twice"));
        let again: Vec<Told> = once().into_iter().chain(once()).collect();
        assert_eq!(judged(&end, &again), None);
        end.case.policy.direction = Direction::Get;
        assert!(judged(&end, &[]).unwrap().contains("taken twice"));
        end.outcome.files[0].attempts = 2;
        assert_eq!(judged(&end, &[]), None);
        end.astray.push("file.1".to_owned());
        assert!(judged(&end, &[]).unwrap().starts_with("file.1"));
        // What was changed in a listing is asked for by that name.
        let files = end.case.files.len() as u32;
        (end.case.listed, end.case.fault.target) = (true, files);
        end.case.fault.kind = FaultKind::Corrupt { xor: 1 };
        assert_eq!(judged(&end, &[]), None);
        end.case.fault.kind = FaultKind::EarlyClose;
        assert!(judged(&end, &[]).unwrap().starts_with("file.1"));
    }

    #[test]
    fn what_has_been_answered_is_not_sent_again() {
        let end = put(Verify::Reply, Publish::Direct);
        let needless = |told: Vec<Told>| judged(&end, &told).is_some();
        assert!(needless(vec![stor(&end), hears(150), HasSent(1), hears(226), stor(&end)]));
        // A refusal, a reply that came too soon, and one that has not come.
        assert!(!needless(vec![stor(&end), hears(150), HasSent(1), hears(426), stor(&end)]));
        assert!(!needless(vec![stor(&end), hears(150), hears(226), HasSent(1), stor(&end)]));
        assert!(!needless(vec![stor(&end), hears(150), HasSent(1), hears(421), stor(&end)]));
        // The reply is that of the command before.
        let mkd = || Sends("MKD d".to_owned());
        assert!(!needless(vec![mkd(), stor(&end), HasSent(1), hears(257), stor(&end)]));
        assert!(needless(vec![mkd(), stor(&end), HasSent(1), hears(257), hears(226), stor(&end)]));
        assert!(needless(vec![stor(&end), Reports, stor(&end)]));
    }

    #[test]
    fn what_is_verified_or_renamed_is_not_delivered_before() {
        let stored = |end: &Ended| vec![stor(end), hears(150), HasSent(7), hears(226)];
        let needless = |end: &Ended, more: Vec<Told>| {
            let told: Vec<Told> = stored(end).into_iter().chain(more).chain([stor(end)]).collect();
            judged(end, &told).is_some()
        };
        let sends = |verb: &str, end: &Ended| Sends(format!("{verb} {}", end.case.files[0].name));
        let end = put(Verify::Size, Publish::Direct);
        let size = |text: &str| vec![sends("SIZE", &end), Hears(213, text.to_owned())];
        assert!(!needless(&end, vec![sends("SIZE", &end)]) && needless(&end, size("7")));
        assert!(!needless(&end, size("6")), "it is another's");

        let end = put(Verify::Hash, Publish::Direct);
        let hash = |of: &[u8]| {
            let text = format!("SHA-256 0-6 {} name", hex(&Sha256::digest(of)));
            vec![sends("HASH", &end), Hears(213, text)]
        };
        assert!(!needless(&end, vec![sends("HASH", &end)]) && !needless(&end, hash(b"another")));
        assert!(needless(&end, hash(&end.truth[0].versions[0])));

        let end = put(Verify::Reply, Publish::Rename);
        let rename = |code| {
            let from = Sends(format!("RNFR .{}.part", end.case.files[0].name));
            vec![from, hears(350), sends("RNTO", &end), hears(code)]
        };
        assert!(!needless(&end, vec![]) && !needless(&end, rename(553)) && needless(&end, rename(250)));

        // What was gone on from is not delivered before it is compared.
        let end = put(Verify::Reply, Publish::Direct);
        let resumed = |more: Vec<Told>| {
            let rest = [Sends("REST 3p".to_owned()), hears(350)];
            let told = rest.into_iter().chain(stored(&end)).chain(more).chain([stor(&end)]);
            judged(&end, &told.collect::<Vec<_>>()).is_some()
        };
        assert!(!resumed(vec![]) && resumed(hash(&end.truth[0].versions[0])));
    }
}
