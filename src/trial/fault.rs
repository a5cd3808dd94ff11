//! What a trial commits, and where.

use crate::sim::fault::FaultName;
use std::fmt;
use std::time::Duration;

/// The faults that a proxy can commit, or that it can have committed by whoever started the process.
pub const FAULTS: [FaultName; 11] = [
    FaultName::EarlyClose,
    FaultName::SplitClose,
    FaultName::Reset,
    FaultName::Blackhole,
    FaultName::Stall,
    FaultName::ControlReset,
    FaultName::ControlSilent,
    FaultName::Refused,
    FaultName::Corrupt,
    FaultName::SenderDies,
    FaultName::ReceiverDies,
];

/// When a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// When so many bytes of the data connection have passed and, unless it was the last, the next one waits. In
    /// stream mode a byte of the wire (under TLS, of what is encrypted) is one of the file; in other modes it is
    /// one of the wire alone.
    Byte(u64),
    /// When the sender has ended the data connection, before its FIN is passed on.
    BeforeFin,
    /// When the server's preliminary reply to the transfer has come (150), before it is passed on.
    BeforePreliminary,
    /// When the final one has.
    BeforeReply,
}

impl Trigger {
    /// Those that are tried of a file of `size` bytes: the word for each, and the trigger.
    pub fn all(size: u64) -> [(&'static str, Self); 8] {
        [
            ("byte_0", Self::Byte(0)),
            ("byte_1", Self::Byte(1)),
            ("middle", Self::Byte(size / 2)),
            ("last", Self::Byte(size.saturating_sub(1))),
            ("after_last", Self::Byte(size)),
            ("before_fin", Self::BeforeFin),
            ("before_preliminary", Self::BeforePreliminary),
            ("before_reply", Self::BeforeReply),
        ]
    }

    /// One of these words, or `byte:N`.
    pub fn parse(word: &str, size: u64) -> Option<Self> {
        let byte = word.strip_prefix("byte:").and_then(|byte| byte.parse().ok()).map(Self::Byte);
        let named =
            || Self::all(size).into_iter().find(|(name, _)| *name == word).map(|(_, trigger)| trigger);
        byte.or_else(named)
    }
}

/// One fault of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What.
    pub fault: FaultName,
    /// Where.
    pub trigger: Trigger,
    /// How long a blackhole, a stall or the silence of the control connection lasts; `None`: for good.
    pub lasts: Option<Duration>,
    /// Under TLS, an early end is said by close_notify, as by a proxy that is a party to it; without, it is a FIN
    /// alone, as anybody on the path can send it.
    pub close_notify: bool,
}

impl Strike {
    /// How long a stall lasts where nothing else is said.
    pub const STALL: Duration = Duration::from_secs(2);

    /// Whether this fault can be committed at this trigger at all.
    pub fn is_possible(self, size: u64) -> bool {
        use FaultName::{ControlReset, ControlSilent, Corrupt, EarlyClose, Refused, SplitClose};
        use FaultName::{ReceiverDies, SenderDies};
        match (self.fault, self.trigger) {
            // A connection that was refused carried nothing.
            (Refused, trigger) => trigger == Trigger::Byte(0),
            (ControlReset | ControlSilent | SenderDies | ReceiverDies, _) => true,
            (_, Trigger::BeforePreliminary | Trigger::BeforeReply) => false,
            // There is no byte to change, and no end that is early.
            (Corrupt, Trigger::Byte(at)) => at < size,
            (Corrupt | EarlyClose | SplitClose, Trigger::BeforeFin) => false,
            (_, Trigger::Byte(_) | Trigger::BeforeFin) => true,
        }
    }
}

/// A strike, and the word for its trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What and where.
    pub strike: Strike,
    /// The trigger's word.
    pub word: String,
}

/// What a whole trial commits on a file of `size` bytes: each fault at each trigger that it has, or at `only`.
/// Places that are the same in a small file are tried once.
pub fn plan(
    faults: &[FaultName],
    only: &[String],
    size: u64,
    lasts: Option<Duration>,
    close_notify: bool,
) -> Vec<Planned> {
    let words: Vec<(String, Trigger)> = match only {
        [] => Trigger::all(size).map(|(word, trigger)| (word.to_owned(), trigger)).to_vec(),
        only => only.iter().filter_map(|word| Some((word.clone(), Trigger::parse(word, size)?))).collect(),
    };
    let mut plan: Vec<Planned> = Vec::new();
    for &fault in faults {
        for (word, trigger) in &words {
            let lasts = if fault == FaultName::Stall { lasts.or(Some(Strike::STALL)) } else { lasts };
            let strike = Strike { fault, trigger: *trigger, lasts, close_notify };
            if strike.is_possible(size) && plan.iter().all(|planned| planned.strike != strike) {
                plan.push(Planned { strike, word: word.clone() });
            }
        }
    }
    plan
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.fault)?;
        match self.trigger {
            Trigger::Byte(at) => write!(f, "at byte {at}"),
            Trigger::BeforeFin => f.write_str("between the last byte and FIN"),
            Trigger::BeforePreliminary => f.write_str("before the preliminary reply"),
            Trigger::BeforeReply => f.write_str("before the final reply"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_are_one_are_tried_once() {
        let words = |size| -> Vec<String> {
            plan(&[FaultName::EarlyClose], &[], size, None, false).into_iter().map(|p| p.word).collect()
        };
        assert_eq!(words(100), ["byte_0", "byte_1", "middle", "last", "after_last"]);
        assert_eq!(words(2), ["byte_0", "byte_1", "after_last"]);
    }

    #[test]
    fn each_fault_has_a_place() {
        for fault in FAULTS {
            let plan = plan(&[fault], &[], 100, None, false);
            assert!(!plan.is_empty(), "{fault}");
            assert!(plan.iter().all(|p| p.strike.lasts.is_some() == (fault == FaultName::Stall)));
        }
        let corrupt =
            plan(&[FaultName::Corrupt], &["byte:7".to_owned(), "after_last".to_owned()], 100, None, false);
        assert_eq!(corrupt.len(), 1);
        assert_eq!(corrupt[0].strike.trigger, Trigger::Byte(7));
    }
}
