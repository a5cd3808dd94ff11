//! One run: one file, one fault, three witnesses.

use super::fault::{Planned, Trigger};
use super::pair::{Direction, Pair, Settings};
use super::proxy::{Certificate, Plan, Proxy, ProxyTls, Victim, Watched};
use super::row::{Brought, Row, row};
use super::server::Started;
use super::verdict::{Content, Ended, Fate, judge, lies_beside};
use crate::programs::{self, Filled, Place, Ran};
use ftp_proto::name::Printable;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// When the client has ended, so long its connections and the server's have to end, and the server to write what
/// has come.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);
/// Between two looks at what stands at the server; as often unchanged, it stays.
const LOOK: Duration = Duration::from_millis(40);
const LOOKS: u32 = 3;

static RUNS: AtomicU64 = AtomicU64::new(0);

/// One run's circumstances.
pub(super) struct Circumstances<'a> {
    pub pair: &'a Pair,
    pub settings: &'a Settings,
    /// The proxy's, under TLS.
    pub certificate: Option<&'a Certificate>,
    /// `None`: the control group.
    pub planned: Option<&'a Planned>,
    /// Which data connection carries the file, as the control group has shown.
    pub carrier: Option<usize>,
}

/// Where the file is, and what it is called.
struct Names {
    place: Place,
    local: PathBuf,
    remote: String,
}

/// How the names of this process's files begin.
fn shared() -> String {
    format!("trial-{}-", std::process::id())
}

impl Circumstances<'_> {
    /// The run, and which of the data connections has carried the file. Errors: it could not be begun.
    pub(super) async fn run(&self) -> io::Result<(Row, Option<usize>)> {
        let place = Place::new("ftpsim-trial-")?;
        // One name at both ends, for clients that know no other; nothing else at the server is called so.
        let remote = format!("{}{}.bin", shared(), RUNS.fetch_add(1, Relaxed));
        let names = Names { local: place.work.join(&remote), place, remote };
        let mut server = self.pair.server.start(self.certificate).await?;
        let bytes = &self.settings.bytes;
        match self.pair.direction {
            Direction::Put => fs::write(&names.local, bytes)?,
            Direction::Get => server.eye.place(&names.remote, bytes).await?,
        }
        let tls = self.certificate.map(ProxyTls::new).transpose()?;
        let strike = self.planned.map(|planned| planned.strike);
        let refuse = strike.filter(|strike| strike.fault == crate::sim::fault::FaultName::Refused);
        let plan = Plan {
            strike,
            remote: names.remote.clone(),
            size: bytes.len() as u64,
            refuse: refuse.and(self.carrier),
            only: None,
            tls,
        };
        let proxy = Proxy::start(server.address, plan).await?;
        let started = Instant::now();
        let (ended, output) = self.client(&mut server, &proxy, &names).await?;
        let seconds = started.elapsed().as_secs_f64();
        let witnessed = self.content(&server, &proxy.watched, &names).await;
        let seen = proxy.watched.report();
        drop(proxy);
        if !server.is_ours() {
            server.eye.remove(&names.remote).await;
        }
        let (content, misfiled) = witnessed?;
        let fate = match strike {
            Some(_) if !seen.struck && ended != Ended::TimeLimit => Fate::NotStruck,
            // Without a fault, a second transfer is the client's way.
            _ => judge(ended, content, if seen.struck { seen.attempts } else { 1 }, misfiled),
        };
        let carrier = seen.carrier;
        let brought = Brought { ended, content, fate, seen, seconds, output };
        Ok((row(self.pair, self.settings, self.planned, brought), carrier))
    }

    /// Runs the client to its end, its death, or the limit; the server's process dies meanwhile if it is to.
    async fn client(
        &self,
        server: &mut Started,
        proxy: &Proxy,
        names: &Names,
    ) -> io::Result<(Ended, String)> {
        let template = self.pair.client.command(self.pair.direction);
        let template = template.ok_or_else(|| io::Error::other("the client has no command for it"))?;
        let filled = self.filled(server, proxy, names)?;
        for (name, text) in &self.pair.client.files {
            let path = names.place.home.join(name);
            fs::write(&path, filled.fill(text))?;
            // It may be a script.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        }
        let mut ended = Ended::TimeLimit;
        let stop = async {
            tokio::select! {
                biased;
                () = proxy.watched.doomed(Victim::Client) => ended = Ended::Struck,
                () = sleep(self.settings.time_limit) => {}
            }
        };
        let password = server.login.password.clone();
        let death = async {
            proxy.watched.doomed(Victim::Server).await;
            server.kill();
            std::future::pending::<()>().await;
        };
        let ran = tokio::select! {
            biased;
            ran = programs::run(template, &filled, &names.place, stop) => ran?,
            () = death => return Err(io::Error::other("a server's death has no end")),
        };
        let output = printed(&ran, &names.place, &password);
        Ok((ran.status.map_or(ended, |status| Ended::Exit(status.code())), output))
    }

    fn filled(&self, server: &Started, proxy: &Proxy, names: &Names) -> io::Result<Filled> {
        let text = |path: &Path| path.display().to_string();
        let mut filled = super::described::common();
        let trusted = names.place.home.join("ftpsim-trial-ca.pem");
        if let Some(certificate) = self.certificate {
            fs::write(&trusted, &certificate.pem)?;
        }
        let login = &server.login;
        let url = format!("ftp://{}:{}@{}/{}", login.user, login.password, proxy.address, names.remote);
        filled.0.extend([
            // An address of IPv6 stands in brackets before its port.
            ("{host}:{port}", proxy.address.to_string()),
            ("{host}", proxy.address.ip().to_string()),
            ("{port}", proxy.address.port().to_string()),
            ("{user}", login.user.clone()),
            ("{password}", login.password.clone()),
            ("{local}", text(&names.local)),
            ("{local_dir}", text(&names.place.work)),
            ("{remote}", names.remote.clone()),
            ("{size}", self.settings.bytes.len().to_string()),
            ("{url}", url),
            ("{home}", text(&names.place.home)),
            ("{ca}", text(&trusted)),
        ]);
        Ok(filled)
    }

    /// What stands at the receiver when all is quiet, and whether the whole file lies beside it.
    async fn content(
        &self,
        server: &Started,
        watched: &Watched,
        names: &Names,
    ) -> io::Result<(Content, bool)> {
        let bytes = &self.settings.bytes;
        if self.pair.direction == Direction::Get {
            return Ok((Content::of(&names.local, bytes), lies_beside(&names.local, bytes, &shared())));
        }
        let begun = Instant::now();
        // Where nothing passes any more, nothing ends.
        let passes = !self.is_silent(watched);
        while passes && watched.connections() > 0 && begun.elapsed() < SETTLE_LIMIT {
            sleep(LOOK / 4).await;
        }
        let mut content = server.eye.content(&names.remote, bytes).await?;
        let mut same = 0;
        while content != Content::Whole && same < LOOKS && begun.elapsed() < SETTLE_LIMIT {
            sleep(LOOK).await;
            let now = server.eye.content(&names.remote, bytes).await?;
            same = if now == content { same + 1 } else { 0 };
            content = now;
        }
        Ok((content, server.eye.is_misfiled(&names.remote, bytes, &shared())))
    }

    /// Whether the fault holds a connection to the end of the run.
    fn is_silent(&self, watched: &Watched) -> bool {
        use crate::sim::fault::FaultName::{Blackhole, ControlSilent};
        let strike = self.planned.map(|planned| planned.strike).filter(|_| watched.report().struck);
        strike
            .is_some_and(|strike| matches!(strike.fault, Blackhole | ControlSilent) && strike.lasts.is_none())
    }
}

/// Both of its streams, escaped, without the password and the names of directories.
fn printed(ran: &Ran, place: &Place, password: &str) -> String {
    let text = [&ran.stdout[..], &ran.stderr[..]].concat();
    let said = place.named(&String::from_utf8_lossy(&text)).replace(password, "****");
    let installed = super::described::common().0;
    let paths = installed.iter().filter(|(_, path)| !path.is_empty());
    let text = paths.fold(said, |text, (name, path)| text.replace(path, name));
    // Progress is told on one line, again and again.
    let lines = text.split(['\n', '\r']);
    lines.map(|line| Printable(line).to_string()).collect::<Vec<_>>().join("\n")
}

/// Whether a run of this plan can be had: a server that we have not started cannot be killed.
pub(super) fn can_be_committed(pair: &Pair, planned: &Planned) -> bool {
    use crate::sim::fault::FaultName::{ReceiverDies, SenderDies};
    let server_is_victim = match planned.strike.fault {
        SenderDies => pair.direction == Direction::Get,
        ReceiverDies => pair.direction == Direction::Put,
        _ => false,
    };
    // At the preliminary reply nobody has the file yet; at the final one a receiver has it.
    let is_told = !matches!(planned.strike.trigger, Trigger::BeforePreliminary) || !server_is_victim;
    is_told && (!server_is_victim || pair.server.is_started_here())
}
