//! A direction of a connection under TLS, taken apart into its records.

use super::noted::{self, Content};
use std::sync::Arc;

/// RFC 8446 section 5.1: type, version, length.
const HEADER_BYTES: usize = 5;

/// A record of a connection, whole. Offsets are those of the connection's stream.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where its header begins.
    pub begin: u64,
    /// Where the next one begins.
    pub end: u64,
    /// What it is for.
    pub content: Content,
    /// Where the first byte of `data` stands.
    pub data_begin: u64,
    /// What the application wrote.
    pub data: Arc<[u8]>,
}

/// Follows what is written from a connection's first byte on.
#[derive(Debug, Default)]
pub struct Records {
    /// Of the record that is not whole yet.
    pending: Vec<u8>,
    /// Where it begins.
    begin: u64,
}

impl Records {
    /// The stream offset of the next byte to be seen.
    pub fn next(&self) -> u64 {
        self.begin + self.pending.len() as u64
    }

    /// The records that become whole by `bytes`, which stand at `offset`; what was seen before is passed over.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) -> Vec<Record> {
        if offset == 0 && self.begin > 0 {
            // Another connection has the same addresses.
            *self = Self::default();
        }
        let known = usize::try_from(self.next().saturating_sub(offset)).unwrap_or(usize::MAX);
        self.pending.extend(bytes.iter().skip(known));
        let mut whole = Vec::new();
        while let [_, _, _, high, low, ..] = self.pending[..] {
            let len = HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
            if self.pending.len() < len {
                break;
            }
            whole.push(self.record(len));
            self.pending.drain(..len);
            self.begin += len as u64;
        }
        whole
    }

    fn record(&self, len: usize) -> Record {
        let (begin, end) = (self.begin, self.begin + len as u64);
        match noted::find(&self.pending[HEADER_BYTES..len]) {
            Some(plain) => {
                let behind = plain.bytes.len() + plain.trailer_bytes;
                let data_begin = end.saturating_sub(behind as u64);
                Record { begin, end, content: plain.content, data_begin, data: plain.bytes }
            }
            // In clear, as a handshake begins.
            None => Record { begin, end, content: Content::Other, data_begin: end, data: Arc::default() },
        }
    }

    /// What the application wrote, of the records that become whole.
    pub fn data(&mut self, offset: u64, bytes: &[u8]) -> Vec<u8> {
        self.feed(offset, bytes).iter().flat_map(|record| record.data.iter().copied()).collect()
    }
}
