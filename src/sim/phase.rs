//! Where the dialogue stood when the fault struck.

use ftp_endpoint::observe::{Event, Who};
use ftp_proto::command::Command;
use serde::{Deserialize, Serialize};

/// Where the client's dialogue stands, as far as one session tells (with several, the latest word
/// counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No transfer command is under way: login, parameters, between files, after the last.
    #[default]
    Dialogue,
    /// A transfer command has been sent, its 125 or 150 has not come.
    BeforePreliminary,
    /// The 125 or 150 has come; the receiver does not have the file yet.
    InData,
    /// The receiver has it, as far as it can tell; the final reply has not come.
    BeforeFinal,
}

impl Phase {
    pub const ALL: [Phase; 4] =
        [Phase::Dialogue, Phase::BeforePreliminary, Phase::InData, Phase::BeforeFinal];

    pub fn name(self) -> &'static str {
        match self {
            Phase::Dialogue => "dialogue",
            Phase::BeforePreliminary => "before_preliminary",
            Phase::InData => "in_data",
            Phase::BeforeFinal => "before_final",
        }
    }

    /// Where it stands when `who` has told this; `sender` sends the files.
    pub fn after(self, sender: Who, who: Who, event: &Event<'_>) -> Phase {
        let transfer = |line: &str| {
            let command = Command::parse(line.as_bytes());
            matches!(command, Ok(Command::Stor(_) | Command::Retr(_) | Command::Appe(_) | Command::Stou))
        };
        match event {
            Event::Command { line } if who == Who::Client && transfer(line) => Phase::BeforePreliminary,
            Event::Reply { code: 125 | 150, .. }
                if who == Who::Client && self == Phase::BeforePreliminary =>
            {
                Phase::InData
            }
            Event::FileEnds { error: None, .. } if who != sender => Phase::BeforeFinal,
            Event::Reply { code: 200.., .. } if who == Who::Client => Phase::Dialogue,
            _ => self,
        }
    }
}
