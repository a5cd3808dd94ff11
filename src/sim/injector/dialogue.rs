//! Follows the control connections: whose they are, and where the target file's dialogue stands.

use crate::sim::heard::Heard;
use crate::sim::names::FileId;
use ftp_endpoint::observe::{Event, Who};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

#[derive(Default)]
pub(super) struct Dialogue {
    /// The client's address of the server's sessions, and the last of them.
    controls: BTreeMap<u64, SocketAddr>,
    newest: Option<SocketAddr>,
    /// The server's session of each data connection, by its local address and its peer's.
    data: BTreeMap<(SocketAddr, SocketAddr), u64>,
    commands: u32,
    replies: u32,
    /// For each session, the commands without a final reply: whether they name the target.
    owed: BTreeMap<u64, VecDeque<bool>>,
}

impl Dialogue {
    pub(super) fn hear(&mut self, heard: &Heard<'_>) {
        let (who, session) = (heard.who, heard.session);
        match *heard.event {
            Event::SessionBegins { peer } if who == Who::Server => {
                self.controls.insert(session, peer);
                self.newest = Some(peer);
                // A server that was started again counts from 1.
                self.owed.remove(&session);
            }
            Event::DataOpens { local, peer } if who == Who::Server => {
                self.data.insert((local, peer), session);
            }
            _ => {}
        }
    }

    /// The client's address of a session's control connection; of the newest, if none is named.
    pub(super) fn control(&self, session: Option<u64>) -> Option<SocketAddr> {
        session.and_then(|session| self.controls.get(&session).copied()).or(self.newest)
    }

    pub(super) fn session(&self, local: SocketAddr, peer: SocketAddr) -> Option<u64> {
        self.data.get(&(local, peer)).copied()
    }

    /// Whether the client is about to send its `n`-th command that names `target`.
    pub(super) fn is_command(&mut self, target: Option<FileId>, n: u32, heard: &Heard<'_>) -> bool {
        let is_command = matches!(heard.event, Event::Command { .. });
        if !is_command || heard.who != Who::Client || !heard.is_of(target) {
            return false;
        }
        self.commands += 1;
        self.commands == n + 1
    }

    /// Whether the server is about to send its `n`-th reply to a command that names `target`.
    pub(super) fn is_reply(&mut self, target: Option<FileId>, n: u32, heard: &Heard<'_>) -> bool {
        if heard.who != Who::Server {
            return false;
        }
        let owed = self.owed.entry(heard.session).or_default();
        match heard.event {
            Event::Command { .. } => {
                owed.push_back(heard.is_of(target));
                false
            }
            Event::Reply { code, .. } => {
                let named = owed.front().copied().unwrap_or(false);
                if *code >= 200 {
                    owed.pop_front();
                }
                self.replies += u32::from(named);
                named && self.replies == n + 1
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::heard::tests::heard;
    use crate::sim::names::FileNames;
    use crate::sim::time::SimTime;

    /// The second of the two files of [`heard`].
    const B: Option<FileId> = Some(FileId(1));

    fn told(dialogue: &mut Dialogue, n: u32) -> Vec<usize> {
        let events = [
            Event::Reply { code: 220, text: "" },
            Event::Command { line: "STOR a" },
            Event::Command { line: "STOR b" },
            Event::Reply { code: 150, text: "" },
            Event::Reply { code: 226, text: "" },
            Event::Reply { code: 150, text: "" },
            Event::Reply { code: 226, text: "" },
            Event::Command { line: "SIZE b" },
            Event::Reply { code: 213, text: "" },
        ];
        let hit = |(at, event): (usize, &Event<'_>)| {
            dialogue.is_reply(B, n, &heard(Who::Server, event)).then_some(at)
        };
        events.iter().enumerate().filter_map(hit).collect()
    }

    #[test]
    fn replies_are_counted_by_the_command_they_answer() {
        for (n, at) in [(0, vec![5]), (1, vec![6]), (2, vec![8]), (3, vec![])] {
            assert_eq!(told(&mut Dialogue::default(), n), at, "{n}");
        }
    }

    #[test]
    fn commands_are_counted_by_the_name_in_them() {
        let mut dialogue = Dialogue::default();
        let mut is = |who, line| dialogue.is_command(B, 1, &heard(who, &Event::Command { line }));
        assert!(!is(Who::Client, "STOR a"));
        assert!(!is(Who::Client, "STOR b"));
        assert!(!is(Who::Server, "STOR b"));
        assert!(is(Who::Client, "SIZE b"));
        assert!(!is(Who::Client, "SIZE b"));
    }

    #[test]
    fn a_control_connection_is_found_by_its_session() {
        let mut dialogue = Dialogue::default();
        let peers: [SocketAddr; 2] = ["10.0.0.1:5000".parse().unwrap(), "10.0.0.1:5001".parse().unwrap()];
        let local: SocketAddr = "10.0.0.2:4000".parse().unwrap();
        for (session, peer) in [(1, peers[0]), (2, peers[1])] {
            let event = Event::SessionBegins { peer };
            dialogue.hear(&Heard::new(
                SimTime::default(),
                Who::Server,
                session,
                &event,
                &FileNames::default(),
            ));
        }
        dialogue.hear(&heard(Who::Server, &Event::DataOpens { local, peer: peers[1] }));
        assert_eq!(dialogue.control(dialogue.session(local, peers[1])), Some(peers[0]));
        assert_eq!(dialogue.control(None), Some(peers[1]));
    }
}
