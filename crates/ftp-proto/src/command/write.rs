//! Commands as they go over the control connection.

use super::{DataType, ExtendedPassive, Format, ProtectionLevel, StructureCode};
use crate::address::{extended, host_port};
use crate::mode::{Structure, TransmissionMode};
use crate::name;
use crate::time::{Timestamp, exact_timestamp};
use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};

/// A line that would be more than one command, or another one: it holds LF or NUL, which cannot be sent
/// within it (RFC 959 section 5.3.2, RFC 854).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line holds a line feed or NUL, which no command can carry")]
pub struct Unsendable;

/// Appends a line as it goes over the control connection: CR becomes CR NUL (RFC 2640 section 3.1), 255
/// is doubled (RFC 854), and bytes that are no text go as they are ([`crate::name`]). Nothing is appended
/// where it is [`Unsendable`].
pub fn write_line(line: &str, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    if memchr::memchr2(b'\n', 0, line.as_bytes()).is_some() {
        return Err(Unsendable);
    }
    for byte in name::encode(line).iter() {
        match byte {
            b'\r' => out.extend_from_slice(b"\r\0"),
            0xff => out.extend_from_slice(&[0xff, 0xff]),
            byte => out.push(*byte),
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// A part of an argument.
pub(super) trait Written {
    /// Appends it with the blank before it; nothing where there is none.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A part of an argument that is text.
pub(super) trait Text {
    /// As it is, where it is there.
    fn text(&self) -> Option<&str>;
}

impl Written for String {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {self}")
    }
}

impl Text for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Written for Option<String> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().map_or(Ok(()), |text| text.write(f))
    }
}

impl Text for Option<String> {
    fn text(&self) -> Option<&str> {
        self.as_deref()
    }
}

impl Written for u64 {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {self}")
    }
}

/// ALLO's second number (RFC 959 section 4.1.3).
impl Written for Option<u64> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map_or(Ok(()), |bytes| write!(f, " R {bytes}"))
    }
}

impl Written for SocketAddrV4 {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", host_port(*self))
    }
}

impl Written for SocketAddr {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", extended(*self))
    }
}

impl Written for ExtendedPassive {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExtendedPassive::Any => "",
            ExtendedPassive::V4 => " 1",
            ExtendedPassive::V6 => " 2",
            ExtendedPassive::All => " ALL",
        })
    }
}

impl Written for DataType {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {self}")
    }
}

impl Written for StructureCode {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", self.letter())
    }
}

impl Written for ProtectionLevel {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", self.letter())
    }
}

impl Written for TransmissionMode {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", mode_letter(*self))
    }
}

impl Written for Timestamp {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", exact_timestamp(*self))
    }
}

/// MODE's letter (RFC 959 section 5.3.2; draft-preston-ftpext-deflate-02 section 3).
pub fn mode_letter(mode: TransmissionMode) -> char {
    match mode {
        TransmissionMode::Stream => 'S',
        TransmissionMode::Block => 'B',
        TransmissionMode::Compressed => 'C',
        TransmissionMode::Deflate => 'Z',
    }
}

impl StructureCode {
    /// As it stands in the command.
    pub fn letter(self) -> char {
        match self {
            StructureCode::Known(Structure::File) => 'F',
            StructureCode::Known(Structure::Record) => 'R',
            StructureCode::Page => 'P',
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::NonPrint => "N",
            Format::Telnet => "T",
            Format::CarriageControl => "C",
        })
    }
}

/// TYPE's argument; N, the default format, is left out.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, format) = match self {
            DataType::Ascii(format) => ('A', *format),
            DataType::Ebcdic(format) => ('E', *format),
            DataType::Image => return f.write_str("I"),
            DataType::Local(bits) => return write!(f, "L {bits}"),
        };
        if format == Format::NonPrint { write!(f, "{letter}") } else { write!(f, "{letter} {format}") }
    }
}
