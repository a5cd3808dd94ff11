//! One TCP connection of a simulated host: smoltcp's socket, our sender beside it, and what the
//! application has written and not yet read.

use super::buffers;
use super::engine::Engine;
use super::flow::{Flow, Verdict};
use crate::segment::{self, Segment, TcpHeader, before};
use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpControl;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::task::Waker;

/// Names a connection for the whole run; never used twice.
pub(super) type ConnId = u64;
/// Names a listener likewise.
pub(super) type ListenerId = u64;
/// Names a process of a host.
pub(super) type ProcessId = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// SYN sent.
    Connecting,
    /// SYN received; belongs to the listener.
    SynReceived(ListenerId),
    /// Established and not yet accepted.
    Queued(ListenerId),
    /// The application has it.
    Open,
    /// The application is done with it; the kernel finishes.
    Orphan,
}

/// What happened to a connection that its host must act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    None,
    /// The three-way handshake is complete.
    Established,
    /// Over, with both FINs exchanged and ours first: TIME-WAIT.
    TimeWait,
    /// Over.
    Closed,
}

#[derive(Debug)]
pub(super) struct Conn {
    pub local: SocketAddrV4,
    pub peer: SocketAddrV4,
    pub owner: ProcessId,
    pub phase: Phase,
    /// `None` when the connection is over.
    pub engine: Option<Engine>,
    pub flow: Flow,
    /// Written by the application, not yet given to the socket.
    pending: VecDeque<u8>,
    send_limit: u64,
    /// Bytes written by the application in all.
    pub written: u64,
    /// The application will write no more.
    pub shut: bool,
    fin_given: bool,
    /// Received and not yet read when the connection ended.
    rest: VecDeque<u8>,
    peer_fin: bool,
    /// Where the peer's FIN is, if it has come, and whether it came ahead of data that is missing.
    fin_at: Option<u32>,
    late_fin: bool,
    /// A FIN has just come ahead of a hole, and the peer is still to be told.
    owes_fin: bool,
    newest_ack: Option<u32>,
    newest_window: u16,
    /// When data came last, and whether it was soon answered by data.
    received_us: Option<u64>,
    interactive: bool,
    reset: bool,
    pub error: Option<io::ErrorKind>,
    pub reader: Option<Waker>,
    pub writer: Option<Waker>,
    /// The kernel gives up at this time: a handshake or a FIN-WAIT-2 that takes too long.
    pub deadline_us: Option<u64>,
    /// The timer entry of this connection.
    pub due_us: Option<u64>,
}

/// Room for what the application writes, as Linux sizes its send buffer: twice the congestion
/// window with 4352 bytes charged for a segment of 1460 (tcp_sndbuf_expand), so 85 KiB at first, up
/// to the largest tcp_wmem. It never shrinks.
const SEND_BUFFER_PER_WINDOW: u64 = 6;
const SEND_BUFFER_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Data that follows received data so soon is thought to be its answer.
const ANSWER_US: u64 = 40_000;

impl Conn {
    pub(super) fn new(
        local: SocketAddrV4,
        peer: SocketAddrV4,
        owner: ProcessId,
        phase: Phase,
        engine: Engine,
        flow: Flow,
    ) -> Self {
        Self {
            local,
            peer,
            owner,
            phase,
            engine: Some(engine),
            flow,
            pending: VecDeque::new(),
            send_limit: 0,
            written: 0,
            shut: false,
            fin_given: false,
            rest: VecDeque::new(),
            peer_fin: false,
            fin_at: None,
            late_fin: false,
            owes_fin: false,
            newest_ack: None,
            newest_window: 0,
            received_us: None,
            interactive: false,
            reset: false,
            error: None,
            reader: None,
            writer: None,
            deadline_us: None,
            due_us: None,
        }
    }

    /// A packet has arrived for this connection.
    pub(super) fn ingress(&mut self, now_us: u64, header: &TcpHeader, mut packet: Vec<u8>) {
        let Some(engine) = &mut self.engine else { return };
        if header.fin {
            self.fin_at = Some(header.payload_end());
            self.late_fin = true;
        }
        match self.flow.on_ingress(now_us, header, &packet) {
            Verdict::Hide => return buffers::give_back(packet),
            Verdict::Pass => {
                if !header.rst {
                    (self.newest_ack, self.newest_window) = (header.ack, header.window);
                }
            }
            Verdict::Refresh(ack) => segment::patch(&mut packet, header.seq, Some(ack), header.window),
        }
        self.reset = header.rst;
        if header.payload_len() > 0 {
            self.received_us = Some(now_us);
            engine.delay_acks(self.interactive);
        }
        engine.announce(header);
        engine.ingress(now_us, packet);
        self.owes_fin = header.fin && !has_peer_fin(engine.state());
    }

    /// Moves data and sends whatever may be sent now.
    pub(super) fn serve(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) -> Transition {
        let wanted = SEND_BUFFER_PER_WINDOW * self.flow.window();
        self.send_limit = self.send_limit.max(wanted.min(SEND_BUFFER_MAX_BYTES));
        self.tell_early_fin(now_us, out);
        let Some(engine) = &mut self.engine else { return Transition::None };
        // Each round hands the socket a late FIN or bytes; there are only so many.
        loop {
            // Answers to what has just arrived go first: the flow must know the newest ACK.
            drain(engine, &mut self.flow, now_us, out);
            self.flow.resend(now_us, out);
            pump(engine, &mut self.flow, &mut self.pending, now_us);
            if self.shut && !self.fin_given && self.pending.is_empty() && !self.flow.peer_window_closed() {
                // This comes before the socket sends, so that the FIN rides on the last data.
                self.fin_given = !matches!(engine.state(), State::SynSent | State::SynReceived);
                if self.fin_given {
                    engine.socket_mut().close();
                }
            }
            while engine.egress(now_us) {}
            drain(engine, &mut self.flow, now_us, out);
            if self.flow.frto_gives_up() {
                self.flow.resend(now_us, out);
            }
            if has_peer_fin(engine.state()) {
                self.late_fin = false;
                self.peer_fin = true;
            }
            if !self.late_fin || self.fin_at != self.flow.ack_sent() {
                break;
            }
            // smoltcp forgets a FIN that comes ahead of a hole; the hole is filled now.
            self.late_fin = false;
            let seq = self.fin_at.unwrap_or_default();
            let (src, dst, ack, window) = (self.peer, self.local, self.newest_ack, self.newest_window);
            let fin = Segment { src, dst, seq, ack, window, control: TcpControl::Fin, payload: &[] };
            engine.ingress(now_us, fin.to_vec());
        }
        if self.flow.is_dead() && engine.state() != State::Closed {
            self.error = Some(io::ErrorKind::TimedOut);
            self.wake();
            return Transition::Closed;
        }
        self.transition(now_us, out)
    }

    /// smoltcp says nothing of a FIN that comes ahead of a hole; Linux selectively acknowledges it, and the sender
    /// knows by it that what is before it is lost.
    fn tell_early_fin(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) {
        let (Some(engine), Some(fin)) = (&mut self.engine, self.fin_at) else { return };
        if !self.late_fin || has_peer_fin(engine.state()) {
            return;
        }
        let is_early = |next: u32| before(next, fin);
        let with_fin = |packet: &[u8]| {
            segment::with_sack(packet, fin, fin.wrapping_add(1)).unwrap_or_else(|| packet.to_vec())
        };
        let mut told = false;
        drain(engine, &mut self.flow, now_us, &mut |packet| {
            let header = TcpHeader::read(packet);
            match header.filter(|header| header.is_pure_ack() && header.ack.is_some_and(is_early)) {
                Some(_) => {
                    told = true;
                    out(&with_fin(packet));
                }
                None => out(packet),
            }
        });
        if std::mem::take(&mut self.owes_fin) && !told {
            self.flow.acknowledge_again(&mut |packet| out(&with_fin(packet)));
        }
    }

    fn transition(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) -> Transition {
        let Some(engine) = &self.engine else { return Transition::None };
        let state = engine.state();
        match (self.phase, state) {
            (_, State::TimeWait) => {
                // The stack would delay this ACK, but it ends here.
                if let Some(fin) = self.fin_at {
                    self.flow.acknowledge(fin.wrapping_add(1), out);
                }
                self.wake();
                return Transition::TimeWait;
            }
            (Phase::SynReceived(_), State::Listen) => return Transition::Closed,
            (_, State::Closed) => {
                if self.reset {
                    self.error = Some(match (self.phase, self.peer_fin) {
                        (Phase::Connecting, _) => io::ErrorKind::ConnectionRefused,
                        (_, true) => io::ErrorKind::BrokenPipe,
                        (_, false) => io::ErrorKind::ConnectionReset,
                    });
                }
                self.wake();
                return Transition::Closed;
            }
            (Phase::Connecting | Phase::SynReceived(_), State::Established | State::CloseWait) => {
                self.deadline_us = None;
                self.wake();
                return Transition::Established;
            }
            (Phase::Orphan, _) if engine.socket().recv_queue() > 0 => {
                // Nobody will read this (RFC 2525 section 2.17; what Linux does).
                return self.abort(now_us, out);
            }
            _ => {}
        }
        if self.reader.is_some() && self.is_readable() {
            wake(&mut self.reader);
        }
        if self.writer.is_some() && self.send_space() * 3 >= self.send_limit {
            wake(&mut self.writer);
        }
        Transition::None
    }

    /// Ends it with a RST.
    pub(super) fn abort(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) -> Transition {
        self.pending.clear();
        let Some(engine) = &mut self.engine else { return Transition::None };
        if engine.state() == State::SynSent {
            return Transition::Closed;
        }
        engine.socket_mut().abort();
        while engine.egress(now_us) {}
        drain(engine, &mut self.flow, now_us, out);
        self.wake();
        Transition::Closed
    }

    pub(super) fn give_up(&mut self) {
        self.error = Some(io::ErrorKind::TimedOut);
        self.wake();
    }

    /// The connection is over: keeps what the application has not read, returns the socket.
    pub(super) fn end(&mut self) {
        let Some(mut engine) = self.engine.take() else { return };
        self.peer_fin |= has_peer_fin(engine.state());
        while let Ok(n @ 1..) = engine.socket_mut().recv(|bytes| {
            self.rest.extend(&*bytes);
            (bytes.len(), bytes.len())
        }) {
            debug_assert!(n > 0);
        }
        self.pending = VecDeque::new();
        self.flow.clear();
        drop(engine);
        self.wake();
    }

    pub(super) fn wake(&mut self) {
        wake(&mut self.reader);
        wake(&mut self.writer);
    }

    fn is_readable(&self) -> bool {
        self.engine.as_ref().is_none_or(|engine| engine.socket().can_recv())
            || self.peer_fin
            || self.error.is_some()
    }

    pub(super) fn unread(&self) -> usize {
        self.rest.len() + self.engine.as_ref().map_or(0, |engine| engine.socket().recv_queue())
    }

    /// `None`: nothing to read yet. 0 bytes: the end.
    pub(super) fn read(&mut self, mut room: &mut [u8]) -> io::Result<Option<usize>> {
        let mut read = 0;
        if let Some(engine) = &mut self.engine {
            // It is read twice, as the buffer is a ring; and not at all by the many who look in vain.
            let times = if engine.socket().recv_queue() == 0 { 0 } else { 2 };
            for _ in 0..times {
                let n = engine.socket_mut().recv_slice(room).unwrap_or(0);
                room = &mut room[n..];
                read += n;
            }
        } else {
            let n = room.len().min(self.rest.len());
            for (to, from) in room.iter_mut().zip(self.rest.drain(..n)) {
                *to = from;
            }
            read = n;
        }
        if read > 0 {
            return Ok(Some(read));
        }
        if self.peer_fin {
            return Ok(Some(0));
        }
        if let Some(kind) = self.error.take() {
            return Err(kind.into());
        }
        Ok(self.engine.is_none().then_some(0))
    }

    /// How many bytes the application may write now.
    pub(super) fn send_space(&self) -> u64 {
        let Some(engine) = &self.engine else { return 0 };
        let used = self.pending.len() + engine.socket().send_queue();
        self.send_limit.saturating_sub(used as u64)
    }

    /// Whether the application may write at all.
    pub(super) fn check_writable(&mut self) -> io::Result<()> {
        if let Some(kind) = self.error.take() {
            return Err(kind.into());
        }
        if self.shut || self.engine.is_none() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// `now_us` is also when it is sent, if the windows allow. Whoever answers may delay its acknowledgements, as
    /// the next answer will carry them; whoever only receives acknowledges every segment while its window grows,
    /// which on Linux it does for many megabytes (tcp_grow_window, inet_csk_in_quickack_mode).
    pub(super) fn write(&mut self, now_us: u64, bytes: &[u8]) {
        self.interactive |= self.received_us.is_some_and(|at| now_us - at < ANSWER_US);
        self.flow.will_write(self.pending.len());
        self.pending.extend(bytes);
        self.written += bytes.len() as u64;
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// When [`Conn::serve`] is due without a packet.
    pub(super) fn next_us(&mut self, now_us: u64) -> Option<u64> {
        let engine = self.engine.as_mut()?;
        let stack = engine.next_poll_us(now_us);
        let next = [stack, self.flow.next_timer(), self.deadline_us].into_iter().flatten().min()?;
        // What could not be done now cannot be done now.
        Some(next.max(now_us + 1))
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn has_peer_fin(state: State) -> bool {
    matches!(state, State::CloseWait | State::LastAck | State::Closing | State::TimeWait)
}

/// What has left the socket goes through the flow to the wire.
fn drain(engine: &mut Engine, flow: &mut Flow, now_us: u64, out: &mut dyn FnMut(&[u8])) {
    while let Some(packet) = engine.leaving() {
        flow.on_egress(now_us, packet, out);
    }
}

/// Gives the socket as many pending bytes as the windows allow.
fn pump(engine: &mut Engine, flow: &mut Flow, pending: &mut VecDeque<u8>, now_us: u64) {
    let queued = engine.socket().send_queue() as u64;
    let mut room = flow.room(now_us, pending.len() as u64, queued) as usize;
    while room > 0 {
        let (first, _) = pending.as_slices();
        let part = &first[..first.len().min(room)];
        let n = engine.send(part);
        if n == 0 {
            break;
        }
        pending.drain(..n);
        room -= n;
    }
}
