//! Properties for any bytes and any split.

use crate::harness::*;
use crate::reference::{self, Outcome};
use ftp_proto::mode::*;
use proptest::prelude::*;

fn codings() -> impl Strategy<Value = Coding> {
    let kind = prop_oneof![Just(STREAM_F), Just(STREAM_R), Just(BLOCK), Just(COMPRESSED)];
    (kind, prop_oneof![Just(0), Just(SPACE), Just(0x40)]).prop_map(|((mode, structure), filler)| Coding {
        mode,
        structure,
        filler,
    })
}

/// Bytes that mean something to a mode more often than others.
fn telling_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 1, 2, 3, 0x10, 0x20, 0x40, 0x50, 0x80, 0x83, 0xC0, 0xC2, 0xFF, b'a']),
        1 => any::<u8>(),
    ]
}

/// Data with runs of all lengths that matter.
pub(crate) fn runny(max_runs: usize) -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![6 => 1..5usize, 2 => 1..70usize, 1 => 120..200usize];
    let stretch = (prop_oneof![3 => telling_byte(), 1 => Just(SPACE), 2 => any::<u8>()], length);
    prop::collection::vec(stretch, 0..max_runs).prop_map(|stretches| {
        stretches.into_iter().flat_map(|(byte, len)| std::iter::repeat_n(byte, len)).collect()
    })
}

fn ends() -> impl Strategy<Value = End> {
    (any::<bool>(), any::<bool>()).prop_map(|(record, file)| End { record, file })
}

fn steps(max_runs: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (runny(max_runs), ends()).prop_map(|(bytes, end)| Step::Piece(bytes, end)),
        1 => "[!-~]{1,127}".prop_map(|text| Step::Marker(text.into_bytes())),
    ];
    prop::collection::vec(step, 0..6)
}

/// What a receiver must see.
fn meaning(coding: Coding, steps: &[Step]) -> Vec<Seen> {
    let stream = coding.mode == TransmissionMode::Stream;
    let explicit = !stream || coding.structure == Structure::Record;
    let mut seen = Vec::new();
    for step in steps {
        match step {
            Step::Piece(bytes, end) => {
                if !bytes.is_empty() {
                    see(&mut seen, Event::Data { bytes, suspect: false });
                }
                if explicit && end.record {
                    seen.push(Seen::EndOfRecord);
                }
                if explicit && end.file {
                    seen.push(Seen::EndOfFile);
                }
            }
            Step::Marker(text) if !stream => seen.push(Seen::Marker(text.clone())),
            Step::Marker(_) => {}
        }
    }
    seen
}

/// `wire` cut at these places, in any order and modulo its length.
pub(crate) fn split<'w>(wire: &'w [u8], cuts: &[prop::sample::Index]) -> Vec<&'w [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    at.extend([0, wire.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &wire[pair[0]..pair[1]]).collect()
}

fn outcome(result: Result<Finish, DecodeError>) -> Outcome {
    match result {
        Ok(finish) => Outcome::Finish(finish),
        Err(error) => Outcome::Malformed(error.offset as usize),
    }
}

fn data_bytes(seen: &[Seen]) -> usize {
    seen.iter().map(|seen| if let Seen::Data(bytes, _) = seen { bytes.len() } else { 0 }).sum()
}

/// As [`decode`], by `decode_into` with a buffer of `room` bytes.
pub(crate) fn gathered<'w>(
    coding: Coding,
    parts: impl IntoIterator<Item = &'w [u8]>,
    room: usize,
) -> (Vec<Seen>, Result<Finish, DecodeError>) {
    let mut decoder = Decoder::new(coding);
    let (mut seen, mut data) = (Vec::new(), vec![0; room]);
    for mut part in parts {
        loop {
            let mut filled = 0;
            let told = decoder.decode_into(&mut part, &mut data, &mut filled);
            if filled > 0 {
                see(&mut seen, Event::Data { bytes: &data[..filled], suspect: false });
            }
            match told {
                Ok(Some(event)) => see(&mut seen, event),
                Ok(None) if room - filled >= FULL_BYTES => break,
                Ok(None) => {}
                Err(error) => return (seen, Err(error)),
            }
        }
        assert!(part.is_empty(), "asks for more with bytes left over");
    }
    (seen, Ok(decoder.finish()))
}

/// Found by fuzzing: a part without data, as long as there was room for data, ended the call with
/// input left over, and the receiver waited for more that never came.
#[test]
fn headers_without_data_do_not_stop_gathering() {
    let block: Vec<u8> = [[0; 3].repeat(200), vec![64, 0, 1, b'x']].concat();
    let compressed: Vec<u8> = [vec![0xC0; 600], b"\x01x\x00\x40\xC0".to_vec()].concat();
    for (mode, wire) in [(TransmissionMode::Block, block), (TransmissionMode::Compressed, compressed)] {
        let coding = Coding { mode, structure: Structure::File, filler: 0 };
        let (seen, result) = gathered(coding, [&wire[..]], FULL_BYTES);
        assert_eq!(result, Ok(Finish::Complete), "{mode:?}");
        assert_eq!(data_bytes(&seen), 1, "{mode:?}");
    }
}

fn without_suspect(seen: &[Seen]) -> Vec<Seen> {
    let mut plain: Vec<Seen> = Vec::new();
    for seen in seen {
        match (plain.last_mut(), seen) {
            (Some(Seen::Data(bytes, _)), Seen::Data(more, _)) => bytes.extend(more),
            (_, Seen::Data(bytes, _)) => plain.push(Seen::Data(bytes.clone(), false)),
            _ => plain.push(seen.clone()),
        }
    }
    plain
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded_under_any_split(
        coding in codings(),
        steps in steps(30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let wire = encode(coding, &steps);
        let (seen, result) = decode(coding, split(&wire, &cuts));
        prop_assert_eq!(&seen, &meaning(coding, &steps));
        prop_assert!(result.is_ok());
        prop_assert_eq!(&gathered(coding, split(&wire, &cuts), 300).0, &seen);
        prop_assert_eq!((seen, outcome(result)), reference::decode(coding, &wire));
    }

    /// Every set of cuts of a short wire form.
    #[test]
    fn what_is_encoded_is_decoded_under_every_split(coding in codings(), steps in steps(3)) {
        let wire = encode(coding, &steps);
        let expected = reference::decode(coding, &wire);
        for at in 0..=wire.len() {
            let (seen, result) = decode(coding, [&wire[..at], &wire[at..]]);
            prop_assert_eq!(&(seen, outcome(result)), &expected, "cut at {}", at);
        }
        let short = &wire[..wire.len().min(9)];
        let expected = reference::decode(coding, short);
        for cuts in 0..1u32 << short.len().saturating_sub(1) {
            let parts = short.chunk_by({
                let mut at = 0;
                move |_, _| { at += 1; cuts >> (at - 1) & 1 == 0 }
            });
            let (seen, result) = decode(coding, parts);
            prop_assert_eq!(&(seen, outcome(result)), &expected, "cuts {:b}", cuts);
        }
    }

    #[test]
    fn a_peers_choices_are_understood(
        coding in codings(),
        files in prop::collection::vec((runny(20), ends()), 0..4),
        choices in prop::collection::vec(any::<usize>(), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let steps: Vec<Step> = files.iter().map(|(bytes, end)| piece(bytes, *end)).collect();
        let wire: Vec<u8> =
            files.iter().flat_map(|(bytes, end)| reference::encode(coding, bytes, *end, &choices)).collect();
        let (seen, result) = decode(coding, split(&wire, &cuts));
        prop_assert_eq!(seen, meaning(coding, &steps));
        prop_assert!(result.is_ok());
    }

    /// No panic, no loop (the driver takes all input), the same as the reference under any split,
    /// and never more data than the input can hold: 63 bytes for each byte of compressed mode
    /// (a filler string), one for one elsewhere.
    #[test]
    fn any_bytes_are_read_as_the_reference_reads_them(
        coding in codings(),
        wire in prop_oneof![
            prop::collection::vec(telling_byte(), 0..60),
            prop::collection::vec(any::<u8>(), 0..300),
            steps(6).prop_flat_map(|steps| (Just(steps), any::<prop::sample::Index>(), any::<u8>()))
                .prop_map(|(steps, at, byte)| {
                    let mut wire = encode(coding(COMPRESSED.0, COMPRESSED.1), &steps);
                    if !wire.is_empty() {
                        let at = at.index(wire.len());
                        wire[at] = byte;
                    }
                    wire
                }),
        ],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let whole = decode(coding, [&wire[..]]);
        let parts = decode(coding, split(&wire, &cuts));
        prop_assert_eq!(&parts, &whole);
        for room in [FULL_BYTES, 200, 1000] {
            prop_assert_eq!(&gathered(coding, split(&wire, &cuts), room), &(without_suspect(&whole.0), whole.1.clone()));
        }
        let gain = if coding.mode == TransmissionMode::Compressed { 63 } else { 1 };
        prop_assert!(data_bytes(&whole.0) <= gain * wire.len());
        prop_assert_eq!((whole.0, outcome(whole.1)), reference::decode(coding, &wire));
    }

    #[test]
    fn encoders_keep_their_bounds(coding in codings(), bytes in runny(60), end in ends()) {
        let wire = encode(coding, &[piece(&bytes, end)]);
        let ends = usize::from(end.record || end.file);
        let more = match (coding.mode, coding.structure) {
            (TransmissionMode::Stream, Structure::File) => 0,
            (TransmissionMode::Stream, Structure::Record) => {
                bytes.iter().filter(|&&byte| byte == 0xFF).count() + 2 * ends
            }
            (TransmissionMode::Block, _) => 3 * bytes.len().div_ceil(65_535).max(ends),
            (TransmissionMode::Compressed, _) => bytes.len().div_ceil(127) + 3 * ends,
            (TransmissionMode::Deflate, _) => unreachable!("none of these codings: modes/deflate.rs"),
        };
        prop_assert!(wire.len() <= bytes.len() + more, "{} of {}", wire.len(), bytes.len());
    }

    /// The bound that `runs` argues for, against all parses there are: the shortest while a byte
    /// string can hold it all, and one byte in 127 more at most.
    #[test]
    fn compression_is_near_the_shortest(bytes in prop_oneof![runny(8), runny(60)]) {
        let wire = encode(coding(COMPRESSED.0, COMPRESSED.1), &[piece(&bytes, DATA)]);
        let shortest = reference::shortest(SPACE, &bytes);
        prop_assert!(wire.len() >= shortest, "shorter than the shortest?");
        prop_assert!(wire.len() <= shortest + bytes.len() / 127, "{} > {}", wire.len(), shortest);
    }
}

/// Without luck: all strings over three letters, one of them the filler, up to nine long.
#[test]
fn compression_is_the_shortest_for_every_short_string() {
    let coding = coding(COMPRESSED.0, COMPRESSED.1);
    for len in 0..=9u32 {
        for number in 0..3usize.pow(len) {
            let bytes: Vec<u8> = (0..len).map(|at| b" ab"[number / 3usize.pow(at) % 3]).collect();
            let wire = encode(coding, &[piece(&bytes, DATA)]);
            assert_eq!(wire.len(), reference::shortest(SPACE, &bytes), "{:?}", bytes.escape_ascii());
        }
    }
}

/// Runs about the limits of a replicated string, between other bytes and at the edges.
#[test]
fn compression_is_the_shortest_about_the_limits_of_a_run() {
    let coding = coding(COMPRESSED.0, COMPRESSED.1);
    for (len, byte) in (60..70).chain(124..130).flat_map(|len| [(len, b'r'), (len, SPACE)]) {
        for before in [&b""[..], b"a", b"aa", b"ab", b"  ", b"aaa"] {
            for after in [&b""[..], b"c", b"cc", b"cd", b"  ", b"ccc", b" c"] {
                // The end of the data is parsed in another way than what comes before.
                for more in [0, 70] {
                    let bytes = [before, &vec![byte; len], after, &vec![b'm'; more]].concat();
                    let wire = encode(coding, &[piece(&bytes, DATA)]);
                    // The limit of a byte string (127) is not met here.
                    assert_eq!(wire.len(), reference::shortest(SPACE, &bytes), "{:?}", bytes.escape_ascii());
                }
            }
        }
    }
}

/// The bounds are reached: random-looking data costs one byte in 127, begun.
#[test]
fn the_worst_expansion_is_as_stated() {
    let coding = coding(COMPRESSED.0, COMPRESSED.1);
    for len in [1usize, 126, 127, 128, 254, 255, 10_000] {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 31) as u8 | 0x80).collect();
        let wire = encode(coding, &[piece(&bytes, FILE)]);
        assert_eq!(wire.len(), len + len.div_ceil(127) + 3, "{len}");
    }
}
