//! A connection that the middlebox has closed towards both ends, as a proxy does that gives up:
//! what was accepted before the cut is still delivered, what comes later is not.

use super::rule::Forged;
use super::stream::{Stream, prefix};
use super::{Direction, PerDirection};
use crate::segment::{self, Segment, TcpHeader, after, before, earlier, later};
use smoltcp::wire::TcpControl;
use std::net::SocketAddrV4;

/// One direction of it.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// The sender's and the receiver's address.
    from: SocketAddrV4,
    to: SocketAddrV4,
    /// Bytes before this pass.
    cut: u32,
    /// The receiver has had a FIN at `cut` from us (or before it from the sender itself).
    forged_fin: bool,
    /// How much of it the real receiver has acknowledged, at most `cut`.
    acked: u32,
    /// What we have taken from the sender beyond the cut, in order.
    taken: u32,
    /// Newest ACK and window of this direction's packets.
    ack: Option<u32>,
    window: u16,
    rejected: bool,
}

impl Side {
    /// What the sender is told to have been received.
    fn told(&self) -> u32 {
        if self.acked == self.cut { self.taken } else { self.acked }
    }

    /// The next sequence number of this direction as its receiver knows it.
    fn end(&self) -> u32 {
        self.cut.wrapping_add(u32::from(self.forged_fin))
    }
}

#[derive(Debug)]
pub(super) struct SplitProxy {
    lingering: bool,
    sides: PerDirection<Side>,
}

impl SplitProxy {
    /// The stream of `direction` ends before sequence number `cut`; `header` is the packet that set
    /// it off, not yet counted in `streams`. The stream of the other direction ends where it is.
    pub(super) fn new(
        lingering: bool,
        direction: Direction,
        cut: u32,
        header: &TcpHeader,
        streams: &PerDirection<Stream>,
    ) -> Self {
        let (forth, back) = (&streams[direction], &streams[direction.back()]);
        let acked = |stream: &Stream, cut: u32, isn: Option<u32>| {
            let start = isn.unwrap_or(cut).wrapping_add(1);
            earlier(stream.ack.unwrap_or(start), cut)
        };
        let mut ack = *forth;
        ack.ack = header.ack.or(forth.ack);
        let this = Side {
            from: header.src,
            to: header.dst,
            cut,
            forged_fin: true,
            acked: acked(back, cut, forth.isn),
            taken: cut,
            ack: ack.ack,
            window: header.window,
            rejected: false,
        };
        let other = Side {
            from: header.dst,
            to: header.src,
            cut: back.nxt,
            forged_fin: !back.fin_seen,
            acked: acked(&ack, back.nxt, back.isn),
            taken: back.nxt,
            ack: back.ack,
            window: back.window,
            rejected: false,
        };
        let sides = PerDirection::of(|of| if of == direction { this } else { other });
        Self { lingering, sides }
    }

    /// The FINs to both ends.
    pub(super) fn fins(&self) -> Vec<Forged> {
        let fin = |direction: Direction| {
            let side = &self.sides[direction];
            let ack = Some(self.sides[direction.back()].told());
            let fin = Segment {
                src: side.from,
                dst: side.to,
                seq: side.cut,
                ack,
                window: side.window,
                control: TcpControl::Fin,
                payload: &[],
            };
            side.forged_fin.then(|| (direction, fin.to_vec()))
        };
        [Direction::Up, Direction::Down].into_iter().filter_map(fin).collect()
    }

    /// A bare ACK to the sender of `direction`.
    fn ack(&self, direction: Direction) -> Forged {
        let (forth, back) = (&self.sides[direction], &self.sides[direction.back()]);
        let ack = Segment {
            src: forth.to,
            dst: forth.from,
            seq: back.end(),
            ack: Some(forth.told()),
            window: back.window.max(1024),
            control: TcpControl::None,
            payload: &[],
        };
        (direction.back(), ack.to_vec())
    }

    /// Takes, or refuses, what a segment carries beyond the cut.
    pub(super) fn beyond(&mut self, direction: Direction, header: &TcpHeader) -> Vec<Forged> {
        let lingering = self.lingering;
        let side = &mut self.sides[direction];
        if header.seq_end() == header.seq || !after(header.seq_end(), side.cut) {
            return Vec::new();
        }
        if side.rejected || (!lingering && after(header.payload_end(), side.cut)) {
            side.rejected = true;
            let reset = segment::reset_for(header).map(|reset| (direction.back(), reset.to_vec()));
            return reset.into_iter().collect();
        }
        if !after(header.seq, side.taken) {
            side.taken = later(side.taken, header.seq_end());
        }
        vec![self.ack(direction)]
    }

    /// A packet of the closed connection; what goes instead of it.
    pub(super) fn pass(&mut self, direction: Direction, header: &TcpHeader, packet: &[u8]) -> Vec<Forged> {
        if header.rst {
            // An end gives up: that is its peer's business as long as it had not closed.
            return Vec::new();
        }
        let mut forged = Vec::new();
        let back = &mut self.sides[direction.back()];
        let old = back.told();
        let mut untouched = false;
        if let Some(ack) = header.ack {
            untouched = !after(ack, back.cut) && before(back.acked, back.cut);
            back.acked = later(back.acked, earlier(ack, back.cut));
        }
        let told = back.told();
        let side = &mut self.sides[direction];
        side.ack = Some(told);
        side.window = header.window;
        let cut = side.cut;
        if let Some(part) = prefix(header, packet, cut, Some(told)) {
            forged.push((direction, part));
        } else if untouched && header.is_pure_ack() && told == header.ack.unwrap_or(told) {
            // Its selective acknowledgements go along.
            forged.push((direction, packet.to_vec()));
        } else if told != old {
            forged.push(self.ack(direction.back()));
        }
        forged.extend(self.beyond(direction, header));
        forged
    }
}
