//! Commands (RFC 959 section 5.3 and the later RFCs named at each) as values: parsed by the
//! server, written by the client.

use super::mode::{Structure, TransmissionMode};
use super::name;
use super::time::Timestamp;
use parse::Argument;
use std::net::{SocketAddr, SocketAddrV4};

mod parse;
mod verb;
mod write;

pub use verb::{VERBS, Verb};
pub use write::{Unsendable, mode_letter, write_line};

/// Longest command line taken, in bytes, without its end: a verb and a pathname.
pub const MAX_LINE_BYTES: usize = super::path::MAX_PATH_BYTES + 64;

/// Vertical format control of types A and E (RFC 959 section 3.1.1.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// N: no vertical format information.
    #[default]
    NonPrint,
    /// T: the controls of Telnet (RFC 959 section 3.1.1.5.2).
    Telnet,
    /// C: Fortran's first column (RFC 959 section 3.1.1.5.3).
    CarriageControl,
}

/// TYPE (RFC 959 section 3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// A: text, lines ended by CR LF.
    Ascii(Format),
    /// E: text between hosts that use EBCDIC, lines ended by NL.
    Ebcdic(Format),
    /// I: bytes as they are.
    Image,
    /// Logical byte size in bits.
    Local(u8),
}

impl Default for DataType {
    fn default() -> Self {
        DataType::Ascii(Format::NonPrint)
    }
}

/// STRU's argument, page structure included so that it can be refused by its own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StructureCode {
    /// F or R.
    Known(Structure),
    /// P: page structure, which nobody implements.
    Page,
}

/// EPSV's argument (RFC 2428 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedPassive {
    /// The protocol of the control connection.
    Any,
    /// 1: IPv4.
    V4,
    /// 2: IPv6.
    V6,
    /// No PORT, PASV or EPRT shall follow.
    All,
}

/// A command with its argument read (RFC 959 section 4.1 where no other document is named).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// USER: the name to log in with.
    User(String),
    /// PASS: the password.
    Pass(String),
    /// ACCT: the account.
    Acct(String),
    /// CWD: the directory to go to.
    Cwd(String),
    /// CDUP: to the parent directory.
    Cdup,
    /// SMNT: the file system to mount.
    Smnt(String),
    /// REIN: as if the connection had just been made.
    Rein,
    /// QUIT: the end of the session.
    Quit,
    /// PORT: where the client listens.
    Port(SocketAddrV4),
    /// PASV: the server is to listen.
    Pasv,
    /// EPRT: where the client listens (RFC 2428 section 2).
    Eprt(SocketAddr),
    /// EPSV: the server is to listen (RFC 2428 section 3).
    Epsv(ExtendedPassive),
    /// TYPE: the representation of data.
    Type(DataType),
    /// STRU: the structure of files.
    Stru(StructureCode),
    /// MODE: the transmission mode.
    Mode(TransmissionMode),
    /// RETR: the file to send to the client.
    Retr(String),
    /// STOR: the file to take from the client, in place of what is there.
    Stor(String),
    /// STOU: a file to take from the client under a name of its own.
    Stou,
    /// APPE: the file to take from the client, behind what is there.
    Appe(String),
    /// Bytes, and the largest record.
    Allo(u64, Option<u64>),
    /// A marker: decimal digits in stream mode (RFC 3659 section 5), else printable characters.
    Rest(String),
    /// RNFR: what is to be renamed.
    Rnfr(String),
    /// RNTO: its new name.
    Rnto(String),
    /// ABOR: the transfer under way is to end.
    Abor,
    /// DELE: the file to delete.
    Dele(String),
    /// RMD: the directory to remove.
    Rmd(String),
    /// MKD: the directory to make.
    Mkd(String),
    /// PWD: the name of the directory.
    Pwd,
    /// LIST: a listing for people.
    List(Option<String>),
    /// NLST: names, one a line.
    Nlst(Option<String>),
    /// RFC 3659 section 7.
    Mlsd(Option<String>),
    /// MLST: the facts of one file, on the control connection (RFC 3659 section 7).
    Mlst(Option<String>),
    /// SITE: what this server offers beside the standard.
    Site(String),
    /// SYST: the kind of system.
    Syst,
    /// STAT: the state of the session, or a listing on the control connection.
    Stat(Option<String>),
    /// HELP, of all or of one command.
    Help(Option<String>),
    /// NOOP: nothing.
    Noop,
    /// RFC 2389.
    Feat,
    /// OPTS: a setting of another command (RFC 2389 section 4).
    Opts(String),
    /// RFC 3659 sections 4 and 3.
    Size(String),
    /// MDTM: the time of the last change (RFC 3659 section 3).
    Mdtm(String),
    /// draft-somers-ftp-mfxx: the time is written as MDTM answers it.
    Mfmt(Timestamp, String),
    /// draft-ietf-ftpext2-hash-04.
    Hash(String),
    /// draft-bryan-ftp-range-09: first and last byte.
    Rang(u64, u64),
    /// RFC 7151.
    Host(String),
    /// RFC 2640.
    Lang(Option<String>),
    /// CLNT: the client's name; of no standard, but sent by many.
    Clnt(String),
}

/// Why a line is no command; each is answered by the code named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// 500
    #[error("command line is empty")]
    Empty,
    /// 500
    #[error("command not recognised")]
    Unknown,
    /// 501
    #[error("{0} needs an argument")]
    Missing(&'static str),
    /// 501
    #[error("{0} takes no argument")]
    Unexpected(&'static str),
    /// 501
    #[error("{verb}: expected {expected}")]
    Bad {
        /// The command.
        verb: &'static str,
        /// What its argument may be, in words.
        expected: &'static str,
    },
    /// 504
    #[error("{verb}: {parameter} is not implemented")]
    NotImplemented {
        /// The command.
        verb: &'static str,
        /// The part of its argument that is not offered.
        parameter: String,
    },
    /// 522 (RFC 2428 section 2)
    #[error("network protocol not supported, use (1,2)")]
    Protocol,
}

impl Command {
    /// Reads one line, without its end; bytes that are no text are kept ([`crate::name`]). Verbs and the letters of parameters may be in either case.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let line: &str = &name::decode(line);
        let (verb, argument) = match line.split_once(' ') {
            Some((verb, argument)) => (verb, Some(argument)),
            None => (line, None),
        };
        if verb.is_empty() {
            return Err(CommandError::Empty);
        }
        let name = Verb::of(verb).ok_or(CommandError::Unknown)?.as_str();
        Argument { verb: name, text: argument }.command()
    }

    /// The verb, in capitals.
    pub fn verb(&self) -> &'static str {
        match self {
            Command::User(_) => "USER",
            Command::Pass(_) => "PASS",
            Command::Acct(_) => "ACCT",
            Command::Cwd(_) => "CWD",
            Command::Cdup => "CDUP",
            Command::Smnt(_) => "SMNT",
            Command::Rein => "REIN",
            Command::Quit => "QUIT",
            Command::Port(_) => "PORT",
            Command::Pasv => "PASV",
            Command::Eprt(_) => "EPRT",
            Command::Epsv(_) => "EPSV",
            Command::Type(_) => "TYPE",
            Command::Stru(_) => "STRU",
            Command::Mode(_) => "MODE",
            Command::Retr(_) => "RETR",
            Command::Stor(_) => "STOR",
            Command::Stou => "STOU",
            Command::Appe(_) => "APPE",
            Command::Allo(..) => "ALLO",
            Command::Rest(_) => "REST",
            Command::Rnfr(_) => "RNFR",
            Command::Rnto(_) => "RNTO",
            Command::Abor => "ABOR",
            Command::Dele(_) => "DELE",
            Command::Rmd(_) => "RMD",
            Command::Mkd(_) => "MKD",
            Command::Pwd => "PWD",
            Command::List(_) => "LIST",
            Command::Nlst(_) => "NLST",
            Command::Mlsd(_) => "MLSD",
            Command::Mlst(_) => "MLST",
            Command::Site(_) => "SITE",
            Command::Syst => "SYST",
            Command::Stat(_) => "STAT",
            Command::Help(_) => "HELP",
            Command::Noop => "NOOP",
            Command::Feat => "FEAT",
            Command::Opts(_) => "OPTS",
            Command::Size(_) => "SIZE",
            Command::Mdtm(_) => "MDTM",
            Command::Mfmt(..) => "MFMT",
            Command::Hash(_) => "HASH",
            Command::Rang(..) => "RANG",
            Command::Host(_) => "HOST",
            Command::Lang(_) => "LANG",
            Command::Clnt(_) => "CLNT",
        }
    }

    /// The pathname that it is about.
    pub fn pathname(&self) -> Option<&str> {
        match self {
            Command::Appe(path)
            | Command::Cwd(path)
            | Command::Dele(path)
            | Command::Hash(path)
            | Command::Mdtm(path)
            | Command::Mfmt(_, path)
            | Command::Mkd(path)
            | Command::Retr(path)
            | Command::Rmd(path)
            | Command::Rnfr(path)
            | Command::Rnto(path)
            | Command::Size(path)
            | Command::Smnt(path)
            | Command::Stor(path) => Some(path),
            Command::List(path)
            | Command::Mlsd(path)
            | Command::Mlst(path)
            | Command::Nlst(path)
            | Command::Stat(path) => path.as_deref(),
            _ => None,
        }
    }

    /// Appends the line as it goes over the control connection.
    pub fn write_to(&self, out: &mut Vec<u8>) -> Result<(), Unsendable> {
        write_line(&self.to_string(), out)
    }
}

#[cfg(test)]
mod tests;
