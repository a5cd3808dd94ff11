//! A planned fault of a disk: which read, write or publication it strikes, and what becomes of that.

use super::{Fault, FaultKind, Trigger};
use crate::sim::names::FileId;
use crate::sim::time::SimTime;
use std::time::Duration;

/// What becomes of a read, a write or a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It takes place as if there were no fault.
    Go,
    /// Only so many bytes are stored, and nobody is told; or read, which is a reader's right.
    Short(usize),
    /// The disk is full: nothing more is stored.
    Full,
    /// The disk reports an input/output error.
    Error,
    /// It takes place, late.
    Slow {
        /// By how much, in virtual time.
        delay_us: u64,
    },
}

enum Stage {
    /// The byte, or the moment, has not come.
    Waiting,
    /// The moment has come: the next write or publication is struck.
    Armed,
    Full {
        until: SimTime,
    },
    Slow,
    Done,
}

/// One planned fault of the disk.
pub struct DiskFault {
    fault: FaultKind,
    trigger: Trigger,
    target: FileId,
    stage: Stage,
}

impl DiskFault {
    /// The disk's part of `fault`, which has not struck yet.
    pub fn new(fault: Fault) -> Self {
        let target = FileId(fault.target);
        Self { fault: fault.kind, trigger: fault.trigger, target, stage: Stage::Waiting }
    }

    /// The moment has come.
    pub fn arm(&mut self) {
        self.stage = Stage::Armed;
    }

    /// `len` bytes from `from` on are to be written to `file`; what becomes of them, and whether
    /// that is the fault's first strike.
    pub fn write(&mut self, at: SimTime, file: Option<FileId>, from: u64, len: usize) -> (Act, bool) {
        let is_target = file == Some(self.target);
        let index = match (&self.stage, self.trigger) {
            (Stage::Armed, _) => Some(0),
            (Stage::Waiting, Trigger::BeforeFirstByte) if is_target => Some(0),
            (Stage::Waiting, trigger) if is_target => trigger
                .payload_byte()
                .and_then(|byte| usize::try_from(byte.checked_sub(from)?).ok())
                .filter(|index| *index < len),
            _ => None,
        };
        match index {
            Some(index) => (self.strike(at, index), true),
            None => (self.aftermath(at), false),
        }
    }

    /// `file` is to be published.
    pub fn publish(&mut self, at: SimTime, file: Option<FileId>) -> (Act, bool) {
        let is_target = file == Some(self.target);
        let strikes = match (&self.stage, self.trigger) {
            (Stage::Armed, _) => true,
            // An empty file has no write before it.
            (Stage::Waiting, Trigger::BeforeFirstByte | Trigger::AfterLastByte) => is_target,
            _ => false,
        };
        // There is nothing to shorten.
        if strikes && self.fault != FaultKind::ShortWrite {
            return (self.strike(at, 0), true);
        }
        (self.aftermath(at), false)
    }

    /// Up to `len` bytes from `from` on are to be read from `file`, of the `left` that there are.
    pub fn read(&mut self, file: Option<FileId>, from: u64, len: usize, left: u64) -> (Act, bool) {
        if !matches!(self.fault, FaultKind::ReadError { .. }) {
            return (Act::Go, false);
        }
        let is_target = file == Some(self.target);
        let index = match (&self.stage, self.trigger) {
            (Stage::Armed, _) => Some(0),
            (Stage::Waiting, Trigger::BeforeFirstByte) if is_target => Some(0),
            (Stage::Waiting, Trigger::AfterLastByte) if is_target && left == 0 => Some(0),
            (Stage::Waiting, trigger) if is_target => trigger
                .payload_byte()
                .and_then(|byte| byte.checked_sub(from))
                .filter(|index| *index < left.min(len as u64))
                .and_then(|index| usize::try_from(index).ok()),
            _ => None,
        };
        match index {
            Some(0) => {
                self.stage = Stage::Done;
                (Act::Error, true)
            }
            // It comes again for the rest.
            Some(index) => (Act::Short(index), false),
            None => (Act::Go, false),
        }
    }

    fn strike(&mut self, at: SimTime, index: usize) -> Act {
        let (stage, act) = match self.fault {
            FaultKind::DiskFull { for_us } => {
                (Stage::Full { until: at + Duration::from_micros(for_us) }, Act::Full)
            }
            FaultKind::ShortWrite => (Stage::Done, Act::Short(index)),
            FaultKind::WriteError => (Stage::Done, Act::Error),
            FaultKind::SlowDisk { delay_us } => (Stage::Slow, Act::Slow { delay_us }),
            _ => (Stage::Done, Act::Go),
        };
        self.stage = stage;
        act
    }

    fn aftermath(&mut self, at: SimTime) -> Act {
        match (&self.stage, self.fault) {
            (Stage::Full { until }, _) if at < *until => Act::Full,
            (Stage::Slow, FaultKind::SlowDisk { delay_us }) => Act::Slow { delay_us },
            _ => Act::Go,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Option<FileId> = Some(FileId(0));
    const OTHER: Option<FileId> = Some(FileId(1));
    const NEVER: SimTime = SimTime::from_us(0);

    fn disk(fault: FaultKind, trigger: Trigger) -> DiskFault {
        DiskFault::new(Fault { kind: fault, target: 0, trigger })
    }

    #[test]
    fn a_short_write_stores_what_comes_before_the_byte_and_says_nothing() {
        let mut disk = disk(FaultKind::ShortWrite, Trigger::PayloadByte(150));
        assert_eq!(disk.write(NEVER, OTHER, 100, 100), (Act::Go, false));
        assert_eq!(disk.write(NEVER, TARGET, 0, 100), (Act::Go, false));
        assert_eq!(disk.write(NEVER, TARGET, 100, 100), (Act::Short(50), true));
        assert_eq!(disk.write(NEVER, TARGET, 100, 100), (Act::Go, false), "once");
        assert_eq!(disk.publish(NEVER, TARGET), (Act::Go, false));
    }

    #[test]
    fn a_write_error_strikes_once() {
        let mut disk = disk(FaultKind::WriteError, Trigger::AfterLastByte);
        assert_eq!(disk.write(NEVER, TARGET, 0, 100), (Act::Go, false));
        assert_eq!(disk.publish(NEVER, TARGET), (Act::Error, true));
        assert_eq!(disk.publish(NEVER, TARGET), (Act::Go, false));
    }

    #[test]
    fn a_read_error_lets_pass_what_comes_before_the_byte_and_strikes_once() {
        let mut disk = disk(FaultKind::ReadError { restart_after_us: None }, Trigger::PayloadByte(150));
        assert_eq!(disk.read(OTHER, 100, 100, 100), (Act::Go, false));
        assert_eq!(disk.read(TARGET, 0, 100, 200), (Act::Go, false));
        assert_eq!(disk.read(TARGET, 100, 100, 100), (Act::Short(50), false));
        assert_eq!(disk.read(TARGET, 150, 100, 50), (Act::Error, true));
        assert_eq!(disk.read(TARGET, 150, 100, 50), (Act::Go, false));
        assert_eq!(disk.write(NEVER, TARGET, 150, 100), (Act::Go, false), "writes are not its own");
    }

    #[test]
    fn a_read_error_after_the_last_byte_strikes_the_read_of_the_end() {
        let mut disk = disk(FaultKind::ReadError { restart_after_us: None }, Trigger::AfterLastByte);
        assert_eq!(disk.read(TARGET, 0, 100, 100), (Act::Go, false));
        assert_eq!(disk.read(TARGET, 100, 100, 0), (Act::Error, true));
    }

    #[test]
    fn a_full_disk_is_full_for_everyone_and_for_its_time() {
        let mut disk = disk(FaultKind::DiskFull { for_us: 1_000 }, Trigger::BeforeFirstByte);
        assert_eq!(disk.write(SimTime::from_us(5), TARGET, 0, 10), (Act::Full, true));
        assert_eq!(disk.write(SimTime::from_us(1_004), OTHER, 0, 10), (Act::Full, false));
        assert_eq!(disk.publish(SimTime::from_us(1_004), OTHER), (Act::Full, false));
        assert_eq!(disk.publish(SimTime::from_us(1_005), OTHER), (Act::Go, false));
    }

    #[test]
    fn a_slow_disk_stays_slow() {
        let mut disk = disk(FaultKind::SlowDisk { delay_us: 7 }, Trigger::BeforeFinal);
        assert_eq!(disk.write(NEVER, TARGET, 0, 10), (Act::Go, false));
        disk.arm();
        assert_eq!(disk.publish(NEVER, TARGET), (Act::Slow { delay_us: 7 }, true));
        assert_eq!(disk.write(NEVER, OTHER, 0, 10), (Act::Slow { delay_us: 7 }, false));
    }
}
