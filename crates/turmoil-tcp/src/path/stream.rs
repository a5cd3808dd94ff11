//! One direction of a connection as the path sees it pass.

use crate::segment::{Segment, TcpHeader, after, later};
use smoltcp::wire::TcpControl;

/// What is known of it from the packets seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of the SYN.
    pub isn: Option<u32>,
    /// After the highest sequence number seen, and the stream offset it stands for.
    pub nxt: u32,
    nxt_offset: u64,
    pub fin_seen: bool,
    /// The newest ACK and window of this direction's packets: what its sender has received.
    pub ack: Option<u32>,
    pub window: u16,
}

impl Stream {
    /// Stream offset of a sequence number; negative before the first byte.
    pub(super) fn offset_of(&self, seq: u32) -> i64 {
        self.nxt_offset as i64 + i64::from(seq.wrapping_sub(self.nxt) as i32)
    }

    pub(super) fn seq_of(&self, offset: u64) -> u32 {
        self.nxt.wrapping_add(offset.wrapping_sub(self.nxt_offset) as u32)
    }

    /// A packet of this direction passes.
    pub(super) fn saw(&mut self, header: &TcpHeader) {
        if header.syn {
            self.isn = Some(header.seq);
            self.nxt = header.seq.wrapping_add(1);
            self.nxt_offset = 0;
            self.fin_seen = false;
        } else if self.isn.is_some() && after(header.seq_end(), self.nxt) {
            self.nxt_offset += u64::from(header.seq_end().wrapping_sub(self.nxt));
            self.nxt = header.seq_end();
        }
        self.fin_seen |= header.fin;
        if let Some(ack) = header.ack {
            self.ack = Some(self.ack.map_or(ack, |old| later(old, ack)));
            self.window = header.window;
        }
    }
}

/// The part of a data segment before sequence number `cut`, without FIN; `None` if that is
/// nothing.
pub(super) fn prefix(header: &TcpHeader, packet: &[u8], cut: u32, ack: Option<u32>) -> Option<Vec<u8>> {
    let len = (cut.wrapping_sub(header.payload_seq()) as i32).clamp(0, header.payload_len() as i32) as usize;
    if len == 0 {
        return None;
    }
    let (src, dst, seq, window) = (header.src, header.dst, header.seq, header.window);
    let payload = &header.payload(packet)[..len];
    Some(Segment { src, dst, seq, ack, window, control: TcpControl::Psh, payload }.to_vec())
}
