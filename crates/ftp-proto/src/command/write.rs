//! Commands as they go over the control connection.

use super::{Command, DataType, ExtendedPassive, Format, StructureCode};
use crate::address::{extended, host_port};
use crate::mode::{Structure, TransmissionMode};
use crate::time::exact_timestamp;
use std::fmt;

/// Appends a line as it goes over the control connection: LF cannot be sent within it (RFC 959
/// section 5.3.2) and becomes `?`, CR becomes CR NUL.
pub fn write_line(line: &str, out: &mut Vec<u8>) {
    for byte in line.bytes() {
        match byte {
            b'\r' => out.extend_from_slice(b"\r\0"),
            b'\n' => out.push(b'?'),
            byte => out.push(byte),
        }
    }
    out.extend_from_slice(b"\r\n");
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
