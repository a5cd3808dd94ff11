//! The client for programs: one session, one method a task.

mod adapter;
mod listing;
mod options;

pub use ftp_proto::listing::{Entry, EntryKind, Misread};
pub use listing::{Listing, Unread};
pub use options::Options;

use super::error::{ClientError, not_short};
use super::local::{LocalReader, LocalWriter};
use super::policy::Login;
use super::session::{Session, parse_size};
use crate::net::Net;
use crate::observe::{Nobody, Watch, Who};
use crate::store::WriteFile;
use adapter::{Sink, Source};
use ftp_proto::command::Command;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// A session with a server, logged in. Paths are the server's, as its verbs take them: relative to
/// the session's working directory, or from the root.
///
/// What the server refuses is [`ClientError::Refused`] with its reply, and leaves the session good for
/// more. A future that is dropped before its end leaves it out of step: then every method says
/// [`ClientError::OutOfStep`], and it is time to connect again. In stream mode the server takes the end
/// of a connection for the end of the file, so a [`Self::store`] that is dropped may publish the
/// beginning of a file as if it were whole; [`Self::cancel_by`] breaks off properly.
///
/// For many files, with retries, verification and pipelining, see [`super::deliver()`].
///
/// ```
/// use ftp_endpoint::client::{Client, Login, Options};
/// use ftp_endpoint::net::{Listener, Net, real::RealNet};
/// # use ftp_endpoint::observe::Nobody;
/// # use ftp_endpoint::server::{Config, Rights, Table, serve};
/// # use ftp_endpoint::store::memory::MemoryStore;
/// use ftp_proto::mode::TransmissionMode;
/// # use std::sync::Arc;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let listener = RealNet::new().listen("127.0.0.1:0".parse()?).await?;
/// # let server = listener.local_addr()?;
/// # let users = Table::new().with_user("me", "secret", MemoryStore::new(), Rights::ALL);
/// # tokio::spawn(serve(RealNet::new(), listener, Arc::new(Config::new(users)), Arc::new(Nobody)));
/// let options = Options { mode: TransmissionMode::Block, ..Options::default() };
/// let login = Login::new("me", "secret");
/// let mut client = Client::connect(RealNet::new(), server, &login, &options).await?;
/// client.make_dir("letters").await?;
/// client.store("letters/a.txt", &b"Dear Sir"[..]).await?;
/// for entry in client.list("letters").await?.entries {
///     println!("{} has {:?} bytes", entry.name, entry.size_bytes);
/// }
/// let mut letter = Vec::new();
/// client.fetch("letters/a.txt", &mut letter).await?;
/// assert_eq!(letter, b"Dear Sir");
/// client.quit().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Client<N: Net> {
    session: Session<N>,
}

impl<N: Net> From<Session<N>> for Client<N> {
    /// Over a session that is open, with its parameters.
    fn from(session: Session<N>) -> Self {
        Self { session }
    }
}

impl<N: Net> Client<N> {
    /// Connects to the control port `server`, logs in (RFC 959 section 5.4) and sets TYPE, STRU and
    /// MODE where the options differ from the protocol's defaults.
    ///
    /// Errors: [`ClientError::Connect`], [`ClientError::LoginRefused`], [`ClientError::Refused`] where the
    /// server lacks a mode, structure or type, or [`ClientError::NotDurable`]; where TLS is to be,
    /// [`ClientError::Tls`], [`ClientError::Untrusted`] and [`ClientError::TlsRefused`].
    ///
    /// Some servers demand that data connections resume a TLS session, and give too few tickets for that: see
    /// [`Session::another_may_do_better`].
    pub async fn connect(
        net: N,
        server: SocketAddr,
        login: &Login,
        options: &Options,
    ) -> Result<Self, ClientError> {
        let watch = || Watch::new(Arc::new(Nobody), Who::Client, 1);
        Ok(Session::open(net, server, login, &options.policy(), watch).await?.into())
    }

    /// When `cancel` is cancelled, a transfer under way is broken off in a way that no server takes
    /// for the end of the file, and fails with [`ClientError::Cancelled`].
    pub fn cancel_by(self, cancel: CancellationToken) -> Self {
        Self { session: self.session.cancel_by(cancel) }
    }

    /// For what has no method here.
    pub fn session(&mut self) -> &mut Session<N> {
        &mut self.session
    }

    /// The session, if the next reply will be the one to the next command.
    fn in_step(&mut self) -> Result<&mut Session<N>, ClientError> {
        if self.session.in_step() { Ok(&mut self.session) } else { Err(ClientError::OutOfStep) }
    }

    /// What is in the directory `path` (`""`: the working directory): by MLSD where the server announces
    /// it (RFC 3659 section 7), else by CWD, a bare LIST in type A (RFC 959 section 4.1.3), and CWD back.
    /// Lines that are not understood, and names that lead out of the directory, are in
    /// [`Listing::unread`].
    ///
    /// Errors: those of a transfer; a directory that the server calls empty by 450 or 550 is none.
    pub async fn list(&mut self, path: &str) -> Result<Listing, ClientError> {
        listing::list(self.in_step()?, path).await
    }

    /// The same by LIST alone, which tells links from what they lead to at servers whose MLSD does not.
    pub async fn list_lines(&mut self, path: &str) -> Result<Listing, ClientError> {
        listing::list_lines(self.in_step()?, path).await
    }

    /// MKD (RFC 959 section 4.1.3). That the directory exists already is an error, too.
    pub async fn make_dir(&mut self, path: &str) -> Result<(), ClientError> {
        self.in_step()?.must(Command::Mkd(path.to_owned())).await.map(drop)
    }

    /// RMD (RFC 959 section 4.1.3), of an empty directory.
    pub async fn remove_dir(&mut self, path: &str) -> Result<(), ClientError> {
        self.in_step()?.must(Command::Rmd(path.to_owned())).await.map(drop)
    }

    /// DELE (RFC 959 section 4.1.3).
    pub async fn remove_file(&mut self, path: &str) -> Result<(), ClientError> {
        self.in_step()?.must(Command::Dele(path.to_owned())).await.map(drop)
    }

    /// RNFR and RNTO (RFC 959 section 4.1.3). Most servers replace a file that has the new name.
    pub async fn rename(&mut self, from: &str, to: &str) -> Result<(), ClientError> {
        self.in_step()?.rename(from, to).await
    }

    /// SIZE (RFC 3659 section 4): bytes of the file as the session's type would transfer it.
    pub async fn size(&mut self, path: &str) -> Result<u64, ClientError> {
        parse_size(self.in_step()?.must(Command::Size(path.to_owned())).await?)
    }

    /// STOR: uploads all that `source` gives, and gives the bytes of payload sent. A file of that name is
    /// replaced.
    ///
    /// Errors: [`ClientError::Transfer`] where `source` or the data connection fails; the server then has
    /// not been told of an end of file.
    pub async fn store(
        &mut self,
        path: &str,
        source: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, ClientError> {
        let session = self.in_step()?;
        let mut file = LocalReader::new(Source::new(source), session.policy());
        Ok(session.put_file(path, path, None, &mut file).await?.payload_bytes)
    }

    /// RETR: downloads into `target` as the file comes, flushes it, and gives the bytes of payload
    /// received. In stream mode and TYPE I the server is asked for the file's SIZE before, and
    /// [`ClientError::SizeMismatch`] is that less has come. After an error `target` has the file's beginning, or nothing.
    pub async fn fetch(
        &mut self,
        path: &str,
        target: impl AsyncWrite + Unpin + Send,
    ) -> Result<u64, ClientError> {
        let session = self.in_step()?;
        let mut file = LocalWriter::new(Sink::new(target), session.policy());
        let told_bytes = session.told_size(path).await?;
        let moved = session.get_file(path, None, &mut file).await?;
        not_short(told_bytes, moved.payload_bytes)?;
        file.publish().await.map_err(ClientError::Local)?;
        Ok(moved.payload_bytes)
    }

    /// QUIT, its reply, and the end of both connections. Errors do not matter any more.
    pub async fn quit(self) {
        self.session.quit().await;
    }
}
