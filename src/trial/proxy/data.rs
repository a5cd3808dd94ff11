//! A data connection through the proxy, and what is done to it.

use super::kernel::{until_acknowledged, until_read};
use super::leg::Leg;
use super::watched::{Control, Purpose, Shared, Watched};
use crate::sim::fault::FaultName;
use crate::trial::fault::{Strike, Trigger};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Nobody waits longer for a data connection.
const ACCEPT_LIMIT: Duration = Duration::from_secs(60);
/// What a corrupted byte is changed by.
const XOR: u8 = 0x55;
/// So long a side that has acknowledged a FIN has to read it, before it is answered with RST.
const AFTER_FIN: Duration = Duration::from_millis(50);
const PIECE_BYTES: usize = 64 << 10;

/// How a data connection comes about, and what tells what it is for.
pub(super) struct Way {
    pub theirs: SocketAddr,
    /// The server connects, `theirs` is the client's.
    pub active: bool,
    pub told: watch::Receiver<Option<Purpose>>,
    /// Counted from 0.
    pub number: usize,
    /// Under TLS.
    pub private: bool,
    /// What its control connection is told.
    pub control: watch::Sender<Control>,
}

impl Way {
    /// `None`: its session has ended without a word, or has asked for another one.
    async fn purpose(&mut self) -> Option<Purpose> {
        *self.told.wait_for(Option::is_some).await.ok()?
    }
}

/// Who connects to `socket` is refused, to the end of the run. It counts if the file was to come on it.
pub(super) async fn refuse(socket: TcpSocket, mut way: Way, strike: Strike, watched: Shared) {
    watched.keep(socket);
    // A client connects before it says what for, and refused, it says nothing more of it.
    let purpose = way.purpose().await;
    if purpose != Some(Purpose::Other) {
        watched.strike(strike, purpose.unwrap_or(Purpose::Other), &way.control);
    }
}

/// One connection: whoever comes to `listener`, joined to the other side. Errors are what ends connections here.
pub(super) async fn serve(listener: TcpListener, mut way: Way, watched: Shared) {
    let Ok(Ok((came, _))) = timeout(ACCEPT_LIMIT, listener.accept()).await else { return };
    drop(listener);
    let Ok(Ok(went)) = timeout(ACCEPT_LIMIT, TcpStream::connect(way.theirs)).await else {
        return Leg::Clear(came).reset();
    };
    let (client, server) = if way.active { (went, came) } else { (came, went) };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let Some(purpose) = way.purpose().await else { return };
    let secured = match watched.tls.as_ref().filter(|_| way.private) {
        Some(tls) => tls.both(client, server).await,
        None => Ok((Leg::Clear(client), Leg::Clear(server))),
    };
    // Both sides see that the connection has ended.
    let Ok((mut client, mut server)) = secured else { return };
    match (purpose, watched.pending(purpose, way.number)) {
        (Purpose::Upload, strike) => {
            Stream::new(client, server, purpose).run(strike, &watched, &way.control).await
        }
        (Purpose::Download, strike) => {
            Stream::new(server, client, purpose).run(strike, &watched, &way.control).await;
        }
        (Purpose::Other, _) => {
            if tokio::io::copy_bidirectional(&mut client, &mut server).await.is_err() {
                client.reset();
                server.reset();
            }
        }
    }
}

/// The file on its way.
struct Stream {
    sender: Leg,
    receiver: Leg,
    purpose: Purpose,
    passed: u64,
    /// Read, and not passed on: the byte at which the fault strikes.
    held: Option<u8>,
}

impl Stream {
    fn new(sender: Leg, receiver: Leg, purpose: Purpose) -> Self {
        Self { sender, receiver, purpose, passed: 0, held: None }
    }

    async fn run(mut self, strike: Option<Strike>, watched: &Watched, control: &watch::Sender<Control>) {
        let passed = match strike {
            None => self.rest().await,
            Some(strike) => match self.reaches(strike.trigger, watched.size).await {
                Ok(true) => {
                    if strike.fault == FaultName::ReceiverDies {
                        until_read(self.receiver.tcp()).await;
                    }
                    watched.seen().on_data = true;
                    watched.strike(strike, self.purpose, control);
                    return self.struck(strike, watched).await;
                }
                // The sender has ended before the byte: nothing to strike at.
                Ok(false) => self.finish().await,
                Err(error) => Err(error),
            },
        };
        if passed.is_err() {
            // What one side's connection has come to, the other side learns.
            self.sender.reset();
            self.receiver.reset();
        }
    }

    /// Passes on what comes before the fault, and holds the byte that comes next, if the file has one; whether
    /// the fault's place has come.
    async fn reaches(&mut self, trigger: Trigger, size: u64) -> io::Result<bool> {
        let Trigger::Byte(at) = trigger else { return self.copy(None).await };
        if self.copy(Some(at)).await? {
            return Ok(false);
        }
        let mut next = [0];
        if at < size {
            if self.sender.read(&mut next).await? == 0 {
                return Ok(false);
            }
            self.held = Some(next[0]);
        }
        Ok(true)
    }

    async fn struck(mut self, strike: Strike, watched: &Watched) {
        match strike.fault {
            FaultName::Reset => {
                // RST takes away what the receiver has not read.
                until_read(self.receiver.tcp()).await;
                self.receiver.reset();
                return self.sender.reset();
            }
            FaultName::EarlyClose => {
                if self.receiver.end(strike.close_notify).await.is_ok() {
                    self.end_sender(strike.close_notify).await;
                }
                return;
            }
            FaultName::SplitClose => {
                let ended = self.receiver.end(strike.close_notify).await;
                // It goes on taking what the sender sends, and closes when that has.
                let _ = tokio::join!(drain(&mut self.sender), drain(&mut self.receiver));
                return drop(ended);
            }
            FaultName::SenderDies => {
                // What the dead had given to its kernel beyond the byte it has not written, for the receiver.
                let _ = drain(&mut self.sender).await;
                let _ = self.receiver.end(false).await;
                // A server has taken this end before it hears of the other: two FINs so near each other would race.
                // A client may not read before a reply that will never come.
                watched.seen().file_ended = self.purpose == Purpose::Download;
                let _ = drain(&mut self.receiver).await;
                watched.seen().file_ended = true;
                return;
            }
            FaultName::ReceiverDies => {
                let _ = drain(&mut self.receiver).await;
                return self.end_sender(false).await;
            }
            _ => {}
        }
        let lasts = match strike.fault {
            FaultName::Blackhole | FaultName::Stall => strike.lasts,
            _ => Some(Duration::ZERO),
        };
        match lasts {
            Some(lasts) => sleep(lasts).await,
            // Held until the run ends.
            None => std::future::pending().await,
        }
        if strike.fault == FaultName::Corrupt {
            self.held = self.held.map(|byte| byte ^ XOR);
        }
        if self.rest().await.is_err() {
            self.sender.reset();
            self.receiver.reset();
        }
    }

    /// FIN to the sender; what it still sends is answered with RST.
    async fn end_sender(mut self, close_notify: bool) {
        if self.sender.end(close_notify).await.is_ok() {
            until_acknowledged(self.sender.tcp()).await;
            sleep(AFTER_FIN).await;
        }
        drop(self.sender);
        let _ = drain(&mut self.receiver).await;
    }

    /// Passes bytes on up to `limit` in all, or to the end; whether the end has come before the limit.
    async fn copy(&mut self, limit: Option<u64>) -> io::Result<bool> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let left = limit.map_or(u64::MAX, |limit| limit - self.passed);
            if left == 0 {
                return Ok(false);
            }
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
            let read = self.sender.read(&mut piece[..room]).await?;
            if read == 0 {
                return Ok(true);
            }
            self.pass(&piece[..read]).await?;
        }
    }

    async fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.receiver.write_all(bytes).await?;
        self.receiver.flush().await?;
        self.passed += bytes.len() as u64;
        Ok(())
    }

    /// All that is left, and its end.
    async fn rest(&mut self) -> io::Result<()> {
        if let Some(byte) = self.held.take() {
            self.pass(&[byte]).await?;
        }
        self.copy(None).await?;
        self.finish().await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.receiver.end(true).await?;
        drain(&mut self.receiver).await
    }
}

/// Reads to the end, and forgets it.
async fn drain(stream: &mut Leg) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    while stream.read(&mut piece).await? > 0 {}
    Ok(())
}
