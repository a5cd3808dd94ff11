//! What a codec makes of a piece of payload, ready to be written.

use ftp_proto::mode::Output;
use std::io::IoSlice;

/// Payload shorter than this is copied: a slice more in the vectored write costs more than that
/// (the byte strings of compressed mode have up to 127 bytes).
const MIN_BORROWED_BYTES: usize = 512;

/// Wire bytes of one piece: framing copied, payload borrowed, in order, for one vectored write.
#[derive(Default)]
pub(super) struct Pieces<'p> {
    framing: Vec<u8>,
    /// Either `len` bytes of `framing`, or borrowed payload.
    parts: Vec<Part<'p>>,
}

enum Part<'p> {
    Framing(usize),
    Payload(&'p [u8]),
}

impl<'p> Output<'p> for Pieces<'p> {
    fn framing(&mut self, bytes: &[u8]) {
        self.framing.extend_from_slice(bytes);
        match self.parts.last_mut() {
            Some(Part::Framing(len)) => *len += bytes.len(),
            _ => self.parts.push(Part::Framing(bytes.len())),
        }
    }
    fn payload(&mut self, bytes: &'p [u8]) {
        if bytes.len() < MIN_BORROWED_BYTES {
            return self.framing(bytes);
        }
        self.parts.push(Part::Payload(bytes));
    }
}

impl Pieces<'_> {
    /// For a vectored write, in order.
    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut framing = self.framing.as_slice();
        self.parts
            .iter()
            .map(|part| match part {
                Part::Framing(len) => {
                    let (now, rest) = framing.split_at(*len);
                    framing = rest;
                    IoSlice::new(now)
                }
                Part::Payload(bytes) => IoSlice::new(bytes),
            })
            .collect()
    }
}
