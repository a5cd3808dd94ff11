//! Where and when a fault strikes, and the names that scenarios have for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where in the target file the fault strikes: at a byte, which is the same payload byte of the
/// same file in every mode, or at a moment. At a moment, faults of processes, hosts, the control
/// connection and the path strike at once (on a host other than the one where the moment is
/// observed, a one-way delay later); faults of the data connection strike the next byte or FIN that
/// the target's data connection carries, those of the disk the next write or publication (or
/// read), if one ever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Nothing of the file passes, not even its first header.
    BeforeFirstByte,
    /// The payload bytes before this one pass, this one does not.
    PayloadByte(u64),
    /// Every payload byte passes; of what follows (an end-of-file mark, FIN) nothing does. A mode
    /// that marks the end in the header before the last bytes has nothing left to lose there.
    AfterLastByte,
    /// So many lines of a text pass, the listing's as it comes or the file's as its type sends it; of what follows
    /// nothing does.
    AfterLine(u32),
    /// So many bytes pass of all that the sender writes on the data connections of the delivery,
    /// its FINs counted with them ([`crate::sim::wire`]); this one does not. The target does not matter.
    WireByte(u64),
    /// A header is torn: of the first one of two bytes or more that governs this payload byte or a
    /// later one, or the end of the file, the first byte passes and the second does not. In block
    /// mode that is the header of the byte's block; in compressed mode a replicated string or the
    /// escape at the end; in stream mode with record structure an escape; in stream mode with file
    /// structure there is none, and the fault does not fire. The disk takes it for the payload byte.
    InsideHeader(u64),
    /// The whole header of the string that holds this payload byte passes, nothing of the string
    /// does. In stream mode there is none, and the fault does not fire. The disk takes it for the
    /// payload byte.
    AfterHeader(u64),
    /// The receiver has read all of the file and its end, and has not yet published it; the final
    /// reply has not been sent, or not been seen.
    BeforeFinal,
    /// The client is about to send its n-th command (from 0) that names the file.
    BeforeCommand(u32),
    /// The server is about to send its n-th reply (from 0, preliminary ones counted) to a command
    /// that names the file.
    BeforeReply(u32),
    /// This virtual time has come, whichever file is under way.
    AtTimeUs(u64),
    /// The client has reported the file delivered, the final reply read and all checks done, so many
    /// microseconds ago.
    AfterReply(u64),
}

impl Trigger {
    /// The longest [`Trigger::AfterReply`] that is drawn: whatever a disk forgets in a loss of power, it has by
    /// then.
    pub const LONGEST_AFTER_REPLY_US: u64 = 41_000_000;

    /// The payload byte that it names.
    pub fn payload_byte(&self) -> Option<u64> {
        match *self {
            Trigger::PayloadByte(byte) | Trigger::InsideHeader(byte) | Trigger::AfterHeader(byte) => {
                Some(byte)
            }
            _ => None,
        }
    }

    /// The name under which scenarios list it; none of them lists a wire byte.
    pub fn name(&self) -> Option<TriggerName> {
        match self {
            Trigger::BeforeFirstByte => Some(TriggerName::BeforeFirstByte),
            Trigger::PayloadByte(_) => Some(TriggerName::PayloadByte),
            Trigger::AfterLastByte => Some(TriggerName::AfterLastByte),
            Trigger::InsideHeader(_) => Some(TriggerName::InsideHeader),
            Trigger::AfterHeader(_) => Some(TriggerName::AfterHeader),
            Trigger::BeforeFinal => Some(TriggerName::BeforeFinal),
            Trigger::BeforeCommand(_) => Some(TriggerName::BeforeCommand),
            Trigger::BeforeReply(_) => Some(TriggerName::BeforeReply),
            Trigger::AtTimeUs(_) => Some(TriggerName::AtTime),
            Trigger::AfterReply(_) => Some(TriggerName::AfterReply),
            Trigger::AfterLine(_) => Some(TriggerName::AfterLine),
            Trigger::WireByte(_) => None,
        }
    }

    /// The same kind of place at another payload byte.
    pub fn at_byte(self, byte: u64) -> Self {
        match self {
            Trigger::PayloadByte(_) => Trigger::PayloadByte(byte),
            Trigger::InsideHeader(_) => Trigger::InsideHeader(byte),
            Trigger::AfterHeader(_) => Trigger::AfterHeader(byte),
            other => other,
        }
    }

    /// Whether it is a moment rather than a byte.
    pub fn is_moment(&self) -> bool {
        matches!(
            self,
            Trigger::BeforeFinal
                | Trigger::BeforeCommand(_)
                | Trigger::BeforeReply(_)
                | Trigger::AtTimeUs(_)
                | Trigger::AfterReply(_)
        )
    }
}

/// Where in the target file a fault strikes. The same place of the same file in every variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerName {
    /// The file's transfer has begun, no payload byte has passed.
    BeforeFirstByte,
    /// A payload byte, uniform over the file.
    PayloadByte,
    /// All payload has passed, the mode's mark of the end has not.
    AfterLastByte,
    /// The header that governs a payload byte is torn; the byte is uniform over the file.
    InsideHeader,
    /// The header of such a byte's string has passed, the string has not.
    AfterHeader,
    /// The receiver has all of it, the final reply has not come.
    BeforeFinal,
    /// The first or the second command that names the file is about to be sent.
    BeforeCommand,
    /// The first or the second reply to such a command is about to be sent.
    BeforeReply,
    /// A virtual time has come, within the first round trips of the delivery: eight and one for each file.
    AtTime,
    /// The client has reported the file delivered, up to 41 s ago.
    AfterReply,
    /// Of the listing that clients make which are told no names: so many lines of it have passed, uniform over its lines,
    /// and at least one has not.
    AfterLine,
}

impl TriggerName {
    /// Every trigger, in the order in which lists show them.
    pub const ALL: [Self; 11] = [
        Self::BeforeFirstByte,
        Self::PayloadByte,
        Self::AfterLastByte,
        Self::InsideHeader,
        Self::AfterHeader,
        Self::BeforeFinal,
        Self::BeforeCommand,
        Self::BeforeReply,
        Self::AtTime,
        Self::AfterReply,
        Self::AfterLine,
    ];

    /// Those that a scenario has that names none.
    pub const USUAL: [Self; 4] =
        [Self::PayloadByte, Self::BeforeFirstByte, Self::PayloadByte, Self::AfterLastByte];

    /// The word that scenarios and CSV have for it, and one line for a person.
    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::BeforeFirstByte => {
                ("before_first_byte", "nothing of the file has passed, not even a header")
            }
            Self::PayloadByte => ("payload_byte", "a payload byte, anywhere in the file"),
            Self::AfterLastByte => {
                ("after_last_byte", "between the last payload byte and the mark of the end, or FIN")
            }
            Self::InsideHeader => {
                ("inside_header", "inside the header that governs a payload byte, or an escape")
            }
            Self::AfterHeader => ("after_header", "between a header and the payload byte it governs"),
            Self::BeforeFinal => {
                ("before_final", "the receiver has all, it is not published, the 226 has not come")
            }
            Self::BeforeCommand => {
                ("before_command", "before the first or second command that names the file")
            }
            Self::BeforeReply => ("before_reply", "before the first or second reply to such a command"),
            Self::AtTime => ("at_time", "at a virtual time, whatever is under way"),
            Self::AfterReply => {
                ("after_reply", "up to 41 s after the client has reported the file delivered")
            }
            Self::AfterLine => {
                ("after_line", "behind a line of the listing, where clients list (`listed`) and fetch")
            }
        }
    }

    /// The name that scenarios, cases, tables and CSV have for it.
    pub fn as_str(self) -> &'static str {
        self.about().0
    }

    /// One line for a person.
    pub fn describe(self) -> &'static str {
        self.about().1
    }
}

impl fmt::Display for TriggerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde() {
        for name in TriggerName::ALL {
            assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{name}\""));
        }
    }
}
