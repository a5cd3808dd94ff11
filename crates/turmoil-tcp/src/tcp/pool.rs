//! Sockets that are used again: new buffers cost more than a small run.

use super::stack::TcpConfig;
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    /// Kept from connection to connection and from run to run: new buffers cost more than a small run. A used
    /// socket behaves as a new one: smoltcp resets it but for what it notes of received packets, and that
    /// is overwritten before it is read (the first ACK of a connection always changes the window,
    /// as receive buffers exceed what a SYN can announce).
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::new()) };
}

/// A thread keeps buffers of which so many bytes may have been written. What is freed should go back to the system as
/// pages, and not come from the allocator's heap again, filled with zeros: of glibc a program can ask that, as `ftpsim`
/// does, whose grid of large windows takes two thirds of the memory that it takes with three times as much kept.
pub(super) const KEPT_BYTES: usize = 8 << 20;

/// The sizes of a socket's buffers, of the receive buffer first.
pub(super) type Sizes = (usize, usize);

/// A socket whose connection is over. Large buffers come from the system as pages that read as zeros and cost nothing
/// until they are written, and most connections write the beginning only; freed and taken again they would come
/// from the allocator, which fills them with zeros from end to end. So what counts is what may have been written.
pub(super) struct Used {
    pub socket: Socket<'static>,
    /// No byte of its buffers was ever written from here on.
    pub written: Sizes,
}

impl Used {
    fn written_bytes(&self) -> usize {
        self.written.0 + self.written.1
    }
}

/// Sockets whose connections are over.
struct Kept {
    /// By size, with the time of the last use.
    sockets: BTreeMap<Sizes, (u64, Vec<Used>)>,
    written_bytes: usize,
    /// Counts uses.
    now: u64,
}

impl Kept {
    const fn new() -> Self {
        Self { sockets: BTreeMap::new(), written_bytes: 0, now: 0 }
    }

    fn of(&mut self, sizes: Sizes) -> &mut Vec<Used> {
        self.now += 1;
        let (used, sockets) = self.sockets.entry(sizes).or_default();
        *used = self.now;
        sockets
    }

    fn take(&mut self, sizes: Sizes) -> Option<Used> {
        let used = self.of(sizes).pop()?;
        self.written_bytes -= used.written_bytes();
        Some(used)
    }

    /// Where there are too many, those go whose sizes have not been asked for longest: other paths have others.
    fn keep(&mut self, sizes: Sizes, used: Used) {
        self.written_bytes += used.written_bytes();
        self.of(sizes).push(used);
        while self.written_bytes > KEPT_BYTES {
            let oldest = self.sockets.iter().min_by_key(|(_, (used, _))| *used).map(|(sizes, _)| *sizes);
            let Some(oldest) = oldest else { return };
            let gone = self.sockets.get_mut(&oldest).and_then(|(_, sockets)| sockets.pop());
            match gone {
                Some(gone) => self.written_bytes -= gone.written_bytes(),
                None => drop(self.sockets.remove(&oldest)),
            }
        }
    }
}

/// Where a host's sockets come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketPool {
    receive_buffer_bytes: usize,
    send_buffer_bytes: usize,
    ack_delay: Option<Duration>,
    checksums: bool,
}

impl SocketPool {
    pub(super) const LEAST_BYTES: usize = 1 << 17;

    /// Receive buffers have at least [`SocketPool::LEAST_BYTES`].
    pub(super) fn new(config: &TcpConfig) -> Self {
        Self {
            receive_buffer_bytes: config.receive_buffer_bytes.max(Self::LEAST_BYTES),
            send_buffer_bytes: config.send_buffer_bytes,
            ack_delay: (config.ack_delay_us > 0).then(|| Duration::from_micros(config.ack_delay_us)),
            checksums: config.checksums,
        }
    }

    pub(super) fn ack_delay(&self) -> Option<Duration> {
        self.ack_delay
    }

    pub(super) fn checksums(&self) -> bool {
        self.checksums
    }

    pub(super) fn sizes(&self) -> Sizes {
        (self.receive_buffer_bytes, self.send_buffer_bytes)
    }

    pub(super) fn take(&self) -> Used {
        let kept = KEPT.try_with(|kept| kept.borrow_mut().take(self.sizes()));
        let mut used = kept.ok().flatten().unwrap_or_else(|| {
            let buffer = |bytes| SocketBuffer::new(vec![0; bytes]);
            let socket = Socket::new(buffer(self.receive_buffer_bytes), buffer(self.send_buffer_bytes));
            Used { socket, written: (0, 0) }
        });
        let socket = &mut used.socket;
        // The windows, Nagle's among them, are the flow's: the real client and server set
        // TCP_NODELAY.
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(CongestionControl::None);
        socket.set_ack_delay(self.ack_delay);
        used
    }

    pub(super) fn give_back(&self, mut used: Used) {
        used.socket.abort();
        // Where the thread is ending the socket is dropped.
        let _ = KEPT.try_with(|kept| kept.borrow_mut().keep(self.sizes(), used));
    }
}

/// How many sockets this thread keeps, and how many bytes of them count.
#[cfg(test)]
pub(super) fn kept() -> (usize, usize) {
    KEPT.with_borrow(|kept| {
        (kept.sockets.values().map(|(_, sockets)| sockets.len()).sum(), kept.written_bytes)
    })
}
