//! What must hold for any bytes that a data connection brings: the same events whole and cut in
//! two anywhere, the same data gathered, no more of it than the input can hold, and what was
//! decoded can be encoded and decoded again.

use ftp_proto::mode::{
    Coding, DecodeError, Decoder, Encoder, End, Event, FULL_BYTES, Finish, MAX_EXPANSION, Structure,
    TransmissionMode,
};

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Data(Vec<u8>),
    Other(Event<'static>),
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    told: Vec<Told>,
    result: Option<Result<Finish, DecodeError>>,
}

impl Heard {
    fn data(&mut self, new: &[u8]) {
        match self.told.last_mut() {
            _ if new.is_empty() => {}
            Some(Told::Data(bytes)) => bytes.extend_from_slice(new),
            _ => self.told.push(Told::Data(new.to_vec())),
        }
    }

    fn bytes(&self) -> usize {
        self.told.iter().map(|told| if let Told::Data(bytes) = told { bytes.len() } else { 0 }).sum()
    }

    fn event(&mut self, event: Event<'_>) {
        let other = match event {
            Event::Data { bytes, .. } => return self.data(bytes),
            Event::Run { byte, len, .. } => return self.data(&vec![byte; len]),
            Event::EndOfRecord => Event::EndOfRecord,
            Event::EndOfFile => Event::EndOfFile,
            Event::Marker(text) => Event::Marker(text),
        };
        self.told.push(Told::Other(other));
    }
}

fn events(coding: Coding, parts: &[&[u8]]) -> Heard {
    let mut decoder = Decoder::new(coding);
    let mut heard = Heard::default();
    for part in parts {
        let mut part = *part;
        loop {
            match decoder.decode(&mut part) {
                Ok(Some(event)) => heard.event(event),
                Ok(None) => break,
                Err(error) => {
                    heard.result = Some(Err(error));
                    return heard;
                }
            }
        }
        assert!(part.is_empty());
    }
    heard.result = Some(Ok(decoder.finish()));
    heard
}

fn gathered(coding: Coding, mut wire: &[u8]) -> Heard {
    let mut decoder = Decoder::new(coding);
    let (mut heard, mut data) = (Heard::default(), vec![0; 2 * FULL_BYTES]);
    loop {
        let mut filled = 0;
        let event = decoder.decode_into(&mut wire, &mut data, &mut filled);
        heard.data(&data[..filled]);
        match event {
            Ok(Some(event)) => heard.event(event),
            Ok(None) if data.len() - filled < FULL_BYTES => {}
            Ok(None) => break,
            Err(error) => {
                heard.result = Some(Err(error));
                return heard;
            }
        }
    }
    heard.result = Some(Ok(decoder.finish()));
    heard
}

/// The first two bytes say where to cut, the third which filler.
pub(super) fn check(mode: TransmissionMode, input: &[u8]) {
    let Some((&[high, low, filler], wire)) = input.split_first_chunk::<3>() else { return };
    let coding = Coding { mode, structure: Structure::Record, filler };
    let whole = events(coding, &[wire]);
    let cut = usize::from(u16::from_be_bytes([high, low])) % (wire.len() + 1);
    assert_eq!(events(coding, &[&wire[..cut], &wire[cut..]]), whole);
    assert_eq!(gathered(coding, wire), whole);
    let gain = if mode == TransmissionMode::Compressed { 63 } else { 1 };
    assert!(whole.bytes() <= gain * wire.len());
    again(coding, wire);
}

/// The first two bytes say where to cut, the third which structure. Where zlib finds a stream to be wrong,
/// and how it puts it, hangs on the cut; what comes out before that does not.
pub(super) fn check_deflate(input: &[u8]) {
    let Some((&[high, low, records], wire)) = input.split_first_chunk::<3>() else { return };
    let structure = if records % 2 == 0 { Structure::File } else { Structure::Record };
    let coding = Coding { mode: TransmissionMode::Deflate, structure, filler: 0 };
    let whole = events(coding, &[wire]);
    let cut = usize::from(u16::from_be_bytes([high, low])) % (wire.len() + 1);
    for other in [events(coding, &[&wire[..cut], &wire[cut..]]), gathered(coding, wire)] {
        assert_eq!(other.told, whole.told);
        let finish = |heard: &Heard| heard.result.as_ref().and_then(|result| result.as_ref().ok().copied());
        assert_eq!(finish(&other), finish(&whole));
    }
    let is_whole = whole.result == Some(Ok(Finish::Complete));
    let ends = whole.told.iter().filter(|told| **told == Told::Other(Event::EndOfFile)).count();
    assert!(ends <= 1 && (!is_whole || ends == 1));
    assert!(whole.bytes() as u64 <= MAX_EXPANSION * wire.len() as u64);
    again(Coding { structure: Structure::Record, ..coding }, wire);
}

/// The input as a payload: there and back.
fn again(coding: Coding, payload: &[u8]) {
    let mut wire = Vec::new();
    Encoder::new(coding).encode(payload, End { record: true, file: true }, &mut wire);
    let heard = events(coding, &[&wire]);
    let mut expected = Heard::default();
    expected.data(payload);
    expected.event(Event::EndOfRecord);
    expected.event(Event::EndOfFile);
    expected.result = Some(Ok(Finish::Complete));
    assert_eq!(heard, expected);
}
