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
    write(&outcome.captured, "a run", &mut file).unwrap();
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
