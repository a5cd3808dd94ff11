//! How a client goes about its deliveries, as data: the contenders of an experiment differ in it.

#[cfg(feature = "tls")]
use super::tls::ClientTls;
use crate::transfer::TlsEnd;
use ftp_proto::mode::{Coding, DeflateLevel, Structure, TransmissionMode};
use ftp_proto::repr::{Conversion, RecordForm, Representation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::num::NonZeroU64;
use std::time::Duration;

/// Who logs in (RFC 959 section 4.1.1), and what is said after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// USER's argument.
    pub user: String,
    /// PASS's argument, sent if the server asks for it by 331.
    pub password: String,
    /// For servers that ask for it by 332 (RFC 959 section 4.1.1, ACCT).
    pub account: Option<String>,
    /// Sent as they are once the session's parameters are set (RFC 1123 section 4.1.4.2, QUOTE); one
    /// that is refused ends the session.
    pub quoted: Vec<String>,
    /// For [`Policy::tls`]: by what certificate the server is known.
    #[cfg(feature = "tls")]
    pub tls: Option<ClientTls>,
}

impl Login {
    /// With neither account nor quoted lines.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            account: None,
            quoted: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Knows the server by its certificate.
    #[cfg(feature = "tls")]
    pub fn with_tls(self, tls: ClientTls) -> Self {
        Self { tls: Some(tls), ..self }
    }
}

/// Which way the files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Upload: the client sends (STOR).
    Put,
    /// Download: the server sends (RETR).
    Get,
}

impl Direction {
    /// `put` or `get`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
        }
    }
}

/// What a file's success is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// The mode's end of file and the server's 226 or 250.
    #[default]
    Reply,
    /// The same, and SIZE (RFC 3659 section 4) equals the payload moved: asked after an upload,
    /// before a download.
    Size,
    /// The same, and HASH (draft-ietf-ftpext2-hash, SHA-256) equals that of the payload.
    Hash,
}

/// The name under which an upload is stored while it is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    /// Its own.
    #[default]
    Direct,
    /// `.NAME.part`, renamed when it is whole and verified.
    Rename,
}

/// Who opens the data connection (RFC 1579 says why the client should).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// The client: EPSV, or PASV where the server does not know EPSV.
    #[default]
    Passive,
    /// The server: EPRT over IPv6, PORT over IPv4.
    Active,
}

/// Whether a session is protected by TLS (RFC 4217), its data connections with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsWhen {
    /// Never.
    #[default]
    Off,
    /// Where the server offers it in FEAT, or does not tell before the login, and takes AUTH TLS. Whoever is
    /// on the path can make it look as if it did not.
    Auto,
    /// Always, by AUTH TLS.
    Required,
    /// Always, from the first byte: port 990's way.
    Implicit,
}

/// How many files are delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Which way the files go.
    pub direction: Direction,
    /// MODE (RFC 959 section 3.4; deflate mode: draft-preston-ftpext-deflate-02).
    pub mode: TransmissionMode,
    /// How hard deflate mode compresses: uploads here, downloads at a server that takes `OPTS MODE Z
    /// LEVEL`. `None`: each end's own default.
    #[serde(skip_serializing_if = "is_default")]
    pub deflate_level: Option<DeflateLevel>,
    /// STRU (RFC 959 section 3.1.2).
    pub structure: Structure,
    /// TYPE (RFC 959 section 3.1.1).
    pub representation: Representation,
    /// How local files keep the records of [`Structure::Record`].
    #[serde(skip_serializing_if = "is_default")]
    pub record_form: RecordForm,
    /// Who opens data connections.
    pub opening: Opening,
    /// Where EPSV's port cannot be connected to, PASV is tried in the same attempt, and kept to for the
    /// session: some routers know nothing of EPSV. Not by default, so that experiments see each refusal.
    #[serde(skip_serializing_if = "is_default")]
    pub pasv_after_epsv: bool,
    /// What a file's success is taken from.
    pub verify: Verify,
    /// A download of stream mode in TYPE I is held against what the server tells of its size: the number of bytes
    /// that its 125 or 150 ends with, and SIZE, asked before, where neither a listing nor [`Self::verify`] has told.
    /// Fewer bytes are [`ClientError::SizeMismatch`](super::error::ClientError::SizeMismatch); more are a file that
    /// grows. Not by default, so that experiments see what the protocol alone tells.
    #[serde(skip_serializing_if = "is_default")]
    pub minds_size: bool,
    /// Under which name an upload goes.
    pub publish: Publish,
    /// Further attempts at a file after the first. Refusals by 5yz are final (RFC 959 section 4.2.1).
    pub retries: u32,
    /// Wait before each further attempt.
    pub retry_delay: Duration,
    /// In block and compressed mode the next file goes over the same data connection (RFC 959
    /// section 3.3). Stream and deflate mode cannot.
    pub reuse_data_connection: bool,
    /// A further attempt goes on where the last one ended, the first one where an earlier delivery
    /// did. A local file of another size or time of modification than at the last attempt is sent from
    /// its beginning, and whatever was put together is compared by HASH, and moved anew if it differs (an
    /// upload to our server before it goes on, by SITE HASHPARTIAL);
    /// where the server knows no HASH, a file may be joined of two versions without a word, unless
    /// [`Verify`] tells. By restart markers in block and compressed mode, by offsets in types I and L 8 with file structure. What cannot go on
    /// begins anew: stream and deflate mode in TYPE A or E or with records, files of [`RecordForm::Marked`],
    /// [`Verify::Size`] of what is converted. Not pipelined.
    pub resume: bool,
    /// Goes on as [`Self::resume`] does, but only where the whole is proved afterwards: with a server that
    /// announces HASH by SHA-256, and for files of which [`RESUMED_FROM_BYTES`] or more can be saved; below
    /// that, to ask costs more than to send anew. In block and compressed mode uploads only. Not pipelined.
    /// Without HASH downloads, if SIZE and MDTM, which the server announces, say before and after that the file is of the
    /// size and the time that were noted with the part ([`Store::note_partial`](crate::store::Store::note_partial)).
    #[serde(skip_serializing_if = "is_default")]
    pub resume_if_proved: bool,
    /// Block and compressed mode: restart markers in uploads, and asked for in downloads, each so
    /// many bytes.
    pub marker_interval_bytes: Option<NonZeroU64>,
    /// Transfer commands under way at a time on one control connection; 1: the next is sent when
    /// the last is done. More than 1 has an effect in block and compressed mode only.
    pub pipeline_depth: u32,
    /// What sets a session up is sent together, not each command after the last one's reply: TYPE, STRU and MODE, and
    /// where files are pipelined EPSV, and for uploads FEAT; `OPTS XPIPE ON` goes with the data connection's handshake.
    #[serde(skip_serializing_if = "is_default")]
    pub asks_ahead: bool,
    /// Uploads only to a server that announces `DURABLE` in FEAT (our extension): what it answers by 2yz
    /// survives the loss of power there, so that the source may go. At this end the store makes durable
    /// what it is to ([`Store::is_durable`](crate::store::Store::is_durable)).
    #[serde(skip_serializing_if = "is_default")]
    pub durable: bool,
    /// Whether sessions are protected by TLS; all but [`TlsWhen::Off`] needs `Login::tls`.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: TlsWhen,
    /// What ends a download of stream mode under TLS. [`TlsEnd::Lax`] takes an end without close_notify where
    /// SIZE tells that all has come.
    #[serde(skip_serializing_if = "is_default")]
    pub tls_end: TlsEnd,
    /// After an upload of stream mode under TLS the connection is held, and read, until the server has answered.
    /// Not to do so loses files where a server sends tickets of TLS 1.3 there; for comparisons.
    #[serde(skip_serializing_if = "is_true")]
    pub tls_lingers: bool,
    /// A download in deflate mode that is cut short is taken for whole, as lftp does: for comparisons.
    #[serde(skip_serializing_if = "is_default")]
    pub takes_cut_deflate: bool,
    /// An upload whose file cannot be read to its end is ended in order, as at the end of the file, and not by RST:
    /// for comparisons.
    #[serde(skip_serializing_if = "is_default")]
    pub ends_unfinished: bool,
    /// Sessions at a time.
    pub parallel: u32,
    /// Longest wait for a reply.
    pub reply_timeout: Duration,
    /// Longest silence of a data connection during a transfer.
    pub data_timeout: Duration,
    /// Longest wait for a control or data connection to open.
    pub connect_timeout: Duration,
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            direction: Direction::Put,
            mode: TransmissionMode::Stream,
            deflate_level: None,
            structure: Structure::File,
            representation: Representation::Image,
            record_form: RecordForm::Plain,
            opening: Opening::Passive,
            pasv_after_epsv: false,
            verify: Verify::Reply,
            minds_size: false,
            publish: Publish::Direct,
            retries: 2,
            retry_delay: Duration::from_secs(1),
            reuse_data_connection: true,
            resume: false,
            resume_if_proved: false,
            marker_interval_bytes: None,
            pipeline_depth: 1,
            asks_ahead: false,
            durable: false,
            tls: TlsWhen::Off,
            tls_end: TlsEnd::Strict,
            tls_lingers: true,
            takes_cut_deflate: false,
            ends_unfinished: false,
            parallel: 1,
            reply_timeout: Duration::from_secs(30),
            data_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// MODE, STRU and the filler byte, for the codecs.
    pub fn coding(&self) -> Coding {
        Coding { mode: self.mode, structure: self.structure, filler: self.representation.filler() }
    }

    /// TYPE, STRU and what they are here.
    pub fn conversion(&self) -> Conversion {
        let (representation, structure, record_form) =
            (self.representation, self.structure, self.record_form);
        Conversion { representation, structure, record_form }
    }

    /// Whether a data connection serves for more than one file.
    pub fn keeps_data_connection(&self) -> bool {
        self.reuse_data_connection && self.mode.is_framed()
    }

    /// Whether transfer commands are sent ahead: what [`Self::pipeline_depth`] needs is given.
    pub(super) fn is_pipelined(&self) -> bool {
        self.pipeline_depth > 1
            && self.mode.is_framed()
            && self.reuse_data_connection
            && !self.resume
            && self.opening == Opening::Passive
    }
}

/// What is worth going on from by [`Policy::resume_if_proved`].
pub const RESUMED_FROM_BYTES: u64 = 1 << 20;

/// Longest name of a file on most systems (NAME_MAX).
const MAX_NAME_BYTES: usize = 255;

/// `DIR/.NAME.part`: in the same directory, so that the rename is one. Of a name that leaves no room for
/// that the SHA-256 in hexadecimal, the same each time: a further attempt finds it.
pub fn part_name(remote: &str) -> String {
    let (directory, name) = match remote.rsplit_once('/') {
        Some((directory, name)) => (Some(directory), name),
        None => (None, remote),
    };
    let mut part = format!(".{name}.part");
    if part.len() > MAX_NAME_BYTES {
        let hash = Sha256::digest(name.as_bytes());
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        part = format!(".{digits}.part");
    }
    directory.map_or(part.clone(), |directory| format!("{directory}/{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_name_that_files_may_have() {
        assert_eq!(part_name("a/b/name"), "a/b/.name.part");
        assert_eq!(part_name("name"), ".name.part");
        let longest = "n".repeat(MAX_NAME_BYTES - ".".len() - ".part".len());
        assert_eq!(part_name(&longest), format!(".{longest}.part"));
        for long in ["n".repeat(250), "n".repeat(255), "\u{e9}".repeat(127)] {
            let part = part_name(&format!("a/{long}"));
            assert!(part.starts_with("a/.") && part.len() < 100, "{part}");
            assert_eq!(part, part_name(&format!("a/{long}")));
            assert_ne!(part, part_name(&format!("a/{long}x")));
        }
    }

    #[test]
    fn one_command_at_a_time_is_not_pipelined() {
        let of =
            |pipeline_depth| Policy { mode: TransmissionMode::Block, pipeline_depth, ..Policy::default() };
        assert_eq!([0, 1, 2].map(|depth| of(depth).is_pipelined()), [false, false, true]);
    }

    #[test]
    fn a_direction_is_called_as_its_command_is() {
        assert_eq!([Direction::Put.as_str(), Direction::Get.as_str()], ["put", "get"]);
    }

    /// Scenarios and cases that say nothing of a key read, and print, as they did before there was one.
    #[test]
    fn what_is_as_ever_is_not_written_down() {
        let of = |policy: &Policy| serde_json::to_value(policy).unwrap().as_object().unwrap().clone();
        let plain = of(&Policy::default());
        assert!(!plain.contains_key("tls_lingers") && !plain.contains_key("tls_end"), "{plain:?}");
        let odd = Policy { tls_lingers: false, tls_end: TlsEnd::Lax, ..Policy::default() };
        let written = of(&odd);
        assert_eq!((&written["tls_lingers"], &written["tls_end"]), (&false.into(), &"lax".into()));
        assert_eq!(serde_json::from_value::<Policy>(written.into()).unwrap(), odd);
        assert_eq!(serde_json::from_value::<Policy>(plain.into()).unwrap(), Policy::default());
    }
}
