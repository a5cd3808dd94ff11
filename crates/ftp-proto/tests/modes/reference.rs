//! A naive reference: whole inputs, one token at a time by recursion, no state to get wrong.

use crate::harness::Seen;
use ftp_proto::mode::*;

/// What a reading of all wire bytes of a connection ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Finish(Finish),
    /// Offset of a byte that the mode does not allow.
    Malformed(usize),
}

/// Data one byte at a time; [`joined`] makes it comparable.
pub(crate) fn decode(coding: Coding, wire: &[u8]) -> (Vec<Seen>, Outcome) {
    let mut seen = Vec::new();
    let outcome = match (coding.mode, coding.structure) {
        (TransmissionMode::Stream, Structure::File) => {
            data(&mut seen, wire, false);
            Outcome::Finish(Finish::Closed)
        }
        _ if wire.is_empty() => Outcome::Finish(Finish::Complete),
        (TransmissionMode::Stream, Structure::Record) => stream_record(wire, 0, &mut seen),
        (TransmissionMode::Block, _) => block(wire, 0, &mut seen),
        (TransmissionMode::Compressed, _) => compressed(wire, 0, 0, coding.filler, &mut seen),
        (TransmissionMode::Deflate, _) => unreachable!("it has references of its own: modes/deflate.rs"),
    };
    (joined(seen), outcome)
}

fn data(seen: &mut Vec<Seen>, bytes: &[u8], suspect: bool) {
    seen.extend(bytes.iter().map(|&byte| Seen::Data(vec![byte], suspect)));
}

fn joined(seen: Vec<Seen>) -> Vec<Seen> {
    let mut joined: Vec<Seen> = Vec::new();
    for new in seen {
        match (joined.last_mut(), &new) {
            (Some(Seen::Data(bytes, suspect)), Seen::Data(more, same)) if suspect == same => {
                bytes.extend(more);
            }
            _ => joined.push(new),
        }
    }
    joined
}

/// The connection ended; `told` is what had been said until the last whole token.
fn ended(at_token: bool, seen: &[Seen]) -> Outcome {
    let between_files = seen.is_empty() || seen.last() == Some(&Seen::EndOfFile);
    Outcome::Finish(if at_token && between_files { Finish::Complete } else { Finish::Truncated })
}

fn stream_record(wire: &[u8], at: usize, seen: &mut Vec<Seen>) -> Outcome {
    match wire[at..] {
        [] => ended(true, seen),
        [0xFF] => ended(false, seen),
        [0xFF, code, ..] => {
            match code {
                1 => seen.push(Seen::EndOfRecord),
                2 => seen.push(Seen::EndOfFile),
                3 => seen.extend([Seen::EndOfRecord, Seen::EndOfFile]),
                0xFF => data(seen, &[0xFF], false),
                _ => return Outcome::Malformed(at + 1),
            }
            stream_record(wire, at + 2, seen)
        }
        [byte, ..] => {
            data(seen, &[byte], false);
            stream_record(wire, at + 1, seen)
        }
    }
}

fn printable(byte: u8) -> bool {
    !matches!(byte, 0..=32 | 127)
}

fn ends(codes: u8, seen: &mut Vec<Seen>) {
    if codes >= 128 {
        seen.push(Seen::EndOfRecord);
    }
    if codes / 64 % 2 == 1 {
        seen.push(Seen::EndOfFile);
    }
}

fn block(wire: &[u8], at: usize, seen: &mut Vec<Seen>) -> Outcome {
    let rest = &wire[at..];
    if rest.is_empty() {
        return ended(true, seen);
    }
    let codes = rest[0];
    if codes & 15 != 0 {
        return Outcome::Malformed(at);
    }
    if rest.len() < 3 {
        return ended(false, seen);
    }
    let count = usize::from(rest[1]) * 256 + usize::from(rest[2]);
    let suspect = codes / 32 % 2 == 1;
    let is_marker = codes / 16 % 2 == 1;
    if is_marker && (count == 0 || count > 127) {
        return Outcome::Malformed(at + 2);
    }
    let come = &rest[3..rest.len().min(3 + count)];
    if is_marker {
        if let Some(bad) = come.iter().position(|&byte| !printable(byte)) {
            return Outcome::Malformed(at + 3 + bad);
        }
        if come.len() == count {
            seen.push(Seen::Marker(come.to_vec()));
        }
    } else {
        data(seen, come, suspect);
    }
    if come.len() < count {
        return ended(false, seen);
    }
    ends(codes, seen);
    if codes & 0xC0 == 0 && at + 3 == wire.len() {
        // Also a block of nothing has begun a file.
        return ended(false, seen);
    }
    block(wire, at + 3 + count, seen)
}

/// `codes`: of the escapes since the last string.
fn compressed(wire: &[u8], at: usize, codes: u8, filler: u8, seen: &mut Vec<Seen>) -> Outcome {
    let suspect = codes / 32 % 2 == 1;
    let is_marker = codes / 16 % 2 == 1;
    let (string, taken, blame) = match wire[at..] {
        [] | [0] => return ended(false, seen),
        [0, code, ..] if code & 15 != 0 => return Outcome::Malformed(at + 1),
        [0, code, ..] => return after_escape(wire, at + 2, codes | code, filler, seen),
        [head @ 1..=127, ref rest @ ..] => {
            let come = rest[..rest.len().min(head.into())].to_vec();
            if come.len() < head.into() {
                return cut_string(at, &come, suspect, is_marker, seen);
            }
            (come, 1 + usize::from(head), at + 1)
        }
        [128..=191] => return ended(false, seen),
        [head @ 128..=191, byte, ..] => (vec![byte; usize::from(head) - 128], 2, at + 1),
        [head, ..] => (vec![filler; usize::from(head) - 192], 1, at),
    };
    if is_marker {
        if string.is_empty() {
            return Outcome::Malformed(blame);
        }
        if let Some(bad) = string.iter().position(|&byte| !printable(byte)) {
            let literal = wire[at] < 128;
            return Outcome::Malformed(if literal { blame + bad } else { blame });
        }
        seen.push(Seen::Marker(string));
    } else {
        data(seen, &string, suspect);
    }
    ends(codes, seen);
    let next = at + taken;
    if next == wire.len() {
        let file_ended = codes & 0x40 != 0;
        return ended(file_ended, seen);
    }
    compressed(wire, next, 0, filler, seen)
}

fn after_escape(wire: &[u8], at: usize, codes: u8, filler: u8, seen: &mut Vec<Seen>) -> Outcome {
    if at == wire.len() { ended(false, seen) } else { compressed(wire, at, codes, filler, seen) }
}

fn cut_string(at: usize, come: &[u8], suspect: bool, is_marker: bool, seen: &mut Vec<Seen>) -> Outcome {
    if !is_marker {
        data(seen, come, suspect);
    } else if let Some(bad) = come.iter().position(|&byte| !printable(byte)) {
        return Outcome::Malformed(at + 1 + bad);
    }
    ended(false, seen)
}

/// What a peer may send that means `payload`: `choices` picks among the forms that the RFC
/// allows, cyclically.
pub(crate) fn encode(coding: Coding, payload: &[u8], end: End, choices: &[usize]) -> Vec<u8> {
    let mut choices = choices.iter().copied().cycle();
    let mut choose = move |most: usize| choices.next().unwrap_or(0) % (most + 1);
    let codes = u8::from(end.record) * 128 + u8::from(end.file) * 64;
    match (coding.mode, coding.structure) {
        (TransmissionMode::Stream, Structure::File) => payload.to_vec(),
        (TransmissionMode::Stream, Structure::Record) => {
            let mut wire: Vec<u8> = payload
                .iter()
                .flat_map(|&byte| if byte == 0xFF { vec![0xFF, 0xFF] } else { vec![byte] })
                .collect();
            wire.extend(match (end.record, end.file, choose(1)) {
                (false, false, _) => &[][..],
                (true, false, _) => &[0xFF, 1],
                (false, true, _) => &[0xFF, 2],
                (true, true, 0) => &[0xFF, 3],
                (true, true, _) => &[0xFF, 1, 0xFF, 2],
            });
            wire
        }
        (TransmissionMode::Block, _) => {
            let mut wire = Vec::new();
            let mut rest = payload;
            while !rest.is_empty() {
                if choose(3) == 1 {
                    wire.extend([0, 0, 0]);
                }
                let (block, more) = rest.split_at(1 + choose(rest.len().min(65_535) - 1));
                rest = more;
                let codes = if rest.is_empty() && choose(1) == 0 { codes } else { 0 };
                wire.extend([codes, (block.len() / 256) as u8, (block.len() % 256) as u8]);
                wire.extend(block);
                if rest.is_empty() && codes != 0 {
                    return wire;
                }
            }
            if codes != 0 {
                wire.extend([codes, 0, 0]);
            }
            wire
        }
        (TransmissionMode::Compressed, _) => compress(coding.filler, payload, codes, choose),
        (TransmissionMode::Deflate, _) => unreachable!("it has references of its own: modes/deflate.rs"),
    }
}

fn compress(filler: u8, mut rest: &[u8], codes: u8, mut choose: impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut wire = Vec::new();
    while !rest.is_empty() {
        let run = rest.iter().take(63).take_while(|&&byte| byte == rest[0]).count();
        let (string, len) = match choose(2) {
            0 if rest[0] == filler => {
                let len = 1 + choose(run - 1);
                (vec![192 + len as u8], len)
            }
            1 => {
                let len = 1 + choose(run - 1);
                (vec![128 + len as u8, rest[0]], len)
            }
            _ => {
                let len = 1 + choose(rest.len().min(127) - 1);
                ([&[len as u8], &rest[..len]].concat(), len)
            }
        };
        rest = &rest[len..];
        if rest.is_empty() && codes != 0 && choose(1) == 0 {
            wire.extend([0, codes]);
            wire.extend(string);
            return wire;
        }
        wire.extend(string);
    }
    if codes != 0 {
        wire.extend([0, codes]);
        wire.push(if choose(1) == 0 { 192 } else { 128 });
        if wire.last() == Some(&128) {
            wire.push(b'?');
        }
    }
    wire
}

/// Length of the shortest form in compressed mode, by dynamic programming over all strings.
pub(crate) fn shortest(filler: u8, payload: &[u8]) -> usize {
    let mut cost = vec![0];
    for end in 1..=payload.len() {
        let literals = (1..=end.min(127)).map(|len| cost[end - len] + 1 + len);
        let byte = payload[end - 1];
        let price = if byte == filler { 1 } else { 2 };
        let run = payload[..end].iter().rev().take(63).take_while(|&&other| other == byte).count();
        let runs = (1..=run).map(|len| cost[end - len] + price);
        let best = literals.chain(runs).min().expect("at least a byte string of one");
        cost.push(best);
    }
    cost[payload.len()]
}
