//! The arguments that verbs have, read.

use super::{Command, CommandError, DataType, ExtendedPassive, Format, ProtectionLevel, StructureCode};
use crate::address::{AddressError, parse_extended, parse_host_port};
use crate::mode::{Structure, TransmissionMode};
use crate::time::parse_timestamp;
use std::net::{SocketAddr, SocketAddrV4};

pub(super) struct Argument<'a> {
    pub(super) verb: &'static str,
    pub(super) text: Option<&'a str>,
}

impl Argument<'_> {
    fn bad(&self, expected: &'static str) -> CommandError {
        CommandError::Bad { verb: self.verb, expected }
    }

    fn other(&self, parameter: &str) -> CommandError {
        CommandError::NotImplemented { verb: self.verb, parameter: parameter.to_owned() }
    }

    /// A pathname or other string: one space goes, the rest belongs to it (RFC 3659 section 2.2).
    pub(super) fn string(&self) -> Result<String, CommandError> {
        self.optional().ok_or(CommandError::Missing(self.verb))
    }

    pub(super) fn optional(&self) -> Option<String> {
        self.text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// An argument in which blanks around do not matter.
    pub(super) fn word(&self) -> Result<&str, CommandError> {
        let word = self.text.unwrap_or_default().trim_matches(' ');
        if word.is_empty() { Err(CommandError::Missing(self.verb)) } else { Ok(word) }
    }

    pub(super) fn none(&self, command: Command) -> Result<Command, CommandError> {
        let blank = self.text.unwrap_or_default().trim_matches(' ').is_empty();
        if blank { Ok(command) } else { Err(CommandError::Unexpected(self.verb)) }
    }

    pub(super) fn port(&self) -> Result<SocketAddrV4, CommandError> {
        parse_host_port(self.word()?).map_err(|_| self.bad("h1,h2,h3,h4,p1,p2"))
    }

    pub(super) fn extended_port(&self) -> Result<SocketAddr, CommandError> {
        parse_extended(self.word()?).map_err(|error| match error {
            AddressError::Protocol => CommandError::Protocol,
            _ => self.bad("|protocol|address|port|"),
        })
    }

    pub(super) fn extended_passive(&self) -> Result<ExtendedPassive, CommandError> {
        match self.text.unwrap_or_default().trim_matches(' ') {
            "" => Ok(ExtendedPassive::Any),
            "1" => Ok(ExtendedPassive::V4),
            "2" => Ok(ExtendedPassive::V6),
            text if text.eq_ignore_ascii_case("ALL") => Ok(ExtendedPassive::All),
            text if text.parse::<u16>().is_ok() => Err(CommandError::Protocol),
            _ => Err(self.bad("1, 2 or ALL")),
        }
    }

    pub(super) fn data_type(&self) -> Result<DataType, CommandError> {
        let text = self.word()?.to_ascii_uppercase();
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let (letter, second) = (words.next().unwrap_or_default(), words.next());
        if words.next().is_some() {
            return Err(self.bad("a type and at most one parameter"));
        }
        // `L8` is written by some clients.
        let (letter, second) = match letter.strip_prefix('L') {
            Some(bits) if !bits.is_empty() && second.is_none() => ("L", Some(bits)),
            _ => (letter, second),
        };
        let format = || match second {
            None | Some("N") => Ok(Format::NonPrint),
            Some("T") => Ok(Format::Telnet),
            Some("C") => Ok(Format::CarriageControl),
            Some(other) => Err(self.other(other)),
        };
        match (letter, second) {
            ("A", _) => Ok(DataType::Ascii(format()?)),
            ("E", _) => Ok(DataType::Ebcdic(format()?)),
            ("I", None) => Ok(DataType::Image),
            ("L", Some(bits)) => bits.parse().map(DataType::Local).map_err(|_| self.bad("a byte size")),
            ("L", None) => Err(self.bad("L and a byte size")),
            _ => Err(self.other(&text)),
        }
    }

    pub(super) fn structure(&self) -> Result<StructureCode, CommandError> {
        match self.word()? {
            "F" | "f" => Ok(StructureCode::Known(Structure::File)),
            "R" | "r" => Ok(StructureCode::Known(Structure::Record)),
            "P" | "p" => Ok(StructureCode::Page),
            other => Err(self.other(other)),
        }
    }

    pub(super) fn mode(&self) -> Result<TransmissionMode, CommandError> {
        match self.word()? {
            "S" | "s" => Ok(TransmissionMode::Stream),
            "B" | "b" => Ok(TransmissionMode::Block),
            "C" | "c" => Ok(TransmissionMode::Compressed),
            "Z" | "z" => Ok(TransmissionMode::Deflate),
            other => Err(self.other(other)),
        }
    }

    pub(super) fn buffer_bytes(&self) -> Result<u64, CommandError> {
        // RFC 2228 section 3: below 2^32.
        let bytes = number(self.word()?).filter(|&bytes| bytes <= u64::from(u32::MAX));
        bytes.ok_or(self.bad("a number below 2^32"))
    }

    pub(super) fn protection(&self) -> Result<ProtectionLevel, CommandError> {
        match self.word()? {
            "C" | "c" => Ok(ProtectionLevel::Clear),
            "S" | "s" => Ok(ProtectionLevel::Safe),
            "E" | "e" => Ok(ProtectionLevel::Confidential),
            "P" | "p" => Ok(ProtectionLevel::Private),
            other => Err(self.other(other)),
        }
    }

    pub(super) fn allocate(&self) -> Result<Command, CommandError> {
        let expected = "bytes [R bytes]";
        let number = |text: &str| number(text).ok_or(self.bad(expected));
        let words: Vec<&str> = self.word()?.split(' ').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [bytes] => Ok(Command::Allo(number(bytes)?, None)),
            [bytes, "R" | "r", record] => Ok(Command::Allo(number(bytes)?, Some(number(record)?))),
            _ => Err(self.bad(expected)),
        }
    }

    pub(super) fn marker(&self) -> Result<String, CommandError> {
        let text = self.word()?;
        let printable = text.bytes().all(|byte| matches!(byte, 33..=126));
        if printable { Ok(text.to_owned()) } else { Err(self.bad("printable characters")) }
    }

    pub(super) fn modify_time(&self) -> Result<Command, CommandError> {
        let text = self.text.ok_or(CommandError::Missing(self.verb))?;
        let expected = "YYYYMMDDHHMMSS and a pathname";
        let (time, path) = text.split_once(' ').ok_or(self.bad(expected))?;
        let time = parse_timestamp(time).ok_or(self.bad(expected))?;
        if path.is_empty() { Err(self.bad(expected)) } else { Ok(Command::Mfmt(time, path.to_owned())) }
    }

    pub(super) fn range(&self) -> Result<Command, CommandError> {
        let expected = "first and last byte";
        let (first, last) = self.word()?.split_once(' ').ok_or(self.bad(expected))?;
        let number = |text: &str| number(text.trim_matches(' ')).ok_or(self.bad(expected));
        Ok(Command::Rang(number(first)?, number(last)?))
    }
}

/// Digits only.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
