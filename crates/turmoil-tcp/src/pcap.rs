//! A run's packets as a pcapng file, for Wireshark and its relatives.

use crate::capture::CapturedPacket;
use crate::path::Fate;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::blocks::unknown::UnknownBlock;
use pcap_file::{DataLink, Endianness, PcapError};
use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

/// Timestamps count 10^-9 s (pcapng, option if_tsresol).
const NANOSECONDS: u8 = 9;

/// Decryption Secrets Block (draft-ietf-opsawg-pcapng), which pcap-file does not know by name.
const DECRYPTION_SECRETS_BLOCK: u32 = 0x0000_000a;
/// Secrets type "TLS Key Log".
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Writes `packets`, in order of time, as the router between the hosts saw them: virtual time,
/// from 1970-01-01 on; one interface, whose packets begin with the IPv4 header; what became of a
/// packet that did not simply pass is its comment. `title` becomes the file's comment. `key_log`, the
/// lines of an NSS key log (`SSLKEYLOGFILE`, RFC 9850), goes along, so that Wireshark reads what TLS hid.
pub fn write(
    packets: &[CapturedPacket],
    title: &str,
    key_log: Option<&str>,
    file: impl Write,
) -> Result<(), PcapError> {
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
    // Readers ask for secrets when a connection begins, so they stand before its packets.
    if let Some(lines) = key_log {
        let body = secrets(lines);
        pcap.write_pcapng_block(UnknownBlock::new(DECRYPTION_SECRETS_BLOCK, 0, &body))?;
    }
    for packet in packets {
        pcap.write_pcapng_block(block(packet))?;
    }
    Ok(())
}

/// The body of a block of secrets: type, length, lines; the section is little-endian, and the writer pads.
fn secrets(lines: &str) -> Vec<u8> {
    let length = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    [&TLS_KEY_LOG.to_le_bytes(), &length.to_le_bytes(), lines.as_bytes()].concat()
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
