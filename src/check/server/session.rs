//! A session of a check: logging in, going to its directory, and what is needed before it asks.

use super::control::{Control, Reply, Trouble, clipped};
use super::data::{self, Data};
use super::script::Start;
use super::target::{Target, Tls};
use crate::check::verdict::Verdict;
use std::time::Duration;

/// How a check ends before its last step: a verdict with its evidence.
pub(super) type Ended = (Verdict, String);

/// It is not kept: what came instead.
pub(super) fn failed(what: impl Into<String>) -> Ended {
    (Verdict::Fail, what.into())
}

pub(super) struct Session<'a> {
    pub control: Control,
    pub target: &'a Target,
    tls: Option<Tls>,
    /// Data connections are under TLS.
    pub is_private: bool,
    pub data: Data,
    pub received: Vec<u8>,
    pub is_clean: bool,
    pub last: Reply,
    pub port_before: Option<u16>,
    /// The step under way is not what the check asks.
    pub sets_up: bool,
}

impl<'a> Session<'a> {
    pub(super) async fn connect(target: &'a Target) -> Result<Self, Trouble> {
        let control = Control::connect(target.address, target.timeout, &target.password).await?;
        let tls = target.tls.as_ref().map(Tls::for_session);
        Ok(Self {
            control,
            target,
            tls,
            is_private: false,
            data: Data::None,
            received: Vec::new(),
            is_clean: false,
            last: Reply::default(),
            port_before: None,
            sets_up: false,
        })
    }

    /// What data connections need of TLS, and how long one waits for them.
    pub(super) fn tls(&self) -> Option<Tls> {
        self.tls.clone().filter(|_| self.is_private)
    }

    pub(super) async fn handshake(&mut self) -> Result<(), Ended> {
        let Some(tls) = self.tls.clone() else {
            return Err((Verdict::Skipped, "TLS is switched off here".to_owned()));
        };
        self.control.secure(&tls).await.map_err(|trouble| failed(format!("the handshake: {trouble}")))
    }

    /// A command whose refusal makes the check impossible.
    pub(super) async fn ask(&mut self, line: &str) -> Result<&Reply, Trouble> {
        self.control.line(line).await?;
        self.last = self.control.reply().await?;
        Ok(&self.last)
    }

    /// Likewise; a negative reply ends the check.
    pub(super) async fn needs(&mut self, line: &str) -> Result<(), Ended> {
        let shown = if line.starts_with("PASS ") { "PASS ****" } else { line };
        match self.ask(line).await {
            Ok(reply) if reply.code < 400 => Ok(()),
            Ok(reply) => Err((Verdict::Untestable, format!("{}: {}", clipped(shown), reply.brief()))),
            Err(trouble) => Err(failed(format!("{}: {trouble}", clipped(shown)))),
        }
    }

    /// As far as a check wants it; `clear`: without AUTH.
    pub(super) async fn begin(
        &mut self,
        start: Start,
        clear: bool,
        directory: Option<&str>,
    ) -> Result<(), Ended> {
        if self.tls.as_ref().is_some_and(|tls| tls.implicit) {
            self.handshake().await?;
        }
        if start == Start::Raw {
            return Ok(());
        }
        let mut greeting =
            self.control.reply().await.map_err(|trouble| failed(format!("greeting: {trouble}")))?;
        if greeting.code == 120 {
            greeting =
                self.control.reply().await.map_err(|trouble| failed(format!("greeting: {trouble}")))?;
        }
        self.last = greeting;
        if self.last.code != 220 {
            return Err((Verdict::Untestable, format!("greeting: {}", self.last.brief())));
        }
        if self.target.secured && !clear && !self.control.is_tls() {
            self.needs("AUTH TLS").await?;
            self.handshake().await?;
        }
        if start == Start::LoggedIn {
            self.log_in().await?;
            if self.control.is_tls() && self.target.secured {
                self.needs("PBSZ 0").await?;
                self.needs("PROT P").await?;
                self.is_private = true;
            }
            self.needs("TYPE I").await?;
            if !self.target.path.is_empty() {
                self.needs(&format!("CWD {}", self.target.path.clone())).await?;
            }
            if let Some(directory) = directory {
                self.make(directory).await?;
                self.needs(&format!("CWD {directory}")).await?;
            }
        }
        Ok(())
    }

    /// Servers that serve one session at a time, or few, shall not have to wait for a timeout.
    pub(super) async fn leave(&mut self) {
        if self.last.code != 221 {
            let _ = tokio::time::timeout(Duration::from_millis(200), self.control.line("QUIT")).await;
        }
    }

    pub(super) async fn log_in(&mut self) -> Result<(), Ended> {
        self.needs(&format!("USER {}", self.target.user)).await?;
        if self.last.code == 331 {
            self.needs(&format!("PASS {}", self.target.password)).await?;
        }
        match self.last.code {
            200..300 => Ok(()),
            // An account (ACCT) is wanted, which nobody has given us.
            300..400 => Err((Verdict::Untestable, format!("login: {}", self.last.brief()))),
            _ => Err(failed(format!("login: {}", self.last.brief()))),
        }
    }

    pub(super) async fn make(&mut self, directory: &str) -> Result<(), Ended> {
        let command = format!("MKD {directory}");
        self.needs(&command).await?;
        match self.last.code {
            200..300 => Ok(()),
            _ => Err(failed(format!("{command}: {}", self.last.brief()))),
        }
    }

    pub(super) async fn open_passive(&mut self) -> Result<(), Ended> {
        match data::open_passive(&mut self.control).await {
            Ok(Some(stream)) => {
                self.data = Data::Clear(stream);
                Ok(())
            }
            Ok(None) => Err((Verdict::Skipped, "neither EPSV nor PASV is offered".to_owned())),
            Err(trouble) => Err(failed(format!("passive data connection: {trouble}"))),
        }
    }

    /// What a check needs: a file of this content.
    pub(super) async fn put(&mut self, name: &str, content: &[u8]) -> Result<(), Ended> {
        self.open_passive().await?;
        self.needs(&format!("STOR {name}")).await?;
        let (tls, timeout) = (self.tls(), self.control.timeout);
        let sent = async {
            self.data.send(content, tls.as_ref(), timeout).await?;
            self.data.close(tls.as_ref(), timeout).await
        };
        sent.await.map_err(|trouble| failed(format!("STOR {name}, its data: {trouble}")))?;
        self.completed(&format!("STOR {name}")).await
    }

    /// The reply after the preliminary one.
    async fn completed(&mut self, what: &str) -> Result<(), Ended> {
        if self.last.code >= 200 {
            return Ok(());
        }
        match self.control.reply().await {
            Ok(reply) if reply.code / 100 == 2 => Ok(()),
            Ok(reply) if reply.code < 400 => Err(failed(format!("{what}: {}", reply.brief()))),
            Ok(reply) => Err((Verdict::Untestable, format!("{what}: {}", reply.brief()))),
            Err(trouble) => Err(failed(format!("{what}: {trouble}"))),
        }
    }

    pub(super) async fn get(&mut self, name: &str, expected: &[u8]) -> Result<(), Ended> {
        self.open_passive().await?;
        let what = format!("RETR {name}");
        match self.ask(&what).await {
            Ok(reply) if reply.code / 100 == 1 => {}
            Ok(reply) => return Err(failed(format!("{what}: {}", reply.brief()))),
            Err(trouble) => return Err(failed(format!("{what}: {trouble}"))),
        }
        self.receive(None).await?;
        match self.control.reply().await {
            Ok(reply) if reply.code / 100 == 2 => self.received_is(expected),
            Ok(reply) => Err(failed(format!("{what}: {}", reply.brief()))),
            Err(trouble) => Err(failed(format!("{what}: {trouble}"))),
        }
    }

    pub(super) async fn receive(&mut self, limit: Option<usize>) -> Result<(), Ended> {
        let (tls, timeout) = (self.tls(), self.control.timeout);
        let read = self.data.read(limit, tls.as_ref(), timeout).await;
        let end = read.map_err(|trouble| failed(format!("data connection: {trouble}")))?;
        self.control.note(&format!("* {} bytes came", end.bytes.len()));
        (self.received, self.is_clean) = (end.bytes, end.is_clean);
        if limit.is_none() {
            self.data = Data::None;
        }
        Ok(())
    }

    pub(super) fn received_is(&self, expected: &[u8]) -> Result<(), Ended> {
        if self.received == expected {
            return Ok(());
        }
        let differs = self.received.iter().zip(expected).position(|(a, b)| a != b);
        let at = differs.unwrap_or(self.received.len().min(expected.len()));
        Err(failed(format!(
            "{} bytes came, {} were expected; they differ from byte {at} on",
            self.received.len(),
            expected.len()
        )))
    }
}
