//! Leaks: when the client has come to its end and every timeout has passed, nothing is left: no
//! session, no connection or listener that an application still holds (the kernel's TIME-WAIT and
//! what it still sends do not count), no temporary file of a delivered one, no file nobody sent.

use super::integrity::Ending;
use super::{End, Oracle};
use crate::sim::others::{Deed, StrangerPlace};
use crate::sim::outcome::{FileFate, Verdict};
use ftp_endpoint::client::Opening;
use std::collections::BTreeMap;

/// The server's control port.
const LISTENERS: usize = 1;

/// Finds what is left when the client has come to its end: sessions, sockets, temporary files.
pub struct Leaks;

impl Oracle for Leaks {
    fn name(&self) -> &'static str {
        "leaks"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // What has not come to its end is liveness's.
        if end.ending == Ending::TimeLimit {
            return None;
        }
        if end.server_sessions > 0 {
            return Some(format!("{} sessions open at the server", end.server_sessions));
        }
        let hosts = [("client", end.network.client_held, 0), ("server", end.network.server_held, LISTENERS)];
        for (host, held, listeners) in hosts {
            // A stranger on the server's host holds a connection of its own for as long as it likes.
            let strangers = usize::from(host == "server" && has_stranger_at_server(end));
            if held.connections > strangers {
                return Some(format!("{} connections held by the {host}", held.connections));
            }
            if held.listeners > listeners {
                return Some(format!("{} listeners held by the {host}", held.listeners - listeners));
            }
        }
        let mut fates = BTreeMap::new();
        for file in &end.outcome.files {
            fates.entry(file.name.as_str()).or_insert(file);
        }
        end.received.iter().find_map(|path| stray(end, &fates, path.trim_start_matches('/')))
    }
}

fn has_stranger_at_server(end: &End<'_>) -> bool {
    let is_neighbour = end.case.stranger.is_some_and(|stranger| stranger.place == StrangerPlace::Neighbour);
    is_neighbour && end.case.policy.opening == Opening::Active
}

/// Whether another session stores a file under this name: under the target's, if at all.
fn another_stores(end: &End<'_>, name: &str) -> bool {
    let target = end.case.files.get(end.case.fault.target as usize);
    end.case.rival.is_some_and(|rival| rival.deed != Deed::LeavesPart)
        && target.is_some_and(|target| target.name == name)
}

/// `fates`: the outcome's files by name. There may be a million of them.
fn stray(end: &End<'_>, fates: &BTreeMap<&str, &FileFate>, name: &str) -> Option<String> {
    let fate = |name: &str| fates.get(name).copied();
    if fate(name).is_some() {
        return None;
    }
    let temporary = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
    // The rename was lost with the power: of a file that an ingest had taken by then, or in whose place another session
    // has stored its own since.
    let may_undo = end.case.fault.kind.takes_power() && !end.case.durable;
    let is_replaced = |file: &FileFate| end.case.ingest.is_some() || another_stores(end, &file.name);
    match temporary.and_then(fate) {
        Some(file) if may_undo && is_replaced(file) => None,
        // The client asks for what it has read, and in place a file that is refused leaves its name.
        None if end.case.may_misread_names() => None,
        None => Some(format!("{name}: a file that nobody sent")),
        Some(file) if matches!(file.verdict, Verdict::Intact | Verdict::Recovered) => {
            Some(format!("{name}: temporary, although {} is {}", file.name, file.verdict))
        }
        // The rename was lost with the power.
        Some(file) if file.verdict == Verdict::Evaporated => None,
        // A delivery that broke off may leave it; the client has said so or has died.
        Some(file) if !file.verdict.is_silent_loss() || end.ending == Ending::ClientDied => None,
        Some(file) => Some(format!("{name}: left, and {} reported delivered", file.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::FaultKind;
    use crate::sim::oracle::tests::{Ended, ended};
    use crate::sim::others::{Ingest, Rival, RivalUser, Stranger};
    use ftp_endpoint::client::Direction;

    fn told(change: impl FnOnce(&mut Ended)) -> Option<String> {
        let mut end = ended();
        change(&mut end);
        Leaks.conclude(&end.borrow())
    }

    #[test]
    fn a_clean_end_passes() {
        assert_eq!(told(|_| ()), None);
        assert_eq!(told(|end| end.received.clear()), None);
    }

    #[test]
    fn every_leak_is_found() {
        let found = |change: fn(&mut Ended), why: &str| {
            let told = told(change).unwrap_or_default();
            assert!(told.contains(why), "{told}");
        };
        found(|end| end.server_sessions = 2, "2 sessions");
        found(|end| end.network.client_held.connections = 1, "1 connections held by the client");
        found(|end| end.network.server_held.connections = 1, "1 connections held by the server");
        found(|end| end.network.client_held.listeners = 1, "1 listeners held by the client");
        found(|end| end.network.server_held.listeners = 3, "2 listeners held by the server");
        found(|end| end.received.push("/other".to_owned()), "nobody sent");
        let temporary = |end: &mut Ended| {
            let name = end.case.files[0].name.clone();
            end.received.push(format!("/.{name}.part"));
        };
        found(temporary, "temporary");
    }

    #[test]
    fn a_loss_of_power_may_undo_the_rename_of_a_file_that_was_taken() {
        let told = |durable| {
            told(|end| {
                let name = end.case.files[0].name.clone();
                end.received = vec![format!("/.{name}.part")];
                end.case.fault.kind = FaultKind::ReceiverPowerLoss { restart_after_us: None };
                end.case.ingest = Some(Ingest { poll_us: 1_000 });
                end.case.durable = durable;
            })
        };
        assert_eq!(told(false), None);
        assert!(told(true).is_some());
    }

    #[test]
    fn a_loss_of_power_may_undo_the_rename_of_a_file_in_whose_place_another_is_stored() {
        let told = |durable, deed: Option<Deed>| {
            told(|end| {
                let name = end.case.files[0].name.clone();
                end.received = vec![format!("/{name}"), format!("/.{name}.part")];
                end.case.fault.kind = FaultKind::ReceiverPowerLoss { restart_after_us: Some(1) };
                let rival = |deed| Rival { user: RivalUser::Same, deed, at_us: 0, lasts_us: 1 };
                (end.case.rival, end.case.fault.target) = (deed.map(rival), 0);
                end.case.durable = durable;
            })
        };
        assert_eq!(told(false, Some(Deed::Replaces)), None);
        assert_eq!(told(false, Some(Deed::Appends)), None);
        assert!(told(false, Some(Deed::LeavesPart)).is_some());
        assert!(told(false, None).is_some());
        assert!(told(true, Some(Deed::Replaces)).is_some());
    }

    #[test]
    fn a_delivery_that_broke_off_may_leave_its_temporary_file() {
        let left = |verdict, ending| {
            told(|end| {
                let name = end.case.files[0].name.clone();
                end.received = vec![format!("/.{name}.part")];
                (end.outcome.files[0].verdict, end.ending) = (verdict, ending);
            })
        };
        assert_eq!(left(Verdict::Detected, Ending::Finished), None);
        // Of what a client that has died says nothing, nothing has been reported delivered.
        assert_eq!(left(Verdict::SilentTruncation, Ending::ClientDied), None);
        assert!(left(Verdict::SilentTruncation, Ending::Finished).unwrap().contains("reported delivered"));
        assert_eq!(left(Verdict::Evaporated, Ending::Finished), None, "its rename went with the power");
        assert_eq!(left(Verdict::SilentTruncation, Ending::TimeLimit), None, "another oracle's");
    }

    #[test]
    fn a_name_that_was_changed_in_a_listing_is_asked_for() {
        let told = |listed, kind| {
            told(|end| {
                end.received.push("/other".to_owned());
                (end.case.listed, end.case.policy.direction) = (listed, Direction::Get);
                (end.case.fault.kind, end.case.fault.target) = (kind, end.case.files.len() as u32);
            })
        };
        assert_eq!(told(true, FaultKind::Corrupt { xor: 1 }), None);
        assert!(told(false, FaultKind::Corrupt { xor: 1 }).is_some());
        assert!(told(true, FaultKind::EarlyClose).is_some());
    }

    #[test]
    fn a_stranger_on_the_servers_host_holds_a_connection_of_its_own() {
        let held = |place, opening, connections| {
            told(|end| {
                end.case.stranger = Some(Stranger::that_moves(place));
                end.case.policy.opening = opening;
                end.network.server_held.connections = connections;
            })
        };
        use StrangerPlace::{Elsewhere, Neighbour};
        assert_eq!(held(Neighbour, Opening::Active, 1), None);
        for (place, opening, connections) in [
            (Neighbour, Opening::Active, 2),
            (Neighbour, Opening::Passive, 1),
            (Elsewhere, Opening::Active, 1),
        ] {
            assert!(held(place, opening, connections).is_some(), "{place:?} {opening:?} {connections}");
        }
        let client = told(|end| {
            end.case.stranger = Some(Stranger::that_moves(Neighbour));
            end.case.policy.opening = Opening::Active;
            end.network.client_held.connections = 1;
        });
        assert!(client.is_some());
    }
}
