//! A connection as its application has it.

use super::{ConnId, SimNet};
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of a simulated host.
pub struct SimStream {
    net: SimNet,
    id: ConnId,
    local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// Bytes that were read.
    read: u64,
    aborted: bool,
}

impl SimStream {
    pub(super) fn new(net: &SimNet, id: ConnId) -> Self {
        let unknown = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let (local, peer) = net.host.lock().stack.addresses(id).unwrap_or((unknown, unknown));
        Self { net: net.clone(), id, local: local.into(), peer: peer.into(), read: 0, aborted: false }
    }

    fn write(&self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let room = self.net.operate(|state| state.stack.poll_room(self.id, cx));
        let Poll::Ready(room) = room else { return Poll::Pending };
        let (mut room, mut offset) = room?;
        let tap = self.net.tap();
        let mut taken = 0;
        for bytes in slices.iter().filter(|bytes| !bytes.is_empty()) {
            let allowed = match &tap {
                Some(tap) => tap.on_write(&self.net, self.local, self.peer, offset, bytes).min(bytes.len()),
                None => bytes.len(),
            };
            let n = allowed.min(room);
            self.net.host.with_stack(|state| {
                if state.is_alive(self.net.process) {
                    state.stack.write(self.id, &bytes[..n]);
                }
            });
            (taken, room, offset) = (taken + n, room - n, offset + n as u64);
            if n < bytes.len() {
                break;
            }
        }
        if taken > 0 {
            self.net.host.with_stack(|state| state.stack.push(self.id));
            if let Some(tap) = &tap {
                tap.on_written(&self.net, self.local, self.peer, offset);
            }
        }
        let asked = slices.iter().any(|bytes| !bytes.is_empty());
        if !self.net.is_alive() || (taken == 0 && asked) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(taken))
    }

    fn tell_end(&self) {
        let offset = self.net.host.lock().stack.written(self.id);
        if let (Some(offset), Some(tap)) = (offset, self.net.tap()) {
            tap.on_shutdown(&self.net, self.local, self.peer, offset);
        }
    }
}

impl SimStream {
    /// This end of it.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The other end of it.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// Ends the connection with RST; what is queued is lost.
    pub fn abort(mut self) {
        self.aborted = true;
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let allowed = match self.net.tap() {
            Some(tap) => tap.on_read(&self.net, self.local, self.peer, self.read),
            None => usize::MAX,
        };
        if allowed == 0 {
            return Poll::Pending;
        }
        let most = buf.remaining().min(allowed);
        let read = self.net.operate(|state| {
            // There is no room made for more than is there: the buffer is initialised, and large.
            let room = buf.initialize_unfilled_to(most.min(state.stack.unread(self.id).max(1)));
            state.stack.poll_read(self.id, cx, room)
        });
        if let Poll::Ready(Ok(n)) = &read {
            self.read += *n as u64;
        }
        read.map_ok(|n| buf.advance(n))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.net.is_alive() {
            self.tell_end();
        }
        self.net.operate(|state| {
            state.stack.shutdown(self.id);
            Poll::Ready(Ok(()))
        })
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let gone = {
            let state = self.net.host.lock();
            state.halted || !state.is_alive(self.net.process)
        };
        if gone {
            return;
        }
        if !self.aborted {
            self.tell_end();
        }
        // The tap may have killed the process; then this finds the connection closed already.
        self.net.host.with_stack(|state| {
            if self.aborted { state.stack.abort(self.id) } else { state.stack.close(self.id) }
        });
    }
}
