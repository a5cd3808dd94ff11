//! [`Decoder::decode_into`] where its ways meet: those of many bytes at once, and of an event each.

use crate::harness::*;
use crate::properties::gathered;
use ftp_proto::mode::*;

fn plain(len: usize) -> impl Iterator<Item = u8> {
    (0..len).map(|at| b'a' + (at % 20) as u8)
}

#[track_caller]
fn same(coding: Coding, wire: &[u8], room: usize) {
    assert_eq!(gathered(coding, [wire], room), decode(coding, [wire]), "{room} bytes of room");
}

#[test]
fn with_less_room_than_it_asks_for_nothing_is_taken() {
    let text: Vec<u8> = plain(500).collect();
    for (mode, structure) in [STREAM_F, STREAM_R, BLOCK, COMPRESSED] {
        let coding = coding(mode, structure);
        let wire = encode(coding, &[piece(&text, FILE)]);
        let (mut input, mut data) = (&wire[..], [0; 300]);
        let mut filled = data.len() - (FULL_BYTES - 1);
        let told = Decoder::new(coding).decode_into(&mut input, &mut data, &mut filled);
        assert_eq!(told, Ok(None), "{mode:?}");
        assert_eq!((input.len(), filled), (wire.len(), data.len() - (FULL_BYTES - 1)), "{mode:?}");
    }
}

/// Whichever way it was taken, data that no mark ends is a part of a file.
#[test]
fn a_file_cut_after_any_byte_is_truncated() {
    let text: Vec<u8> = plain(300).collect();
    for (mode, structure) in [STREAM_R, BLOCK, COMPRESSED] {
        let coding = coding(mode, structure);
        let wire = encode(coding, &[piece(&text, FILE)]);
        for cut in 1..wire.len() {
            for room in [FULL_BYTES, 1000] {
                let (_, result) = gathered(coding, [&wire[..cut]], room);
                assert_eq!(result, Ok(Finish::Truncated), "{mode:?} cut at {cut}");
            }
        }
        assert_eq!(gathered(coding, [&wire[..]], 1000).1, Ok(Finish::Complete));
    }
}

#[test]
fn a_run_waits_for_the_room_it_needs() {
    let coding = coding(COMPRESSED.0, COMPRESSED.1);
    let mut wire = Vec::new();
    for _ in 0..6 {
        wire.push(127);
        wire.extend(plain(127));
    }
    wire.extend(b"\xBFr\xFF".repeat(200));
    for room in FULL_BYTES..900 {
        same(coding, &wire, room);
    }
}

/// Escapes in pairs, wherever they begin and however many follow one another, and a mark behind them.
#[test]
fn escapes_are_paired_at_every_place() {
    let coding = coding(STREAM_R.0, STREAM_R.1);
    for before in 0..66 {
        for escapes in [1, 2, 3, 31, 32, 33, 64, 70] {
            let text: Vec<u8> = plain(before).chain(vec![0xFF; escapes]).chain(plain(3)).collect();
            let steps = [piece(&text, RECORD), piece(&text[before..], DATA), piece(&text, FILE)];
            let mut wire = encode(coding, &steps);
            wire.extend(plain(80));
            for room in [FULL_BYTES, 1000] {
                same(coding, &wire, room);
            }
        }
    }
}
