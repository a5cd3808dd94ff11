//! Liveness: a fault strikes once; the delivery comes to an end within the case's virtual time, and
//! when retries are left and the client lives, with every file delivered.

use super::integrity::Verdict;
use super::{End, Oracle};
use crate::client::Direction;
use crate::sim::plan::FaultKind;

pub struct Liveness;

impl Oracle for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        let stuck = end.outcome.count(Verdict::Stuck);
        if stuck > 0 {
            let limit_us = end.case.limits.virtual_time_us;
            return Some(format!("{stuck} files without a word after {limit_us} us"));
        }
        let client_dies = matches!(end.case.fault.fault, FaultKind::SenderDies { .. })
            && end.case.policy.direction == Direction::Put;
        // Random loss may strike all attempts; a fault that strikes once cannot.
        let strikes_once =
            !matches!(end.case.fault.fault, FaultKind::Loss { .. }) && end.case.path.loss_ppm == 0;
        if client_dies || !strikes_once || end.case.policy.retries == 0 {
            return None;
        }
        let failed = end
            .outcome
            .files
            .iter()
            .find(|file| matches!(file.verdict, Verdict::Detected | Verdict::FalseAlarm))?;
        Some(format!(
            "{} is {} although the fault struck once and retries were left",
            failed.name, failed.verdict
        ))
    }
}
