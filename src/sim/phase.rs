//! Where the dialogue stood when the fault struck.

use super::heard::Heard;
use ftp_endpoint::observe::{Event, Who};
use ftp_proto::command::Verb;
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
    /// Every phase, in the order in which a transfer passes them.
    pub const ALL: [Phase; 4] =
        [Phase::Dialogue, Phase::BeforePreliminary, Phase::InData, Phase::BeforeFinal];

    /// A lower-case name for tables and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Dialogue => "dialogue",
            Phase::BeforePreliminary => "before_preliminary",
            Phase::InData => "in_data",
            Phase::BeforeFinal => "before_final",
        }
    }

    /// Where it stands when this has been heard; `sender` sends the files. A transfer command whose
    /// argument is malformed is one until its reply comes.
    pub fn after(self, sender: Who, heard: &Heard<'_>) -> Phase {
        let who = heard.who;
        match heard.event {
            Event::Command { .. } if who == Who::Client && heard.verb.is_some_and(Verb::moves_a_file) => {
                Phase::BeforePreliminary
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::heard::tests::heard;

    /// The phase after the client's command and this reply to it.
    fn phases(line: &str, code: u16) -> [Phase; 2] {
        let after = |phase: Phase, event: &Event<'_>| phase.after(Who::Client, &heard(Who::Client, event));
        let asked = after(Phase::Dialogue, &Event::Command { line });
        [asked, after(asked, &Event::Reply { code, text: "" })]
    }

    #[test]
    fn a_transfer_command_is_one_by_its_verb() {
        assert_eq!(phases("STOR f", 150), [Phase::BeforePreliminary, Phase::InData]);
        assert_eq!(phases("retr f", 550), [Phase::BeforePreliminary, Phase::Dialogue]);
        assert_eq!(phases("NOOP", 200), [Phase::Dialogue, Phase::Dialogue]);
        // RFC 959 section 5.3 wants a pathname; the server answers 501, and until then nobody knows.
        for malformed in ["STOR", "APPE ", "RETR"] {
            assert_eq!(phases(malformed, 501), [Phase::BeforePreliminary, Phase::Dialogue], "{malformed}");
        }
    }
}
