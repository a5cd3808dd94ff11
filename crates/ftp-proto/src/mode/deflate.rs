//! Deflate mode (draft-preston-ftpext-deflate-02): what stream mode would send of a file, as one zlib
//! stream (RFC 1950).
//!
//! As in stream mode a data connection carries one file, and its close ends the transfer. Unlike there
//! it is not the close that says that the file is whole: the zlib stream has an end of its own with an
//! Adler-32 of all that came. The decoder demands it before the close, and nothing behind it: peers are
//! in use that take half a stream for a file, and others that write what follows the stream into it.

use std::fmt;

mod decode;
mod encode;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;

/// Most payload bytes that one wire byte of deflate mode can stand for: deflate's longest match, 258
/// bytes, takes two bits at least. Zeros come within a percent of it, so no ratio tells a file made to
/// fill a disk from an honest one, and none is refused: what is inflated goes in pieces of a fixed size
/// to a store that has its own limits (its room, its rate), and is inflated no faster than it takes them.
pub const MAX_EXPANSION: u64 = 258 * 8 / 2;

/// How hard a sender tries to compress (draft-preston-ftpext-deflate-02 section 3.6.1.3): 0 not at all, 1
/// fast, 9 small. By default 6, which is zlib's own and what other servers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "u32", into = "u32"))]
pub struct DeflateLevel(u8);

impl DeflateLevel {
    /// The largest.
    pub const MAX: Self = Self(9);
}

impl Default for DeflateLevel {
    fn default() -> Self {
        Self(6)
    }
}

/// No level of zlib: there are 0 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no compression level: 0 to 9 are")]
pub struct NoDeflateLevel(u32);

impl TryFrom<u32> for DeflateLevel {
    type Error = NoDeflateLevel;

    fn try_from(level: u32) -> Result<Self, NoDeflateLevel> {
        match u8::try_from(level) {
            Ok(level) if level <= Self::MAX.0 => Ok(Self(level)),
            _ => Err(NoDeflateLevel(level)),
        }
    }
}

impl From<DeflateLevel> for u32 {
    fn from(level: DeflateLevel) -> Self {
        level.0.into()
    }
}

impl fmt::Display for DeflateLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
