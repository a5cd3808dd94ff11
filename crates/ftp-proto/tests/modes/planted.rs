//! The defects that can be planted in the modes: each is what it is said to be, and nothing else.

use crate::harness::*;
use ftp_proto::mode::*;
use ftp_proto::mutant::{Mutant, plant};

fn file(mode: TransmissionMode) -> Coding {
    coding(mode, Structure::File)
}

/// All data, and how it came to its end.
fn read(coding: Coding, wire: &[u8]) -> (Vec<u8>, Result<Finish, String>) {
    let (seen, result) = decode(coding, [wire]);
    let data = seen.iter().flat_map(|seen| if let Seen::Data(bytes, _) = seen { &bytes[..] } else { &[] });
    (data.copied().collect(), result.map_err(|error| error.found))
}

#[test]
fn one_filler_of_64_is_lost() {
    let coding = file(TransmissionMode::Compressed);
    let _planted = plant(Some(Mutant::RunOf64));
    for (byte, len, lost) in [(SPACE, 64, 1), (SPACE, 63, 0), (SPACE, 65, 0), (SPACE, 128, 0), (b'a', 64, 0)]
    {
        let data = vec![byte; len];
        let wire = encode(coding, &[piece(&data, FILE)]);
        assert_eq!(read(coding, &wire), (data[lost..].to_vec(), Ok(Finish::Complete)), "{len} of {byte}");
    }
}

#[test]
fn a_wrong_checksum_is_taken_and_a_wrong_stream_is_not() {
    let coding = file(TransmissionMode::Deflate);
    let mut wire = encode(coding, &[piece(b"some payload", FILE)]);
    *wire.last_mut().unwrap() ^= 1;
    let _planted = plant(Some(Mutant::AdlerUnchecked));
    assert_eq!(read(coding, &wire), (b"some payload".to_vec(), Ok(Finish::Complete)));
    assert!(read(coding, b"plain text, no stream").1.is_err());
}

#[test]
fn bytes_behind_a_stream_are_passed_over() {
    let coding = file(TransmissionMode::Deflate);
    let mut wire = encode(coding, &[piece(b"some payload", FILE)]);
    wire.extend(b"behind");
    assert!(read(coding, &wire).1.is_err());
    let _planted = plant(Some(Mutant::BehindDeflateIgnored));
    assert_eq!(read(coding, &wire), (b"some payload".to_vec(), Ok(Finish::Complete)));
}
