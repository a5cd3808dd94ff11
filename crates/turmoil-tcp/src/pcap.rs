//! A run's packets as a pcapng file, for Wireshark and its relatives.

use crate::capture::CapturedPacket;
use crate::path::Fate;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness, PcapError};
use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

/// Timestamps count 10^-9 s (pcapng, option if_tsresol).
const NANOSECONDS: u8 = 9;

/// Writes `packets`, in order of time, as the router between the hosts saw them: virtual time,
/// from 1970-01-01 on; one interface, whose packets begin with the IPv4 header; what became of a
/// packet that did not simply pass is its comment. `title` becomes the file's comment.
pub fn write(packets: &[CapturedPacket], title: &str, file: impl Write) -> Result<(), PcapError> {
    let section = SectionHeaderBlock {
        endianness: Endianness::Little,
        options: vec![
            SectionHeaderOption::Comment(Cow::Owned(title.to_owned())),
            SectionHeaderOption::UserApplication(Cow::Borrowed(concat!(
                "ftpsim ",
                env!("CARGO_PKG_VERSION")
            ))),
        ],
        ..SectionHeaderBlock::default()
    };
    let mut pcap = PcapNgWriter::with_section_header(file, section)?;
    pcap.write_pcapng_block(InterfaceDescriptionBlock {
        linktype: DataLink::RAW,
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed("router")),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    })?;
    for packet in packets {
        pcap.write_pcapng_block(block(packet))?;
    }
    Ok(())
}

fn block(packet: &CapturedPacket) -> EnhancedPacketBlock<'_> {
    let comment = match packet.fate {
        Fate::Forwarded { .. } => None,
        Fate::Forged { .. } => Some("forged by the middlebox"),
        Fate::Lost => Some("lost after this point"),
        Fate::QueueFull => Some("dropped here: the queue is full"),
        Fate::Cut => Some("taken by the middlebox"),
    };
    EnhancedPacketBlock {
        interface_id: 0,
        timestamp: Duration::from_nanos(packet.at_ns),
        original_len: u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX),
        data: Cow::Borrowed(&packet.bytes),
        options: comment.map(|text| EnhancedPacketOption::Comment(Cow::Borrowed(text))).into_iter().collect(),
    }
}
