//! A file of 1 MiB through a connection in memory (`tokio::io::duplex`), framed by
//! `ModeCodec` at both ends, beside the same bytes unframed: `cargo bench -- framer`. Throughput is
//! in bytes of payload. Every benchmark checks the bytes first.

mod common;

use bytes::{Bytes, BytesMut};
use common::codec::{codings, kinds};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftp_proto::mode::framed::{Frame, ModeCodec, Piece};
use ftp_proto::mode::{Coding, End};
use std::hint::black_box;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio_util::codec::{Decoder, Encoder};

/// What the connection holds.
const BUFFER_BYTES: usize = 64 * 1024;
/// What the sender has at a time.
const PIECE_BYTES: usize = 32 * 1024;

async fn send(mut to: DuplexStream, mut codec: ModeCodec, mut payload: Bytes) {
    let mut wire = BytesMut::new();
    while !payload.is_empty() {
        let bytes = payload.split_to(PIECE_BYTES.min(payload.len()));
        let end = End { record: false, file: payload.is_empty() };
        codec.encode(Piece { bytes, end }, &mut wire).expect("it goes into memory");
        to.write_all_buf(&mut wire).await.expect("the other end is there");
    }
}

async fn receive(mut from: DuplexStream, mut codec: ModeCodec, mut sink: impl FnMut(&[u8])) {
    let mut wire = BytesMut::with_capacity(BUFFER_BYTES);
    loop {
        while let Some(frame) = codec.decode(&mut wire).expect("well-formed") {
            match frame {
                Frame::Data { bytes, .. } => sink(&bytes),
                Frame::Run { byte, len, .. } => sink(&[byte; 63][..len]),
                Frame::EndOfFile => return,
                Frame::EndOfRecord | Frame::Marker(_) => {}
            }
        }
        wire.reserve(BUFFER_BYTES);
        assert!(from.read_buf(&mut wire).await.expect("a connection in memory") > 0, "no end of file");
    }
}

async fn framed(coding: Coding, payload: Bytes, sink: impl FnMut(&[u8])) {
    let (one, other) = duplex(BUFFER_BYTES);
    tokio::join!(send(one, ModeCodec::new(coding), payload), receive(other, ModeCodec::new(coding), sink));
}

async fn unframed(payload: Bytes, mut sink: impl FnMut(&[u8])) {
    let (mut one, mut other) = duplex(BUFFER_BYTES);
    let send = async move {
        for piece in payload.chunks(PIECE_BYTES) {
            one.write_all(piece).await.expect("the other end is there");
        }
    };
    let receive = async {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match other.read(&mut buffer).await.expect("a connection in memory") {
                0 => return,
                read => sink(&buffer[..read]),
            }
        }
    };
    tokio::join!(send, receive);
}

fn framers(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    for (kind, payload) in kinds() {
        if !["random", "text", "long-runs"].contains(&kind) {
            continue;
        }
        let payload = Bytes::from(payload);
        let mut group = criterion.benchmark_group(format!("framer/{kind}"));
        group.throughput(Throughput::Bytes(payload.len() as u64)).sample_size(20);
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        group.bench_function("unframed", |bencher| {
            bencher.iter(|| {
                runtime.block_on(unframed(payload.clone(), |bytes| {
                    black_box(bytes);
                }))
            });
        });
        for (name, coding) in codings() {
            let mut came = Vec::new();
            runtime.block_on(framed(coding, payload.clone(), |bytes| came.extend_from_slice(bytes)));
            assert!(came == payload, "{kind} {name}: wrong bytes");
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    runtime.block_on(framed(coding, payload.clone(), |bytes| {
                        black_box(bytes);
                    }))
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, framers);
criterion_main!(benches);
