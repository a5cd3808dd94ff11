//! What the applications of a host do with its sockets.

use super::super::conn::{Conn, ConnId, ListenerId, Phase, ProcessId, Transition};
use super::{CloseOrder, Listener, Stack};
use rand::RngExt;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

impl Stack {
    /// Begins to connect.
    pub(crate) fn connect(&mut self, owner: ProcessId, to: SocketAddrV4) -> io::Result<ConnId> {
        let local = self.free_port(to)?;
        let id = self.new_conn(local, to, owner, Phase::Connecting);
        self.counters.connected += 1;
        let deadline = self.now_us() + self.config.connect_timeout_us;
        let Some(conn) = self.conns.get_mut(&id) else { return Err(io::ErrorKind::NotFound.into()) };
        conn.deadline_us = Some(deadline);
        let connected = conn.engine.as_mut().is_some_and(|engine| engine.connect(local, to));
        if !connected {
            self.transition(id, Transition::Closed);
            self.forget(id);
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        self.serve(id);
        Ok(id)
    }

    fn free_port(&mut self, to: SocketAddrV4) -> io::Result<SocketAddrV4> {
        let (low, high) = self.config.ephemeral_ports;
        let mut port = self.ports.random_range(low..=high);
        for _ in low..=high {
            let local = SocketAddrV4::new(self.addr, port);
            let tuple = (local, to);
            if !self.by_port.contains_key(&port)
                && !self.by_tuple.contains_key(&tuple)
                && !self.time_wait.contains_key(&tuple)
            {
                return Ok(local);
            }
            port = if port == high { low } else { port + 1 };
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    pub(crate) fn poll_connected(&mut self, id: ConnId, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(conn) = self.conns.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match (conn.phase, conn.error.take()) {
            (Phase::Connecting, Some(kind)) => Poll::Ready(Err(kind.into())),
            (Phase::Connecting, None) if conn.engine.is_some() => {
                conn.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            (Phase::Connecting, None) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            (_, error) => {
                // It was established, whatever has happened since.
                conn.error = error;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Listens on `port`, 0 for any. Errors: `AddrInUse`.
    pub(crate) fn listen(&mut self, owner: ProcessId, port: u16) -> io::Result<(ListenerId, SocketAddrV4)> {
        let port = match port {
            0 => self.free_port(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0))?.port(),
            port => port,
        };
        if self.by_port.contains_key(&port) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.next_id += 1;
        let (id, local) = (self.next_id, SocketAddrV4::new(self.addr, port));
        let listener = Listener { local, owner, half_open: 0, queue: VecDeque::new(), wakers: Vec::new() };
        self.listeners.insert(id, listener);
        self.by_port.insert(port, id);
        Ok((id, local))
    }

    pub(crate) fn poll_accept(&mut self, id: ListenerId, cx: &Context<'_>) -> Poll<io::Result<ConnId>> {
        let Some(listener) = self.listeners.get_mut(&id) else { return Poll::Pending };
        let Some(conn) = listener.queue.pop_front() else {
            listener.wakers.push(cx.waker().clone());
            return Poll::Pending;
        };
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.phase = Phase::Open;
        }
        Poll::Ready(Ok(conn))
    }

    /// The listener is closed: what it has not accepted is reset.
    pub(crate) fn close_listener(&mut self, id: ListenerId) {
        let Some(listener) = self.listeners.remove(&id) else { return };
        self.by_port.remove(&listener.local.port());
        let unaccepted: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, conn)| matches!(conn.phase, Phase::SynReceived(l) | Phase::Queued(l) if l == id))
            .map(|(id, _)| *id)
            .collect();
        for conn in unaccepted {
            self.abort(conn);
        }
    }

    /// (local, peer).
    pub(crate) fn addresses(&self, id: ConnId) -> Option<(SocketAddrV4, SocketAddrV4)> {
        self.conns.get(&id).map(|conn| (conn.local, conn.peer))
    }

    /// Received bytes that the application has not read.
    pub(crate) fn unread(&self, id: ConnId) -> usize {
        self.conns.get(&id).map_or(0, Conn::unread)
    }

    pub(crate) fn poll_read(
        &mut self,
        id: ConnId,
        cx: &Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(conn) = self.conns.get_mut(&id) else { return Poll::Ready(Ok(0)) };
        match conn.read(room) {
            Ok(None) => {
                conn.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            Ok(Some(n)) => {
                if n > 0 && conn.engine.is_some() {
                    // The window may have opened.
                    self.serve(id);
                }
                Poll::Ready(Ok(n))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Waits for room to write; (bytes that may be written, bytes written before).
    pub(crate) fn poll_room(&mut self, id: ConnId, cx: &Context<'_>) -> Poll<io::Result<(usize, u64)>> {
        let Some(conn) = self.conns.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        conn.check_writable()?;
        let space = conn.send_space();
        if space == 0 {
            conn.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok((usize::try_from(space).unwrap_or(usize::MAX), conn.written)))
    }

    /// Takes bytes for which there is room. They leave with [`Stack::push`].
    pub(crate) fn write(&mut self, id: ConnId, bytes: &[u8]) {
        let now_us = self.now_us();
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.write(now_us, bytes);
        }
    }

    /// Sends what was written, as far as the windows allow.
    pub(crate) fn push(&mut self, id: ConnId) {
        self.serve(id);
    }

    /// Bytes written by the application on this connection; `None` if it will write no more.
    pub(crate) fn written(&self, id: ConnId) -> Option<u64> {
        let conn = self.conns.get(&id)?;
        (!conn.shut && conn.engine.is_some() && conn.phase != Phase::Connecting).then_some(conn.written)
    }

    /// Sends FIN after what was written.
    pub(crate) fn shutdown(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.shut = true;
            self.serve(id);
        }
    }

    /// The application is done with it: the kernel sends the rest and a FIN, or a RST if received
    /// data was not read.
    pub(crate) fn close(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        (conn.reader, conn.writer) = (None, None);
        if conn.engine.is_none() {
            return self.forget(id);
        }
        if conn.phase == Phase::Connecting || conn.unread() > 0 {
            return self.abort(id);
        }
        conn.phase = Phase::Orphan;
        conn.shut = true;
        self.serve(id);
    }

    /// Ends it with a RST.
    pub(crate) fn abort(&mut self, id: ConnId) {
        let (now_ns, now_us) = (self.now_ns, self.now_us());
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if conn.engine.is_some() {
            let transition = conn.abort(now_us, &mut |packet| self.out.send(now_ns, packet));
            self.transition(id, transition);
        }
        self.forget(id);
    }

    /// A process dies: its sockets are closed as the kernel closes them.
    pub(crate) fn kill(&mut self, owner: ProcessId) {
        let listeners: Vec<ListenerId> =
            self.listeners.iter().filter(|(_, l)| l.owner == owner).map(|(id, _)| *id).collect();
        for listener in listeners {
            self.close_listener(listener);
        }
        let mut conns: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.owner == owner && conn.phase != Phase::Orphan)
            .map(|(id, _)| *id)
            .collect();
        if self.config.close_order == CloseOrder::NewestFirst {
            conns.reverse();
        }
        for conn in conns {
            self.close(conn);
        }
    }

    /// The power fails: nothing is left, and nobody is told.
    pub(crate) fn power_off(&mut self) {
        for conn in std::mem::take(&mut self.conns).into_values() {
            self.retransmits += conn.flow.retransmits();
        }
        self.by_tuple.clear();
        self.listeners.clear();
        self.by_port.clear();
        self.time_wait.clear();
        self.time_wait_ends.clear();
        self.timers.clear();
        self.arrivals = Default::default();
        self.out.packets.clear();
    }
}
