//! Representation types and structures: vectors by hand from RFC 959, naive references, and
//! properties under any split.

use ftp_proto::mode::{End, Structure};
use ftp_proto::repr::{
    Conversion, ConvertError, Converted, FRAGMENT_BYTES, Incoming, Outgoing, RecordForm, Representation,
    ebcdic,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// A file as its records; bytes after the last end of record are `rest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Records {
    ended: Vec<Vec<u8>>,
    rest: Vec<u8>,
}

impl Records {
    fn of(ended: &[&[u8]], rest: &[u8]) -> Self {
        Self { ended: ended.iter().map(|record| record.to_vec()).collect(), rest: rest.to_vec() }
    }
}

fn conversion(representation: Representation, structure: Structure) -> Conversion {
    Conversion { representation, structure, record_form: RecordForm::Plain }
}

const MARKED: Conversion = Conversion {
    representation: Representation::Image,
    structure: Structure::Record,
    record_form: RecordForm::Marked,
};

fn all() -> Vec<Conversion> {
    use Representation::*;
    let mut all: Vec<Conversion> = [Ascii, Ebcdic, Image, Local8]
        .into_iter()
        .flat_map(|it| [Structure::File, Structure::Record].map(|structure| conversion(it, structure)))
        .collect();
    all.push(MARKED);
    all
}

fn split<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// All that a local file becomes, through [`Converted::pieces`] as a sender uses it.
fn send(conversion: Conversion, parts: &[&[u8]]) -> Result<Records, ConvertError> {
    let mut outgoing = Outgoing::new(conversion);
    let (mut records, mut files) = (Records::default(), 0);
    let mut converted = Converted::default();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        converted.clear();
        outgoing.convert(part, last, &mut converted)?;
        for (piece, End { record, file }) in converted.pieces(last) {
            assert_eq!(files, 0, "a piece after the end of file");
            records.rest.extend(piece);
            files += usize::from(file);
            if record {
                records.ended.push(std::mem::take(&mut records.rest));
            }
        }
    }
    assert_eq!(files, 1, "ends of file");
    Ok(records)
}

/// What comes of records, each data cut as `cuts` say.
fn receive(conversion: Conversion, records: &Records, cuts: &[Index]) -> Vec<u8> {
    let mut incoming = Incoming::new(conversion);
    let mut local = Vec::new();
    for record in &records.ended {
        split(record, cuts).into_iter().for_each(|part| incoming.data(part, &mut local));
        incoming.end_of_record(&mut local);
    }
    split(&records.rest, cuts).into_iter().for_each(|part| incoming.data(part, &mut local));
    incoming.end_of_file(&mut local);
    assert!(!incoming.holds_back());
    local
}

/// Local bytes and the records they are, both ways.
#[track_caller]
fn vector(conversion: Conversion, local: &[u8], records: &Records) {
    let bytes: Vec<&[u8]> = if local.is_empty() { vec![b""] } else { local.chunks(1).collect() };
    assert_eq!(&send(conversion, &[local]).unwrap(), records, "at once");
    assert_eq!(&send(conversion, &bytes).unwrap(), records, "byte by byte");
    assert_eq!(receive(conversion, records, &[]), local, "and back");
}

#[test]
fn ascii_ends_lines_with_cr_lf() {
    let ascii = conversion(Representation::Ascii, Structure::File);
    vector(ascii, b"", &Records::of(&[], b""));
    vector(ascii, b"one\ntwo\n\nx", &Records::of(&[], b"one\r\ntwo\r\n\r\nx"));
    vector(ascii, b"bare\rcr\r", &Records::of(&[], b"bare\rcr\r"));
    vector(ascii, b"dos\r\n\r\r\n", &Records::of(&[], b"dos\r\r\n\r\r\r\n"));
    // A bare LF on the connection, which no sender should send, is kept.
    assert_eq!(receive(ascii, &Records::of(&[], b"a\nb\r\n"), &[]), b"a\nb\n");
}

#[test]
fn ebcdic_is_code_page_037_with_nl() {
    // From IBM's chart of code page 037: letters, digits, punctuation, space.
    for (local, ebcdic) in [
        (b' ', 0x40),
        (b'A', 0xC1),
        (b'I', 0xC9),
        (b'J', 0xD1),
        (b'R', 0xD9),
        (b'S', 0xE2),
        (b'Z', 0xE9),
        (b'a', 0x81),
        (b'z', 0xA9),
        (b'0', 0xF0),
        (b'9', 0xF9),
        (b'.', 0x4B),
        (b'<', 0x4C),
        (b'(', 0x4D),
        (b'+', 0x4E),
        (b'|', 0x4F),
        (b'&', 0x50),
        (b'!', 0x5A),
        (b'$', 0x5B),
        (b'*', 0x5C),
        (b')', 0x5D),
        (b';', 0x5E),
        (b'-', 0x60),
        (b'/', 0x61),
        (b',', 0x6B),
        (b'%', 0x6C),
        (b'_', 0x6D),
        (b'>', 0x6E),
        (b'?', 0x6F),
        (b':', 0x7A),
        (b'#', 0x7B),
        (b'@', 0x7C),
        (b'\'', 0x7D),
        (b'=', 0x7E),
        (b'"', 0x7F),
        (b'\0', 0x00),
        (b'\t', 0x05),
        (b'\r', 0x0D),
        (0x1B, 0x27),
        (0xA2, 0x4A),
        (0xAC, 0x5F),
        (b'^', 0xB0),
        (b'[', 0xBA),
        (b']', 0xBB),
        (b'{', 0xC0),
        (b'}', 0xD0),
        (b'\\', 0xE0),
        (b'~', 0xA1),
        (b'`', 0x79),
        (b'\n', ebcdic::NL),
        (0x85, 0x25),
    ] {
        assert_eq!(ebcdic::FROM_LOCAL[usize::from(local)], ebcdic, "{local:#x}");
        assert_eq!(ebcdic::TO_LOCAL[usize::from(ebcdic)], local, "{ebcdic:#x}");
    }
    for byte in 0..=255u8 {
        assert_eq!(ebcdic::TO_LOCAL[usize::from(ebcdic::FROM_LOCAL[usize::from(byte)])], byte);
    }
    let ebcdic = conversion(Representation::Ebcdic, Structure::File);
    vector(ebcdic, b"AB\n1", &Records::of(&[], b"\xC1\xC2\x15\xF1"));
}

#[test]
fn lines_of_text_are_records() {
    let ascii = conversion(Representation::Ascii, Structure::Record);
    vector(ascii, b"", &Records::of(&[], b""));
    vector(ascii, b"\n", &Records::of(&[b""], b""));
    vector(ascii, b"one\n\ntwo\r\n", &Records::of(&[b"one", b"", b"two\r"], b""));
    vector(ascii, b"one\nrest", &Records::of(&[b"one"], b"rest"));
    let ebcdic = conversion(Representation::Ebcdic, Structure::Record);
    vector(ebcdic, b"A\nB", &Records::of(&[b"\xC1"], b"\xC2"));
}

#[test]
fn a_plain_file_is_one_record() {
    let image = conversion(Representation::Image, Structure::Record);
    vector(image, b"", &Records::of(&[], b""));
    vector(image, b"a\nb", &Records::of(&[b"a\nb"], b""));
    assert_eq!(receive(image, &Records::of(&[b"a", b"", b"b"], b"c"), &[]), b"abc");
}

#[test]
fn marked_records_are_fragments_of_rfc_5531() {
    vector(MARKED, b"", &Records::of(&[], b""));
    vector(MARKED, b"\x80\0\0\x01a\x80\0\0\0\x80\0\0\x02bc", &Records::of(&[b"a", b"", b"bc"], b""));
    // The file's end leaves a record open.
    vector(MARKED, b"\x80\0\0\x01a\0\0\0\x01b", &Records::of(&[b"a"], b"b"));
    // Fragments of any size are read.
    let read = send(MARKED, &[b"\0\0\0\x01a\0\0\0\0\x80\0\0\x01b"]).unwrap();
    assert_eq!(read, Records::of(&[b"ab"], b""));
    for len in [FRAGMENT_BYTES - 1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 2 * FRAGMENT_BYTES] {
        let record = vec![7; len];
        let local = receive(MARKED, &Records::of(&[&record], b""), &[]);
        assert_eq!(local.len(), len + 4 * len.div_ceil(FRAGMENT_BYTES), "{len}");
        vector(MARKED, &local, &Records::of(&[&record], b""));
    }
    let cut = b"\x80\0\0\x03abc\0\0\0\x02x";
    for (end, whole) in (0..=cut.len()).map(|end| (end, matches!(end, 0 | 7))) {
        let sent = send(MARKED, &[&cut[..end]]);
        assert_eq!(sent.is_ok(), whole, "{end}");
        assert!(whole || sent == Err(ConvertError::CutFragment(end as u64)));
    }
}

/// What is said of a conversion, against what it does to a file that is one of marked records, too.
#[test]
fn what_is_said_of_a_conversion_is_so() {
    let local = b"\x80\0\0\x03a\nb\0\0\0\x01c";
    for conversion in all() {
        let sent = send(conversion, &[local]).unwrap();
        let bytes: Vec<u8> = [&sent.ended.concat()[..], &sent.rest].concat();
        let is_same = sent == Records::of(&[], local);
        assert_eq!(conversion.is_identity(), is_same, "{conversion:?}");
        assert_eq!(conversion.keeps_size(), bytes.len() == local.len(), "{conversion:?}");
        let is_lines_only = sent == Records::of(&[], b"\x80\0\0\x03a\r\nb\0\0\0\x01c");
        assert_eq!(conversion.is_lines_only(), is_lines_only, "{conversion:?}");
        let is_read_from = |at: usize| send(conversion, &[&local[at..]]).is_ok();
        assert_eq!(conversion.restarts_anywhere(), (0..local.len()).all(is_read_from), "{conversion:?}");
    }
}

/// Byte by byte, one `match`.
fn reference(conversion: Conversion, local: &[u8]) -> Records {
    let mut records = Records::default();
    let text = matches!(conversion.representation, Representation::Ascii | Representation::Ebcdic);
    for &byte in local {
        match (conversion.representation, conversion.structure, byte) {
            (Representation::Ascii, Structure::File, b'\n') => records.rest.extend(b"\r\n"),
            (_, Structure::Record, b'\n') if text => records.ended.push(std::mem::take(&mut records.rest)),
            (Representation::Ebcdic, _, _) => records.rest.push(ebcdic::FROM_LOCAL[usize::from(byte)]),
            _ => records.rest.push(byte),
        }
    }
    if !text && conversion.structure == Structure::Record && !local.is_empty() {
        records.ended.push(std::mem::take(&mut records.rest));
    }
    records
}

fn texty() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()];
    prop::collection::vec(byte, 0..80)
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_goes_out_as_the_reference_says_and_comes_back(
        local in texty(), out_cuts in cuts(), in_cuts in cuts(),
    ) {
        for conversion in all().into_iter().filter(|&conversion| conversion != MARKED) {
            let records = send(conversion, &split(&local, &out_cuts)).unwrap();
            prop_assert_eq!(&records, &reference(conversion, &local), "{:?}", conversion);
            prop_assert_eq!(&receive(conversion, &records, &in_cuts), &local, "{:?}", conversion);
        }
    }

    #[test]
    fn any_records_are_kept(
        ended in prop::collection::vec(texty(), 0..8),
        rest in texty(),
        in_cuts in cuts(),
        out_cuts in cuts(),
    ) {
        let records = Records { ended, rest };
        let local = receive(MARKED, &records, &in_cuts);
        prop_assert_eq!(&receive(MARKED, &records, &[]), &local);
        prop_assert_eq!(send(MARKED, &split(&local, &out_cuts)).unwrap(), records);
    }

    #[test]
    fn any_bytes_are_marked_records_or_an_error(local in prop::collection::vec(prop_oneof![4 => Just(0u8), 1 => Just(0x80u8), 1 => 1..9u8], 0..60), at in cuts()) {
        let whole = send(MARKED, &[&local]);
        prop_assert_eq!(&whole, &send(MARKED, &split(&local, &at)));
        if let Ok(records) = whole {
            prop_assert_eq!(send(MARKED, &[&receive(MARKED, &records, &at)]).unwrap(), records);
        }
    }
}
