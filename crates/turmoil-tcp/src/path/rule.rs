//! Faults as rules: what a rule is shown of each packet, and what it may do with it. The middlebox,
//! which carries out cuts and orders, is one; users add their own with
//! [`RouterHandle::add_rule`](super::router::RouterHandle::add_rule).

use super::stream::{Stream, prefix};
use super::{Direction, PathObserver};
use crate::segment::{self, TcpHeader};
use std::collections::BTreeMap;
use std::net::SocketAddrV4;

/// A TCP segment at the router.
#[derive(Clone, Copy, Debug)]
pub struct PacketAtRouter<'a> {
    /// Virtual time.
    pub at_ns: u64,
    /// The way it goes.
    pub direction: Direction,
    /// What its headers say.
    pub header: TcpHeader,
    /// Where its payload (or its FIN, if it has no payload) lies in its stream: bytes of this
    /// direction of its connection before it. `None` if the connection's SYN has not been seen, or
    /// for what lies before the first byte.
    pub stream_offset: Option<u64>,
    /// All of it, from the IPv4 header on.
    pub bytes: &'a [u8],
}

impl<'a> PacketAtRouter<'a> {
    /// Its payload.
    pub fn payload(&self) -> &'a [u8] {
        self.header.payload(self.bytes)
    }

    /// The same segment with only the first `payload_bytes` of its payload and without its FIN;
    /// `None` if nothing is left.
    pub fn cut_to(&self, payload_bytes: u32) -> Option<Forged> {
        let cut = self.header.payload_seq().wrapping_add(payload_bytes.min(self.header.payload_len()));
        let packet = prefix(&self.header, self.bytes, cut, self.header.ack)?;
        Some((self.direction, packet))
    }

    /// The RST with which a host answers that knows no such connection; `None` to a RST.
    pub fn reset(&self) -> Option<Forged> {
        segment::reset_for(&self.header).map(|reset| (self.direction.back(), reset.to_vec()))
    }
}

/// A packet that a rule makes, and the way it goes.
pub type Forged = (Direction, Vec<u8>);

/// What a rule makes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on to the next rule, and after the last one to the link.
    Pass,
    /// These bytes go on in its place, as if they had come so.
    Change(Vec<u8>),
    /// It goes on to the next rule at that time.
    Hold {
        /// Virtual time.
        until_ns: u64,
    },
    /// It reaches the router at that time, as if for the first time: it may be lost, and every
    /// rule sees it again.
    Rearrive {
        /// Virtual time.
        at_ns: u64,
    },
    /// It vanishes.
    Drop,
    /// It does not pass; these go instead, past the other rules. A segment cut to size is one of
    /// them, and so are replies in another host's name.
    Replace(Vec<Forged>),
    /// It goes on, and these go behind it, past the other rules.
    Beside(Vec<Forged>),
}

/// Decides about the packets that reach the router, each at its exact time and in the order of time.
///
/// What the path loses by chance no rule sees. A rule that draws should draw from a stream of its own
/// ([`seeds::stream`](crate::seeds::stream)), or runs are not functions of their seeds.
pub trait FaultRule: Send {
    /// `observer` is the run's, for a rule that has something to tell.
    fn on_packet(&mut self, packet: &PacketAtRouter<'_>, observer: &dyn PathObserver) -> Verdict;
}

/// Any closure over packets is a rule.
impl<F: FnMut(&PacketAtRouter<'_>) -> Verdict + Send> FaultRule for F {
    fn on_packet(&mut self, packet: &PacketAtRouter<'_>, _: &dyn PathObserver) -> Verdict {
        self(packet)
    }
}

/// The streams of all connections, by sender and receiver, so that rules are told offsets.
#[derive(Default)]
pub(super) struct Streams(BTreeMap<(SocketAddrV4, SocketAddrV4), Stream>);

impl Streams {
    /// A packet has come; the offset of its payload.
    pub(super) fn offset(&mut self, header: &TcpHeader) -> Option<u64> {
        let stream = self.0.entry((header.src, header.dst)).or_default();
        stream.saw(header);
        stream.isn.and_then(|_| u64::try_from(stream.offset_of(header.payload_seq())).ok())
    }
}
