//! Strangers: who connects and has no part in the delivery.

use super::{CONTROL_PORT, World, control, security};
use crate::sim::net::{ProcessNet, ProcessStream};
use crate::sim::others::{STRANGERS_WORDS, Stranger, StrangerDeed, StrangerPlace, strangers};
use crate::sim::tls::{self, SERVER_NAME};
use crate::sim::trace::Place;
use ftp_endpoint::client::Opening;
use ftp_endpoint::net::{Channel, Net};
use ftp_proto::address::parse_extended_passive;
use ftp_proto::mode::{Encoder, End};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::network::SimNet;

/// It gives up a port after so long, and then comes to the next.
const PATIENCE: Duration = Duration::from_secs(30);
/// Its own file, under no name of the delivery's.
const STRANGERS_NAME: &str = "strangers.own";
/// So long it holds a connection on which it says nothing.
const WAIT: Duration = Duration::from_secs(5);
/// So long who has been sent away stays away: a crowd that has all seats anew before anybody may be sent away again
/// keeps out who comes then, whatever a server does.
const AWAY: Duration = Duration::from_secs(10);

impl World {
    /// The stranger that has a host of its own, and whether that is on the clients' side of the path.
    pub(super) fn stranger_elsewhere(&self) -> Option<bool> {
        let stranger = self.case.stranger.filter(|stranger| stranger.place == StrangerPlace::Elsewhere)?;
        Some(!stranger.deed.is_on_data() || self.case.policy.opening == Opening::Passive)
    }

    /// The crowd that comes first: the server has a seat for each of it.
    pub(super) fn crowd_ahead(&self) -> Option<Stranger> {
        self.case.stranger.filter(|stranger| stranger.deed == StrangerDeed::Crowds)
    }

    /// The stranger on the host that data connections come from, while the delivery lasts. Does not return.
    pub(super) async fn neighbour(&self, net: &SimNet, opening: Opening) {
        let here = self.case.policy.opening == opening;
        match self.case.stranger.filter(|stranger| stranger.place == StrangerPlace::Neighbour) {
            Some(stranger) if here => self.strange(net, stranger).await,
            _ => {}
        }
        pending().await
    }

    /// All that a stranger does, from a process of its own.
    pub(super) async fn strange(&self, net: &SimNet, stranger: Stranger) {
        let net = ProcessNet(net.process());
        if stranger.place == StrangerPlace::Elsewhere {
            self.recorder.notes().strangers_ips.insert(net.0.ip().into());
        }
        // What it has learnt of the server's TLS it keeps from visit to visit.
        let tls = self.case.tls.map(|tls| Arc::new(tls::stranger_config(security::versions(tls))));
        let after = Duration::from_micros(stranger.after_us);
        if stranger.deed == StrangerDeed::Crowds {
            // Those who are left when nobody has been kept out for so long go.
            let _ = net.timeout(after + PATIENCE, self.crowd(&net)).await;
            return;
        }
        let mut visits = 0;
        if !stranger.deed.is_on_data() {
            net.sleep(after).await;
            let visited = async {
                match tls {
                    Some(config) => self.probe(&net, stranger.deed, config).await,
                    None => self.overrun(&net).await,
                }
            };
            return self.told(&net, control(), net.timeout(PATIENCE, visited).await.ok());
        }
        let tls = tls.filter(|_| stranger.tls);
        while visits < stranger.visits
            && let Some((at, port)) = self.ports.next().await
        {
            visits += 1;
            net.sleep((at + after).after(net.now())).await;
            let visited = self.visit(&net, port, stranger.deed, tls.clone());
            self.told(&net, port, net.timeout(PATIENCE, visited).await.ok());
        }
    }

    fn told(&self, net: &ProcessNet, port: SocketAddr, ended: Option<io::Result<()>>) {
        let ended = match ended {
            Some(Ok(())) => "has done".to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "has waited in vain".to_owned(),
        };
        self.recorder.trace.add(net.now(), Place::Path, format_args!("a stranger at {port}: {ended}"));
    }

    async fn visit(
        &self,
        net: &ProcessNet,
        port: SocketAddr,
        deed: StrangerDeed,
        tls: Option<Arc<ClientConfig>>,
    ) -> io::Result<()> {
        let mut channel = Channel::Clear(net.connect(None, port).await?);
        if let Some(config) = tls {
            channel.connect_tls(config, server_name()).await?;
        }
        match deed {
            StrangerDeed::Waits => net.sleep(WAIT).await,
            StrangerDeed::Moves => {
                let sent = channel.write_all(&self.strangers_file()).await;
                // Whatever became of that, something may have come.
                let sent = sent.and(channel.shutdown().await);
                self.take_all(&mut channel).await?;
                sent?;
            }
            StrangerDeed::Closes
            | StrangerDeed::Injects
            | StrangerDeed::Bares
            | StrangerDeed::Overruns
            | StrangerDeed::Crowds => channel.shutdown().await?,
        }
        Ok(())
    }

    /// As the delivery's own clients would send it.
    fn strangers_file(&self) -> Vec<u8> {
        let (file, mut wire) = (strangers(), Vec::new());
        Encoder::new(self.case.policy.coding()).encode(&file, End { record: false, file: true }, &mut wire);
        wire
    }

    async fn take_all(&self, channel: &mut Channel<ProcessStream>) -> io::Result<()> {
        let mut taken = [0; 4096];
        loop {
            match channel.read(&mut taken).await? {
                0 => return Ok(()),
                // In clear, the beginning of a handshake is no byte of a file.
                _ if self.case.tls.is_some() && !channel.is_tls() => {}
                read => self.recorder.notes().strangers.taken_bytes += read as u64,
            }
        }
    }

    /// Sits at the control port, without end.
    async fn crowd(&self, net: &ProcessNet) {
        loop {
            let sat = async {
                let mut channel = Channel::Clear(net.connect(None, control()).await?);
                while channel.read(&mut [0; 512]).await? > 0 {}
                channel.shutdown().await
            };
            self.told(net, control(), Some(sat.await));
            net.sleep(AWAY).await;
        }
    }

    async fn overrun(&self, net: &ProcessNet) -> io::Result<()> {
        let to = SocketAddr::new(control().ip(), CONTROL_PORT);
        let mut dialogue = Dialogue { channel: Channel::Clear(net.connect(None, to).await?) };
        dialogue.reply().await?;
        dialogue
            .says(&[("USER user", 331), ("PASS password", 230), ("TYPE I", 200), ("MODE Z", 200)])
            .await?;
        dialogue.channel.write_all(b"EPSV\r\n").await?;
        let (_, line) = dialogue.line().await?;
        let port = parse_extended_passive(&line).map_err(io::Error::other)?;
        let mut data = net.connect(None, SocketAddr::new(to.ip(), port)).await?;
        let mut wire = self.strangers_file();
        wire.extend_from_slice(STRANGERS_WORDS);
        // Whatever the server says to it, it has said something.
        let begun = dialogue.asks(&format!("STOR {STRANGERS_NAME}\r\n")).await? < 200;
        if begun && data.write_all(&wire).await.is_ok() && data.shutdown().await.is_ok() {
            self.recorder.notes().strangers.overrun = (200..300).contains(&dialogue.reply().await?);
        }
        dialogue.asks(&format!("DELE {STRANGERS_NAME}\r\n")).await?;
        dialogue.asks("QUIT\r\n").await?;
        dialogue.channel.shutdown().await
    }

    async fn probe(&self, net: &ProcessNet, deed: StrangerDeed, tls: Arc<ClientConfig>) -> io::Result<()> {
        let to = SocketAddr::new(control().ip(), CONTROL_PORT);
        let mut dialogue = Dialogue { channel: Channel::Clear(net.connect(None, to).await?) };
        dialogue.reply().await?;
        let injected = if deed == StrangerDeed::Injects { "NOOP\r\n" } else { "" };
        if dialogue.asks(&format!("AUTH TLS\r\n{injected}")).await? != 234 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        dialogue.channel.connect_tls(tls, server_name()).await?;
        if deed == StrangerDeed::Injects {
            // Nothing else has been asked.
            let code = dialogue.asks("QUIT\r\n").await?;
            self.recorder.notes().strangers.injected |= code != 221;
        } else {
            dialogue.says(&[("USER user", 331), ("PASS password", 230), ("PBSZ 0", 200)]).await?;
            dialogue.asks("EPSV\r\n").await?;
            let code = dialogue.asks("LIST\r\n").await?;
            self.recorder.notes().strangers.bared |= code < 500;
            dialogue.asks("QUIT\r\n").await?;
        }
        dialogue.channel.shutdown().await
    }
}

/// A control connection that is spoken on in step.
struct Dialogue {
    channel: Channel<ProcessStream>,
}

impl Dialogue {
    async fn asks(&mut self, lines: &str) -> io::Result<u16> {
        self.channel.write_all(lines.as_bytes()).await?;
        self.channel.flush().await?;
        self.reply().await
    }

    /// Commands that have to be answered so.
    async fn says(&mut self, commands: &[(&str, u16)]) -> io::Result<()> {
        for (command, wanted) in commands {
            if self.asks(&format!("{command}\r\n")).await? != *wanted {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        }
        Ok(())
    }

    async fn reply(&mut self) -> io::Result<u16> {
        self.line().await.map(|(code, _)| code)
    }

    /// The next reply, of one line, and its code.
    async fn line(&mut self) -> io::Result<(u16, String)> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.push(self.channel.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let code = line.get(..3).and_then(|digits| digits.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        Ok((code, line))
    }
}

fn server_name() -> ServerName<'static> {
    ServerName::try_from(SERVER_NAME).expect("a constant name")
}
