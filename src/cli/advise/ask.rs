//! Asks the server for what was not given. Whatever a sample writes there is removed again, at an interruption, too.

use super::Args;
use super::basis::Basis;
use super::given::{Given, shown};
use crate::advise::amount::{Amount, Path, Unit};
use crate::advise::features::{Feature, Features};
use crate::advise::files::Own;
use crate::advise::probe;
use crate::advise::sample::{self, Found, Light, Sample};
use crate::cli::access;
use crate::cli::out::tell;
use crate::cli::remote::{join, name_of, with_remote};
use crate::cli::signals::{asked_to_end, end};
use crate::cli::transfer::{interruptible, runtime};
use crate::cli::url::FtpUrl;
use crate::lab::plural::counted;
use crate::report::format;
use crate::sim::scenario::Direction;
use anyhow::{Context, anyhow};
use ftp_endpoint::client::{Client, ClientError, EntryKind, Login, Policy, Session, TlsWhen};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_proto::repr::Representation;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process;
use std::sync::Arc;
use std::time::Duration;

/// For what takes no account of the path.
const LIMIT: Duration = Duration::from_secs(10);
/// A login that takes less beyond its round trips takes nothing.
const LEAST_LOGIN_US: u64 = 5_000;
/// The largest file of a sample download.
const LARGEST_BYTES: u64 = 64 << 20;

impl Given {
    /// Fills in what is missing and what a server can tell.
    pub(super) fn ask(
        &mut self,
        args: &Args,
        url: &FtpUrl,
        basis: &mut Basis,
        own: &mut Option<Own>,
    ) -> anyhow::Result<()> {
        if self.is_to_ask() {
            let policy = Policy { pasv_after_epsv: true, ..Policy::default() };
            let (login, policy) = args.access.secure(url, policy)?;
            let asked = runtime()?.block_on(self.dialogue(args, url, (&login, &policy), basis));
            // The simulation has a runtime of its own.
            if let Some(sample) = asked.map_err(|error| args.access.tls.explained(url, error))? {
                self.take_sample(&sample, basis)?;
            }
        }
        if own.is_none() {
            *own = Some(listed(args, url)?);
        }
        Ok(())
    }

    async fn dialogue(
        &mut self,
        args: &Args,
        url: &FtpUrl,
        (login, policy): (&Login, &Policy),
        basis: &mut Basis,
    ) -> anyhow::Result<Option<Sample>> {
        let net = RealNet::new();
        let dialogue = Arc::new(args.access.dialogue(url, login));
        let (server, session, told, open_us) = interruptible(async {
            let server = url.resolve().await?;
            let began = net.now();
            let mut session = access::open(server, login, policy, dialogue).await?;
            let open_us = us(net.now() - began);
            let told = probe::ask(&net, &mut session).await?;
            anyhow::Ok((server, session, told, open_us))
        })
        .await?;
        self.round_trip(&told.rtts_us, basis);
        self.logged_in(&session, policy.tls, open_us, basis);
        if self.features.is_none() {
            let security = security(&net, server, &session, policy.tls, &login.user);
            self.features = Some(interruptible(security).await.of(told.features));
            basis.say(
                "The server was asked: MODE, STRU, FEAT, and USER in clear where it offers TLS.".to_owned(),
            );
        }
        if !args.sample || self.rate.is_some() && self.loss.is_some() {
            interruptible(session.quit()).await;
            return Ok(None);
        }
        let is_tls = session.tls().is_some();
        let mut client = Client::from(session);
        let sample = sampled(&net, &mut client, args, url, is_tls).await?;
        interruptible(client.quit()).await;
        Ok(Some(sample))
    }

    fn round_trip(&mut self, rtts_us: &[u64], basis: &mut Basis) {
        let n = rtts_us.len();
        if self.rtt.is_some() || n == 0 {
            return;
        }
        // A tenth at either end says more of the machines than of the path.
        let rtt =
            Amount::measured(rtts_us[n / 2].max(1), rtts_us[n / 10].max(1), rtts_us[n - 1 - n / 10].max(1));
        basis.say(format!(
            "The round trip is the median of {}, with the range of all but the shortest and longest tenth.",
            format::counted(n as u64, "NOOP")
        ));
        self.rtt = Some(rtt);
    }

    /// Connecting, greeting, USER, PASS and TYPE; FEAT before AUTH; AUTH, its handshake, PBSZ and PROT.
    fn logged_in(&mut self, session: &Session<RealNet>, tls: TlsWhen, open_us: u64, basis: &mut Basis) {
        let Some(rtt) = self.rtt.filter(|_| self.login.is_none()) else { return };
        let under_tls = if session.tls().is_some() { 4 } else { 0 };
        let trips = 5 + u64::from(tls == TlsWhen::Auto) + under_tls;
        let beyond_us = open_us.saturating_sub(trips * rtt.value);
        if beyond_us > LEAST_LOGIN_US.max(rtt.value / 4) {
            let login_us = Amount::measured(beyond_us, beyond_us, beyond_us).value;
            self.login = Some(login_us);
            basis.say(format!("A login took {} beyond its round trips.", Unit::Time.exact(login_us)));
        }
    }

    fn take_sample(&mut self, sample: &Sample, basis: &mut Basis) -> anyhow::Result<()> {
        let known = Path {
            rate_bits_per_s: Amount::exactly(1),
            loss_ppm: self.loss.unwrap_or(Amount::exactly(0)),
            ..self.path()
        };
        let found = sample.path(&known, self.loss.is_some()).map_err(|error| anyhow!(error))?;
        let Found { rate, is_least, loss } = found;
        let how = format!(
            "{} of {} each took {}",
            format::counted(
                sample.took_us.len() as u64,
                match sample.direction {
                    Direction::Put => "upload",
                    Direction::Get => "download",
                }
            ),
            format::bytes(sample.bytes),
            format::duration(sample.took_us[sample.took_us.len() / 2]),
        );
        if self.rate.is_none() {
            self.rate = Some(rate);
            let sentence = match is_least {
                false => {
                    format!("The rate is that at which the simulation takes as long as the sample: {how}.")
                }
                true => format!(
                    "The rate is at least {}, and more would make no difference to the sample: {how}.",
                    shown(Unit::Rate, &Amount::exactly(rate.value))
                ),
            };
            if is_least { basis.assume(sentence) } else { basis.say(sentence) }
        }
        if let (None, Some(loss)) = (self.loss, loss) {
            self.loss = Some(loss);
            let Light { segments, sent_again } = sample.light.unwrap_or(Light { segments: 0, sent_again: 0 });
            basis.say(format!(
                "The loss is what this machine's TCP (all of it, whoever used it) sent again during uploads that fill no \
                 queue: {} of {}.",
                format::thousands(sent_again),
                format::counted(segments, "segment")
            ));
        }
        Ok(())
    }
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Which of sessions in clear and under TLS there are.
struct Security {
    clear: Option<u16>,
    tls: bool,
}

impl Security {
    fn of(self, mut features: Features) -> Features {
        if let Some(code) = self.clear {
            features.answered(Feature::Clear, code);
        }
        if self.tls {
            features.add(Feature::Tls);
        }
        features
    }
}

async fn security(
    net: &RealNet,
    server: SocketAddr,
    session: &Session<RealNet>,
    when: TlsWhen,
    user: &str,
) -> Security {
    let tls = session.tls().is_some();
    let clear = match when {
        // Whoever demands it will not do without.
        TlsWhen::Implicit | TlsWhen::Required => None,
        _ if !tls => Some(230),
        _ => probe::user_in_clear(net, server, user, LIMIT).await,
    };
    Security { clear, tls }
}

/// Transfers of the sample, with all of it removed.
async fn sampled(
    net: &RealNet,
    client: &mut Client<RealNet>,
    args: &Args,
    url: &FtpUrl,
    tls: bool,
) -> anyhow::Result<Sample> {
    let direction = args.direction;
    let (bytes, took_us, light) = match direction {
        Direction::Put => uploaded(net, client, args, url).await?,
        Direction::Get => {
            let (bytes, took_us) = interruptible(downloaded(net, client, args, url)).await?;
            (bytes, took_us, None)
        }
    };
    Ok(Sample { direction, tls, bytes, took_us, light })
}

/// Segments sent again by now.
fn sent_again() -> Option<u64> {
    sample::sent_again(&std::fs::read_to_string("/proc/net/snmp").ok()?)
}

/// Light uploads, then heavy ones.
async fn uploads(
    net: &RealNet,
    client: &mut Client<RealNet>,
    file: &str,
) -> Result<(u64, Vec<u64>, Option<Light>), ClientError> {
    let before = sent_again();
    let segments = sample::light(net, client, file).await?;
    let light = before
        .zip(sent_again())
        .map(|(before, after)| Light { segments, sent_again: after.saturating_sub(before) });
    let (bytes, took_us) = sample::upload(net, client, file).await?;
    Ok((bytes, took_us, light))
}

async fn uploaded(
    net: &RealNet,
    client: &mut Client<RealNet>,
    args: &Args,
    url: &FtpUrl,
) -> anyhow::Result<(u64, Vec<u64>, Option<Light>)> {
    let directory = url.below(&format!("ftpsim-advise-{}-{}", process::id(), net.now().as_nanos()));
    let file = join(&directory, "sample");
    if !args.quiet {
        tell(format_args!("--sample: uploads to {directory} at the server, which is removed afterwards"));
    }
    let made = client.make_dir(&directory).await;
    made.with_context(|| format!("--sample: cannot make the directory {directory} at the server"))?;
    let transfers = tokio::select! {
        biased;
        asked = asked_to_end() => Err(asked),
        done = uploads(net, client, &file) => Ok(done),
    };
    match transfers {
        Ok(done) => {
            let removed = remove(client, &directory, &file).await;
            let done = done.context("--sample: an upload failed")?;
            removed.with_context(|| format!("--sample: {directory} is left at the server"))?;
            Ok(done)
        }
        Err(asked) => {
            // The transfer was broken off, and the session with it.
            tell(format_args!("interrupted; removing {directory} at the server"));
            let policy = Policy { pasv_after_epsv: true, ..Policy::default() };
            let cleaned = net.timeout(LIMIT, async {
                let (login, policy) = args.access.secure(url, policy)?;
                let dialogue = Arc::new(args.access.dialogue(url, &login));
                let session = access::open(url.resolve().await?, &login, &policy, dialogue).await?;
                Ok::<(), anyhow::Error>(remove(&mut session.into(), &directory, &file).await?)
            });
            if !matches!(cleaned.await, Ok(Ok(()))) {
                tell(format_args!("{directory} is left at the server"));
            }
            end(asked)
        }
    }
}

async fn remove(client: &mut Client<RealNet>, directory: &str, file: &str) -> Result<(), ClientError> {
    // It need not be there.
    let _ = client.remove_file(file).await;
    client.remove_dir(directory).await
}

async fn downloaded(
    net: &RealNet,
    client: &mut Client<RealNet>,
    args: &Args,
    url: &FtpUrl,
) -> anyhow::Result<(u64, Vec<u64>)> {
    let listing = client.list(&url.path).await.context("--sample: cannot list the URL's directory")?;
    let mut known: Vec<_> = listing
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .filter_map(|entry| Some((entry.size_bytes.filter(|bytes| *bytes <= LARGEST_BYTES)?, &entry.name)))
        .collect();
    known.sort();
    let (bytes, name) =
        known.pop().context("--sample: there is no file of up to 64 MiB in the URL's directory")?;
    // LIST of a file names the file itself.
    let path = if name == name_of(&url.path) && listing.entries.len() == 1 {
        url.path.clone()
    } else {
        url.below(name)
    };
    if !args.quiet {
        tell(format_args!("--sample: downloads {path} ({}), which goes nowhere", format::bytes(bytes)));
    }
    sample::download(net, client, &path).await.with_context(|| format!("--sample: cannot download {path}"))
}

/// What the URL names, with all that is below it.
fn listed(args: &Args, url: &FtpUrl) -> anyhow::Result<Own> {
    let policy = Policy {
        representation: Representation::Ascii,
        pasv_after_epsv: true,
        direction: Direction::Get,
        ..Policy::default()
    };
    // What could not be listed was told by then.
    let (tree, _) = with_remote(url, &args.access, policy, async |remote| {
        let mut tree = remote.whole(&url.path, name_of(&url.path)).await?;
        for file in &mut tree.files {
            if file.size_bytes.is_none() {
                remote.ask_facts(file).await?;
            }
        }
        Ok(tree)
    })?;
    let sizes: Vec<u64> = tree.files.iter().filter_map(|file| file.size_bytes).collect();
    let unknown = tree.files.len() - sizes.len();
    without_size(unknown).iter().for_each(tell);
    anyhow::ensure!(
        !sizes.is_empty(),
        "the server lists no file there; name a directory of files like those that are to come, or give --sizes"
    );
    Ok(Own::of_sizes(sizes, tree.directories.len() as u64))
}

/// Of files whose size is not known, if there are any.
fn without_size(files: usize) -> Option<String> {
    let files = NonZeroUsize::new(files)?.get();
    let (have, are) = if files == 1 { ("has", "it is") } else { ("have", "they are") };
    Some(format!("{} {have} no size that the server tells; {are} left out", counted(files, "file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_a_size_are_told_where_there_are_any() {
        let said = [0, 1, 2].map(without_size);
        assert_eq!(said[0], None);
        assert_eq!(said[1].as_deref(), Some("1 file has no size that the server tells; it is left out"));
        assert_eq!(said[2].as_deref(), Some("2 files have no size that the server tells; they are left out"));
    }
}
