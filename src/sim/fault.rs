//! What each kind of fault is, in one table: what scenarios call it and may set, and what people read.

use super::scenario::FaultKind;

pub struct About {
    pub kind: FaultKind,
    /// In scenarios, cases, tables and CSV.
    pub name: &'static str,
    /// One line for a person.
    pub line: &'static str,
    /// The keys that a scenario gives beside `kind` and `name`, and whether it must.
    pub parameters: &'static [(&'static str, bool)],
}

const fn about(
    kind: FaultKind,
    name: &'static str,
    line: &'static str,
    parameters: &'static [(&'static str, bool)],
) -> About {
    About { kind, name, line, parameters }
}

/// In the order of [`FaultKind`], so that a kind is an index.
pub const KINDS: &[About; 21] = &[
    about(FaultKind::None, "none", "no fault", &[]),
    about(
        FaultKind::SenderDies,
        "sender_dies",
        "the sending process dies; its kernel sends FIN; it is started again later",
        &[("restart_after_us", true), ("transfers_outlive_control", false)],
    ),
    about(
        FaultKind::ReceiverDies,
        "receiver_dies",
        "the receiving process dies; its kernel closes its sockets",
        &[("restart_after_us", true)],
    ),
    about(
        FaultKind::SenderPowerLoss,
        "sender_power_loss",
        "the sender's host loses its power: silence, RST after a restart",
        &[("restart_after_us", false), ("transfers_outlive_control", false)],
    ),
    about(
        FaultKind::ReceiverPowerLoss,
        "receiver_power_loss",
        "the receiver's host loses its power: silence, RST after a restart",
        &[("restart_after_us", false)],
    ),
    about(FaultKind::Reset, "reset", "a middlebox sends RST to both ends of the data connection", &[]),
    about(
        FaultKind::EarlyClose,
        "early_close",
        "a middlebox closes the data connection early, with FIN to both ends",
        &[],
    ),
    about(
        FaultKind::SplitClose,
        "split_close",
        "the same by a proxy that goes on acknowledging what the sender sends",
        &[],
    ),
    about(
        FaultKind::Blackhole,
        "blackhole",
        "a NAT forgets the data connection: its packets vanish without a word",
        &[("for_us", false)],
    ),
    about(
        FaultKind::Stall,
        "stall",
        "the data connection's packets are held up, then all pass",
        &[("for_us", true)],
    ),
    about(
        FaultKind::ControlReset,
        "control_reset",
        "a middlebox resets the control connection while data flows",
        &[("transfers_outlive_control", false)],
    ),
    about(
        FaultKind::ControlSilent,
        "control_silent",
        "a NAT forgets the control connection while data flows",
        &[("for_us", false), ("transfers_outlive_control", false)],
    ),
    about(
        FaultKind::Refused,
        "refused",
        "the next data connections are refused with RST",
        &[("times", true)],
    ),
    about(
        FaultKind::Partition,
        "partition",
        "every packet between the hosts vanishes for a time",
        &[("for_us", true)],
    ),
    about(FaultKind::Corrupt, "corrupt", "a byte is changed on the way and no checksum tells", &[]),
    about(FaultKind::DiskFull, "disk_full", "the receiver's disk is full for a time", &[("for_us", true)]),
    about(FaultKind::ShortWrite, "short_write", "a write at the receiver stores less than it says", &[]),
    about(
        FaultKind::WriteError,
        "write_error",
        "a write, or the publication, fails once at the receiver",
        &[],
    ),
    about(
        FaultKind::SlowDisk,
        "slow_disk",
        "every write at the receiver takes longer from then on",
        &[("delay_us", true)],
    ),
    about(FaultKind::ReadError, "read_error", "a read of the file fails once at the sender", &[]),
    about(FaultKind::Loss, "loss", "packets are lost at random throughout the run", &[("loss_ppm", true)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_its_index() {
        for (index, about) in KINDS.iter().enumerate() {
            assert_eq!(about.kind as usize, index, "{}", about.name);
        }
    }
}
