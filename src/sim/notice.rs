//! Who noticed that something had gone wrong: which side's program saw an error about a file.
//!
//! A side has noticed when its program
//! - ended a file with an error (the connection was reset, silent, or closed before the mode's end
//!   of file), or
//! - ended a session in the middle of a file (RFC 959 section 4.1.1, QUIT: the control connection
//!   was lost and the transfer aborted), or
//! - gave (server) or received (client) one of the replies that end a transfer badly (RFC 959 section
//!   5.4: 425, 426, 451, 452, 552; RFC 4217 section 10.2: 522), or
//! - at the client: needed more than one attempt at a file (its size or hash was wrong, say), or
//!   reported it failed.
//!
//! A sender that has handed everything to its kernel and closed may never hear what became of it.
//!
//! A program that has died notices nothing. Nothing of this shows in a run without a fault.

use ftp_endpoint::observe::{Event, Who};
use std::collections::BTreeSet;

/// Follows the events of a run and knows which sides have noticed something.
#[derive(Default)]
pub struct Noticing {
    noticed: BTreeSet<Who>,
    /// The sessions that are in the middle of a file.
    under_way: BTreeSet<(Who, u64)>,
}

impl Noticing {
    /// The sides that have noticed something so far.
    pub fn noticed(&self) -> &BTreeSet<Who> {
        &self.noticed
    }

    /// Takes in what the program of side `who` told its observer in one of its sessions.
    pub fn event(&mut self, who: Who, session: u64, event: &Event<'_>) {
        let noticed = match event {
            Event::SendBegins { .. } | Event::ReceiveBegins { .. } => {
                self.under_way.insert((who, session));
                false
            }
            Event::FileEnds { error, .. } => {
                self.under_way.remove(&(who, session));
                error.is_some()
            }
            Event::SessionEnds { .. } => self.under_way.remove(&(who, session)),
            Event::Reply { code, .. } => matches!(code, 425 | 426 | 451 | 452 | 522 | 552),
            Event::FileReported { attempts, error, .. } => error.is_some() || *attempts > 1,
            _ => false,
        };
        if noticed {
            self.noticed.insert(who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(events: &[(Who, Event<'_>)]) -> Vec<Who> {
        let mut noticing = Noticing::default();
        events.iter().for_each(|(who, event)| noticing.event(*who, 1, event));
        noticing.noticed().iter().copied().collect()
    }

    #[test]
    fn an_error_is_noticed_by_the_side_that_has_it() {
        let (name, local, peer) = ("f", "1.2.3.4:5".parse().unwrap(), "1.2.3.4:6".parse().unwrap());
        let begins = || Event::ReceiveBegins { name, local, peer };
        let ends = |error| Event::FileEnds { name, payload_bytes: 3, error };
        let closed = || Event::SessionEnds { reason: "closed by the client" };
        assert_eq!(
            noticed(&[(Who::Server, begins()), (Who::Server, ends(None)), (Who::Server, closed())]),
            []
        );
        assert_eq!(noticed(&[(Who::Server, begins()), (Who::Server, ends(Some("reset")))]), [Who::Server]);
        assert_eq!(noticed(&[(Who::Server, begins()), (Who::Server, closed())]), [Who::Server]);
        let reply = |code| Event::Reply { code, text: "" };
        assert_eq!(noticed(&[(Who::Server, reply(226)), (Who::Client, reply(426))]), [Who::Client]);
        // SIZE of a file that is not there yet.
        assert_eq!(noticed(&[(Who::Server, reply(550)), (Who::Client, reply(550))]), []);
        let reported = |attempts, error| Event::FileReported { name, attempts, error };
        assert_eq!(noticed(&[(Who::Client, reported(1, None))]), []);
        assert_eq!(noticed(&[(Who::Client, reported(2, None))]), [Who::Client]);
        assert_eq!(noticed(&[(Who::Client, reported(1, Some("SIZE")))]), [Who::Client]);
    }
}
