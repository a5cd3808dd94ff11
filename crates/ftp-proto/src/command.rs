//! Commands (RFC 959 section 5.3 and the later RFCs named at each) as values: parsed by the
//! server, written by the client.

use super::mode::Structure;
use super::name;
use parse::Argument;

mod parse;
mod table;
mod verb;
mod write;

pub use table::{Command, VERBS};
pub use verb::Verb;
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

/// PROT's argument (RFC 2228 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionLevel {
    /// C: none.
    Clear,
    /// S: integrity, which TLS does not offer by itself (RFC 4217 section 9).
    Safe,
    /// E: confidentiality, likewise.
    Confidential,
    /// P: both, which is TLS.
    Private,
}

impl ProtectionLevel {
    /// As it stands in the command.
    pub fn letter(self) -> char {
        match self {
            Self::Clear => 'C',
            Self::Safe => 'S',
            Self::Confidential => 'E',
            Self::Private => 'P',
        }
    }
}

/// Why a line is no command; each is answered by the code named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is nothing on the line: 500.
    #[error("command line is empty")]
    Empty,
    /// The line begins with no verb that is known: 500.
    #[error("command not recognised")]
    Unknown,
    /// A verb stands without the argument that it needs: 501.
    #[error("{0} needs an argument")]
    Missing(&'static str),
    /// A verb that takes no argument has one: 501.
    #[error("{0} takes no argument")]
    Unexpected(&'static str),
    /// The argument is not what the verb takes: 501.
    #[error("{verb}: expected {expected}")]
    Bad {
        /// The command.
        verb: &'static str,
        /// What its argument may be, in words.
        expected: &'static str,
    },
    /// The argument is well-formed, and nothing that is implemented: 504.
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
    /// Reads one line, without its end; bytes that are no text are kept ([`crate::name`]). Verbs and the
    /// letters of parameters may be in either case.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let line: &str = &name::decode(line);
        let (verb, argument) = match line.split_once(' ') {
            Some((verb, argument)) => (verb, Some(argument)),
            None => (line, None),
        };
        if verb.is_empty() {
            return Err(CommandError::Empty);
        }
        let about = Verb::of(verb).ok_or(CommandError::Unknown)?.about();
        (about.reads)(&Argument { verb: about.verb, text: argument })
    }

    /// Appends the line as it goes over the control connection.
    pub fn write_to(&self, out: &mut Vec<u8>) -> Result<(), Unsendable> {
        write_line(&self.to_string(), out)
    }
}

#[cfg(test)]
mod tests;
