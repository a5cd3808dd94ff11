//! The middlebox's faults on real packets: at a byte of a data connection, which is known when it is opened.

use crate::sim::fault::FaultKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use turmoil_tcp::path::{Cut, CutKind, Direction, Fate, Order, PathObserver};
use turmoil_tcp::{Capture, PacketAtRouter, RouterHandle, Verdict};

/// A fault, once, at a byte of a data connection: of any connection but the first, which is taken for the control
/// connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// One that a middlebox commits.
    pub kind: FaultKind,
    /// Of the data connections, from 1.
    pub connection: u32,
    /// Bytes of its stream that pass before.
    pub byte: u64,
    /// Which way the files go: up from the near end, or down.
    pub direction: Direction,
}

impl Strike {
    /// Whether a middlebox can commit it.
    pub fn is_possible(kind: &FaultKind) -> bool {
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        kind.cut().is_some() || kind.order(Some(anywhere), anywhere).is_some()
    }

    /// Watches for the connection, and lies in wait at its byte.
    pub(super) fn arm(self, router: &RouterHandle) {
        let arm = router.clone();
        let mut control: Option<(SocketAddr, SocketAddr)> = None;
        let mut opened: Vec<(SocketAddr, SocketAddr)> = Vec::new();
        router.add_rule(move |packet: &PacketAtRouter<'_>| {
            let header = &packet.header;
            if header.syn && header.ack.is_none() {
                let ends = (SocketAddr::V4(header.src), SocketAddr::V4(header.dst));
                match control {
                    None => control = Some(ends),
                    // Another control connection, or one of them again.
                    Some((_, server)) if ends.1 == server || opened.contains(&ends) => {}
                    Some(control) => {
                        opened.push(ends);
                        if opened.len() == self.connection as usize {
                            self.lie_in_wait(&arm, packet.direction, ends, control);
                        }
                    }
                }
            }
            Verdict::Pass
        });
    }

    fn lie_in_wait(
        self,
        router: &RouterHandle,
        opened: Direction,
        (opener, listener): (SocketAddr, SocketAddr),
        (client, server): (SocketAddr, SocketAddr),
    ) {
        // Who sends the files may have opened the connection, or awaited it.
        let (from, to) = if opened == self.direction { (opener, listener) } else { (listener, opener) };
        let kind = self.kind.cut().or_else(|| self.kind.order(Some(client), server).map(CutKind::Order));
        if let Some(kind) = kind {
            router.arm(Cut { from, to, stream_offset: self.byte, kind });
        }
    }
}

/// Keeps what is to be kept of a run.
pub(super) struct Watch {
    pub(super) capture: Option<Arc<Capture>>,
    pub(super) struck: Arc<AtomicBool>,
}

impl PathObserver for Watch {
    fn packet(&self, at_ns: u64, direction: Direction, packet: &[u8], fate: Fate) {
        if let Some(capture) = &self.capture {
            capture.packet(at_ns, direction, packet, fate);
        }
    }

    fn cut_fired(&self, _: u64, _: &Cut) {
        self.struck.store(true, Ordering::Relaxed);
    }

    fn order_fired(&self, _: u64, _: &Order) {
        self.struck.store(true, Ordering::Relaxed);
    }
}
