//! The fault plan: what goes wrong where, drawn before the run and written into its case.

pub use super::locator::Locator;
use serde::{Deserialize, Serialize};

/// What goes wrong. Where a trigger names a byte, "the byte" is that byte on the wire, and "what
/// comes before it" is everything written on the data connection before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Nothing: the control group.
    None,
    /// The process that sends the file dies when it has written what comes before the byte; its
    /// kernel sends all that, then closes its sockets: the peer reads the rest and then a clean end
    /// on the data connection, and the same on the control connection. A server is started again
    /// after `restart_after_us`; until then connections to it are refused. A client is not (its job
    /// has failed, visibly to whoever watches jobs, and what it left is judged).
    SenderDies { restart_after_us: u64 },
    /// The process that receives the file dies when it has read what comes before the byte, before
    /// it has read the byte. Its kernel closes its sockets: the sender observes `ConnectionReset`
    /// if data was unread, else a clean end, and RST to what it still sends; the control connection
    /// ends likewise.
    /// Nothing of the file is published. Started again as with [`FaultKind::SenderDies`].
    ReceiverDies { restart_after_us: u64 },
    /// The sender's host loses its power when what comes before the byte has been written: what its
    /// kernel had queued is lost, no FIN and no RST is sent, and what is sent to it vanishes, so that
    /// the receiver observes silence until its timeouts. After `restart_after_us`, if given, the host
    /// is up again and remembers nothing: it answers packets of old connections with RST, and a
    /// server is started on it.
    SenderPowerLoss {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restart_after_us: Option<u64>,
    },
    /// The receiver's host loses its power when what comes before the byte has been read: the sender
    /// observes that its data is no longer acknowledged, then a timeout (or RST after a restart). As
    /// [`FaultKind::SenderPowerLoss`] in all else; what was published stays on the disk.
    ReceiverPowerLoss {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restart_after_us: Option<u64>,
    },
    /// A middlebox resets the data connection: what comes before the byte passes, then both ends
    /// observe `ConnectionReset`, the receiver perhaps before it has read all of it.
    Reset,
    /// A middlebox ends the data connection early and gracefully: the receiver reads what comes
    /// before the byte and then a clean end; the sender reads a clean end, too, and is answered with
    /// RST if it still sends.
    EarlyClose,
    /// A proxy ends the data connection as with [`FaultKind::EarlyClose`], but goes on to acknowledge
    /// and discard what the sender sends until the sender closes: the sender's kernel reports success
    /// all the way, and the sender observes nothing at all.
    SplitClose,
    /// A middlebox forgets the data connection: its packets vanish, both ways, from the byte on, for
    /// good or for `for_us`. Both ends observe silence; if it ends before their timeouts,
    /// retransmissions repair it and nobody observes more than a delay.
    Blackhole {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_us: Option<u64>,
    },
    /// The packets of the data connection, both ways, are held up from the byte on and pass, all of
    /// them and in order, after `for_us`: both ends observe silence for so long, or a timeout.
    Stall { for_us: u64 },
    /// When the byte reaches the middlebox, it resets the control connection of the transfer: client
    /// and server observe `ConnectionReset` on it; the data connection is not touched.
    ControlReset,
    /// When the byte reaches the middlebox, it forgets the control connection of the transfer, for
    /// good or for `for_us`: commands and replies vanish, both ends observe silence on it; the data
    /// connection is not touched.
    ControlSilent {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_us: Option<u64>,
    },
    /// From the byte on, the next `times` attempts to open a data connection are answered with RST:
    /// who connects observes `ConnectionRefused`, who listens nothing. It strikes when one is
    /// attempted, which a mode that keeps its connection may never do.
    Refused { times: u32 },
    /// When the byte reaches the middle of the path, it and every packet between the hosts, of all
    /// connections and both ways, vanishes for `for_us`: both ends observe silence, new connections
    /// do not come about; what is retransmitted afterwards passes.
    Partition { for_us: u64 },
    /// The byte is changed (XOR with `xor`) in each copy that passes, the TCP checksum set right:
    /// nobody observes anything. With a payload byte as the trigger the receiver gets another payload
    /// byte (in compressed mode perhaps a whole run of it); elsewhere it may be a header's.
    Corrupt { xor: u8 },
    /// The receiver's disk is full from the payload byte on, for `for_us`: each write to its store,
    /// and each publication, fails with [`ftp_endpoint::store::StoreError::Full`]. The receiver observes it
    /// and reports it (452; RFC 959 section 4.2).
    DiskFull { for_us: u64 },
    /// The write of the payload byte stores only the bytes before it, and is reported done, as by a
    /// program that does not look at write(2)'s count or a disk that lies: nobody observes anything,
    /// the stored file lacks the rest of that write.
    ShortWrite,
    /// The write of the payload byte (after the last byte: the publication) fails, once, with an
    /// input/output error, which the receiver observes and reports (451).
    WriteError,
    /// From the payload byte on, each write of the receiver's store takes `delay_us` longer: the
    /// receiver reads no faster, its window closes, the sender observes that it may not send.
    SlowDisk { delay_us: u64 },
    /// The read of the payload byte (after the last byte: the one that would find the end) at the
    /// sender's store fails, once, with an input/output error: what comes before it is sent. The sender
    /// observes it; a server reports it (451), a client tells whoever runs it.
    ReadError,
    /// Packets are lost, independently, all along the run, beyond what the path loses anyway: TCP
    /// repairs it, both ends observe delay.
    Loss { loss_ppm: u32 },
}

/// The side of a transfer, whichever host it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Sender,
    Receiver,
}

impl FaultKind {
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::None => "none",
            FaultKind::SenderDies { .. } => "sender_dies",
            FaultKind::ReceiverDies { .. } => "receiver_dies",
            FaultKind::SenderPowerLoss { .. } => "sender_power_loss",
            FaultKind::ReceiverPowerLoss { .. } => "receiver_power_loss",
            FaultKind::Reset => "reset",
            FaultKind::EarlyClose => "early_close",
            FaultKind::SplitClose => "split_close",
            FaultKind::Blackhole { .. } => "blackhole",
            FaultKind::Stall { .. } => "stall",
            FaultKind::ControlReset => "control_reset",
            FaultKind::ControlSilent { .. } => "control_silent",
            FaultKind::Refused { .. } => "refused",
            FaultKind::Partition { .. } => "partition",
            FaultKind::Corrupt { .. } => "corrupt",
            FaultKind::DiskFull { .. } => "disk_full",
            FaultKind::ShortWrite => "short_write",
            FaultKind::WriteError => "write_error",
            FaultKind::SlowDisk { .. } => "slow_disk",
            FaultKind::ReadError => "read_error",
            FaultKind::Loss { .. } => "loss",
        }
    }

    /// Whether it strikes at one place of one file.
    pub fn is_anchored(&self) -> bool {
        !matches!(self, FaultKind::None | FaultKind::Loss { .. })
    }

    /// Whose process or host it takes.
    pub fn victim(&self) -> Option<Side> {
        match self {
            FaultKind::SenderDies { .. } | FaultKind::SenderPowerLoss { .. } => Some(Side::Sender),
            FaultKind::ReceiverDies { .. } | FaultKind::ReceiverPowerLoss { .. } => Some(Side::Receiver),
            _ => None,
        }
    }

    /// Whether the host goes with the process.
    pub fn takes_power(&self) -> bool {
        matches!(self, FaultKind::SenderPowerLoss { .. } | FaultKind::ReceiverPowerLoss { .. })
    }

    /// When a victim is started again.
    pub fn restart_after_us(&self) -> Option<u64> {
        match *self {
            FaultKind::SenderDies { restart_after_us } | FaultKind::ReceiverDies { restart_after_us } => {
                Some(restart_after_us)
            }
            FaultKind::SenderPowerLoss { restart_after_us }
            | FaultKind::ReceiverPowerLoss { restart_after_us } => restart_after_us,
            _ => None,
        }
    }

    /// In whose store it strikes.
    pub fn disk(&self) -> Option<Side> {
        match self {
            FaultKind::DiskFull { .. }
            | FaultKind::ShortWrite
            | FaultKind::WriteError
            | FaultKind::SlowDisk { .. } => Some(Side::Receiver),
            FaultKind::ReadError => Some(Side::Sender),
            _ => None,
        }
    }
}

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
    /// So many bytes pass of all that the sender writes on the data connections of the delivery,
    /// its FINs counted with them ([`super::wire`]); this one does not. The target does not matter.
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
    /// At this virtual time, whichever file is under way.
    AtTimeUs(u64),
}

impl Trigger {
    /// The payload byte that it names.
    pub fn payload_byte(&self) -> Option<u64> {
        match *self {
            Trigger::PayloadByte(byte) | Trigger::InsideHeader(byte) | Trigger::AfterHeader(byte) => {
                Some(byte)
            }
            _ => None,
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

    /// A moment rather than a byte.
    pub fn is_moment(&self) -> bool {
        matches!(
            self,
            Trigger::BeforeFinal | Trigger::BeforeCommand(_) | Trigger::BeforeReply(_) | Trigger::AtTimeUs(_)
        )
    }
}

/// A fault, materialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub fault: FaultKind,
    /// Index into the case's files; the first attempt to send it is struck.
    pub target: u32,
    pub trigger: Trigger,
}
