//! Data connections of a check.

use super::control::{Control, Io, Reply, Trouble};
use super::target::Tls;
use ftp_proto::address;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// Nothing that a check fetches is as long.
const MAX_BYTES: usize = 64 << 20;

/// A data connection: to be accepted, in clear so far, or as it is to be.
pub(super) enum Data {
    Listening(TcpListener),
    Clear(TcpStream),
    Ready(Box<dyn Io>),
    /// In clear and for good.
    Plain(TcpStream),
    None,
}

/// How a data connection ended.
pub(super) struct End {
    pub bytes: Vec<u8>,
    /// Under TLS: by close_notify.
    pub is_clean: bool,
}

impl Data {
    /// Accepts and does the handshake, where that has not happened yet: the server begins it only once it has
    /// heard of a transfer.
    async fn ready(&mut self, tls: Option<&Tls>, timeout: Duration) -> Result<&mut dyn Io, Trouble> {
        let late = |_| Trouble::Silent;
        if let Self::Listening(listener) = self {
            let accepted = tokio::time::timeout(timeout, listener.accept()).await.map_err(late)??;
            *self = Self::Clear(accepted.0);
        }
        if let Self::Clear(_) = self
            && let Self::Clear(stream) = std::mem::replace(self, Self::None)
        {
            *self = match tls {
                None => Self::Plain(stream),
                Some(tls) => {
                    let connector = TlsConnector::from(tls.config.clone());
                    let done =
                        tokio::time::timeout(timeout, connector.connect(tls.name.clone(), stream)).await;
                    Self::Ready(Box::new(done.map_err(late)?.map_err(Trouble::Io)?))
                }
            };
        }
        match self {
            Self::Ready(io) => Ok(&mut **io),
            Self::Plain(stream) => Ok(stream),
            _ => Err(Trouble::Closed),
        }
    }

    pub(super) async fn send(
        &mut self,
        bytes: &[u8],
        tls: Option<&Tls>,
        timeout: Duration,
    ) -> Result<(), Trouble> {
        let io = self.ready(tls, timeout).await?;
        let write = async {
            io.write_all(bytes).await?;
            io.flush().await
        };
        tokio::time::timeout(timeout, write).await.map_err(|_| Trouble::Silent)??;
        Ok(())
    }

    /// The end of the file, as stream mode has it.
    pub(super) async fn close(&mut self, tls: Option<&Tls>, timeout: Duration) -> Result<(), Trouble> {
        let io = self.ready(tls, timeout).await?;
        let end = async {
            let _ = io.shutdown().await;
            if tls.is_some() {
                // What has come and is not read (tickets) would make the kernel reset the connection.
                while let Ok(1..) = io.read(&mut [0; 1024]).await {}
            }
        };
        let _ = tokio::time::timeout(timeout, end).await;
        *self = Self::None;
        Ok(())
    }

    /// FIN, and under TLS no close_notify before it.
    pub(super) async fn cut(&mut self, tls: Option<&Tls>, timeout: Duration) -> Result<(), Trouble> {
        self.ready(tls, timeout).await?;
        *self = Self::None;
        Ok(())
    }

    /// By RST.
    pub(super) async fn reset(&mut self, tls: Option<&Tls>, timeout: Duration) -> Result<(), Trouble> {
        self.ready(tls, timeout).await?;
        if let Self::Plain(stream) = self {
            stream.set_zero_linger()?;
        }
        *self = Self::None;
        Ok(())
    }

    /// At most `limit` bytes: fewer where the other side ends.
    pub(super) async fn read(
        &mut self,
        limit: Option<usize>,
        tls: Option<&Tls>,
        timeout: Duration,
    ) -> Result<End, Trouble> {
        let is_tls = tls.is_some();
        let io = self.ready(tls, timeout).await?;
        let limit = limit.unwrap_or(MAX_BYTES);
        let mut bytes = Vec::new();
        let mut piece = vec![0; 64 * 1024];
        while bytes.len() < limit {
            let room = piece.len().min(limit - bytes.len());
            let read = tokio::time::timeout(timeout, io.read(&mut piece[..room])).await;
            match read.map_err(|_| Trouble::Silent)? {
                Ok(0) => return Ok(End { bytes, is_clean: is_tls }),
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(End { bytes, is_clean: false })
    }
}

/// 227's port. The host is always that of the control connection; a predicate looks at the address itself.
pub(super) fn passive_port(text: &str) -> Option<u16> {
    address::parse_passive(text).ok().map(|address| address.port())
}

/// By EPSV, or by PASV where the server has no EPSV. `None`: it refuses both.
pub(super) async fn open_passive(control: &mut Control) -> Result<Option<TcpStream>, Trouble> {
    control.line("EPSV").await?;
    let reply = control.reply().await?;
    let unclear = |reply: &Reply| Trouble::Malformed(format!("no address in: {}", reply.brief()));
    let mut port = None;
    if reply.code == 229 {
        port = address::parse_extended_passive(&reply.text()).ok();
    } else if reply.code < 400 {
        return Err(unclear(&reply));
    }
    if port.is_none() && control.peer.is_ipv4() {
        control.line("PASV").await?;
        let reply = control.reply().await?;
        port = passive_port(&reply.text()).filter(|_| reply.code == 227);
        if port.is_none() && reply.code < 400 {
            return Err(unclear(&reply));
        }
    }
    let Some(port) = port else { return Ok(None) };
    connect(control, port).await.map(Some)
}

pub(super) async fn connect(control: &Control, port: u16) -> Result<TcpStream, Trouble> {
    let mut to = control.peer;
    to.set_port(port);
    let stream = tokio::time::timeout(control.timeout, TcpStream::connect(to)).await;
    let stream = stream.map_err(|_| Trouble::Silent)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}
