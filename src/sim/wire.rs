//! The wire bytes of a delivery, in the order in which its sender wrote them on its data
//! connections, and what each is: for faults that strike at every one of them.

use super::tls::{Content, Record};
use ftp_proto::mode::{Coding, Decoder, Event};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What a wire byte is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It is framing before payload: a block's header (RFC 959 section 3.4.2), a string's of compressed
    /// mode (section 3.4.3), an escape of stream mode with record structure (section 3.4.1).
    Header,
    /// It ends in a byte of payload (of a filler string: the byte that is repeated).
    Payload,
    /// It belongs to a restart marker.
    Marker,
    /// It belongs to a mark of the end of file that comes by itself, after all payload.
    EndOfFile,
    /// It belongs to a record of TLS, around what the mode writes: header, explicit nonce, content type, tag
    /// (RFC 8446 section 5.2, RFC 5246 section 6.2.3).
    Record,
    /// It belongs to close_notify (RFC 8446 section 6.1).
    CloseNotify,
    /// The end of the connection: its FIN, which TCP numbers like a byte.
    Close,
}

impl Part {
    /// The name that tables and CSV have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Header => "header",
            Part::Payload => "payload",
            Part::Marker => "marker",
            Part::EndOfFile => "end_of_file",
            Part::Record => "record",
            Part::CloseNotify => "close_notify",
            Part::Close => "close",
        }
    }
}

/// One byte, or one FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireByte {
    /// Data connections count from 0 in the order in which the sender began to use them.
    pub connection: u32,
    /// Where it stands in the stream of the connection.
    pub offset: u64,
    /// The index of its file among the case's; a FIN has the last file on its connection.
    pub file: u32,
    /// How many payload bytes of the file were written before it.
    pub payload_bytes: u64,
    /// What the byte is for the mode.
    pub part: Part,
}

/// A data connection: the sender's address, then the receiver's.
pub type Connection = (SocketAddr, SocketAddr);

struct Open {
    number: u32,
    file: u32,
    decoder: Decoder,
    payload_bytes: u64,
    /// Where the next byte not seen yet stands in the stream.
    next: u64,
}

/// Follows what a sender writes. What is not written in a known file is passed over.
#[derive(Default)]
pub struct Chart {
    bytes: Vec<(Connection, WireByte)>,
    open: BTreeMap<Connection, Open>,
    connections: u32,
}

impl Chart {
    /// What has been written so far, in the order of writing.
    pub fn bytes(&self) -> impl Iterator<Item = WireByte> + '_ {
        self.bytes.iter().map(|(_, byte)| *byte)
    }

    /// The connection of the `n`th byte, from 0, and its stream offset; `None` until it is shown.
    pub fn place(&self, n: u64) -> Option<(Connection, u64)> {
        let (connection, byte) = self.bytes.get(usize::try_from(n).ok()?)?;
        Some((*connection, byte.offset))
    }

    /// A file is about to be written on the connection, at this stream offset; `is_first` on it.
    pub fn begins(
        &mut self,
        connection: Connection,
        wire_offset: u64,
        is_first: bool,
        file: u32,
        coding: Coding,
    ) {
        let known = self.open.get(&connection).filter(|_| !is_first).map(|open| open.number);
        let number = known.unwrap_or_else(|| {
            self.connections += 1;
            self.connections - 1
        });
        let decoder = Decoder::new(coding);
        self.open.insert(connection, Open { number, file, decoder, payload_bytes: 0, next: wire_offset });
    }

    /// `bytes` are about to be written at `offset`; some of them may have been shown before.
    pub fn show(&mut self, connection: Connection, offset: u64, bytes: &[u8]) {
        let Some(open) = self.open.get_mut(&connection) else { return };
        let known = usize::try_from(open.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        for byte in bytes.iter().skip(known) {
            self.show_byte(connection, *byte);
        }
    }

    /// A record of TLS is about to be written.
    pub fn show_record(&mut self, connection: Connection, record: &Record) {
        let around = match record.content {
            Content::Alert => Part::CloseNotify,
            Content::Data | Content::Other => Part::Record,
        };
        let Some(open) = self.open.get_mut(&connection).filter(|open| open.next <= record.begin) else {
            return;
        };
        open.next = record.begin;
        self.show_around(connection, around, record.data_begin);
        for byte in record.data.iter() {
            self.show_byte(connection, *byte);
        }
        self.show_around(connection, around, record.end);
    }

    fn show_around(&mut self, connection: Connection, part: Part, end: u64) {
        let Some(open) = self.open.get_mut(&connection) else { return };
        let (number, file, payload_bytes) = (open.number, open.file, open.payload_bytes);
        while open.next < end {
            let byte = WireByte { connection: number, offset: open.next, file, payload_bytes, part };
            self.bytes.push((connection, byte));
            open.next += 1;
        }
    }

    fn show_byte(&mut self, connection: Connection, byte: u8) {
        let Some(open) = self.open.get_mut(&connection) else { return };
        let before = open.payload_bytes;
        let decoded = decode(&mut open.decoder, byte);
        open.payload_bytes += decoded.payload_bytes;
        let part = if decoded.payload_bytes > 0 { Part::Payload } else { Part::Header };
        let (number, file) = (open.number, open.file);
        let byte = WireByte { connection: number, offset: open.next, file, payload_bytes: before, part };
        self.bytes.push((connection, byte));
        open.next += 1;
        if let Some(part) = decoded.ends {
            // Only now is it known what the framing since the last payload was.
            let own = self.bytes.iter_mut().rev();
            let own = own.filter(|(of, byte)| *of == connection && byte.part != Part::Record);
            let framing = own.take_while(|(_, byte)| byte.file == file && byte.part == Part::Header);
            framing.for_each(|(_, byte)| byte.part = part);
        }
    }

    /// The application ends the connection at `offset`.
    pub fn close(&mut self, connection: Connection, offset: u64) {
        if let Some(open) = self.open.remove(&connection) {
            let (connection_number, file, payload_bytes) = (open.number, open.file, open.payload_bytes);
            let part = Part::Close;
            let byte = WireByte { connection: connection_number, offset, file, payload_bytes, part };
            self.bytes.push((connection, byte));
        }
    }
}

#[derive(Default)]
struct Decoded {
    payload_bytes: u64,
    /// A marker or the end of the file is complete.
    ends: Option<Part>,
}

fn decode(decoder: &mut Decoder, byte: u8) -> Decoded {
    let mut decoded = Decoded::default();
    let mut input: &[u8] = &[byte];
    // What our own encoder wrote is well-formed; a codec's defect shows in other tests.
    while let Ok(Some(event)) = decoder.decode(&mut input) {
        match event {
            Event::Data { bytes, .. } => decoded.payload_bytes += bytes.len() as u64,
            Event::Run { len, .. } => decoded.payload_bytes += len as u64,
            Event::Marker(_) => decoded.ends = Some(Part::Marker),
            Event::EndOfFile => decoded.ends = Some(Part::EndOfFile),
            Event::EndOfRecord => {}
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use ftp_proto::mode::{Encoder, End, Structure, TransmissionMode};

    fn coding(mode: TransmissionMode, structure: Structure) -> Coding {
        Coding { mode, structure, filler: 0 }
    }

    /// The parts of the files' wire bytes, a letter each, written on one connection.
    fn parts(coding: Coding, files: &[&[u8]]) -> String {
        let connection = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        let mut chart = Chart::default();
        let mut written = 0;
        for (index, file) in files.iter().enumerate() {
            let mut wire = Vec::new();
            Encoder::new(coding).encode(file, End { record: false, file: true }, &mut wire);
            chart.begins(connection, written, index == 0, index as u32, coding);
            // Bytes that were not taken come again.
            chart.show(connection, written, &wire[..wire.len() / 2]);
            chart.show(connection, written, &wire);
            written += wire.len() as u64;
        }
        chart.close(connection, written);
        let letters = chart.bytes().map(|byte| byte.part.as_str().chars().next().unwrap());
        letters.collect()
    }

    #[test]
    fn every_byte_is_known_for_what_it_is() {
        use Structure::{File, Record};
        use TransmissionMode::{Block, Compressed, Stream};
        assert_eq!(parts(coding(Stream, File), &[b"abc"]), "pppc");
        assert_eq!(parts(coding(Stream, Record), &[b"a\xff"]), "phpeec");
        assert_eq!(parts(coding(Block, File), &[b"abc", b"", b"d"]), "hhhpppeeehhhpc");
        assert_eq!(parts(coding(Compressed, File), &[b"abc", b"zzzzzzzz"]), "hpppeeehpeeec");
    }
}
