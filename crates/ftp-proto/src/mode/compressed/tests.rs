//! Every width, with and without windows at once, against byte by byte.

use super::super::simd::{self, Job, Width, Window, strings::Merge};
use super::encode::{self, Strings, WIRE_BYTES};
use super::{FILLER, MAX_STRING_BYTES, REPLICATED};
use crate::mode::runs::MAX_RUN_BYTES;
use crate::mode::{Event, Output};
use proptest::prelude::*;

fn naive(mut data: &[u8], filler: u8) -> Vec<u8> {
    let (mut wire, mut literal) = (Vec::new(), Vec::new());
    let end_literal = |wire: &mut Vec<u8>, literal: &mut Vec<u8>| {
        for string in literal.chunks(MAX_STRING_BYTES) {
            wire.push(string.len() as u8);
            wire.extend(string);
        }
        literal.clear();
    };
    while let Some(&byte) = data.first() {
        let mut run = data.iter().take_while(|&&other| other == byte).count();
        let worth = if byte == filler { 1 } else { 2 } + usize::from(!literal.is_empty());
        if run >= worth && run % MAX_RUN_BYTES == 1 && byte != filler {
            run -= 1;
            if !literal.is_empty() {
                literal.push(byte);
                data = &data[1..];
            }
        } else if run < worth {
            literal.push(byte);
            data = &data[1..];
            continue;
        }
        end_literal(&mut wire, &mut literal);
        for string in data[..run].chunks(MAX_RUN_BYTES) {
            let count = string.len() as u8;
            match byte == filler {
                true => wire.push(FILLER | count),
                false => wire.extend([REPLICATED | count, byte]),
            }
        }
        data = &data[run..];
    }
    end_literal(&mut wire, &mut literal);
    wire
}

/// A width that merges, or does not.
#[derive(Clone, Copy)]
struct Told<W, const MERGES: bool>(W);

impl<W: Width, const MERGES: bool> Width for Told<W, MERGES> {
    const MERGES: bool = MERGES;
    fn equal(self, one: &Window, other: &Window) -> u64 {
        self.0.equal(one, other)
    }
    fn equal_to(self, bytes: &Window, byte: u8) -> u64 {
        self.0.equal_to(bytes, byte)
    }
    fn merge(self, bytes: &Window, strings: Merge) -> Window {
        self.0.merge(bytes, strings)
    }
}

struct Check<'d>(&'d [u8], u8);

impl Job for Check<'_> {
    type Output = ();
    fn run<W: Width>(self, width: W) {
        let Self(data, filler) = self;
        let expected = naive(data, filler);
        let by = |wire: Vec<u8>| assert_eq!(wire, expected, "{}, {filler}", data.escape_ascii());
        by(encoded(Told::<_, true>(width), data, filler));
        by(encoded(Told::<_, false>(width), data, filler));
    }
}

/// Wire bytes in the parts that they are handed over in.
struct Calls(Vec<Vec<u8>>);

impl Output<'_> for Calls {
    fn framing(&mut self, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }
    fn payload(&mut self, _: &[u8]) {
        unreachable!("compressed mode copies");
    }
}

fn encoded(width: impl Width, data: &[u8], filler: u8) -> Vec<u8> {
    let mut calls = Calls(Vec::new());
    let mut strings = Strings::new(&mut calls);
    encode::Encode { piece: data, filler, strings: &mut strings }.run(width);
    strings.flush();
    let Calls(calls) = calls;
    // Strings go out many at a time, however short they are.
    let full = calls.iter().rev().skip(1).all(|call| call.len() > WIRE_BYTES * 3 / 4);
    assert!(full && calls.iter().all(|call| !call.is_empty()), "{:?}", calls.iter().map(Vec::len));
    calls.concat()
}

fn check(data: &[u8], filler: u8) {
    simd::tests::each(|| Check(data, filler));
}

/// Bytes without a run.
fn plain(len: usize) -> impl Iterator<Item = u8> {
    (0..len).map(|at| 0x80 | (at % 100) as u8)
}

/// Every word of three letters, one of them the filler, over the borders of a window.
#[test]
fn words_at_borders() {
    const LETTERS: u32 = if cfg!(miri) { 2 } else { 6 };
    for number in 0..3usize.pow(LETTERS) {
        let word = (0..LETTERS).map(|at| b" ab"[number / 3usize.pow(at) % 3]);
        for before in [0, 60, 64, 126, 250] {
            let data: Vec<u8> = plain(before).chain(word.clone()).chain(plain(80)).collect();
            check(&data, b' ');
        }
    }
}

/// Runs about the limits of strings, after byte strings about theirs.
#[test]
fn strings_at_their_limits() {
    let step = if cfg!(miri) { 41 } else { 1 };
    for run in (1..4).chain(62..67).chain(125..130).chain(188..193).step_by(step) {
        for literal in (0..4).chain(60..67).chain(123..131).chain([252, 255]).step_by(step) {
            for byte in *b" a" {
                let part = || plain(literal).chain(std::iter::repeat_n(byte, run));
                let data: Vec<u8> = part().chain(part()).chain([b'b']).chain(plain(70)).collect();
                check(&data, b' ');
            }
        }
    }
}

/// What does not fit into the room for wire bytes, in strings of every length that may come last in it.
#[test]
fn strings_at_the_end_of_the_room() {
    let step = if cfg!(miri) { 61 } else { 1 };
    for literal in (WIRE_BYTES - 160..WIRE_BYTES + 20).step_by(step) {
        let data: Vec<u8> = plain(literal).chain([b'a'; 90]).chain(plain(80)).collect();
        check(&data, b' ');
    }
    // Words, so that a window has many strings, which go on over its end.
    for before in (0..70).step_by(step) {
        let words = (0..900).flat_map(|word| plain(word * word % 13).chain([b'a' + (word % 5) as u8; 4]));
        let data: Vec<u8> = plain(before).chain(words).collect();
        check(&data, b' ');
    }
}

/// Long runs one after another, of every length that leaves an odd byte, and others.
#[test]
fn long_runs_follow_one_another() {
    let step = if cfg!(miri) { 31 } else { 1 };
    for more in (0..130).step_by(step) {
        let lengths = (0..40).map(|run| if run == 0 { 80 } else { 64 + (more + run * 7) % 130 });
        let runs = lengths.enumerate().map(|(run, len)| (b" abc"[run % 4], len));
        let runs = runs.flat_map(|(byte, len)| std::iter::repeat_n(byte, len));
        // A byte string may be open before them.
        let data: Vec<u8> = plain([0, 3, 64, 100][more % 4]).chain(runs).collect();
        for filler in [b' ', b'a', 0] {
            check(&data, filler);
        }
    }
}

fn stretches() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![6 => 1..5usize, 2 => 1..70usize, 1 => 60..68usize, 1 => 120..400usize];
    let stretch = (0..4u8, prop_oneof![2 => Just(1), 1 => length]);
    prop::collection::vec(stretch, 0..60).prop_map(|stretches| {
        stretches.into_iter().flat_map(|(byte, len)| std::iter::repeat_n(b' ' + byte, len)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Of few letters, so that there are strings of every length.
    #[test]
    #[cfg_attr(miri, ignore = "takes its time")]
    fn letters(letters in 1..5u8, noise in prop::collection::vec(any::<u8>(), 0..300), filler in 0x1F..0x23u8) {
        let data: Vec<u8> = noise.iter().map(|byte| b' ' + byte % letters).collect();
        check(&data, filler);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes its time")]
    fn runs_of_any_length(data in stretches(), filler in 0x1F..0x23u8) {
        check(&data, filler);
        let long: Vec<u8> = data.iter().flat_map(|&byte| [byte; 70]).collect();
        check(&long, filler);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes its time")]
    fn patterns(pattern in prop::collection::vec(0x20..0x24u8, 1..140), len in 0..1000usize) {
        let data: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
        check(&data, b' ');
    }

    /// What a peer may send that is short, to and fro between the ways of the decoder.
    #[test]
    #[cfg_attr(miri, ignore = "takes its time")]
    fn short_strings_are_decoded(
        strings in prop::collection::vec((0..3u8, 0..9u8, any::<u8>()), 0..400),
        long in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut wire, mut data) = (Vec::new(), Vec::new());
        for (number, &(kind, count, byte)) in strings.iter().enumerate() {
            let count = if number == long.index(400) { 60 } else { count };
            let (string, head): (Vec<u8>, Vec<u8>) = match kind {
                0 => ((0..=count).map(|at| byte.wrapping_mul(at)).collect(), vec![1 + count]),
                1 => (vec![byte; count.into()], vec![REPLICATED | count, byte]),
                _ => (vec![b' '; count.into()], vec![FILLER | count]),
            };
            wire.extend(head);
            if kind == 0 {
                wire.extend(&string);
            }
            data.extend(string);
        }
        let mut decoder = super::Decoder::new(b' ');
        let (mut came, mut room) = (Vec::new(), [0; 700]);
        let (one, other) = wire.split_at(cut.index(wire.len() + 1));
        for mut part in [one, other] {
            while !part.is_empty() {
                let mut filled = 0;
                decoder.decode_strings(&mut part, &mut room, &mut filled);
                came.extend(&room[..filled]);
                match decoder.decode(&mut part) {
                    Ok(Some(Event::Data { bytes, .. })) => came.extend(bytes),
                    Ok(Some(Event::Run { byte, len, .. })) => came.extend(std::iter::repeat_n(byte, len)),
                    Ok(None) => {}
                    _ => prop_assert!(false, "nothing but data"),
                }
            }
        }
        prop_assert_eq!(came, data);
    }
}
