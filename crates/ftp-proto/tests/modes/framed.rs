//! The `tokio_util::codec` face of the modes.

use crate::harness::*;
use bytes::{Bytes, BytesMut};
use ftp_proto::mode::framed::{CodecError, Frame, Marker, ModeCodec, Piece};
use ftp_proto::mode::*;
use tokio_util::codec::{Decoder as _, Encoder as _};

fn send(codec: &mut ModeCodec, bytes: &'static [u8], end: End) -> BytesMut {
    let mut wire = BytesMut::new();
    codec.encode(Piece { bytes: Bytes::from_static(bytes), end }, &mut wire).unwrap();
    wire
}

/// All frames of a connection that brings these bytes and closes.
fn frames(coding: Coding, wire: &[u8]) -> (Vec<Frame>, Option<CodecError>) {
    let mut codec = ModeCodec::new(coding);
    let (mut frames, mut buffer) = (Vec::new(), BytesMut::new());
    for byte in wire {
        buffer.extend_from_slice(&[*byte]);
        while let Some(frame) = codec.decode(&mut buffer).unwrap() {
            frames.push(frame);
        }
    }
    loop {
        match codec.decode_eof(&mut buffer) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

#[test]
fn frames_go_over_and_data_is_not_copied() {
    for (mode, structure) in [STREAM_R, BLOCK, COMPRESSED] {
        let mut codec = ModeCodec::new(coding(mode, structure));
        let mut wire = send(&mut codec, b"some \xFFdata", BOTH);
        let range = wire.as_ptr_range();
        let mut data = Vec::new();
        loop {
            match codec.decode(&mut wire).unwrap().expect("up to the end of file") {
                Frame::Data { bytes, suspect } => {
                    assert!(!suspect && range.contains(&bytes.as_ptr()));
                    data.extend(bytes);
                }
                Frame::EndOfFile => break,
                Frame::EndOfRecord => assert_eq!(data, b"some \xFFdata"),
                other => panic!("{other:?}"),
            }
        }
        assert!(codec.decode(&mut wire).unwrap().is_none() && wire.is_empty());
        assert!(codec.decode_eof(&mut wire).unwrap().is_none());
    }
}

#[test]
fn a_connection_that_ends_inside_a_file_is_truncated_but_in_stream_mode() {
    let deflate = [Structure::File, Structure::Record].map(|it| (TransmissionMode::Deflate, it));
    for (mode, structure) in [STREAM_R, BLOCK, COMPRESSED].into_iter().chain(deflate) {
        let coding = coding(mode, structure);
        let wire = send(&mut ModeCodec::new(coding), b"data", FILE);
        assert!(matches!(frames(coding, &wire), (_, None)));
        for cut in 1..wire.len() {
            let (_, error) = frames(coding, &wire[..cut]);
            assert!(matches!(error, Some(CodecError::Truncated)), "{mode:?} cut at {cut}: {error:?}");
        }
    }
    let (frames, error) = frames(coding(STREAM_F.0, STREAM_F.1), b"dat");
    assert!(frames.len() == 3 && error.is_none());
}

/// What came with the close is told before it.
#[test]
fn what_has_come_is_told_before_the_connection_is_found_truncated() {
    for (mode, structure) in [STREAM_R, BLOCK, COMPRESSED] {
        let mut codec = ModeCodec::new(coding(mode, structure));
        let mut wire = send(&mut codec, b"data", DATA);
        let Ok(Some(Frame::Data { bytes, .. })) = codec.decode_eof(&mut wire) else { panic!("no data") };
        assert_eq!(bytes, b"data"[..]);
        assert!(matches!(codec.decode_eof(&mut wire), Err(CodecError::Truncated)), "{mode:?}");
    }
}

/// Data that the decoder made, more of it than one frame holds.
#[test]
fn what_is_inflated_comes_in_frames() {
    const ZEROS: &[u8] = &[0; 200_000];
    let coding = coding(TransmissionMode::Deflate, Structure::File);
    let mut codec = ModeCodec::new(coding);
    let mut wire = send(&mut codec, ZEROS, FILE);
    let (mut data, mut frames) = (Vec::new(), 0);
    loop {
        match codec.decode(&mut wire).unwrap().expect("up to the end of file") {
            Frame::Data { bytes, .. } => data.extend(bytes),
            Frame::EndOfFile => break,
            other => panic!("{other:?}"),
        }
        frames += 1;
    }
    assert!(data == ZEROS && frames > 1 && wire.is_empty());
    wire.extend_from_slice(b"x");
    assert!(matches!(codec.decode(&mut wire), Err(CodecError::Malformed(_))));
}

#[test]
fn markers_and_runs_are_frames() {
    let coding = coding(COMPRESSED.0, COMPRESSED.1);
    let mut codec = ModeCodec::new(coding);
    let mut wire = send(&mut codec, b"aaaa", DATA);
    codec.encode(Marker(Bytes::from_static(b"m1")), &mut wire).unwrap();
    let bad = codec.encode(Marker(Bytes::from_static(b"m 1")), &mut wire);
    assert!(matches!(bad, Err(CodecError::BadMarker)));
    let expected = [Frame::Run { byte: b'a', len: 4, suspect: false }, Frame::Marker(b"m1"[..].into())];
    assert_eq!(frames(coding, &wire).0, expected);
}

#[test]
fn malformed_bytes_are_errors() {
    let mut codec = ModeCodec::new(coding(BLOCK.0, BLOCK.1));
    let error = codec.decode(&mut BytesMut::from(&b"\x01\0\0"[..])).unwrap_err();
    assert!(matches!(&error, CodecError::Malformed(DecodeError { offset: 0, .. })), "{error}");
}
