//! The codecs of the transmission modes, each beside a memcpy of the same payload in the same
//! pieces: `cargo bench --bench codec`. Throughput is in bytes of payload. Every benchmark checks
//! the bytes that it then times.
//!
//! Groups are `codec/KIND/SIZE`, one for each kind of data and size of file (encoder and decoder are
//! made anew for each file); in them `memcpy`, and mode and direction.
//! The worst cases: `pairs` is two of each byte (a replicated string for every two bytes),
//! `mixed` byte strings of one to three bytes between runs of three to five (as many strings as
//! there can be, of a kind and length that cannot be foreseen), `escapes` is 0xFF.

mod common;

use common::codec::*;
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use ftp_proto::mode::{Coding, Encoder, TransmissionMode};
use std::hint::black_box;
use std::time::Duration;

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
    if matches!(coding.mode, TransmissionMode::Compressed | TransmissionMode::Deflate) {
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

fn kind(criterion: &mut Criterion, name: &str, payload: &[u8], size: &str) {
    let mut group = criterion.benchmark_group(format!("codec/{name}/{size}"));
    group
        .throughput(Throughput::Bytes(payload.len() as u64))
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(if payload.len() < PAYLOAD_BYTES { 400 } else { 1000 }))
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
    for (name, coding) in codings().into_iter().chain([deflate()]) {
        coder(&mut group, name, coding, payload);
    }
    group.finish();
}

fn codec(criterion: &mut Criterion) {
    for (name, payload) in kinds() {
        for (size, bytes) in [("1MiB", PAYLOAD_BYTES), ("64KiB", 64 * 1024), ("1KiB", 1024)] {
            kind(criterion, name, &payload[..bytes], size);
        }
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
