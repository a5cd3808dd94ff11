//! Two files on one connection in block mode, read back seven bytes at a time: the end of each is
//! marked, and a connection that dies early shows.

use ftp_proto::mode::{Coding, Decoder, Encoder, End, Event, Finish, Structure, TransmissionMode};

fn main() {
    let coding = Coding { mode: TransmissionMode::Block, structure: Structure::File, filler: 0 };
    let mut wire = Vec::new();
    let mut encoder = Encoder::new(coding);
    for file in ["the first file", "the second one"] {
        encoder.encode(file.as_bytes(), End { record: false, file: true }, &mut wire);
    }
    println!("{} bytes on the wire: {wire:02x?}", wire.len());

    let mut decoder = Decoder::new(coding);
    let mut text = Vec::new();
    let mut files = Vec::new();
    for mut piece in wire.chunks(7) {
        while let Some(event) = decoder.decode(&mut piece).expect("what the encoder wrote") {
            match event {
                Event::Data { bytes, .. } => text.extend_from_slice(bytes),
                Event::EndOfFile => files.push(String::from_utf8(std::mem::take(&mut text)).unwrap()),
                other => println!("{other:?}"),
            }
        }
    }
    println!("{files:?}, then the connection ends: {:?}", decoder.finish());
    assert_eq!(files, ["the first file", "the second one"]);

    let mut decoder = Decoder::new(coding);
    let mut half = &wire[..10];
    while decoder.decode(&mut half).expect("what the encoder wrote").is_some() {}
    println!("cut after ten bytes: {:?}", decoder.finish());
    assert_eq!(decoder.finish(), Finish::Truncated);
}
