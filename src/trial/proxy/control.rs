//! A control connection through the proxy: commands and replies pass, data addresses become the proxy's own.

use super::lines::{Awaited, Replies, Side};
use super::watched::{Control, Purpose, Shared};
use super::{CONNECTIONS, data, data_socket};
use crate::sim::fault::FaultName;
use crate::trial::fault::Trigger;
use ftp_proto::address;
use ftp_proto::name::Printable;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Told what a data connection is for.
type Tell = watch::Sender<Option<Purpose>>;
/// A line or an end, and whether it is the client's.
type Heard = (Option<Vec<u8>>, bool);

/// A data connection that has been asked for.
struct Asked {
    /// Counted from 0.
    number: usize,
    told: watch::Receiver<Option<Purpose>>,
    private: bool,
}

/// One control connection, to its end, or until a fault takes it.
pub(super) async fn session(client: TcpStream, server: TcpStream, watched: Shared) {
    let acts = watch::Sender::new(Control::Pass);
    let mut act = acts.subscribe();
    let Ok(mut relay) = Relay::new(client, server, &watched, acts) else { return };
    loop {
        let now = *act.borrow_and_update();
        match now {
            Control::Pass => {}
            Control::Reset => return relay.reset(),
            Control::Silent => {
                // Nothing passes, nothing closes: for a time, or until the run ends.
                match watched.strike.and_then(|strike| strike.lasts) {
                    Some(lasts) => tokio::time::sleep(lasts).await,
                    None => std::future::pending().await,
                }
                relay.acts.send_replace(Control::Pass);
                if relay.say_late().await.is_err() {
                    return;
                }
                continue;
            }
        }
        // What has been read of a line stays in its side when the fault is first.
        let heard = tokio::select! {
            biased;
            _ = act.changed() => continue,
            heard = relay.hear() => heard,
        };
        let Ok(Some(heard)) = heard else { return };
        if !matches!(relay.pass(heard).await, Ok(true)) {
            return;
        }
    }
}

struct Relay<'a> {
    client: Side,
    server: Side,
    client_ip: IpAddr,
    server_ip: IpAddr,
    replies: Replies<Asked>,
    /// What the data connection that was last asked for waits to be told.
    latest: Option<Tell>,
    /// How many have been asked for.
    asked: usize,
    /// They will be under TLS (RFC 4217 section 9).
    private: bool,
    /// A reply that a silence has held up.
    late: Option<Vec<u8>>,
    acts: watch::Sender<Control>,
    watched: &'a Shared,
}

impl<'a> Relay<'a> {
    fn new(
        client: TcpStream,
        server: TcpStream,
        watched: &'a Shared,
        acts: watch::Sender<Control>,
    ) -> io::Result<Self> {
        let (client_ip, server_ip) = (client.local_addr()?.ip(), server.peer_addr()?.ip());
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let [client, server] = [client, server].map(|stream| Side::new(super::leg::Leg::Clear(stream)));
        Ok(Self {
            client,
            server,
            client_ip,
            server_ip,
            replies: Replies::new(),
            latest: None,
            asked: 0,
            private: false,
            late: None,
            acts,
            watched,
        })
    }

    /// One line from either side, or its end; nothing when both have ended.
    async fn hear(&mut self) -> io::Result<Option<Heard>> {
        let (line, by_client) = tokio::select! {
            biased;
            line = self.server.line(), if !self.server.ended => (line?, false),
            line = self.client.line(), if !self.client.ended => (line?, true),
            else => return Ok(None),
        };
        Ok(Some((line, by_client)))
    }

    /// Passes it on; whether there is more to come.
    async fn pass(&mut self, heard: Heard) -> io::Result<bool> {
        match heard {
            (Some(line), true) => self.command(line).await?,
            (Some(line), false) => self.reply(line).await?,
            (None, true) => {
                self.watched.until_dead_senders_file_has_ended().await;
                self.client.ended = true;
                self.server.leg.shutdown().await?;
            }
            (None, false) => {
                self.watched.until_dead_senders_file_has_ended().await;
                // Who has been told goodbye has nobody to say anything to.
                self.client.leg.shutdown().await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn command(&mut self, line: Vec<u8>) -> io::Result<()> {
        let text = String::from_utf8_lossy(&line).into_owned();
        self.watched.note('>', &text);
        let (verb, argument) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
        let verb = verb.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_uppercase();
        let mut awaited = Awaited::Other;
        match verb.as_str() {
            "STOR" | "STOU" | "APPE" | "RETR" | "LIST" | "NLST" | "MLSD" => {
                let purpose = self.watched.purpose(&verb, argument);
                if purpose != Purpose::Other {
                    let mut seen = self.watched.seen();
                    seen.attempts += 1;
                    seen.carrier = seen.carrier.or(self.asked.checked_sub(1));
                    awaited = Awaited::Transfer(purpose);
                }
                if let Some(tell) = self.latest.take() {
                    tell.send_replace(Some(purpose));
                }
            }
            "PASV" | "EPSV" if !argument.eq_ignore_ascii_case("ALL") => {
                awaited = Awaited::Passive(self.ask());
            }
            "AUTH" if self.watched.tls.is_some() => {
                // The older word means data connections, too.
                self.private = argument.eq_ignore_ascii_case("SSL");
                awaited = Awaited::Auth;
            }
            "PROT" => self.private = argument.eq_ignore_ascii_case("P"),
            "PORT" | "EPRT" => {
                let theirs = match verb.as_str() {
                    "PORT" => address::parse_host_port(argument).map(SocketAddr::V4),
                    _ => address::parse_extended(argument),
                };
                if let Ok(theirs) = theirs {
                    let asked = self.ask();
                    let ours =
                        self.open(self.server.leg.get_ref().tcp().local_addr()?.ip(), theirs, asked, true)?;
                    let line = match ours {
                        SocketAddr::V4(ours) if verb == "PORT" => {
                            format!("PORT {}\r\n", address::host_port(ours))
                        }
                        ours => format!("EPRT {}\r\n", address::extended(ours)),
                    };
                    self.replies.await_one(Awaited::Other);
                    return self.server.leg.write_all(line.as_bytes()).await;
                }
            }
            _ => {}
        }
        self.replies.await_one(awaited);
        self.server.leg.write_all(&line).await?;
        self.server.leg.flush().await
    }

    fn ask(&mut self) -> Asked {
        let (tell, told) = watch::channel(None);
        self.latest = Some(tell);
        self.asked += 1;
        Asked { number: self.asked - 1, told, private: self.private }
    }

    async fn reply(&mut self, line: Vec<u8>) -> io::Result<()> {
        let text = String::from_utf8_lossy(&line).into_owned();
        self.watched.note('<', &text);
        let Some(code) = self.replies.ends_with(&line) else { return self.say(&line).await };
        if let Some(&Awaited::Transfer(purpose)) = self.replies.next()
            && self.strikes(code, purpose, &text, &line).await
        {
            self.replies.answered();
            return Ok(());
        }
        let answered = if code >= 200 { self.replies.answered() } else { None };
        match (answered, code) {
            (Some(Awaited::Passive(asked)), 227 | 229) => {
                let theirs = match code {
                    227 => address::parse_passive(text.get(4..).unwrap_or_default()).map(SocketAddr::V4),
                    _ => address::parse_extended_passive(&text)
                        .map(|port| SocketAddr::new(self.server_ip, port)),
                };
                let Ok(theirs) = theirs else { return self.say(&line).await };
                // The host of the control connection, whatever the reply says: as careful clients do.
                let theirs = SocketAddr::new(self.server_ip, theirs.port());
                let said = match self.open(self.client_ip, theirs, asked, false)? {
                    SocketAddr::V4(ours) if code == 227 => address::passive_text(ours),
                    ours => address::extended_passive_text(ours.port()),
                };
                self.say(format!("{code} {said}\r\n").as_bytes()).await
            }
            (Some(Awaited::Auth), 234) => {
                self.say(&line).await?;
                self.secure().await
            }
            _ => self.say(&line).await,
        }
    }

    /// A reply to the file's transfer, and whether the fault takes it.
    async fn strikes(&mut self, code: u16, purpose: Purpose, text: &str, line: &[u8]) -> bool {
        if code >= 200 {
            self.watched.seen().final_reply = Some(Printable(text.trim_end()).to_string());
            if purpose == Purpose::Download && self.watched.takes_sender_on_data() {
                // The server has written all, and is to die before: it has not, and has said nothing.
                self.watched.until_struck().await;
                return self.watched.seen().on_data;
            }
        }
        let trigger = if code < 200 { Trigger::BeforePreliminary } else { Trigger::BeforeReply };
        let Some(strike) = self.watched.pending_at(trigger) else { return false };
        self.watched.strike(strike, purpose, &self.acts);
        match strike.fault {
            FaultName::ControlSilent => self.late = Some(line.to_vec()),
            FaultName::ControlReset => {}
            _ => return false,
        }
        true
    }

    /// Says what a silence has held up.
    async fn say_late(&mut self) -> io::Result<()> {
        match self.late.take() {
            Some(line) => self.say(&line).await,
            None => Ok(()),
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.client.leg.write_all(bytes).await?;
        self.client.leg.flush().await
    }

    /// Both sides go over to TLS.
    async fn secure(&mut self) -> io::Result<()> {
        let Some(tls) = &self.watched.tls else { return Ok(()) };
        let duplicate = |side: &Side| -> io::Result<TcpStream> {
            let std = std::net::TcpStream::from(rustix::io::dup(side.leg.get_ref().tcp())?);
            std.set_nonblocking(true)?;
            TcpStream::from_std(std)
        };
        // The clear ones are dropped with their sides; the connection lives on in its duplicate.
        let (client, server) = (duplicate(&self.client)?, duplicate(&self.server)?);
        let (client, server) = tls.both(client, server).await?;
        self.client.leg = BufReader::new(client);
        self.server.leg = BufReader::new(server);
        Ok(())
    }

    /// Waits on `ip` for one data connection and joins it to `theirs`. `active`: it is the server that will
    /// connect.
    fn open(
        &self,
        ip: IpAddr,
        theirs: SocketAddr,
        Asked { number, told, private }: Asked,
        active: bool,
    ) -> io::Result<SocketAddr> {
        if self.watched.connections() >= CONNECTIONS {
            return Err(io::Error::other("too many data connections"));
        }
        let socket = data_socket(ip)?;
        let ours = socket.local_addr()?;
        let way = data::Way { theirs, active, told, number, private, control: self.acts.clone() };
        match self.watched.strike.filter(|_| self.watched.refuse == Some(number)) {
            // It is bound, and nobody listens there.
            Some(strike) if !self.watched.seen().struck => {
                self.watched.spawn(data::refuse(socket, way, strike, self.watched.clone()));
            }
            _ => self.watched.spawn(data::serve(socket.listen(1)?, way, self.watched.clone())),
        }
        Ok(ours)
    }

    fn reset(self) {
        for side in [self.client, self.server] {
            side.leg.into_inner().reset();
        }
    }
}
