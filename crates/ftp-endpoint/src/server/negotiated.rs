//! What a session's commands have agreed upon: all that REIN puts back.

use crate::store::PartId;
use crate::transfer::OF_PARTIAL;
use crate::transfer::ascii::RETURN_SEEN;
use ftp_proto::command::DataType;
use ftp_proto::listing::Facts;
use ftp_proto::mode::{Coding, DeflateLevel, Structure, TransmissionMode};
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use std::num::NonZeroU64;

/// By default as after the greeting (RFC 959 sections 4.1.1, REIN, and 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    /// TYPE.
    pub data_type: DataType,
    /// STRU.
    pub structure: Structure,
    /// MODE.
    pub mode: TransmissionMode,
    /// OPTS MODE Z LEVEL.
    pub deflate_level: DeflateLevel,
    /// REST's argument, until the transfer command.
    pub restart: Option<Restart>,
    /// RANG's first and last byte, until the transfer command.
    pub range: Option<(u64, u64)>,
    /// SITE MARKERS: restart markers in downloads, each so many bytes.
    pub marker_interval_bytes: Option<NonZeroU64>,
    /// EPSV ALL has been said (RFC 2428 section 4).
    pub only_epsv: bool,
    /// OPTS XPIPE ON has been said.
    pub pipelined_uploads: bool,
    /// OPTS MLST.
    pub facts: Facts,
    /// OPTS HASH.
    pub algorithm: Algorithm,
    /// PBSZ and PROT.
    #[cfg(feature = "tls")]
    pub protection: Protection,
}

/// How data connections are protected (RFC 4217 section 9).
#[cfg(feature = "tls")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protection {
    /// Not at all; PBSZ has not been sent.
    #[default]
    Unsaid,
    /// Not at all.
    Clear,
    /// By TLS.
    Private,
}

impl Default for Negotiated {
    fn default() -> Self {
        Self {
            data_type: DataType::default(),
            structure: Structure::File,
            mode: TransmissionMode::Stream,
            deflate_level: DeflateLevel::default(),
            restart: None,
            range: None,
            marker_interval_bytes: None,
            only_epsv: false,
            pipelined_uploads: false,
            facts: Facts::default(),
            algorithm: Algorithm::default(),
            #[cfg(feature = "tls")]
            protection: Protection::default(),
        }
    }
}

impl Negotiated {
    pub(super) fn coding(&self) -> Coding {
        // The filler is a space for text and zero otherwise (RFC 959 section 3.4.3).
        let filler = match self.data_type {
            DataType::Ascii(_) => b' ',
            DataType::Ebcdic(_) => 0x40,
            DataType::Image | DataType::Local(_) => 0,
        };
        Coding { mode: self.mode, structure: self.structure, filler }
    }

    pub(super) fn representation(&self) -> Representation {
        match self.data_type {
            DataType::Ascii(_) => Representation::Ascii,
            DataType::Ebcdic(_) => Representation::Ebcdic,
            DataType::Image => Representation::Image,
            DataType::Local(_) => Representation::Local8,
        }
    }
}

/// Where a transfer begins, from REST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Restart {
    pub offset: u64,
    /// Of what a failed upload has left ([`OF_PARTIAL`]), not of the file that is visible.
    pub of_partial: bool,
    /// TYPE A: a CR has been received before ([`RETURN_SEEN`]).
    pub return_seen: bool,
}

impl Restart {
    /// Digits, as RFC 3659's offsets of stream mode are, and the markers of this server, which say by
    /// letters behind them what else there is to say.
    pub(super) fn parse(marker: &str) -> Option<Self> {
        let (marker, of_partial) = match marker.strip_suffix(OF_PARTIAL) {
            Some(rest) => (rest, true),
            None => (marker, false),
        };
        let digits = marker.strip_suffix(RETURN_SEEN);
        let text = digits.unwrap_or(marker);
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let offset = text.parse().ok().filter(|_| is_number)?;
        Some(Self { offset, of_partial, return_seen: digits.is_some() })
    }
}

/// What a client has been told of a failed upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AskedPartial {
    pub path: VirtualPath,
    /// The one whose hash has been told: of no other one is it true.
    pub part: Option<PartId>,
}

/// What HASH computes (draft-ietf-ftpext2-hash-04).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Algorithm {
    #[default]
    Sha256,
    Crc32,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Crc32];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Crc32 => "CRC32",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text))
    }

    /// For FEAT: the one in use has an asterisk.
    pub(super) fn list(used: Self) -> String {
        let names = Self::ALL
            .map(|algorithm| format!("{}{}", algorithm.name(), if algorithm == used { "*" } else { "" }));
        names.join(";")
    }
}
