//! Deflate mode against streams made by hand from RFC 1950 and RFC 1951, and against another
//! implementation of them (miniz_oxide).

use crate::harness::*;
use crate::properties::{gathered, runny, split};
use flate2::{Compress, Compression, FlushCompress};
use ftp_proto::mode::*;
use proptest::prelude::*;

const MODE: TransmissionMode = TransmissionMode::Deflate;

fn file() -> Coding {
    coding(MODE, Structure::File)
}

fn record() -> Coding {
    coding(MODE, Structure::Record)
}

/// RFC 1950 section 8.2.
fn adler32(bytes: impl IntoIterator<Item = u8>) -> [u8; 4] {
    let sums = bytes.into_iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (sums.1 << 16 | sums.0).to_be_bytes()
}

/// Blocks that are stored, not compressed (RFC 1951 section 3.2.4), in a zlib stream.
fn stored(blocks: &[&[u8]]) -> Vec<u8> {
    let mut wire = vec![0x78, 0x01];
    for (index, block) in blocks.iter().enumerate() {
        let len = block.len() as u16;
        wire.push(u8::from(index + 1 == blocks.len()));
        wire.extend(len.to_le_bytes());
        wire.extend((!len).to_le_bytes());
        wire.extend_from_slice(block);
    }
    wire.extend(adler32(blocks.concat()));
    wire
}

fn by_another(payload: &[u8], level: u8) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(payload, level)
}

fn ours(coding: Coding, level: u32, pieces: &[(&[u8], End)]) -> Vec<u8> {
    let (mut encoder, mut wire) = (Encoder::new(coding), Wire::default());
    encoder.set_level(DeflateLevel::try_from(level).unwrap());
    for (piece, end) in pieces {
        encoder.encode(piece, *end, &mut wire);
    }
    wire.bytes
}

/// Whole, byte by byte and gathered: the same.
fn seen(coding: Coding, wire: &[u8]) -> (Vec<Seen>, Result<Finish, String>) {
    let wrong = |error: DecodeError| {
        assert!(error.offset <= wire.len() as u64, "{error}");
        format!("found {}, expected {}", error.found, error.expected)
    };
    let (all, result) = decode(coding, [wire]);
    let whole = (all, result.map_err(wrong));
    let (single, result) = decode(coding, wire.chunks(1));
    assert_eq!((single, result.map_err(wrong)), whole);
    for room in [FULL_BYTES, 1000, 100_000] {
        let (gathered, result) = gathered(coding, [wire], room);
        assert_eq!((gathered, result.map_err(wrong)), whole);
    }
    whole
}

fn whole(payload: &[u8]) -> (Vec<Seen>, Result<Finish, String>) {
    let data = (!payload.is_empty()).then(|| Seen::Data(payload.to_vec(), false));
    (data.into_iter().chain([Seen::EndOfFile]).collect(), Ok(Finish::Complete))
}

/// Text, noise, runs, nothing.
fn payloads() -> Vec<Vec<u8>> {
    let text = b"the end of a file is the end of its stream\r\n".repeat(4000);
    let mut state = 1u32;
    let noise = (0..100_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    vec![vec![], b"a".to_vec(), text, noise, vec![0; 300_000], vec![0xFF; 1000]]
}

#[test]
fn streams_made_by_hand() {
    let long = [7; 65_535];
    let streams: [(&[u8], &[u8]); 5] = [
        // One block with fixed codes (RFC 1951 section 3.2.6) that holds its end alone.
        (&[0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01], b""),
        // `a` is 0x61 + 0x30 = 10010001, the end of the block 0000000.
        (&[0x78, 0x9C, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62], b"a"),
        (&stored(&[b"one", b"", b"two"]), b"onetwo"),
        (&stored(&[b""]), b""),
        (&stored(&[&long, b"x"]), &[&long[..], b"x"].concat()),
    ];
    for (wire, payload) in streams {
        assert_eq!(seen(file(), wire), whole(payload));
    }
}

#[test]
fn what_another_writes_is_read() {
    for payload in payloads() {
        for level in [0, 1, 6, 9] {
            assert_eq!(seen(file(), &by_another(&payload, level)), whole(&payload));
        }
    }
}

#[test]
fn another_reads_what_is_written() {
    for payload in payloads() {
        for level in 0..=9 {
            let (front, back) = payload.split_at(payload.len() / 3);
            let wire = ours(file(), level, &[(front, DATA), (&[], DATA), (back, FILE)]);
            let read = miniz_oxide::inflate::decompress_to_vec_zlib(&wire).unwrap();
            assert!(read == payload, "level {level}");
            let ended = ours(file(), level, &[(&payload, DATA), (&[], FILE)]);
            assert!(miniz_oxide::inflate::decompress_to_vec_zlib(&ended).unwrap() == payload);
        }
    }
}

/// What is inside is stream mode's wire form, escapes and all.
#[test]
fn records_are_marked_inside_the_stream() {
    let pieces: [(&[u8], End); 4] = [(b"one", RECORD), (b"\xFF", RECORD), (b"", RECORD), (b"end", BOTH)];
    let wire = ours(record(), 6, &pieces);
    let inside = miniz_oxide::inflate::decompress_to_vec_zlib(&wire).unwrap();
    assert_eq!(inside, b"one\xFF\x01\xFF\xFF\xFF\x01\xFF\x01end\xFF\x03");
    let data = |bytes: &[u8]| Seen::Data(bytes.to_vec(), false);
    let expected = vec![
        data(b"one"),
        Seen::EndOfRecord,
        data(b"\xFF"),
        Seen::EndOfRecord,
        Seen::EndOfRecord,
        data(b"end"),
        Seen::EndOfRecord,
        Seen::EndOfFile,
    ];
    assert_eq!(seen(record(), &wire), (expected, Ok(Finish::Complete)));
}

#[test]
fn markers_leave_no_trace_and_files_follow_one_another_at_the_encoder() {
    let wire = encode(file(), &[piece(b"a", DATA), Step::Marker(b"1".to_vec()), piece(b"b", FILE)]);
    assert_eq!(seen(file(), &wire), whole(b"ab"));
    let both = encode(file(), &[piece(b"ab", FILE), piece(b"ab", FILE)]);
    assert_eq!(both, by_pieces(b"ab").repeat(2), "the encoder is ready for the next file");
}

fn by_pieces(payload: &[u8]) -> Vec<u8> {
    ours(file(), 6, &[(payload, FILE)])
}

#[test]
fn no_part_of_a_stream_is_a_file() {
    for (coding, wire) in [
        (file(), by_pieces(&payloads()[2][..5000])),
        (file(), stored(&[b"one", b"two"])),
        (record(), ours(record(), 6, &[(b"one", RECORD), (b"two", FILE)])),
    ] {
        for len in 0..wire.len() {
            let (all, result) = seen(coding, &wire[..len]);
            assert_eq!(result, Ok(Finish::Truncated), "{len} of {} bytes", wire.len());
            assert!(!all.contains(&Seen::EndOfFile), "{len} of {} bytes", wire.len());
        }
        assert_eq!(seen(coding, &wire).1, Ok(Finish::Complete));
    }
}

#[test]
fn what_is_no_zlib_stream_is_refused() {
    let payload = b"some payload, some payload";
    let good = by_another(payload, 6);
    let mut checksum = good.clone();
    *checksum.last_mut().unwrap() ^= 1;
    let raw = miniz_oxide::deflate::compress_to_vec(payload, 6);
    let gzip = [&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3][..], &raw, &[0; 8]].concat();
    let mut complement = stored(&[payload]);
    complement[5] ^= 1;
    // Three bytes from one byte before, with fixed codes, at the beginning.
    let beyond = [0x78, 0x9C, 0x03, 0x02, 0, 0, 0];
    let cases: [(&str, &[u8], &str); 9] = [
        ("wrong Adler-32", &checksum, "incorrect data check"),
        ("junk behind", &[&good[..], b"x"].concat(), "found 0x78, expected nothing after"),
        ("a second stream", &good.repeat(2), "found 0x78, expected nothing after"),
        ("raw deflate", &raw, "incorrect header check"),
        ("gzip", &gzip, "incorrect header check"),
        ("plain text", b"plain text, no stream", "header check"),
        // FDICT is set (RFC 1950 section 2.2).
        ("a dictionary", &[0x78, 0xBB, 1, 2, 3, 4, 0, 0], "a preset dictionary"),
        ("a stored block's length", &complement, "invalid stored block lengths"),
        ("before the beginning", &beyond, "too far back"),
    ];
    for (what, wire, why) in cases {
        let (all, result) = seen(file(), wire);
        let found = result.expect_err(what);
        assert!(found.contains(why), "{what}: {found}");
        let is_behind = what.contains("behind") || what.contains("second");
        assert_eq!(all.contains(&Seen::EndOfFile), is_behind, "{what}");
    }
}

#[test]
fn records_end_where_their_stream_ends() {
    let unmarked = by_another(b"one\xFF\x01two", 6);
    let found = seen(record(), &unmarked).1.unwrap_err();
    assert!(found.contains("the mark of the end of file before it"), "{found}");
    for behind in [&b"one\xFF\x02x"[..], b"one\xFF\x03\xFF\x02"] {
        let (all, result) = seen(record(), &by_another(behind, 6));
        let found = result.unwrap_err();
        assert!(found.contains("after the mark of the end of file"), "{found}");
        assert!(!all.contains(&Seen::EndOfFile));
    }
    let found = seen(record(), &by_another(b"one\xFF\x07", 6)).1.unwrap_err();
    assert!(found.contains("found 0x07"), "{found}");
}

/// 1 GiB in 1 MiB: no piece that is told is larger than any other's, and the store may say no after
/// each. An honest file of zeros is no different.
#[test]
fn a_bomb_goes_off_in_small_pieces() {
    const MIB: usize = 1 << 20;
    const PIECES: usize = 1024;
    const LARGEST_BYTES: usize = 32 * 1024;
    // What a full flush has ended depends on nothing before it.
    let mut compress = Compress::new(Compression::best(), false);
    let mut mib = Vec::with_capacity(2 * MIB);
    compress.compress_vec(&vec![0; MIB], &mut mib, FlushCompress::Full).unwrap();
    let sum = ((MIB * PIECES) % 65_521) as u32;
    let mut wire = vec![0x78, 0xDA];
    wire.extend(mib.repeat(PIECES));
    wire.extend([0x03, 0x00]);
    wire.extend((sum << 16 | 1).to_be_bytes());
    assert!(wire.len() < MIB + MIB / 16, "{} bytes", wire.len());

    let mut decoder = Decoder::new(file());
    let (mut came, mut ended) = (0, false);
    for mut part in wire.chunks(64 * 1024) {
        let (before, len) = (came, part.len());
        while let Some(event) = decoder.decode(&mut part).unwrap() {
            match event {
                Event::Data { bytes, .. } => {
                    assert!(bytes.len() <= LARGEST_BYTES);
                    came += bytes.len();
                }
                other => ended |= other == Event::EndOfFile,
            }
        }
        // What a few bits of the part before stood for may come late.
        assert!((came - before) as u64 <= (len as u64 + 8) * MAX_EXPANSION);
    }
    assert!(ended && came == MIB * PIECES, "{came}");
    assert_eq!(decoder.finish(), Finish::Complete);
}

/// A receiver is not left without a byte for ever, however well the file is compressed.
#[test]
fn zeros_are_not_held_back() {
    static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];
    let (mut encoder, mut decoder) = (Encoder::new(file()), Decoder::new(file()));
    let (mut came, mut all) = (0, 0);
    for round in 0..100 {
        let mut wire = Wire::default();
        encoder.encode(&PIECE, DATA, &mut wire);
        all += wire.bytes.len();
        let mut input = &wire.bytes[..];
        while let Some(event) = decoder.decode(&mut input).unwrap() {
            let Event::Data { bytes, .. } = event else { panic!("{event:?}") };
            came += bytes.len();
        }
        let held = (round + 1) * PIECE.len() - came;
        assert!(held <= 5 * PIECE.len(), "{held} bytes held back");
    }
    assert!(all < 100 * PIECE.len() / 500, "flushes cost little: {all} bytes");
}

/// An empty stored block, as a flush leaves it, costs where the receiver is not waiting.
#[test]
fn nothing_is_flushed_that_comes_soon_or_shows_by_itself() {
    let is_flushed = |wire: &[u8]| wire.windows(4).any(|bytes| bytes == [0, 0, 0xFF, 0xFF]);
    let noise = &payloads()[3];
    let many: Vec<(&[u8], End)> = noise.chunks(50_000).cycle().take(40).map(|piece| (piece, DATA)).collect();
    assert!(!is_flushed(&ours(file(), 6, &many)));
    assert!(!is_flushed(&ours(file(), 6, &[(&b"a"[..], DATA); 100])));
    let zeros = [0; 64 * 1024];
    assert!(is_flushed(&ours(file(), 6, &[(&zeros[..], DATA); 8])), "but this would be silent for long");
}

/// The compressor keeps back what it has yet to make a block of, and no wire bytes.
#[test]
fn as_many_wire_bytes_come_of_a_piece_as_of_its_parts() {
    let noise = &payloads()[3];
    for level in [6, 9] {
        for len in (40_000..noise.len()).step_by(1500) {
            let parts: Vec<(&[u8], End)> = noise[..len].chunks(500).map(|part| (part, DATA)).collect();
            let wire = ours(file(), level, &[(&noise[..len], DATA)]);
            assert!(wire == ours(file(), level, &parts), "level {level}: {} of {len} bytes", wire.len());
        }
    }
}

#[test]
fn an_error_is_told_at_the_byte_it_was_found_at() {
    let mut wire = by_pieces(b"some payload");
    let whole = wire.len() as u64;
    wire.extend(b"x");
    for parts in [vec![&wire[..]], wire.chunks(1).collect()] {
        assert_eq!(decode(file(), parts.clone()).1.unwrap_err().offset, whole);
        assert_eq!(gathered(file(), parts, 1000).1.unwrap_err().offset, whole);
    }
}

#[test]
fn levels_are_0_to_9() {
    assert_eq!(DeflateLevel::default().to_string(), "6");
    assert!((0..=9).all(|level| DeflateLevel::try_from(level).is_ok_and(|it| u32::from(it) == level)));
    assert!([10, 256, 262, u32::MAX].iter().all(|level| DeflateLevel::try_from(*level).is_err()));
    let text = &payloads()[2];
    let sizes = [0, 1, 9].map(|level| ours(file(), level, &[(text, FILE)]).len());
    assert!(sizes[0] > text.len() && sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
}

proptest! {
    #[test]
    fn any_split_of_a_stream_is_the_same(
        payload in runny(60),
        level in 0..=9u8,
        by_other in any::<bool>(),
        records in any::<bool>(),
        flip in prop::option::of((any::<prop::sample::Index>(), 1..=255u8)),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        room in FULL_BYTES..1000,
    ) {
        let coding = if records { record() } else { file() };
        let mut wire = match by_other {
            true => by_another(&payload, level),
            false => ours(coding, level.into(), &[(&payload, FILE)]),
        };
        if let Some((index, xor)) = flip {
            let at = index.index(wire.len());
            wire[at] ^= xor;
        }
        // How exactly zlib puts what it has found hangs on the split.
        let told = |result: Result<Finish, DecodeError>| result.map_err(|error| error.expected);
        let (whole, result) = decode(coding, [&wire[..]]);
        let result = told(result);
        let (parts, of_parts) = decode(coding, split(&wire, &cuts));
        prop_assert_eq!((&parts, &told(of_parts)), (&whole, &result));
        let (gathered, of_gathered) = gathered(coding, split(&wire, &cuts), room);
        prop_assert_eq!((&gathered, &told(of_gathered)), (&whole, &result));
        let ended = whole.last() == Some(&Seen::EndOfFile);
        if ended && !by_other && result.is_ok() {
            let data: Vec<u8> = whole
                .iter()
                .flat_map(|seen| if let Seen::Data(bytes, _) = seen { &bytes[..] } else { &[] })
                .copied()
                .collect();
            prop_assert_eq!(data, payload, "a wrong byte passes the checksum");
        }
    }
}
