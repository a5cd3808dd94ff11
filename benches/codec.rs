//! The codecs of the transmission modes, each beside a memcpy of the same payload in the same
//! pieces: `cargo bench --bench codec`. Throughput is in bytes of payload. Every benchmark checks
//! the bytes that it then times.
//!
//! Groups are `codec/KIND`, one for each kind of data; in them `memcpy`, and mode and direction.
//! The worst cases: `pairs` is two of each byte (a replicated string for every two bytes),
//! `mixed` byte strings of one to three bytes between runs of three to five (as many strings as
//! there can be, of a kind and length that cannot be foreseen), `escapes` is 0xFF.

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use ftpsim::proto::mode::{
    Coding, Decoder, Encoder, End, Event, FULL_BYTES, Output, Structure, TransmissionMode,
};
use std::hint::black_box;
use std::time::Duration;

const PAYLOAD_BYTES: usize = 1 << 20;
/// What is encoded or decoded by one call; small enough that it and what comes of it stay in
/// the first two caches.
const PIECE_BYTES: usize = 32 * 1024;
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
struct Borrowing<'p> {
    framing: Vec<u8>,
    parts: Vec<&'p [u8]>,
}

impl<'p> Output<'p> for Borrowing<'p> {
    fn framing(&mut self, bytes: &[u8]) {
        self.framing.extend_from_slice(bytes);
    }
    fn payload(&mut self, bytes: &'p [u8]) {
        self.parts.push(bytes);
    }
}

fn end_after(payload: &[u8], piece: &[u8]) -> End {
    End { record: false, file: piece.as_ptr_range().end == payload.as_ptr_range().end }
}

fn encode(coding: Coding, payload: &[u8], mut sink: impl FnMut(&[u8])) {
    let mut encoder = Encoder::new(coding);
    let mut wire = Vec::with_capacity(2 * PIECE_BYTES + 16);
    for piece in payload.chunks(PIECE_BYTES) {
        wire.clear();
        encoder.encode(piece, end_after(payload, piece), &mut wire);
        sink(&wire);
    }
}

/// Data as it is found: borrowed from the wire bytes, runs as such.
fn decode_events(coding: Coding, wire: &[u8], mut sink: impl FnMut(&[u8])) {
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
fn decode_gathered(coding: Coding, wire: &[u8], mut sink: impl FnMut(&[u8])) {
    let mut decoder = Decoder::new(coding);
    let (mut data, mut filled) = (vec![0; DATA_BYTES], 0);
    for mut part in wire.chunks(PIECE_BYTES) {
        loop {
            let told = decoder.decode_into(&mut part, &mut data, &mut filled).expect("well-formed");
            if told.is_none() && DATA_BYTES - filled >= FULL_BYTES {
                break;
            }
            sink(&data[..filled]);
            filled = 0;
        }
    }
    sink(&data[..filled]);
}

fn check(expected: &[u8], what: &str, run: impl FnOnce(&mut dyn FnMut(&[u8]))) {
    let mut came = Vec::new();
    run(&mut |bytes| came.extend_from_slice(bytes));
    assert!(came == expected, "{what}: wrong bytes");
}

fn coder(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, coding: Coding, payload: &[u8]) {
    let mut wire = Vec::new();
    encode(coding, payload, |bytes| wire.extend_from_slice(bytes));
    check(payload, name, |sink| decode_events(coding, &wire, sink));
    check(payload, name, |sink| decode_gathered(coding, &wire, sink));

    group.bench_function(format!("{name}-encode"), |bencher| {
        bencher.iter(|| {
            encode(coding, black_box(payload), |bytes| {
                black_box(bytes);
            })
        });
    });
    group.bench_function(format!("{name}-decode"), |bencher| {
        bencher.iter(|| {
            decode_gathered(coding, black_box(&wire), |bytes| {
                black_box(bytes);
            })
        });
    });
    if coding.mode == TransmissionMode::Compressed {
        return;
    }
    group.bench_function(format!("{name}-encode-borrowed"), |bencher| {
        let mut encoder = Encoder::new(coding);
        let mut out = Borrowing::default();
        bencher.iter(|| {
            let payload: &[u8] = black_box(payload);
            for piece in payload.chunks(PIECE_BYTES) {
                out.framing.clear();
                out.parts.clear();
                encoder.encode(piece, end_after(payload, piece), &mut out);
                black_box((&out.framing, &out.parts));
            }
        });
    });
    group.bench_function(format!("{name}-decode-borrowed"), |bencher| {
        bencher.iter(|| {
            decode_events(coding, black_box(&wire), |bytes| {
                black_box(bytes);
            })
        });
    });
}

fn kind(criterion: &mut Criterion, name: &str, payload: &[u8]) {
    let mut group = criterion.benchmark_group(format!("codec/{name}"));
    group
        .throughput(Throughput::Bytes(payload.len() as u64))
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    group.bench_function("memcpy", |bencher| {
        let mut copy = Vec::with_capacity(PIECE_BYTES);
        bencher.iter(|| {
            for piece in black_box(payload).chunks(PIECE_BYTES) {
                copy.clear();
                copy.extend_from_slice(piece);
                black_box(&copy);
            }
        });
    });
    let coding = |mode, structure| Coding { mode, structure, filler: FILLER };
    coder(&mut group, "stream-record", coding(TransmissionMode::Stream, Structure::Record), payload);
    coder(&mut group, "block", coding(TransmissionMode::Block, Structure::File), payload);
    coder(&mut group, "compressed", coding(TransmissionMode::Compressed, Structure::File), payload);
    group.finish();
}

fn codec(criterion: &mut Criterion) {
    kind(criterion, "random", &random());
    kind(criterion, "text", &text());
    kind(criterion, "zeros", &vec![0; PAYLOAD_BYTES]);
    kind(criterion, "long-runs", &long_runs());
    kind(criterion, "pairs", &pairs());
    kind(criterion, "mixed", &mixed());
    kind(criterion, "escapes", &vec![0xFF; PAYLOAD_BYTES]);
}

criterion_group!(benches, codec);
criterion_main!(benches);
