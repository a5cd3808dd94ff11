//! Sockets made and tried in as few system calls as the system has for it. Elsewhere than on Linux
//! tokio does it all.

#[cfg(not(target_os = "linux"))]
pub use elsewhere::*;
#[cfg(target_os = "linux")]
pub(super) use linux::*;

use std::net::TcpStream;

/// A connection on its way; its socket does not block.
pub(super) enum Connecting {
    Done(TcpStream),
    /// To be waited for until it is writable.
    Begun(TcpStream),
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Connecting;
    use rustix::io::Errno;
    use rustix::net::{SocketFlags, acceptfrom_with};
    use socket2::{Domain, Socket, Type};
    use std::io;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::AsFd;

    /// [`accept`] tells whether a connection has come.
    pub(crate) const TELLS: bool = true;

    fn socket(for_addr: &SocketAddr) -> io::Result<Socket> {
        Socket::new(Domain::for_address(*for_addr), Type::STREAM.nonblocking(), None)
    }

    /// On the loopback a handshake is over when `connect` returns, though it says that it is under way.
    pub(crate) fn connect(from: Option<SocketAddr>, to: SocketAddr) -> io::Result<Option<Connecting>> {
        let socket = socket(&to)?;
        if let Some(from) = from {
            socket.bind(&from.into())?;
        }
        let to = to.into();
        let mut result = socket.connect(&to);
        if is(&result, Errno::INPROGRESS) && to.as_socket().is_some_and(|to| to.ip().is_loopback()) {
            result = socket.connect(&to);
        }
        let done = !is(&result, Errno::INPROGRESS) && !is(&result, Errno::ALREADY);
        if done {
            result?;
        }
        let stream = TcpStream::from(socket);
        Ok(Some(if done { Connecting::Done(stream) } else { Connecting::Begun(stream) }))
    }

    fn is(result: &io::Result<()>, error: Errno) -> bool {
        result.as_ref().is_err_and(|found| found.raw_os_error() == Some(error.raw_os_error()))
    }

    /// Addresses of connections that have been closed may be taken again at once.
    pub(crate) fn listen(on: SocketAddr, backlog: u32) -> io::Result<Option<TcpListener>> {
        let socket = socket(&on)?;
        socket.set_reuse_address(true)?;
        socket.bind(&on.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(Some(socket.into()))
    }

    /// A connection that has come; its socket does not block.
    ///
    /// # Errors
    /// `WouldBlock`: none has.
    pub(crate) fn accept(listener: impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        let stream = TcpStream::from(socket);
        let peer = peer.map_or_else(|| stream.peer_addr(), Ok)?;
        Ok((stream, peer))
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::Connecting;
    use std::io;
    use std::net::{SocketAddr, TcpListener, TcpStream};

    pub const TELLS: bool = false;

    pub fn connect(_from: Option<SocketAddr>, _to: SocketAddr) -> io::Result<Option<Connecting>> {
        Ok(None)
    }

    pub fn listen(_on: SocketAddr, _backlog: u32) -> io::Result<Option<TcpListener>> {
        Ok(None)
    }

    pub fn accept<L>(_listener: &L) -> io::Result<(TcpStream, SocketAddr)> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}
