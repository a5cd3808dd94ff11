//! Zlib streams into files.

use crate::mode::{
    self, Coding, DecodeError, Event, FULL_BYTES, Finish, Malformed, Structure, TransmissionMode, malformed,
};
use crate::mutant::{self, Mutant};
use flate2::{Decompress, DecompressError, FlushDecompress, Status};
use std::ops::Range;

/// Payload is inflated so much at a time, at most, whatever it came from.
const INFLATED_BYTES: usize = 32 * 1024;

const ZLIB: &str = "a zlib stream (RFC 1950)";
/// zlib's word on an Adler-32 that is another.
const WRONG_SUM: &str = "incorrect data check";

/// One file on its way in.
#[derive(Debug)]
pub(in crate::mode) struct Decoder {
    structure: Structure,
    /// Of what has been inflated.
    inner: mode::Decoder,
    /// Structure R: the mark of the end of the file has come.
    marked: bool,
    /// `None` before the stream and after it: its memory is for the time of the transfer only.
    inflate: Option<Inflate>,
    ended: bool,
}

#[derive(Debug)]
struct Inflate {
    decompress: Decompress,
    /// [`INFLATED_BYTES`].
    data: Box<[u8]>,
    /// What of `data` has not been told yet.
    untold: Range<usize>,
    /// More may come without more input.
    full: bool,
    at_end: bool,
    /// To be told after `untold`.
    failed: Option<Malformed>,
}

enum Step {
    /// There is something to tell.
    Inflated,
    NeedsInput,
    /// The stream has come to its end, and its checksum is right.
    Ended,
}

/// What is told of [`Inflate::data`].
enum Told {
    Data(Range<usize>),
    EndOfRecord,
}

impl Decoder {
    pub(in crate::mode) fn new(coding: Coding) -> Self {
        let inner = mode::Decoder::new(Coding { mode: TransmissionMode::Stream, ..coding });
        Self { structure: coding.structure, inner, marked: false, inflate: None, ended: false }
    }

    pub(in crate::mode) fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Malformed> {
        loop {
            match self.told()? {
                Some(Told::EndOfRecord) => return Ok(Some(Event::EndOfRecord)),
                Some(Told::Data(range)) => {
                    let bytes = self.inflate.as_ref().map_or(&[][..], |inflate| &inflate.data[range]);
                    return Ok(Some(Event::Data { bytes, suspect: false }));
                }
                None => {}
            }
            match self.step(input)? {
                Step::Inflated => {}
                Step::NeedsInput => return Ok(None),
                Step::Ended => return self.end_of_file(),
            }
        }
    }

    /// See [`mode::Decoder::decode_into`].
    pub(in crate::mode) fn decode_into(
        &mut self,
        input: &mut &[u8],
        data: &mut [u8],
        filled: &mut usize,
    ) -> Result<Option<Event<'static>>, Malformed> {
        loop {
            if let Some(Told::EndOfRecord) = self.told_into(data, filled)? {
                return Ok(Some(Event::EndOfRecord));
            }
            if data.len() - *filled < FULL_BYTES {
                return Ok(None);
            }
            match self.step(input)? {
                Step::Inflated => {}
                Step::NeedsInput => return Ok(None),
                Step::Ended => return self.end_of_file(),
            }
        }
    }

    pub(in crate::mode) fn finish(&self) -> Finish {
        if self.ended { Finish::Complete } else { Finish::Truncated }
    }

    /// The next of what has been inflated.
    fn told(&mut self) -> Result<Option<Told>, Malformed> {
        let Some(inflate) = &mut self.inflate else { return Ok(None) };
        loop {
            let data = &inflate.data;
            let mut rest = &data[inflate.untold.clone()];
            if self.marked {
                return nothing_follows(rest);
            }
            let told = match self.inner.decode(&mut rest).map_err(inside)? {
                Some(Event::Data { bytes, .. }) => {
                    let from = bytes.as_ptr() as usize - data.as_ptr() as usize;
                    Some(Told::Data(from..from + bytes.len()))
                }
                Some(Event::EndOfRecord) => Some(Told::EndOfRecord),
                Some(Event::EndOfFile) => {
                    self.marked = true;
                    None
                }
                // Stream mode has no others.
                Some(Event::Run { .. } | Event::Marker(_)) | None => None,
            };
            inflate.untold.start = inflate.untold.end - rest.len();
            if told.is_some() || !self.marked {
                return Ok(told);
            }
        }
    }

    /// The same, data gathered.
    fn told_into(&mut self, data: &mut [u8], filled: &mut usize) -> Result<Option<Told>, Malformed> {
        let Some(inflate) = &mut self.inflate else { return Ok(None) };
        let mut rest = &inflate.data[inflate.untold.clone()];
        if self.marked {
            return nothing_follows(rest);
        }
        let event = self.inner.decode_into(&mut rest, data, filled).map_err(inside)?;
        let is_record = match event {
            Some(Event::EndOfFile) => {
                self.marked = true;
                nothing_follows::<Told>(rest)?;
                false
            }
            event => event.is_some(),
        };
        inflate.untold.start = inflate.untold.end - rest.len();
        Ok(is_record.then_some(Told::EndOfRecord))
    }

    /// Inflates from the front of `input`, when all that was inflated before has been told.
    fn step(&mut self, input: &mut &[u8]) -> Result<Step, Malformed> {
        if self.ended {
            return match input.first() {
                Some(_) if mutant::is(Mutant::BehindDeflateIgnored) => {
                    *input = &[];
                    Ok(Step::NeedsInput)
                }
                Some(byte) => malformed(*byte, "nothing after the end of the zlib stream"),
                None => Ok(Step::NeedsInput),
            };
        }
        if self.inflate.is_none() && input.is_empty() {
            return Ok(Step::NeedsInput);
        }
        let step = self.inflate.get_or_insert_with(Inflate::new).step(input)?;
        if let Step::Ended = step {
            self.inflate = None;
            self.ended = true;
        }
        Ok(step)
    }

    fn end_of_file(&self) -> Result<Option<Event<'static>>, Malformed> {
        if self.structure == Structure::Record && !self.marked {
            let found = "the end of the zlib stream".to_owned();
            return Err(Malformed { found, expected: "the mark of the end of file before it" });
        }
        Ok(Some(Event::EndOfFile))
    }
}

impl Inflate {
    fn new() -> Self {
        Self {
            decompress: Decompress::new(true),
            data: vec![0; INFLATED_BYTES].into(),
            untold: 0..0,
            full: false,
            at_end: false,
            failed: None,
        }
    }

    fn step(&mut self, input: &mut &[u8]) -> Result<Step, Malformed> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if self.at_end {
            return Ok(Step::Ended);
        }
        if input.is_empty() && !self.full {
            return Ok(Step::NeedsInput);
        }
        let (taken, made) = (self.decompress.total_in(), self.decompress.total_out());
        let status = self.decompress.decompress(input, &mut self.data, FlushDecompress::None);
        let taken = (self.decompress.total_in() - taken) as usize;
        let made = (self.decompress.total_out() - made) as usize;
        *input = &input[taken..];
        self.untold = 0..made;
        self.full = made == INFLATED_BYTES;
        match status {
            Ok(Status::StreamEnd) => self.at_end = true,
            Ok(Status::Ok | Status::BufError) => {
                if let (0, 0, Some(byte)) = (taken, made, input.first()) {
                    return malformed(*byte, ZLIB);
                }
            }
            // What came before it is told first, however the input was split.
            Err(error) if mutant::is(Mutant::AdlerUnchecked) && error.message() == Some(WRONG_SUM) => {
                self.at_end = true;
            }
            Err(error) => self.failed = Some(wrong(&error)),
        }
        Ok(Step::Inflated)
    }
}

fn wrong(error: &DecompressError) -> Malformed {
    if error.needs_dictionary().is_some() {
        return Malformed { found: "a preset dictionary".to_owned(), expected: "a zlib stream without one" };
    }
    // Where the input was split behind the wrong bits, zlib no longer knows which they were.
    let message = error.message().filter(|message| *message != "repeated call with bad state");
    Malformed { found: message.unwrap_or("corrupt data").to_owned(), expected: ZLIB }
}

/// Of the codec inside: the wire bytes are ours to count.
fn inside(DecodeError { found, expected, .. }: DecodeError) -> Malformed {
    Malformed { found, expected }
}

fn nothing_follows<T>(rest: &[u8]) -> Result<Option<T>, Malformed> {
    match rest.first() {
        Some(byte) => malformed(*byte, "the end of the zlib stream after the mark of the end of file"),
        None => Ok(None),
    }
}
