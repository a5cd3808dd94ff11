//! The ports on which data connections are awaited, for strangers: in the field they are guessed.

use super::heard::Heard;
use super::time::SimTime;
use ftp_endpoint::observe::{Event, Who};
use ftp_proto::address::{parse_extended_passive, parse_passive};
use ftp_proto::command::Command;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
struct State {
    /// Announced and not yet taken, with the moment.
    open: VecDeque<(SimTime, SocketAddr)>,
    over: bool,
}

/// Data ports in the order in which they are announced. For one stranger.
pub struct DataPorts {
    server: IpAddr,
    state: Mutex<State>,
    changed: Notify,
}

impl DataPorts {
    /// Of a server with this address.
    pub fn new(server: IpAddr) -> Self {
        Self { server, state: Mutex::default(), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what client and server have told their observers.
    pub fn hear(&self, heard: &Heard<'_>) {
        let Some(port) = self.announced(heard) else { return };
        self.state().open.push_back((heard.at, port));
        self.changed.notify_one();
    }

    fn announced(&self, heard: &Heard<'_>) -> Option<SocketAddr> {
        let port = match (heard.who, heard.event, &heard.command) {
            (Who::Server, Event::Reply { code: 229, text }, _) => parse_extended_passive(text).ok()?,
            (Who::Server, Event::Reply { code: 227, text }, _) => parse_passive(text).ok()?.port(),
            (Who::Client, _, Some(Command::Port(address))) => return Some((*address).into()),
            (Who::Client, _, Some(Command::Eprt(address))) => return Some(*address),
            _ => return None,
        };
        Some(SocketAddr::new(self.server, port))
    }

    /// The delivery is over: no more will come.
    pub fn close(&self) {
        self.state().over = true;
        self.changed.notify_one();
    }

    /// The next port, and when it was announced; none when the delivery is over.
    pub async fn next(&self) -> Option<(SimTime, SocketAddr)> {
        loop {
            {
                let state = &mut *self.state();
                if state.over {
                    return None;
                }
                if let Some(port) = state.open.pop_front() {
                    return Some(port);
                }
            }
            self.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::heard::tests::heard;

    #[tokio::test]
    async fn ports_are_heard_of_as_they_are_announced() {
        let ports = DataPorts::new([10, 0, 0, 2].into());
        let reply = |code, text| Event::Reply { code, text };
        ports.hear(&heard(Who::Server, &reply(229, "Entering Extended Passive Mode (|||40001|)")));
        // The client hears of it later.
        ports.hear(&heard(Who::Client, &reply(229, "Entering Extended Passive Mode (|||40001|)")));
        ports.hear(&heard(Who::Server, &reply(227, "Entering Passive Mode (10,0,0,2,156,66)")));
        ports.hear(&heard(Who::Client, &Event::Command { line: "PORT 10,0,0,1,156,67" }));
        ports.hear(&heard(Who::Server, &Event::Command { line: "PORT 10,0,0,1,156,67" }));
        let found = [ports.next().await, ports.next().await, ports.next().await];
        let found = found.map(|port| port.map(|(_, port)| port.to_string()).unwrap_or_default());
        assert_eq!(found, ["10.0.0.2:40001", "10.0.0.2:40002", "10.0.0.1:40003"]);
        ports.close();
        assert!(ports.next().await.is_none());
    }
}
