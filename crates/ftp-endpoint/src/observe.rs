//! What client and server tell whoever watches: progress bars, transfer logs, the simulation.
//! An observer sees, it cannot act: production code has no fault hooks.

use crate::net::Time;
use ftp_proto::mode::Coding;
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A control connection is up. `session` counts from 1 in the order of connections.
    SessionBegins {
        peer: SocketAddr,
    },
    SessionEnds {
        reason: &'a str,
    },
    /// A command line, as sent by the client or as received by the server (PASS's argument masked).
    Command {
        line: &'a str,
    },
    /// A reply, as sent by the server or as received by the client.
    Reply {
        code: u16,
        text: &'a str,
    },
    DataOpens {
        local: SocketAddr,
        peer: SocketAddr,
    },
    DataCloses {
        local: SocketAddr,
        peer: SocketAddr,
        how: &'a str,
    },
    /// The sender is about to write the first byte of a file on a data connection on which it has
    /// written `wire_offset` bytes before. Emitted before that write, also for an empty file.
    SendBegins {
        name: &'a str,
        local: SocketAddr,
        peer: SocketAddr,
        wire_offset: u64,
        coding: Coding,
    },
    /// The receiver expects the first byte of a file.
    ReceiveBegins {
        name: &'a str,
        local: SocketAddr,
        peer: SocketAddr,
    },
    /// So many more bytes of payload and of wire have been moved.
    Progress {
        payload_bytes: u64,
        wire_bytes: u64,
    },
    /// The end of a transfer as this side sees it.
    FileEnds {
        name: &'a str,
        payload_bytes: u64,
        error: Option<&'a str>,
    },
    /// The client's word on a file after all retries.
    FileReported {
        name: &'a str,
        attempts: u32,
        error: Option<&'a str>,
    },
}

pub trait Observer: Send + Sync + 'static {
    /// `session` numbers the control connections of `who` from 1.
    fn event(&self, at: Time, who: Who, session: u64, event: &Event<'_>);
}

/// Watches nothing.
pub struct Nobody;
impl Observer for Nobody {
    fn event(&self, _at: Time, _who: Who, _session: u64, _event: &Event<'_>) {}
}

/// One session's line to the observer, stamped with its clock.
#[derive(Clone)]
pub struct Watch {
    observer: Arc<dyn Observer>,
    who: Who,
    session: u64,
}

impl Watch {
    pub fn new(observer: Arc<dyn Observer>, who: Who, session: u64) -> Self {
        Self { observer, who, session }
    }
    pub fn tell(&self, at: Time, event: Event<'_>) {
        self.observer.event(at, self.who, self.session, &event);
    }
}
