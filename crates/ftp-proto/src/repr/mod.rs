//! Representation types (RFC 959 section 3.1.1).

mod convert;
pub mod ebcdic;

pub use convert::{Conversion, ConvertError, Converted, FRAGMENT_BYTES, Incoming, Outgoing, RecordForm};

use super::command::{DataType, Format};
/// TYPE: how the bytes of a file are represented on the data connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Representation {
    /// `A`, non-print: NVT-ASCII, lines end with CR LF. The protocol's default.
    Ascii,
    /// `E`, non-print.
    Ebcdic,
    /// `I`: the bytes as they are.
    #[default]
    Image,
    /// `L 8`: bytes of eight bits, here the same as image.
    Local8,
}

impl Representation {
    /// TYPE's argument.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Ascii => DataType::Ascii(Format::NonPrint),
            Self::Ebcdic => DataType::Ebcdic(Format::NonPrint),
            Self::Image => DataType::Image,
            Self::Local8 => DataType::Local(8),
        }
    }

    /// Compressed mode's filler byte (RFC 959 section 3.4.3): space for A and E, zero for I and L.
    pub fn filler(self) -> u8 {
        match self {
            Self::Ascii => 0x20,
            Self::Ebcdic => 0x40,
            Self::Image | Self::Local8 => 0,
        }
    }
}
