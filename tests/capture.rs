//! A run of the simulation as a capture file.
#![cfg(feature = "sim")]

use ftpsim::sim::case::Case;
use ftpsim::sim::scenario::Scenario;
use ftpsim::sim::world;
use pcap_file::pcapng::{Block, PcapNgReader};
use turmoil_tcp::pcap::write;

#[test]
fn a_capture_reads_back_packet_for_packet() {
    let case = Case::draw(&Scenario::load("tiny").unwrap(), "stream", 0).unwrap();
    let outcome = world::run_captured(&case).unwrap();
    assert_eq!(outcome.trace_hash, world::run(&case).unwrap().trace_hash, "watching changes nothing");
    let mut file = Vec::new();
    write(&outcome.captured, "a run", None, &mut file).unwrap();
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let mut read = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            read.push((packet.timestamp.as_nanos() as u64, packet.data.to_vec()));
        }
    }
    let sent: Vec<_> = outcome.captured.iter().map(|packet| (packet.at_ns, packet.bytes.clone())).collect();
    assert_eq!(read, sent);
    assert!(read.len() > 20);
}

#[test]
fn secrets_stand_before_the_packets_and_read_back() {
    let case = Case::draw(&Scenario::load("tiny").unwrap(), "stream", 0).unwrap();
    let captured = world::run_captured(&case).unwrap().captured;
    // Of every length modulo four, because a block is padded.
    for lines in ["", "a", "ab", "abc", "CLIENT_RANDOM 00 11\nCLIENT_RANDOM 22 33\n"] {
        let mut file = Vec::new();
        write(&captured, "a run", Some(lines), &mut file).unwrap();
        let mut reader = PcapNgReader::new(&file[..]).unwrap();
        let (mut packets, mut secrets) = (0, Vec::new());
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::EnhancedPacket(_) => packets += 1,
                // Decryption Secrets Block.
                Block::Unknown(block) if block.type_ == 10 => {
                    assert_eq!(packets, 0, "before them");
                    secrets.push(block.value.into_owned());
                }
                _ => {}
            }
        }
        assert_eq!(packets, captured.len());
        let [body] = &secrets[..] else { panic!("{} blocks of secrets", secrets.len()) };
        assert_eq!(body[..4], *b"KSLT", "TLSK, little-endian");
        assert_eq!(body[4..8], (lines.len() as u32).to_le_bytes());
        let (read, padding) = body[8..].split_at(lines.len());
        assert_eq!(read, lines.as_bytes());
        assert!(padding.len() < 4 && padding.iter().all(|byte| *byte == 0));
    }
}
