//! Local bytes to the representation on the data connection, and back: incremental, without I/O.
//!
//! | TYPE, STRU | on the connection |
//! |---|---|
//! | A, F | LF is CR LF, all else as it is: also a bare CR, also a CR before LF (as CR CR LF) |
//! | E, F | EBCDIC by [`ebcdic`], LF is NL |
//! | I or L 8, F | the bytes as they are |
//! | A or E, R | each line is a record, its LF the end of record; a last line without LF has none |
//! | I or L 8, R | as [`RecordForm`] says |
//!
//! RFC 959 sections 3.1.1 and 3.4. Local to connection to local gives the same bytes, but that
//! [`RecordForm::Marked`] cuts long records into its own fragments. Connection to local to
//! connection gives the same records, but that a LF within a record of text ends it from then on
//! (a CR before LF, too, is lost in TYPE A with STRU F: CR LF is how a line ends).

use super::{Representation, ebcdic};
use crate::mode::{End, Structure};
/// How a local file keeps the records of a TYPE I or L 8 transfer with STRU R.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum RecordForm {
    /// Not at all: an outgoing file is one record, incoming ends of record are dropped.
    #[default]
    Plain,
    /// As record marking does on a stream (RFC 5531 section 11): fragments of four bytes
    /// big-endian, the highest bit for the last fragment of a record, the others the count of the
    /// bytes that follow. Written with [`FRAGMENT_BYTES`] in all fragments of a record but the
    /// last, so that the file does not depend on how the data came.
    Marked,
}

/// Fragments written in [`RecordForm::Marked`], at most.
pub const FRAGMENT_BYTES: usize = 65_536;
const MARK_BYTES: usize = 4;
const LAST_FRAGMENT: u32 = 1 << 31;

/// Why a local file cannot be sent as it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The length of the file.
    #[error("record-marked file ends inside a fragment at byte {0}")]
    CutFragment(u64),
}

/// What is agreed on (TYPE, STRU), and how records are kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// TYPE (RFC 959 section 3.1.1).
    pub representation: Representation,
    /// STRU (RFC 959 section 3.1.2).
    pub structure: Structure,
    /// How the local file keeps its records.
    pub record_form: RecordForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Same,
    CrLf,
    Ebcdic,
    Lines,
    EbcdicLines,
    OneRecord,
    Marked,
}

impl Conversion {
    /// Whether only the ends of lines differ (TYPE A, STRU F).
    pub fn is_lines_only(self) -> bool {
        self.rule() == Rule::CrLf
    }

    /// Whether bytes go as they are and nothing is said of records.
    pub fn is_identity(self) -> bool {
        self.rule() == Rule::Same
    }

    /// Whether a transfer can go on from any byte of the local file, with nothing else known.
    pub fn restarts_anywhere(self) -> bool {
        self.rule() != Rule::Marked
    }

    /// Whether as many bytes go over the connection, framing aside, as the local file has.
    pub fn keeps_size(self) -> bool {
        matches!(self.rule(), Rule::Same | Rule::Ebcdic | Rule::OneRecord)
    }

    fn rule(self) -> Rule {
        match (self.representation, self.structure, self.record_form) {
            (Representation::Ascii, Structure::File, _) => Rule::CrLf,
            (Representation::Ascii, Structure::Record, _) => Rule::Lines,
            (Representation::Ebcdic, Structure::File, _) => Rule::Ebcdic,
            (Representation::Ebcdic, Structure::Record, _) => Rule::EbcdicLines,
            (_, Structure::File, _) => Rule::Same,
            (_, Structure::Record, RecordForm::Plain) => Rule::OneRecord,
            (_, Structure::Record, RecordForm::Marked) => Rule::Marked,
        }
    }
}

/// Bytes for the connection, and where among them records end.
#[derive(Clone, Debug, Default)]
pub struct Converted {
    /// What is to be framed.
    pub bytes: Vec<u8>,
    /// Offsets in `bytes`, not descending.
    pub record_ends: Vec<usize>,
}

impl Converted {
    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.record_ends.clear();
    }

    fn end_record(&mut self) {
        self.record_ends.push(self.bytes.len());
    }

    /// Pieces to encode, each with what ends after it; the last of them with `file`. At least one.
    pub fn pieces(&self, file: bool) -> impl Iterator<Item = (&[u8], End)> {
        let rest_from = self.record_ends.last().copied().unwrap_or(0);
        let rest = &self.bytes[rest_from..];
        let has_rest = !rest.is_empty() || self.record_ends.is_empty();
        let last = self.record_ends.len().saturating_sub(usize::from(!has_rest));
        let mut from = 0;
        let records = self.record_ends.iter().enumerate().map(move |(index, &to)| {
            let piece = &self.bytes[from..to];
            from = to;
            (piece, End { record: true, file: file && !has_rest && index == last })
        });
        records.chain(has_rest.then_some((rest, End { record: false, file })))
    }
}

/// Local file to connection.
#[derive(Clone, Debug)]
pub struct Outgoing {
    rule: Rule,
    /// Local bytes taken.
    taken: u64,
    /// [`Rule::Marked`]: bytes of a mark that have come.
    mark: [u8; MARK_BYTES],
    mark_bytes: usize,
    /// [`Rule::Marked`]: bytes of the fragment to come.
    left: u32,
}

impl Outgoing {
    /// At the start of a file.
    pub fn new(conversion: Conversion) -> Self {
        Self { rule: conversion.rule(), taken: 0, mark: [0; MARK_BYTES], mark_bytes: 0, left: 0 }
    }

    /// Converts the next bytes of the file, adding to `out`; `last` says that no more come.
    ///
    /// # Errors
    /// If the file is not what [`RecordForm::Marked`] says.
    pub fn convert(&mut self, input: &[u8], last: bool, out: &mut Converted) -> Result<(), ConvertError> {
        self.taken += input.len() as u64;
        match self.rule {
            Rule::Same => out.bytes.extend_from_slice(input),
            Rule::Ebcdic => out.bytes.extend(input.iter().map(|&byte| ebcdic::FROM_LOCAL[usize::from(byte)])),
            Rule::CrLf => lines(input, |line, ended| {
                out.bytes.extend_from_slice(line);
                if ended {
                    out.bytes.extend_from_slice(b"\r\n");
                }
            }),
            Rule::Lines => lines(input, |line, ended| {
                out.bytes.extend_from_slice(line);
                if ended {
                    out.end_record();
                }
            }),
            Rule::EbcdicLines => lines(input, |line, ended| {
                out.bytes.extend(line.iter().map(|&byte| ebcdic::FROM_LOCAL[usize::from(byte)]));
                if ended {
                    out.end_record();
                }
            }),
            Rule::OneRecord => {
                out.bytes.extend_from_slice(input);
                if last && self.taken > 0 {
                    out.end_record();
                }
            }
            Rule::Marked => return self.fragments(input, last, out),
        }
        Ok(())
    }

    fn fragments(&mut self, mut input: &[u8], last: bool, out: &mut Converted) -> Result<(), ConvertError> {
        while !input.is_empty() {
            if self.mark_bytes < MARK_BYTES {
                self.mark[self.mark_bytes] = input[0];
                self.mark_bytes += 1;
                input = &input[1..];
                self.left = u32::from_be_bytes(self.mark) & !LAST_FRAGMENT;
            } else {
                let (data, rest) = input.split_at(input.len().min(self.left as usize));
                out.bytes.extend_from_slice(data);
                self.left -= data.len() as u32;
                input = rest;
            }
            if self.mark_bytes == MARK_BYTES && self.left == 0 {
                if u32::from_be_bytes(self.mark) & LAST_FRAGMENT != 0 {
                    out.end_record();
                }
                self.mark_bytes = 0;
            }
        }
        if last && self.mark_bytes > 0 {
            return Err(ConvertError::CutFragment(self.taken));
        }
        Ok(())
    }
}

/// Tells `each` what stands before each LF, and what is left.
fn lines(input: &[u8], mut each: impl FnMut(&[u8], bool)) {
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', input) {
        each(&input[from..at], true);
        from = at + 1;
    }
    each(&input[from..], false);
}

/// Connection to local file.
#[derive(Clone, Debug)]
pub struct Incoming {
    rule: Rule,
    /// [`Rule::CrLf`]: a CR has come, and not been given out.
    return_seen: bool,
    /// [`Rule::Marked`]: the fragment under way.
    fragment: Vec<u8>,
}

impl Incoming {
    /// At the start of a file.
    pub fn new(conversion: Conversion) -> Self {
        Self { rule: conversion.rule(), return_seen: false, fragment: Vec::new() }
    }

    /// Whether bytes have come that `out` does not hold yet.
    pub fn holds_back(&self) -> bool {
        self.return_seen || !self.fragment.is_empty()
    }

    /// Converts data, adding to `out`.
    pub fn data(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match self.rule {
            Rule::Same | Rule::Lines | Rule::OneRecord => out.extend_from_slice(input),
            Rule::Ebcdic | Rule::EbcdicLines => {
                out.extend(input.iter().map(|&byte| ebcdic::TO_LOCAL[usize::from(byte)]));
            }
            Rule::CrLf => self.cr_lf(input, out),
            Rule::Marked => self.marked(input, out),
        }
    }

    fn cr_lf(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Some((&first, _)) = input.split_first() else { return };
        if std::mem::take(&mut self.return_seen) && first != b'\n' {
            out.push(b'\r');
        }
        let mut from = 0;
        for at in memchr::memchr_iter(b'\r', input) {
            match input.get(at + 1) {
                Some(b'\n') => {}
                Some(_) => continue,
                None => self.return_seen = true,
            }
            out.extend_from_slice(&input[from..at]);
            from = at + 1;
        }
        out.extend_from_slice(&input[from..]);
    }

    fn marked(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            // Only now is it known that the full fragment is not the record's last.
            if self.fragment.len() == FRAGMENT_BYTES {
                self.put_fragment(0, out);
            }
            let room = FRAGMENT_BYTES - self.fragment.len();
            let (data, rest) = input.split_at(room.min(input.len()));
            self.fragment.extend_from_slice(data);
            input = rest;
        }
    }

    fn put_fragment(&mut self, last: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.fragment.len() as u32 | last).to_be_bytes());
        out.append(&mut self.fragment);
    }

    /// The peer has marked the end of a record: what the local file shows of it goes to `out`.
    pub fn end_of_record(&mut self, out: &mut Vec<u8>) {
        match self.rule {
            Rule::Lines | Rule::EbcdicLines => out.push(b'\n'),
            Rule::Marked => self.put_fragment(LAST_FRAGMENT, out),
            // The mark was not agreed on, or not kept.
            Rule::Same | Rule::CrLf | Rule::Ebcdic | Rule::OneRecord => {}
        }
    }

    /// The file is whole: gives out what was held back. Ready for the next file.
    pub fn end_of_file(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.return_seen) {
            out.push(b'\r');
        }
        if !self.fragment.is_empty() {
            self.put_fragment(0, out);
        }
    }
}
