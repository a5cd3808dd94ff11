//! The kinds of faults: a row each, of which [`faults`] makes the types and the table.

use super::about::{About, Need, Place, Side};
use super::rows::{Parameter, faults};
use serde::{Deserialize, Serialize};

/// The keys of which scenarios and draws make the parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// How long a process or host stays down.
    pub restart_after_us: Option<u64>,
    /// How long the fault lasts.
    pub for_us: Option<u64>,
    /// How often it strikes.
    pub times: Option<u32>,
    /// How much later something takes place.
    pub delay_us: Option<u64>,
    /// The share of packets that is lost, in parts per million.
    pub loss_ppm: Option<u32>,
    /// What corruption changes; no scenario gives it, each seed draws it.
    pub xor: Option<u8>,
}

faults! {
    /// Nothing: the control group.
    None => {
        name: "none",
        line: "no fault",
        noticed: "nobody: nothing happens",
        parameters: &[],
        strikes: Place::Throughout,
        lasts: false, hidden: false,
    }

    /// The process that sends the file dies when it has written what comes before the byte; its
    /// kernel sends all that, then closes its sockets: the peer reads the rest and then a clean end
    /// on the data connection, and the same on the control connection. A server is started again
    /// after `restart_after_us`; until then connections to it are refused. A client is not (its job
    /// has failed, visibly to whoever watches jobs, and what it left is judged).
    SenderDies {
        /// How long the process stays down.
        restart_after_us: u64
    } => {
        name: "sender_dies",
        line: "the sending process dies; its kernel sends FIN; it is started again later",
        noticed: "the receiver, where its mode marks the end of file; on a download the client, by the missing reply",
        parameters: &[("restart_after_us", Need::Required), ("transfers_outlive_control", Need::Optional)],
        strikes: Place::Process(Side::Sender),
        lasts: false, hidden: false,
    }

    /// The process that receives the file dies when it has read what comes before the byte, before
    /// it has read the byte. Its kernel closes its sockets: the sender observes `ConnectionReset`
    /// if data was unread, else a clean end, and RST to what it still sends; the control connection
    /// ends likewise.
    /// Nothing of the file is published. Started again as with `sender_dies`.
    ReceiverDies {
        /// How long the process stays down.
        restart_after_us: u64
    } => {
        name: "receiver_dies",
        line: "the receiving process dies; its kernel closes its sockets",
        noticed: "the sender, by ConnectionReset, or by the reply that does not come",
        parameters: &[("restart_after_us", Need::Required)],
        strikes: Place::Process(Side::Receiver),
        lasts: false, hidden: false,
    }

    /// The sender's host loses its power when what comes before the byte has been written: what its
    /// kernel had queued is lost, no FIN and no RST is sent, and what is sent to it vanishes, so that
    /// the receiver observes silence until its timeouts. After `restart_after_us`, if given, the host
    /// is up again and remembers nothing: it answers packets of old connections with RST, and a
    /// server is started on it.
    SenderPowerLoss {
        /// How long the host stays down; for good when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restart_after_us: Option<u64>
    } => {
        name: "sender_power_loss",
        line: "the sender's host loses its power: silence, RST after a restart",
        noticed: "the receiver, by silence until its timeouts",
        parameters: &[("restart_after_us", Need::Optional), ("transfers_outlive_control", Need::Optional)],
        strikes: Place::Power(Side::Sender),
        lasts: false, hidden: false,
    }

    /// The receiver's host loses its power when what comes before the byte has been read: the sender
    /// observes that its data is no longer acknowledged, then a timeout (or RST after a restart). As
    /// `sender_power_loss` in all else. Of its files stays what ext4 has on the platter: a file that was
    /// published and not synced may be missing, have no bytes, or its old ones, for up to 40 s.
    /// With `after_reply_us` it strikes so long after the client has reported the file delivered.
    ReceiverPowerLoss {
        /// How long the host stays down; for good when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restart_after_us: Option<u64>
    } => {
        name: "receiver_power_loss",
        line: "the receiver's host loses its power: silence, RST after a restart",
        noticed: "the sender, by silence until its timeouts, or by RST after a restart; of what was answered, nobody",
        parameters: &[("restart_after_us", Need::Optional), ("after_reply_us", Need::Optional)],
        strikes: Place::Power(Side::Receiver),
        lasts: false, hidden: false,
    }

    /// A middlebox resets the data connection: what comes before the byte passes, then both ends
    /// observe `ConnectionReset`, the receiver perhaps before it has read all of it.
    Reset => {
        name: "reset",
        line: "a middlebox sends RST to both ends of the data connection",
        noticed: "both, by ConnectionReset",
        parameters: &[],
        strikes: Place::Data,
        lasts: false, hidden: false,
    }

    /// A middlebox ends the data connection early and gracefully: the receiver reads what comes
    /// before the byte and then a clean end; the sender reads a clean end, too, and is answered with
    /// RST if it still sends.
    EarlyClose => {
        name: "early_close",
        line: "a middlebox closes the data connection early, with FIN to both ends",
        noticed: "the receiver, where its mode marks the end of file; the sender, if it still sends; anyone who compares sizes",
        parameters: &[],
        strikes: Place::Data,
        lasts: false, hidden: false,
    }

    /// A proxy ends the data connection as with `early_close`, but goes on to acknowledge
    /// and discard what the sender sends until the sender closes: the sender's kernel reports success
    /// all the way, and the sender observes nothing at all.
    SplitClose => {
        name: "split_close",
        line: "the same by a proxy that goes on acknowledging what the sender sends",
        noticed: "the receiver, where its mode marks the end of file; anyone who compares sizes; the sender never",
        parameters: &[],
        strikes: Place::Data,
        lasts: false, hidden: false,
    }

    /// A middlebox forgets the data connection: its packets vanish, both ways, from the byte on, for
    /// good or for `for_us`. Both ends observe silence; if it ends before their timeouts,
    /// retransmissions repair it and nobody observes more than a delay.
    Blackhole {
        /// How long it lasts; for good when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_us: Option<u64>
    } => {
        name: "blackhole",
        line: "a NAT forgets the data connection: its packets vanish without a word",
        noticed: "both, by silence until their timeouts, unless it ends before them",
        parameters: &[("for_us", Need::Optional)],
        strikes: Place::Data,
        lasts: false, hidden: false,
    }

    /// The packets of the data connection, both ways, are held up from the byte on and pass, all of
    /// them and in order, after `for_us`: both ends observe silence for so long, or a timeout.
    Stall {
        /// How long the packets are held up.
        for_us: u64
    } => {
        name: "stall",
        line: "the data connection's packets are held up, then all pass",
        noticed: "both, by silence, if it outlasts their timeouts",
        parameters: &[("for_us", Need::Required)],
        strikes: Place::Data,
        lasts: false, hidden: false,
    }

    /// When the byte reaches the middlebox, it resets the control connection of the transfer: client
    /// and server observe `ConnectionReset` on it; the data connection is not touched.
    ControlReset => {
        name: "control_reset",
        line: "a middlebox resets the control connection while data flows",
        noticed: "both, by ConnectionReset on the control connection",
        parameters: &[("transfers_outlive_control", Need::Optional)],
        strikes: Place::Path,
        lasts: false, hidden: false,
    }

    /// When the byte reaches the middlebox, it forgets the control connection of the transfer, for
    /// good or for `for_us`: commands and replies vanish, both ends observe silence on it; the data
    /// connection is not touched.
    ControlSilent {
        /// How long it lasts; for good when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_us: Option<u64>
    } => {
        name: "control_silent",
        line: "a NAT forgets the control connection while data flows",
        noticed: "both, by silence on the control connection, unless it ends before their timeouts",
        parameters: &[("for_us", Need::Optional), ("transfers_outlive_control", Need::Optional)],
        strikes: Place::Path,
        lasts: false, hidden: false,
    }

    /// From the byte on, the next `times` attempts to open a data connection are answered with RST:
    /// who connects observes `ConnectionRefused`, who listens nothing. It strikes when one is
    /// attempted, which a mode that keeps its connection may never do.
    Refused {
        /// How many attempts are refused.
        times: u32
    } => {
        name: "refused",
        line: "the next data connections are refused with RST",
        noticed: "who connects, by ConnectionRefused; a mode that keeps its connection does not meet it",
        parameters: &[("times", Need::Required)],
        strikes: Place::Path,
        lasts: false, hidden: false,
    }

    /// When the byte reaches the middle of the path, it and every packet between the hosts, of all
    /// connections and both ways, vanishes for `for_us`: both ends observe silence, new connections
    /// do not come about; what is retransmitted afterwards passes.
    Partition {
        /// How long every packet vanishes.
        for_us: u64
    } => {
        name: "partition",
        line: "every packet between the hosts vanishes for a time",
        noticed: "both, by silence, if it outlasts their timeouts",
        parameters: &[("for_us", Need::Required)],
        strikes: Place::Path,
        lasts: true, hidden: false,
    }

    /// The byte is changed (XOR with `xor`) in each copy that passes, the TCP checksum set right:
    /// nobody observes anything. With a payload byte as the trigger the receiver gets another payload
    /// byte (in compressed mode perhaps a whole run of it); elsewhere it may be a header's.
    Corrupt {
        /// What the byte is combined with, by exclusive or; not 0.
        xor: u8
    } => {
        name: "corrupt",
        line: "a byte is changed on the way and no checksum tells",
        noticed: "no mode; who compares hashes",
        parameters: &[],
        strikes: Place::Data,
        lasts: false, hidden: true,
    }

    /// The receiver's disk is full from the payload byte on, for `for_us`: each write to its store,
    /// and each publication, fails with `StoreError::Full`. The receiver observes it
    /// and reports it (452; RFC 959 section 4.2).
    DiskFull {
        /// How long the disk stays full.
        for_us: u64
    } => {
        name: "disk_full",
        line: "the receiver's disk is full for a time",
        noticed: "the receiver, which reports it (452)",
        parameters: &[("for_us", Need::Required)],
        strikes: Place::Disk(Side::Receiver),
        lasts: true, hidden: false,
    }

    /// The write of the payload byte stores only the bytes before it, and is reported done, as by a
    /// program that does not look at write(2)'s count or a disk that lies: nobody observes anything,
    /// the stored file lacks the rest of that write.
    ShortWrite => {
        name: "short_write",
        line: "a write at the receiver stores less than it says",
        noticed: "no mode; who reads back the size or hash of what is stored (on an upload)",
        parameters: &[],
        strikes: Place::Disk(Side::Receiver),
        lasts: false, hidden: true,
    }

    /// The write of the payload byte (after the last byte: the publication) fails, once, with an
    /// input/output error, which the receiver observes and reports (451).
    WriteError => {
        name: "write_error",
        line: "a write, or the publication, fails once at the receiver",
        noticed: "the receiver, which reports it (451)",
        parameters: &[],
        strikes: Place::Disk(Side::Receiver),
        lasts: false, hidden: false,
    }

    /// From the payload byte on, each write of the receiver's store takes `delay_us` longer: the
    /// receiver reads no faster, its window closes, the sender observes that it may not send.
    SlowDisk {
        /// How much longer each write takes, in virtual time.
        delay_us: u64
    } => {
        name: "slow_disk",
        line: "every write at the receiver takes longer from then on",
        noticed: "the sender, which may not send for a while",
        parameters: &[("delay_us", Need::Required)],
        strikes: Place::Disk(Side::Receiver),
        lasts: true, hidden: false,
    }

    /// The read of the payload byte (after the last byte: the one that would find the end) at the
    /// sender's store fails, once, with an input/output error: what comes before it is sent. The sender
    /// observes it; a server reports it (451), a client tells whoever runs it. With `restart_after_us` the
    /// process stops for it: as soon as it has ended its data connection, or after half a round trip, it is gone,
    /// its kernel closes what is left, and a server is started again. With `ends_unfinished` the connection
    /// is ended in order, under TLS with close_notify, where else it is reset.
    ReadError {
        /// How long the process that stops stays down; it goes on when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restart_after_us: Option<u64>
    } => {
        name: "read_error",
        line: "a read of the file fails once at the sender",
        noticed: "the sender (a server reports 451); a client does not try again",
        parameters: &[("restart_after_us", Need::Optional), ("ends_unfinished", Need::Optional)],
        strikes: Place::Disk(Side::Sender),
        lasts: false, hidden: false,
    }

    /// Packets are lost, independently, all along the run, beyond what the path loses anyway: TCP
    /// repairs it, both ends observe delay.
    Loss {
        /// The share of packets that is lost, in parts per million.
        loss_ppm: u32
    } => {
        name: "loss",
        line: "packets are lost at random throughout the run",
        noticed: "nobody: TCP repairs it, both ends see delay",
        parameters: &[("loss_ppm", Need::Required)],
        strikes: Place::Throughout,
        lasts: true, hidden: false,
    }
}
