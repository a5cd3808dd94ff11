//! Faults and triggers as scenarios name them; [`plan`](crate::sim::plan) says what each does.

use super::error::Problem;
use super::within;
use crate::sim::fault::{About, KINDS};
use crate::sim::plan;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    None,
    SenderDies,
    ReceiverDies,
    SenderPowerLoss,
    ReceiverPowerLoss,
    Reset,
    EarlyClose,
    SplitClose,
    Blackhole,
    Stall,
    ControlReset,
    ControlSilent,
    Refused,
    Partition,
    Corrupt,
    DiskFull,
    ShortWrite,
    WriteError,
    SlowDisk,
    ReadError,
    Loss,
}

impl FaultKind {
    pub const ALL: [Self; KINDS.len()] = {
        let mut all = [Self::None; KINDS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = KINDS[index].kind;
            index += 1;
        }
        all
    };

    fn about(self) -> &'static About {
        &KINDS[self as usize]
    }

    pub fn as_str(self) -> &'static str {
        self.about().name
    }

    /// One line for a person.
    pub fn describe(self) -> &'static str {
        self.about().line
    }

    /// Whether it strikes once, at a trigger (the others act from the start to the end).
    pub fn has_trigger(self) -> bool {
        !matches!(self, Self::None | Self::Loss)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind of fault that seeds draw from. The keys a kind does not take are `None`, those it takes
/// are present: [`super::Scenario::parse`] sees to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    pub kind: FaultKind,
    /// How tables and CSV call it; the kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_ppm: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after_us: Option<u64>,
    /// How long it lasts; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_us: Option<u64>,
    /// How many connections are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How much longer each write takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_us: Option<u64>,
    /// Whether the server, when it loses the control connection during an upload, goes on and
    /// publishes what comes (half of the servers in use) or aborts (RFC 959 section 4.1.1, QUIT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfers_outlive_control: Option<bool>,
}

impl FaultSpec {
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.as_str())
    }

    /// The fault with its parameters, for the plan of a case. `xor` is what corruption changes.
    pub fn planned(&self, xor: u8) -> plan::FaultKind {
        let for_us = self.for_us.unwrap_or_default();
        let restart_after_us = self.restart_after_us;
        match self.kind {
            FaultKind::None => plan::FaultKind::None,
            FaultKind::SenderDies => {
                plan::FaultKind::SenderDies { restart_after_us: restart_after_us.unwrap_or_default() }
            }
            FaultKind::ReceiverDies => {
                plan::FaultKind::ReceiverDies { restart_after_us: restart_after_us.unwrap_or_default() }
            }
            FaultKind::SenderPowerLoss => plan::FaultKind::SenderPowerLoss { restart_after_us },
            FaultKind::ReceiverPowerLoss => plan::FaultKind::ReceiverPowerLoss { restart_after_us },
            FaultKind::Reset => plan::FaultKind::Reset,
            FaultKind::EarlyClose => plan::FaultKind::EarlyClose,
            FaultKind::SplitClose => plan::FaultKind::SplitClose,
            FaultKind::Blackhole => plan::FaultKind::Blackhole { for_us: self.for_us },
            FaultKind::Stall => plan::FaultKind::Stall { for_us },
            FaultKind::ControlReset => plan::FaultKind::ControlReset,
            FaultKind::ControlSilent => plan::FaultKind::ControlSilent { for_us: self.for_us },
            FaultKind::Refused => plan::FaultKind::Refused { times: self.times.unwrap_or_default() },
            FaultKind::Partition => plan::FaultKind::Partition { for_us },
            FaultKind::Corrupt => plan::FaultKind::Corrupt { xor },
            FaultKind::DiskFull => plan::FaultKind::DiskFull { for_us },
            FaultKind::ShortWrite => plan::FaultKind::ShortWrite,
            FaultKind::WriteError => plan::FaultKind::WriteError,
            FaultKind::SlowDisk => plan::FaultKind::SlowDisk { delay_us: self.delay_us.unwrap_or_default() },
            FaultKind::ReadError => plan::FaultKind::ReadError,
            FaultKind::Loss => plan::FaultKind::Loss { loss_ppm: self.loss_ppm.unwrap_or_default() },
        }
    }

    /// `index`: in the scenario's list.
    pub(super) fn check(&self, index: usize) -> Result<(), Problem> {
        let given = [
            ("loss_ppm", self.loss_ppm.is_some()),
            ("restart_after_us", self.restart_after_us.is_some()),
            ("for_us", self.for_us.is_some()),
            ("times", self.times.is_some()),
            ("delay_us", self.delay_us.is_some()),
            ("transfers_outlive_control", self.transfers_outlive_control.is_some()),
        ];
        let taken = self.kind.about().parameters;
        for (key, present) in given {
            match taken.iter().find(|(name, _)| *name == key) {
                None if present => {
                    let keys = taken.iter().map(|(name, _)| format!("`{name}`"));
                    let keys: Vec<_> = ["`kind`".into(), "`name`".into()].into_iter().chain(keys).collect();
                    return Err(Problem::new(
                        &format!("faults.{index}.{key}"),
                        &format!("only {} with kind = \"{}\"", keys.join(", "), self.kind),
                    ));
                }
                Some((_, true)) if !present => {
                    return Err(Problem::new(
                        &format!("faults.{index}"),
                        &format!("the key `{key}` with kind = \"{}\"", self.kind),
                    ));
                }
                _ => {}
            }
        }
        let key = |key: &str| format!("faults.{index}.{key}");
        if let Some(ppm) = self.loss_ppm {
            within(&key("loss_ppm"), ppm.into(), 1, 999_999)?;
        }
        if let Some(us) = self.for_us {
            within(&key("for_us"), us, 1, 1_000_000_000_000)?;
        }
        if let Some(times) = self.times {
            within(&key("times"), times.into(), 1, 1_000)?;
        }
        if let Some(us) = self.delay_us {
            within(&key("delay_us"), us, 1, 1_000_000_000)?;
        }
        Ok(())
    }
}

/// Where in the target file a fault strikes. The same place of the same file in every variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// The file's transfer has begun, no payload byte has passed.
    BeforeFirstByte,
    /// A payload byte, uniform over the file.
    PayloadByte,
    /// All payload has passed, the mode's mark of the end has not.
    AfterLastByte,
    /// Inside the header that governs a payload byte, uniform over the file.
    InsideHeader,
    /// Between the header of such a byte's string and the string.
    AfterHeader,
    /// The receiver has all of it, the final reply has not come.
    BeforeFinal,
    /// Before the first or the second command that names the file.
    BeforeCommand,
    /// Before the first or the second reply to such a command.
    BeforeReply,
    /// At a virtual time within the first round trips of the delivery: eight and one for each file.
    AtTime,
}

impl TriggerKind {
    pub const ALL: [Self; 9] = [
        Self::BeforeFirstByte,
        Self::PayloadByte,
        Self::AfterLastByte,
        Self::InsideHeader,
        Self::AfterHeader,
        Self::BeforeFinal,
        Self::BeforeCommand,
        Self::BeforeReply,
        Self::AtTime,
    ];

    /// Of a scenario that names none.
    pub(super) const USUAL: [Self; 4] =
        [Self::PayloadByte, Self::BeforeFirstByte, Self::PayloadByte, Self::AfterLastByte];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeFirstByte => "before_first_byte",
            Self::PayloadByte => "payload_byte",
            Self::AfterLastByte => "after_last_byte",
            Self::InsideHeader => "inside_header",
            Self::AfterHeader => "after_header",
            Self::BeforeFinal => "before_final",
            Self::BeforeCommand => "before_command",
            Self::BeforeReply => "before_reply",
            Self::AtTime => "at_time",
        }
    }

    /// One line for a person.
    pub fn describe(self) -> &'static str {
        match self {
            Self::BeforeFirstByte => "nothing of the file has passed, not even a header",
            Self::PayloadByte => "a payload byte, anywhere in the file",
            Self::AfterLastByte => "between the last payload byte and the mark of the end, or FIN",
            Self::InsideHeader => "inside the header that governs a payload byte, or an escape",
            Self::AfterHeader => "between a header and the payload byte it governs",
            Self::BeforeFinal => "the receiver has all, it is not published, the 226 has not come",
            Self::BeforeCommand => "before the first or second command that names the file",
            Self::BeforeReply => "before the first or second reply to such a command",
            Self::AtTime => "at a virtual time, whatever is under way",
        }
    }
}

impl fmt::Display for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_plan_and_of_serde() {
        for kind in FaultKind::ALL {
            let spec: FaultSpec = toml::from_str(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(spec.planned(1).name(), kind.as_str());
            assert_eq!(spec.planned(1).is_anchored(), kind.has_trigger());
        }
        for kind in TriggerKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
