//! The fault plan: what goes wrong where, drawn before the run and written into its case.

use crate::proto::mode::{Coding, DecodeError, Decoder, Event};
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Nothing: the control group.
    None,
    /// The process that sends the file dies; its kernel sends what was written, then closes its
    /// sockets. A server is started again after `restart_after_us`; a client that sends is not
    /// (its job has failed, visibly to whoever watches jobs, and what it left is judged).
    SenderDies { restart_after_us: u64 },
    /// A middlebox resets the data connection: RST to both ends.
    Reset,
    /// A middlebox ends the data connection early and gracefully: FIN to both ends.
    EarlyClose,
    /// A middlebox forgets the data connection: its packets vanish, both ways, for good.
    Blackhole,
    /// Packets are lost, independently, all along the run, beyond what the path loses anyway.
    Loss { loss_ppm: u32 },
}

impl FaultKind {
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::None => "none",
            FaultKind::SenderDies { .. } => "sender_dies",
            FaultKind::Reset => "reset",
            FaultKind::EarlyClose => "early_close",
            FaultKind::Blackhole => "blackhole",
            FaultKind::Loss { .. } => "loss",
        }
    }

    /// Whether it strikes at one place of one file.
    pub fn is_anchored(&self) -> bool {
        !matches!(self, FaultKind::None | FaultKind::Loss { .. })
    }
}

/// Where in the target file the fault strikes, in payload bytes, so that it hits the same byte of
/// the same file in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Nothing of the file passes, not even its first header.
    BeforeFirstByte,
    /// The payload bytes before this one pass, this one does not.
    PayloadByte(u64),
    /// Every payload byte passes; of what follows (an end-of-file mark, FIN) nothing does. A mode
    /// that marks the end in the header before the last bytes has nothing left to lose there.
    AfterLastByte,
    /// So many bytes pass of all that the sender writes on the data connections of the delivery,
    /// its FINs counted with them ([`super::wire`]); this one does not. The target does not matter.
    WireByte(u64),
}

/// A fault, materialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub fault: FaultKind,
    /// Index into the case's files; the first attempt to send it is struck.
    pub target: u32,
    pub trigger: Trigger,
}

/// Finds the wire byte of a payload byte by decoding what the sender writes: the largest number
/// of wire bytes that may pass.
pub struct Locator {
    decoder: Decoder,
    trigger: Trigger,
    file_size_bytes: u64,
    /// Stream offset of the next byte to be fed.
    offset: u64,
    payload_bytes: u64,
    found: Option<u64>,
}

impl Locator {
    /// `wire_offset`: bytes written on the connection before the file's first.
    pub fn new(coding: Coding, trigger: Trigger, file_size_bytes: u64, wire_offset: u64) -> Self {
        let at_once = trigger == Trigger::BeforeFirstByte
            || (trigger == Trigger::AfterLastByte && file_size_bytes == 0);
        Self {
            decoder: Decoder::new(coding),
            trigger,
            file_size_bytes,
            offset: wire_offset,
            payload_bytes: 0,
            found: at_once.then_some(wire_offset),
        }
    }

    /// The stream offset that is the first not to pass, once it is known.
    pub fn found(&self) -> Option<u64> {
        self.found
    }

    /// Feeds what the sender writes next, beginning at stream offset `offset`; bytes known already
    /// are passed over.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<Option<u64>, DecodeError> {
        let known = usize::try_from(self.offset.saturating_sub(offset)).unwrap_or(usize::MAX);
        for byte in bytes.iter().skip(known) {
            if self.found.is_some() {
                break;
            }
            self.offset += 1;
            self.payload_bytes += payload_of(&mut self.decoder, &[*byte])?;
            self.found = match self.trigger {
                Trigger::PayloadByte(byte) if self.payload_bytes > byte => Some(self.offset - 1),
                Trigger::AfterLastByte if self.payload_bytes >= self.file_size_bytes => Some(self.offset),
                _ => None,
            };
        }
        Ok(self.found)
    }
}

fn payload_of(decoder: &mut Decoder, mut input: &[u8]) -> Result<u64, DecodeError> {
    let mut payload_bytes = 0;
    while let Some(event) = decoder.decode(&mut input)? {
        payload_bytes += match event {
            Event::Data { bytes, .. } => bytes.len() as u64,
            Event::Run { len, .. } => len as u64,
            Event::EndOfRecord | Event::EndOfFile | Event::Marker(_) => 0,
        };
    }
    Ok(payload_bytes)
}
