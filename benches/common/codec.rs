//! What the benchmarks of codecs and the counts of their instructions both run: payloads of several
//! kinds, and each way to encode and decode them.

use ftp_proto::mode::{
    Coding, Decoder, Encoder, End, Event, FULL_BYTES, Output, Structure, TransmissionMode,
};

pub(crate) const PAYLOAD_BYTES: usize = 1 << 20;
/// What is encoded or decoded by one call; small enough that it and what comes of it stay in
/// the first two caches.
pub(crate) const PIECE_BYTES: usize = 32 * 1024;
/// Where decoders gather data.
const DATA_BYTES: usize = 32 * 1024 + FULL_BYTES;
const FILLER: u8 = b' ';

/// The same bytes every time (xorshift).
struct Noise(u64);
impl Noise {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

fn random() -> Vec<u8> {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    (0..PAYLOAD_BYTES).map(|_| noise.next(256) as u8).collect()
}

/// Words, lines and indents, about as in program text and reports.
fn text() -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "the",
        "transfer",
        "of",
        "a",
        "file",
        "ends",
        "with",
        "block",
        "committee",
        "   ",
        "0.00",
        "let",
        "bookkeeper",
        "}\n",
        "\n        ",
        "========\n",
    ];
    let mut noise = Noise(42);
    let mut text = Vec::with_capacity(PAYLOAD_BYTES + 16);
    while text.len() < PAYLOAD_BYTES {
        text.extend(WORDS[noise.next(16) as usize].bytes());
        text.push(b' ');
    }
    text.truncate(PAYLOAD_BYTES);
    text
}

/// Runs of 100 to 400 bytes.
fn long_runs() -> Vec<u8> {
    let mut noise = Noise(7);
    let mut data = Vec::with_capacity(PAYLOAD_BYTES + 400);
    while data.len() < PAYLOAD_BYTES {
        let (byte, len) = (noise.next(256) as u8, 100 + noise.next(301) as usize);
        data.extend(std::iter::repeat_n(byte, len));
    }
    data.truncate(PAYLOAD_BYTES);
    data
}

fn pairs() -> Vec<u8> {
    (0..PAYLOAD_BYTES).map(|at| (at / 2 % 251) as u8).collect()
}

fn mixed() -> Vec<u8> {
    let mut noise = Noise(99);
    let mut data = Vec::with_capacity(PAYLOAD_BYTES + 8);
    while data.len() < PAYLOAD_BYTES {
        for _ in 0..=noise.next(3) {
            data.push(b'a' + (data.len() % 26) as u8);
        }
        data.extend(std::iter::repeat_n(b'A' + noise.next(26) as u8, 3 + noise.next(3) as usize));
    }
    data.truncate(PAYLOAD_BYTES);
    data
}

/// Takes payload as a socket's vectored write does: only where it stands.
#[derive(Default)]
pub(crate) struct Borrowing<'p> {
    pub framing: Vec<u8>,
    pub parts: Vec<&'p [u8]>,
}

impl<'p> Output<'p> for Borrowing<'p> {
    #[inline]
    fn framing(&mut self, bytes: &[u8]) {
        self.framing.extend_from_slice(bytes);
    }
    fn payload(&mut self, bytes: &'p [u8]) {
        self.parts.push(bytes);
    }
}

pub(crate) fn end_after(payload: &[u8], piece: &[u8]) -> End {
    End { record: false, file: piece.as_ptr_range().end == payload.as_ptr_range().end }
}

pub(crate) fn encode(coding: Coding, payload: &[u8], mut sink: impl FnMut(&[u8])) {
    let mut encoder = Encoder::new(coding);
    let mut wire = Vec::with_capacity(2 * PIECE_BYTES.min(payload.len()) + 16);
    for piece in payload.chunks(PIECE_BYTES) {
        wire.clear();
        encoder.encode(piece, end_after(payload, piece), &mut wire);
        sink(&wire);
    }
}

/// Data as it is found: borrowed from the wire bytes, runs as such.
pub(crate) fn decode_events(coding: Coding, wire: &[u8], mut sink: impl FnMut(&[u8])) {
    let mut decoder = Decoder::new(coding);
    for mut part in wire.chunks(PIECE_BYTES) {
        while let Some(event) = decoder.decode(&mut part).expect("well-formed") {
            match event {
                Event::Data { bytes, .. } => sink(bytes),
                Event::Run { byte, len, .. } => sink(&[byte; 63][..len]),
                _ => {}
            }
        }
    }
}

/// Data gathered in a buffer.
pub(crate) fn decode_gathered(coding: Coding, wire: &[u8], mut sink: impl FnMut(&[u8])) {
    let mut decoder = Decoder::new(coding);
    let most = DATA_BYTES.min(wire.len().saturating_mul(63) + FULL_BYTES);
    let (mut data, mut filled) = (vec![0; most], 0);
    for mut part in wire.chunks(PIECE_BYTES) {
        loop {
            let told = decoder.decode_into(&mut part, &mut data, &mut filled).expect("well-formed");
            if told.is_none() && most - filled >= FULL_BYTES {
                break;
            }
            sink(&data[..filled]);
            filled = 0;
        }
    }
    sink(&data[..filled]);
}

pub(crate) fn check(expected: &[u8], what: &str, run: impl FnOnce(&mut dyn FnMut(&[u8]))) {
    let mut came = Vec::new();
    run(&mut |bytes| came.extend_from_slice(bytes));
    assert!(came == expected, "{what}: wrong bytes");
}

/// Every kind of data, by name.
pub(crate) fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("random", random()),
        ("text", text()),
        ("zeros", vec![0; PAYLOAD_BYTES]),
        ("long-runs", long_runs()),
        ("pairs", pairs()),
        ("mixed", mixed()),
        ("escapes", vec![0xFF; PAYLOAD_BYTES]),
    ]
}

/// What deflate mode does is another library's: it is timed here, and no instruction of it counted.
pub(crate) fn deflate() -> (&'static str, Coding) {
    ("deflate", Coding { mode: TransmissionMode::Deflate, structure: Structure::File, filler: FILLER })
}

/// Every other coding that changes bytes, by name.
pub(crate) fn codings() -> [(&'static str, Coding); 3] {
    let coding = |mode, structure| Coding { mode, structure, filler: FILLER };
    [
        ("stream-record", coding(TransmissionMode::Stream, Structure::Record)),
        ("block", coding(TransmissionMode::Block, Structure::File)),
        ("compressed", coding(TransmissionMode::Compressed, Structure::File)),
    ]
}
