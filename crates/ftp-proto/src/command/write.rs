//! Commands as they go over the control connection.

use super::{Command, DataType, ExtendedPassive, Format, StructureCode};
use crate::address::{extended, host_port};
use crate::mode::{Structure, TransmissionMode};
use crate::name;
use crate::time::exact_timestamp;
use std::fmt;

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

/// The line without its end.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb();
        match self {
            Command::User(text)
            | Command::Pass(text)
            | Command::Acct(text)
            | Command::Cwd(text)
            | Command::Smnt(text)
            | Command::Retr(text)
            | Command::Stor(text)
            | Command::Appe(text)
            | Command::Rest(text)
            | Command::Rnfr(text)
            | Command::Rnto(text)
            | Command::Dele(text)
            | Command::Rmd(text)
            | Command::Mkd(text)
            | Command::Site(text)
            | Command::Opts(text)
            | Command::Size(text)
            | Command::Mdtm(text)
            | Command::Hash(text)
            | Command::Host(text)
            | Command::Clnt(text)
            | Command::List(Some(text))
            | Command::Nlst(Some(text))
            | Command::Mlsd(Some(text))
            | Command::Mlst(Some(text))
            | Command::Stat(Some(text))
            | Command::Help(Some(text))
            | Command::Lang(Some(text)) => write!(f, "{verb} {text}"),
            Command::Port(address) => write!(f, "{verb} {}", host_port(*address)),
            Command::Eprt(address) => write!(f, "{verb} {}", extended(*address)),
            Command::Epsv(ExtendedPassive::V4) => write!(f, "{verb} 1"),
            Command::Epsv(ExtendedPassive::V6) => write!(f, "{verb} 2"),
            Command::Epsv(ExtendedPassive::All) => write!(f, "{verb} ALL"),
            Command::Type(data_type) => write!(f, "{verb} {data_type}"),
            Command::Stru(code) => write!(f, "{verb} {}", code.letter()),
            Command::Mode(mode) => write!(f, "{verb} {}", mode_letter(*mode)),
            Command::Allo(bytes, None) => write!(f, "{verb} {bytes}"),
            Command::Allo(bytes, Some(record)) => write!(f, "{verb} {bytes} R {record}"),
            Command::Mfmt(time, path) => write!(f, "{verb} {} {path}", exact_timestamp(*time)),
            Command::Rang(first, last) => write!(f, "{verb} {first} {last}"),
            _ => f.write_str(verb),
        }
    }
}

/// MODE's letter (RFC 959 section 5.3.2).
pub fn mode_letter(mode: TransmissionMode) -> char {
    match mode {
        TransmissionMode::Stream => 'S',
        TransmissionMode::Block => 'B',
        TransmissionMode::Compressed => 'C',
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
