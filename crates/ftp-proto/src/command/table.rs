//! Every verb, a row each: [`Command`] and all that is known of a verb by itself are made of it.

use super::parse::Argument;
use super::write::{Text, Written};
use super::{CommandError, DataType, ExtendedPassive, ProtectionLevel, StructureCode, Verb};
use crate::mode::TransmissionMode;
use crate::time::Timestamp;
use Fact::{BeforeLogin, Lists, MovesFile, Preliminary, WantsMore};
use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};

/// What is known of a verb.
pub(super) struct About {
    /// In capitals.
    pub(super) verb: &'static str,
    /// Its old spelling (RFC 1123 section 4.1.3.1).
    pub(super) old: Option<&'static str>,
    /// Its argument, for people.
    pub(super) syntax: &'static str,
    /// What FEAT calls it (RFC 2389 section 3.2), which names no command of RFC 959 itself.
    pub(super) feature: Option<&'static str>,
    pub(super) is: &'static [Fact],
    pub(super) reads: fn(&Argument<'_>) -> Result<Command, CommandError>,
}

/// What may be said of a verb.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// It needs no login.
    BeforeLogin,
    /// It moves a file over a data connection.
    MovesFile,
    /// It sends a listing over a data connection.
    Lists,
    /// It uses no data connection, and yet a preliminary reply may answer it (RFC 959 section 5.4).
    Preliminary,
    /// An intermediate reply may answer it: another command is to follow (RFC 959 section 5.4).
    WantsMore,
}

impl About {
    /// What a row leaves out.
    const REST: Self = Self {
        verb: "",
        old: None,
        syntax: "",
        feature: None,
        is: &[],
        reads: |_| Err(CommandError::Unknown),
    };
}

/// The text of the field that is called `path`.
macro_rules! pathname {
    (path, $field:expr) => {
        $field.text()
    };
    ($other:ident, $field:expr) => {{
        let _ = $field;
        None
    }};
}

/// Makes [`Command`], [`VERBS`] and the table of the rows, which stand in alphabetical order.
macro_rules! commands {
    ($(
        $(#[doc = $doc:literal])+
        $verb:literal = $command:ident $(($($field:ident: $type:ty),+))? {
            $($key:ident: $value:expr,)+
        }
    )+) => {
        /// A command with its argument read (RFC 959 section 4.1 where no other document is named).
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Command {
            $($(#[doc = $doc])+ $command $(($($type),+))?,)+
        }

        /// Every verb, in alphabetical order.
        pub const VERBS: &[&str] = &[$($verb),+];

        pub(super) const TABLE: &[About] = &[
            $(About { verb: $verb, $($key: $value,)+ ..About::REST },)+
        ];

        /// The rows by name.
        enum Row {
            $($command,)+
        }

        impl Command {
            /// What it begins with.
            pub fn verb(&self) -> Verb {
                let row = match self {
                    $(Self::$command { .. } => Row::$command,)+
                };
                Verb::of_row(&TABLE[row as usize])
            }

            /// The pathname that it is about.
            pub fn pathname(&self) -> Option<&str> {
                match self {
                    $(Self::$command $(($($field),+))? => {
                        None$($(.or(pathname!($field, $field)))+)?
                    })+
                }
            }
        }

        /// The line without its end.
        impl fmt::Display for Command {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.verb().as_str())?;
                match self {
                    $(Self::$command $(($($field),+))? => {
                        $($($field.write(f)?;)+)?
                    })+
                }
                Ok(())
            }
        }
    };
}

commands! {
    /// ABOR: the transfer under way is to end.
    "ABOR" = Abor {
        reads: |argument| argument.none(Command::Abor),
        is: &[BeforeLogin],
    }

    /// ACCT: the account.
    "ACCT" = Acct(account: String) {
        reads: |argument| argument.string().map(Command::Acct),
        syntax: "<account>",
        is: &[BeforeLogin],
    }

    /// Bytes, and the largest record.
    "ALLO" = Allo(bytes: u64, record_bytes: Option<u64>) {
        reads: |argument| argument.allocate(),
        syntax: "<bytes> [R <bytes>]",
    }

    /// APPE: the file to take from the client, behind what is there.
    "APPE" = Appe(path: String) {
        reads: |argument| argument.string().map(Command::Appe),
        syntax: "<pathname>",
        is: &[MovesFile],
    }

    /// AUTH: the security mechanism to begin with (RFC 2228 section 3, RFC 4217 section 4).
    "AUTH" = Auth(mechanism: String) {
        reads: |argument| argument.word().map(str::to_owned).map(Command::Auth),
        syntax: "TLS",
        feature: Some("AUTH TLS"),
        is: &[BeforeLogin],
    }

    /// CCC: the control connection is to go on in clear (RFC 2228 section 3).
    "CCC" = Ccc {
        reads: |argument| argument.none(Command::Ccc),
        is: &[BeforeLogin],
    }

    /// CDUP: to the parent directory.
    "CDUP" = Cdup {
        reads: |argument| argument.none(Command::Cdup),
        old: Some("XCUP"),
    }

    /// CLNT: the client's name; of no standard, but sent by many.
    "CLNT" = Clnt(client: String) {
        reads: |argument| argument.string().map(Command::Clnt),
        syntax: "<client>",
        feature: Some("CLNT"),
        is: &[BeforeLogin],
    }

    /// CWD: the directory to go to.
    "CWD" = Cwd(path: String) {
        reads: |argument| argument.string().map(Command::Cwd),
        old: Some("XCWD"),
        syntax: "<pathname>",
    }

    /// DELE: the file to delete.
    "DELE" = Dele(path: String) {
        reads: |argument| argument.string().map(Command::Dele),
        syntax: "<pathname>",
    }

    /// EPRT: where the client listens (RFC 2428 section 2).
    "EPRT" = Eprt(address: SocketAddr) {
        reads: |argument| argument.extended_port().map(Command::Eprt),
        syntax: "|<protocol>|<address>|<port>|",
        feature: Some("EPRT"),
    }

    /// EPSV: the server is to listen (RFC 2428 section 3).
    "EPSV" = Epsv(protocol: ExtendedPassive) {
        reads: |argument| argument.extended_passive().map(Command::Epsv),
        syntax: "[1 | 2 | ALL]",
        feature: Some("EPSV"),
    }

    /// RFC 2389.
    "FEAT" = Feat {
        reads: |argument| argument.none(Command::Feat),
        is: &[BeforeLogin],
    }

    /// draft-ietf-ftpext2-hash-04.
    "HASH" = Hash(path: String) {
        reads: |argument| argument.string().map(Command::Hash),
        syntax: "<pathname>",
        feature: Some("HASH"),
    }

    /// HELP, of all or of one command.
    "HELP" = Help(verb: Option<String>) {
        reads: |argument| Ok(Command::Help(argument.optional())),
        syntax: "[<command>]",
        is: &[BeforeLogin],
    }

    /// RFC 7151.
    "HOST" = Host(host: String) {
        reads: |argument| argument.word().map(str::to_owned).map(Command::Host),
        syntax: "<host name>",
        feature: Some("HOST"),
        is: &[BeforeLogin],
    }

    /// RFC 2640.
    "LANG" = Lang(language: Option<String>) {
        reads: |argument| Ok(Command::Lang(argument.optional())),
        syntax: "[<language>]",
        feature: Some("LANG"),
        is: &[BeforeLogin],
    }

    /// LIST: a listing for people.
    "LIST" = List(path: Option<String>) {
        reads: |argument| Ok(Command::List(argument.optional())),
        syntax: "[<pathname>]",
        is: &[Lists],
    }

    /// MDTM: the time of the last change (RFC 3659 section 3).
    "MDTM" = Mdtm(path: String) {
        reads: |argument| argument.string().map(Command::Mdtm),
        syntax: "<pathname>",
        feature: Some("MDTM"),
    }

    /// draft-somers-ftp-mfxx: the time is written as MDTM answers it.
    "MFMT" = Mfmt(time: Timestamp, path: String) {
        reads: |argument| argument.modify_time(),
        syntax: "<YYYYMMDDHHMMSS> <pathname>",
        feature: Some("MFMT"),
    }

    /// MKD: the directory to make.
    "MKD" = Mkd(path: String) {
        reads: |argument| argument.string().map(Command::Mkd),
        old: Some("XMKD"),
        syntax: "<pathname>",
    }

    /// RFC 3659 section 7.
    "MLSD" = Mlsd(path: Option<String>) {
        reads: |argument| Ok(Command::Mlsd(argument.optional())),
        syntax: "[<pathname>]",
        is: &[Lists],
    }

    /// MLST: the facts of one file, on the control connection (RFC 3659 section 7).
    "MLST" = Mlst(path: Option<String>) {
        reads: |argument| Ok(Command::Mlst(argument.optional())),
        syntax: "[<pathname>]",
        feature: Some("MLST"),
    }

    /// MODE: the transmission mode; Z is of draft-preston-ftpext-deflate-02.
    "MODE" = Mode(mode: TransmissionMode) {
        reads: |argument| argument.mode().map(Command::Mode),
        syntax: "S | B | C | Z",
        feature: Some("MODE Z"),
    }

    /// NLST: names, one a line.
    "NLST" = Nlst(path: Option<String>) {
        reads: |argument| Ok(Command::Nlst(argument.optional())),
        syntax: "[<pathname>]",
        is: &[Lists],
    }

    /// NOOP: nothing.
    "NOOP" = Noop {
        reads: |_| Ok(Command::Noop),
        is: &[BeforeLogin],
    }

    /// OPTS: a setting of another command (RFC 2389 section 4).
    "OPTS" = Opts(setting: String) {
        reads: |argument| argument.word().map(str::to_owned).map(Command::Opts),
        syntax: "<command> [<options>]",
        is: &[BeforeLogin],
    }

    /// PASS: the password.
    "PASS" = Pass(password: String) {
        // An empty password is one, and anonymous users do send it.
        reads: |argument| Ok(Command::Pass(argument.optional().unwrap_or_default())),
        syntax: "<password>",
        is: &[BeforeLogin, WantsMore],
    }

    /// PASV: the server is to listen.
    "PASV" = Pasv {
        reads: |argument| argument.none(Command::Pasv),
    }

    /// PBSZ: the size of protected buffers, which is 0 under TLS (RFC 4217 section 9).
    "PBSZ" = Pbsz(bytes: u64) {
        reads: |argument| argument.buffer_bytes().map(Command::Pbsz),
        syntax: "0",
        feature: Some("PBSZ"),
        is: &[BeforeLogin],
    }

    /// PORT: where the client listens.
    "PORT" = Port(address: SocketAddrV4) {
        reads: |argument| argument.port().map(Command::Port),
        syntax: "h1,h2,h3,h4,p1,p2",
    }

    /// PROT: how data connections are protected (RFC 2228 section 3, RFC 4217 section 9).
    "PROT" = Prot(level: ProtectionLevel) {
        reads: |argument| argument.protection().map(Command::Prot),
        syntax: "C | P",
        feature: Some("PROT"),
        is: &[BeforeLogin],
    }

    /// PWD: the name of the directory.
    "PWD" = Pwd {
        reads: |argument| argument.none(Command::Pwd),
        old: Some("XPWD"),
    }

    /// QUIT: the end of the session.
    "QUIT" = Quit {
        reads: |argument| argument.none(Command::Quit),
        is: &[BeforeLogin],
    }

    /// draft-bryan-ftp-range-09: first and last byte.
    "RANG" = Rang(first: u64, last: u64) {
        reads: |argument| argument.range(),
        syntax: "<first byte> <last byte>",
        feature: Some("RANG STREAM"),
        is: &[WantsMore],
    }

    /// REIN: as if the connection had just been made.
    "REIN" = Rein {
        reads: |argument| argument.none(Command::Rein),
        is: &[BeforeLogin, Preliminary],
    }

    /// A marker: decimal digits in stream mode (RFC 3659 section 5), else printable characters.
    "REST" = Rest(marker: String) {
        reads: |argument| argument.marker().map(Command::Rest),
        syntax: "<marker>",
        feature: Some("REST STREAM"),
        is: &[WantsMore],
    }

    /// RETR: the file to send to the client.
    "RETR" = Retr(path: String) {
        reads: |argument| argument.string().map(Command::Retr),
        syntax: "<pathname>",
        is: &[MovesFile],
    }

    /// RMD: the directory to remove.
    "RMD" = Rmd(path: String) {
        reads: |argument| argument.string().map(Command::Rmd),
        old: Some("XRMD"),
        syntax: "<pathname>",
    }

    /// RNFR: what is to be renamed.
    "RNFR" = Rnfr(path: String) {
        reads: |argument| argument.string().map(Command::Rnfr),
        syntax: "<pathname>",
        is: &[WantsMore],
    }

    /// RNTO: its new name.
    "RNTO" = Rnto(path: String) {
        reads: |argument| argument.string().map(Command::Rnto),
        syntax: "<pathname>",
    }

    /// SITE: what this server offers beside the standard.
    "SITE" = Site(what: String) {
        reads: |argument| argument.word().map(str::to_owned).map(Command::Site),
        syntax: "HELP | MARKERS <bytes> | PARTIAL <pathname> | HASHPARTIAL <marker> <pathname>",
    }

    /// SIZE: the bytes that RETR would send (RFC 3659 section 4).
    "SIZE" = Size(path: String) {
        reads: |argument| argument.string().map(Command::Size),
        syntax: "<pathname>",
        feature: Some("SIZE"),
    }

    /// SMNT: the file system to mount.
    "SMNT" = Smnt(path: String) {
        reads: |argument| argument.string().map(Command::Smnt),
        syntax: "<pathname>",
    }

    /// STAT: the state of the session, or a listing on the control connection.
    "STAT" = Stat(path: Option<String>) {
        reads: |argument| Ok(Command::Stat(argument.optional())),
        syntax: "[<pathname>]",
    }

    /// STOR: the file to take from the client, in place of what is there.
    "STOR" = Stor(path: String) {
        reads: |argument| argument.string().map(Command::Stor),
        syntax: "<pathname>",
        is: &[MovesFile],
    }

    /// STOU: a file to take from the client under a name of its own.
    "STOU" = Stou {
        // Some clients suggest a name; the RFC's STOU has none.
        reads: |_| Ok(Command::Stou),
        is: &[MovesFile],
    }

    /// STRU: the structure of files.
    "STRU" = Stru(structure: StructureCode) {
        reads: |argument| argument.structure().map(Command::Stru),
        syntax: "F | R",
    }

    /// SYST: the kind of system.
    "SYST" = Syst {
        reads: |argument| argument.none(Command::Syst),
        is: &[BeforeLogin],
    }

    /// TYPE: the representation of data.
    "TYPE" = Type(data_type: DataType) {
        reads: |argument| argument.data_type().map(Command::Type),
        syntax: "A [N | T] | E [N | T] | I | L 8",
    }

    /// USER: the name to log in with.
    "USER" = User(name: String) {
        reads: |argument| argument.string().map(Command::User),
        syntax: "<user name>",
        is: &[BeforeLogin, WantsMore],
    }
}
