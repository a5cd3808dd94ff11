//! A listening socket.

use super::super::{Listener, MAX_WAITING, at_once};
use super::{RealStream, nonblocking, socket};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// A listening socket of the machine.
pub struct RealListener {
    io: Mutex<Io>,
    local: SocketAddr,
}

enum Io {
    Raw(std::net::TcpListener),
    /// By the reactor, since an accept had to wait.
    Watched(Arc<TcpListener>),
    /// Could not be watched.
    Gone,
}

impl RealListener {
    pub(super) fn open(on: SocketAddr) -> io::Result<Self> {
        let io = match nonblocking::listen(on, MAX_WAITING)? {
            Some(listener) => Io::Raw(listener),
            None => {
                let socket = socket(&on)?;
                socket.set_reuseaddr(true)?;
                socket.bind(on)?;
                Io::Watched(Arc::new(socket.listen(MAX_WAITING)?))
            }
        };
        let local = match &io {
            _ if on.port() != 0 => on,
            Io::Raw(listener) => listener.local_addr()?,
            Io::Watched(listener) => listener.local_addr()?,
            Io::Gone => on,
        };
        Ok(Self { io: Mutex::new(io), local })
    }

    /// The address listened on, with its port.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// Another handle of the same socket, for another runtime: connections go to whichever accepts
    /// first.
    pub fn try_clone(&self) -> io::Result<Self> {
        let mut io = self.io.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = match &mut *io {
            Io::Raw(listener) => listener.try_clone()?,
            Io::Watched(_) | Io::Gone => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(Self { io: Mutex::new(Io::Raw(copy)), local: self.local })
    }

    /// A connection that has come already, or else the listener to wait on.
    fn try_accept(&self) -> io::Result<Result<RealStream, Arc<TcpListener>>> {
        let mut io = self.io.lock().unwrap_or_else(PoisonError::into_inner);
        if let Io::Watched(listener) = &*io {
            return Ok(Err(listener.clone()));
        }
        match std::mem::replace(&mut *io, Io::Gone) {
            Io::Raw(listener) => match nonblocking::accept(&listener) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let listener = Arc::new(TcpListener::from_std(listener)?);
                    *io = Io::Watched(listener.clone());
                    Ok(Err(listener))
                }
                accepted => {
                    *io = Io::Raw(listener);
                    accepted.map(|(socket, peer)| Ok(RealStream::raw(socket, self.address(), peer)))
                }
            },
            Io::Watched(_) | Io::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Of the connections, unless each has its own.
    fn address(&self) -> Option<SocketAddr> {
        Some(self.local).filter(|local| !local.ip().is_unspecified())
    }
}

impl Listener for RealListener {
    type Stream = RealStream;

    async fn accept(&self) -> io::Result<(RealStream, SocketAddr)> {
        match self.try_accept()? {
            Ok(stream) => {
                let peer = stream.peer();
                Ok((stream, peer))
            }
            Err(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((RealStream::watched(stream, self.address(), peer), peer))
            }
        }
    }

    async fn accept_waiting(&self) -> io::Result<Option<(RealStream, SocketAddr)>> {
        // Whether a reactor watches it or not, the system knows.
        let accepted = match &*self.io.lock().unwrap_or_else(PoisonError::into_inner) {
            Io::Raw(listener) => nonblocking::accept(listener),
            Io::Watched(listener) => nonblocking::accept(&**listener),
            Io::Gone => return Err(io::ErrorKind::NotConnected.into()),
        };
        match accepted {
            Ok((socket, peer)) => Ok(Some((RealStream::raw(socket, self.address(), peer), peer))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && nonblocking::TELLS => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                at_once(Box::pin(self.accept())).await.transpose()
            }
            Err(error) => Err(error),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        RealListener::local_addr(self)
    }
}
