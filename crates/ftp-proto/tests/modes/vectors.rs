//! Wire bytes worked out by hand.

use crate::harness::*;
use ftp_proto::mode::*;

fn data(bytes: &[u8]) -> Seen {
    Seen::Data(bytes.to_vec(), false)
}

/// Encodes to exactly these bytes, and these bytes decode to `seen` whether they come at once or
/// one by one.
#[track_caller]
fn vector((mode, structure): (TransmissionMode, Structure), steps: &[Step], wire: &[u8], seen: &[Seen]) {
    let coding = coding(mode, structure);
    assert_eq!(encode(coding, steps), wire, "encoding");
    decodes((mode, structure), wire, seen, Finish::Complete);
}

#[track_caller]
fn decodes((mode, structure): (TransmissionMode, Structure), wire: &[u8], seen: &[Seen], finish: Finish) {
    let coding = coding(mode, structure);
    assert_eq!(decode(coding, [wire]), (seen.to_vec(), Ok(finish)), "at once");
    assert_eq!(decode(coding, wire.chunks(1)), (seen.to_vec(), Ok(finish)), "byte by byte");
}

#[track_caller]
fn refuses(
    (mode, structure): (TransmissionMode, Structure),
    wire: &[u8],
    offset: u64,
    found: &str,
    before: &[Seen],
) {
    let coding = coding(mode, structure);
    for parts in [wire.chunks(1), wire.chunks(wire.len())] {
        let (seen, result) = decode(coding, parts);
        let error = result.expect_err("malformed");
        assert_eq!((error.mode, error.offset, error.found.as_str()), (mode, offset, found), "{error}");
        assert_eq!(seen, before);
    }
}

#[test]
fn stream_of_structure_file_is_the_payload_and_ends_with_the_connection() {
    let coding = coding(STREAM_F.0, STREAM_F.1);
    let wire = encode(coding, &[piece(b"a\xFF\x02b", RECORD), piece(b"", FILE)]);
    assert_eq!(wire, b"a\xFF\x02b");
    decodes(STREAM_F, &wire, &[data(b"a\xFF\x02b")], Finish::Closed);
    decodes(STREAM_F, b"", &[], Finish::Closed);
}

#[test]
fn stream_of_structure_record_escapes_with_ff() {
    use Seen::*;
    vector(STREAM_R, &[piece(b"", FILE)], b"\xFF\x02", &[EndOfFile]);
    vector(
        STREAM_R,
        &[piece(b"one", RECORD), piece(b"two", BOTH)],
        b"one\xFF\x01two\xFF\x03",
        &[data(b"one"), EndOfRecord, data(b"two"), EndOfRecord, EndOfFile],
    );
    vector(
        STREAM_R,
        &[piece(b"\xFF", DATA), piece(b"x\xFF\xFF\x01", FILE)],
        b"\xFF\xFFx\xFF\xFF\xFF\xFF\x01\xFF\x02",
        &[data(b"\xFFx\xFF\xFF\x01"), EndOfFile],
    );
    vector(
        STREAM_R,
        &[piece(b"a", FILE), piece(b"", RECORD), piece(b"", FILE)],
        b"a\xFF\x02\xFF\x01\xFF\x02",
        &[data(b"a"), EndOfFile, EndOfRecord, EndOfFile],
    );
}

#[test]
fn stream_of_structure_record_tells_complete_from_truncated() {
    decodes(STREAM_R, b"", &[], Finish::Complete);
    decodes(STREAM_R, b"a", &[data(b"a")], Finish::Truncated);
    decodes(STREAM_R, b"a\xFF\x01", &[data(b"a"), Seen::EndOfRecord], Finish::Truncated);
    decodes(STREAM_R, b"\xFF", &[], Finish::Truncated);
    decodes(STREAM_R, b"\xFF\x02b", &[Seen::EndOfFile, data(b"b")], Finish::Truncated);
    refuses(STREAM_R, b"ab\xFF\x04", 3, "0x04", &[data(b"ab")]);
    refuses(STREAM_R, b"\xFF\x00", 1, "0x00", &[]);
}

#[test]
fn block_puts_its_codes_on_the_last_block() {
    use Seen::*;
    vector(BLOCK, &[piece(b"hello", FILE)], b"\x40\0\x05hello", &[data(b"hello"), EndOfFile]);
    vector(BLOCK, &[piece(b"", FILE)], b"\x40\0\0", &[EndOfFile]);
    vector(
        BLOCK,
        &[piece(b"ab", DATA), piece(b"", DATA), piece(b"c", RECORD), piece(b"", RECORD), piece(b"d", BOTH)],
        b"\0\0\x02ab\x80\0\x01c\x80\0\0\xC0\0\x01d",
        &[data(b"abc"), EndOfRecord, EndOfRecord, data(b"d"), EndOfRecord, EndOfFile],
    );
    vector(
        BLOCK,
        &[piece(b"a", DATA), piece(b"", FILE), piece(b"b", FILE)],
        b"\0\0\x01a\x40\0\0\x40\0\x01b",
        &[data(b"a"), EndOfFile, data(b"b"), EndOfFile],
    );
}

#[test]
fn block_splits_what_its_count_cannot_hold() {
    let payload: Vec<u8> = (0..65_536 + 65_535).map(|i| (i % 251) as u8).collect();
    let mut wire = vec![0, 0xFF, 0xFF];
    wire.extend(&payload[..65_535]);
    wire.extend([0, 0xFF, 0xFF]);
    wire.extend(&payload[65_535..131_070]);
    wire.extend([0x40, 0, 1, payload[131_070]]);
    vector(BLOCK, &[piece(&payload, FILE)], &wire, &[data(&payload), Seen::EndOfFile]);
    // This is just what one block can hold.
    let wire = encode(coding(BLOCK.0, BLOCK.1), &[piece(&payload[..65_535], FILE)]);
    assert_eq!((wire.len(), &wire[..3]), (65_538, &[0x40, 0xFF, 0xFF][..]));
}

#[test]
fn block_carries_markers() {
    use Seen::*;
    // The example of RFC 959: a six-character marker.
    vector(
        BLOCK,
        &[piece(b"a", DATA), Step::Marker(b"000123".to_vec()), piece(b"b", FILE)],
        b"\0\0\x01a\x10\0\x06000123\x40\0\x01b",
        &[data(b"a"), Marker(b"000123".to_vec()), data(b"b"), EndOfFile],
    );
    // Codes may be combined: a marker at the end of a record and of the file.
    decodes(BLOCK, b"\xD0\0\x02m1", &[Marker(b"m1".to_vec()), EndOfRecord, EndOfFile], Finish::Complete);
    refuses(BLOCK, b"\x10\0\0", 2, "a restart marker of 0 bytes", &[]);
    refuses(BLOCK, b"\x10\0\x80", 2, "a restart marker of 128 bytes", &[]);
    refuses(BLOCK, b"\x10\xFF\xFF", 2, "a restart marker of 65535 bytes", &[]);
    refuses(BLOCK, b"\x10\0\x03a b", 4, "0x20", &[]);
    refuses(BLOCK, b"\x10\0\x03a\r\n", 4, "0x0D", &[]);
}

#[test]
fn block_reads_suspect_data_and_empty_blocks() {
    use Seen::*;
    decodes(
        BLOCK,
        b"\x20\0\x02??\0\0\0\0\0\x01.\x60\0\x01?",
        &[Data(b"??".to_vec(), true), data(b"."), Data(b"?".to_vec(), true), EndOfFile],
        Finish::Complete,
    );
    decodes(BLOCK, b"\0\0\0", &[], Finish::Truncated);
    decodes(BLOCK, b"\0\0\0\x40\0\0", &[EndOfFile], Finish::Complete);
}

#[test]
fn block_tells_complete_from_truncated_at_every_byte() {
    let wire = b"\x80\0\x02ab\x40\0\x02cd";
    decodes(BLOCK, b"", &[], Finish::Complete);
    for cut in 1..wire.len() {
        let (_, finish) = decode(coding(BLOCK.0, BLOCK.1), [&wire[..cut]]);
        assert_eq!(finish, Ok(Finish::Truncated), "cut at {cut}");
    }
    decodes(BLOCK, &wire[5..], &[data(b"cd"), Seen::EndOfFile], Finish::Complete);
}

#[test]
fn block_refuses_unknown_codes() {
    for code in [1, 2, 4, 8, 0x41, 0xFF] {
        refuses(BLOCK, &[code, 0, 1, b'a'], 0, &format!("0x{code:02X}"), &[]);
    }
    refuses(BLOCK, b"\x40\0\x01a\x02\0\0", 4, "0x02", &[data(b"a"), Seen::EndOfFile]);
}

#[test]
fn compressed_strings() {
    use Seen::*;
    vector(COMPRESSED, &[piece(b"", FILE)], b"\0\x40\xC0", &[EndOfFile]);
    vector(COMPRESSED, &[piece(b"abc", FILE)], b"\x03abc\0\x40\xC0", &[data(b"abc"), EndOfFile]);
    // Four of a kind are a replicated string, spaces a filler string, whatever precedes.
    vector(
        COMPRESSED,
        &[piece(b"zzzz", DATA), piece(b"   ", DATA), piece(b"ab   cdddd", FILE)],
        b"\x84z\xC3\x02ab\xC3\x01c\x84d\0\x40\xC0",
        &[data(b"zzzz   ab   cdddd"), EndOfFile],
    );
    // Inside a byte string, two of a kind and one space are cheaper left in.
    vector(
        COMPRESSED,
        &[piece(b"aabbc d", FILE)],
        b"\x82a\x82b\x03c d\0\x40\xC0",
        &[data(b"aabbc d"), EndOfFile],
    );
    vector(COMPRESSED, &[piece(b"abbc d", FILE)], b"\x06abbc d\0\x40\xC0", &[data(b"abbc d"), EndOfFile]);
}

#[test]
fn compressed_counts_to_127_and_63() {
    let mixed: Vec<u8> = (0..128).map(|i| b'A' + i % 50).collect();
    let mut wire = vec![127];
    wire.extend(&mixed[..127]);
    wire.extend([1, mixed[127], 0, 0x40, 0xC0]);
    vector(COMPRESSED, &[piece(&mixed, FILE)], &wire, &[data(&mixed), Seen::EndOfFile]);

    vector(
        COMPRESSED,
        &[piece(&[b'x'; 130], FILE)],
        b"\xBFx\xBFx\x84x\0\x40\xC0",
        &[data(&[b'x'; 130]), Seen::EndOfFile],
    );
    vector(
        COMPRESSED,
        &[piece(&[SPACE; 64], FILE)],
        b"\xFF\xC1\0\x40\xC0",
        &[data(&[SPACE; 64]), Seen::EndOfFile],
    );
    // 1 + 64: the odd one goes with the byte string before it.
    let payload: Vec<u8> = [b'a'].into_iter().chain([b'b'; 64]).collect();
    vector(
        COMPRESSED,
        &[piece(&payload, FILE)],
        b"\x02ab\xBFb\0\x40\xC0",
        &[data(&payload), Seen::EndOfFile],
    );
}

#[test]
fn compressed_ends_records_and_files_on_an_empty_string() {
    use Seen::*;
    vector(
        COMPRESSED,
        &[piece(b"ab", RECORD), piece(b"", RECORD), piece(b"c", BOTH), piece(b"d", FILE)],
        b"\x02ab\0\x80\xC0\0\x80\xC0\x01c\0\xC0\xC0\x01d\0\x40\xC0",
        &[data(b"ab"), EndOfRecord, EndOfRecord, data(b"c"), EndOfRecord, EndOfFile, data(b"d"), EndOfFile],
    );
}

#[test]
fn compressed_applies_codes_to_the_string_that_follows() {
    use Seen::*;
    decodes(COMPRESSED, b"\0\x40\x03abc", &[data(b"abc"), EndOfFile], Finish::Complete);
    decodes(COMPRESSED, b"\0\xC0\x83a", &[data(b"aaa"), EndOfRecord, EndOfFile], Finish::Complete);
    decodes(COMPRESSED, b"\0\x40\xC2", &[data(b"  "), EndOfFile], Finish::Complete);
    decodes(COMPRESSED, b"\0\x40\x80z", &[EndOfFile], Finish::Complete);
    // Several escapes stand before one string; some codes say nothing.
    decodes(COMPRESSED, b"\0\x80\0\x40\0\0\x01a", &[data(b"a"), EndOfRecord, EndOfFile], Finish::Complete);
    // Suspect is the one string only.
    decodes(
        COMPRESSED,
        b"\0\x20\x02??\x01.\0\x20\x82!\0\x20\xC1\0\x40\xC0",
        &[Data(b"??".to_vec(), true), data(b"."), Data(b"!! ".to_vec(), true), EndOfFile],
        Finish::Complete,
    );
}

#[test]
fn compressed_carries_markers() {
    use Seen::*;
    vector(
        COMPRESSED,
        &[piece(b"a", DATA), Step::Marker(b"000123".to_vec()), piece(b"b", FILE)],
        b"\x01a\0\x10\x06000123\x01b\0\x40\xC0",
        &[data(b"a"), Marker(b"000123".to_vec()), data(b"b"), EndOfFile],
    );
    decodes(COMPRESSED, b"\0\x10\x83X", &[Marker(b"XXX".to_vec())], Finish::Truncated);
    decodes(COMPRESSED, b"\0\x50\x01m", &[Marker(b"m".to_vec()), EndOfFile], Finish::Complete);
    refuses(COMPRESSED, b"\0\x10\xC3", 2, "0xC3", &[]);
    refuses(COMPRESSED, b"\0\x10\xC0", 2, "0xC0", &[]);
    refuses(COMPRESSED, b"\0\x10\x80a", 3, "0x61", &[]);
    refuses(COMPRESSED, b"\0\x10\x03a\0b", 4, "0x00", &[]);
}

#[test]
fn compressed_tells_complete_from_truncated_at_every_byte() {
    let wire = b"\x02ab\x83c\0\x80\xC1\0\x40\x02de";
    decodes(COMPRESSED, b"", &[], Finish::Complete);
    for cut in 1..wire.len() {
        let (_, finish) = decode(coding(COMPRESSED.0, COMPRESSED.1), [&wire[..cut]]);
        assert_eq!(finish, Ok(Finish::Truncated), "cut at {cut}");
    }
    // The connection is closed between an escape and its string.
    decodes(COMPRESSED, b"\x01a\0\x40", &[data(b"a")], Finish::Truncated);
    refuses(COMPRESSED, b"\x01a\0\x41", 3, "0x41", &[data(b"a")]);
    refuses(COMPRESSED, b"\0\x08", 1, "0x08", &[]);
}

#[test]
fn compressed_filler_is_that_of_the_type() {
    for filler in [0, b' ', 0x40] {
        let coding = Coding { filler, ..coding(COMPRESSED.0, COMPRESSED.1) };
        let payload = [filler; 5];
        assert_eq!(encode(coding, &[piece(&payload, FILE)]), b"\xC5\0\x40\xC0");
        assert_eq!(
            decode(coding, [&b"\xC5\0\x40\xC0"[..]]),
            (vec![data(&payload), Seen::EndOfFile], Ok(Finish::Complete))
        );
    }
}

#[test]
fn payload_is_handed_over_uncopied() {
    let payload = vec![b'x'; 200_000];
    for (mode, structure) in [STREAM_F, STREAM_R, BLOCK] {
        let mut wire = Wire::default();
        Encoder::new(coding(mode, structure)).encode(&payload, BOTH, &mut wire);
        assert_eq!(wire.payload_bytes, payload.len(), "{mode:?}");
    }
}

#[test]
fn markers_that_no_receiver_could_report_are_refused() {
    for text in [&b""[..], b"a b", b"a\r\n", &[b'x'; MAX_MARKER_BYTES + 1]] {
        for (mode, structure) in [BLOCK, COMPRESSED] {
            let marker =
                std::panic::catch_unwind(|| encode(coding(mode, structure), &[Step::Marker(text.to_vec())]));
            assert!(marker.is_err(), "{text:?}");
        }
    }
}

#[test]
fn a_vector_of_bytes_takes_all_that_is_written() {
    for (mode, structure) in [STREAM_F, STREAM_R, BLOCK, COMPRESSED] {
        let coding = coding(mode, structure);
        let mut wire = Vec::new();
        Encoder::new(coding).encode(b"some \xFFdata", BOTH, &mut wire);
        assert_eq!(wire, encode(coding, &[piece(b"some \xFFdata", BOTH)]), "{mode:?}");
    }
}
