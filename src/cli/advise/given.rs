//! The figures of an advice: those that were given, those that were measured, and those that are assumed.

use super::Args;
use super::basis::Basis;
use super::source::{Source, quoted};
use crate::advise::advice::Question;
use crate::advise::amount::{Amount, Path, Unit};
use crate::advise::features::Features;
use crate::cli::access::Access;
use crate::cli::url::FtpUrl;
use crate::report::advise::Place;
use anyhow::bail;
use ftp_proto::name;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::ffi::OsString;
use std::path::PathBuf;

/// Of a URL's part, what stands for itself.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PLAIN_PATH: &AsciiSet =
    &PLAIN.remove(b'/').remove(b'+').remove(b'=').remove(b',').remove(b':').remove(b'@');

/// What is assumed where nobody has measured.
const RATE_BITS_PER_S: u64 = 100_000_000;
const RTT_US: u64 = 50_000;

pub(super) struct Given {
    pub rtt: Option<Amount>,
    pub rate: Option<Amount>,
    pub loss: Option<Amount>,
    pub login: Option<u64>,
    pub features: Option<Features>,
    sample: bool,
}

/// The URL and the directory, in whichever order; each once.
pub(super) fn positional(what: &[OsString]) -> anyhow::Result<(Option<FtpUrl>, Option<PathBuf>)> {
    let (mut url, mut directory) = (None, None);
    for word in what {
        let is_url = word.to_str().filter(|word| word.contains("://"));
        match is_url {
            Some(text) if url.is_none() => {
                let parsed: FtpUrl =
                    text.parse().map_err(|error| anyhow::anyhow!("the URL is wrong: {error}"))?;
                url = Some(parsed);
            }
            None if directory.is_none() => directory = Some(PathBuf::from(word)),
            Some(_) => bail!("two URLs; advise is for one server"),
            None => bail!("two directories; advise is for one, or for --from-log FILE"),
        }
    }
    Ok((url, directory))
}

impl Given {
    pub(super) fn of(args: &Args, url: Option<&FtpUrl>) -> anyhow::Result<Self> {
        if args.sample && url.is_none() {
            bail!("--sample: with which server? Put its URL before the directory");
        }
        Ok(Self {
            rtt: args.rtt,
            rate: args.rate,
            loss: args.loss,
            login: args.login,
            features: args.features.clone(),
            sample: args.sample,
        })
    }

    /// Whether the server is to be asked for anything.
    pub(super) fn is_to_ask(&self) -> bool {
        self.rtt.is_none() || self.features.is_none() || self.sample
    }

    /// What nobody has given or measured.
    pub(super) fn assume(&mut self, is_asked: bool, basis: &mut Basis) {
        let remedy = if is_asked { ", or --sample, which measures it" } else { "" };
        if self.rtt.is_none() {
            self.rtt = Some(Amount::exactly(RTT_US));
            basis.assume("The round trip is not known: 50 ms are assumed; give --rtt.".to_owned());
        }
        if self.rate.is_none() {
            self.rate = Some(Amount::exactly(RATE_BITS_PER_S));
            basis.assume(format!("The rate is not known: 100 Mbit/s are assumed; give --rate{remedy}."));
        }
        if self.loss.is_none() {
            self.loss = Some(Amount::exactly(0));
            let remedy = if self.sample { "" } else { remedy };
            basis.assume(format!("The loss is not known: none is assumed; give --loss{remedy}."));
        }
        if !is_asked && self.features.is_none() {
            basis.say(
                "Without a server both ends can be chosen: our own server's features are assumed.".to_owned(),
            );
        }
    }

    /// Once all is there.
    pub(super) fn path(&self) -> Path {
        let none = Amount::exactly(0);
        Path {
            rtt_us: self.rtt.unwrap_or(none),
            rate_bits_per_s: self.rate.unwrap_or(none),
            loss_ppm: self.loss.unwrap_or(none),
            login_us: self.login.unwrap_or(0),
        }
    }
}

/// The URL without its password.
fn word(url: &FtpUrl) -> String {
    let encoded = |text: &str, plain| percent_encode(&name::encode(text), plain).to_string();
    let scheme = if url.implicit_tls { "ftps" } else { "ftp" };
    let user = url.user.as_ref().map_or(String::new(), |user| encoded(user, PLAIN) + "@");
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    let path = match url.path.strip_prefix('/') {
        Some(absolute) => format!("%2F{}", encoded(absolute, PLAIN_PATH)),
        None => encoded(&url.path, PLAIN_PATH),
    };
    format!("{scheme}://{user}{host}:{}/{path}", url.port)
}

/// Where files go or come from, for commands.
pub(super) fn place(url: &FtpUrl, access: &Access) -> Place {
    Place {
        url: quoted(&word(url)),
        host: url.host.clone(),
        port: url.port,
        user: url.user.clone(),
        path: url.path.clone(),
        implicit_tls: url.implicit_tls,
        tls_options: access.tls.typed(),
    }
}

/// The command that gives the same advice without the network.
pub(super) fn again(
    args: &Args,
    url: Option<&FtpUrl>,
    source: &Source,
    question: &Question,
    basis: &Basis,
) -> String {
    let mut words = vec!["ftpsim advise".to_owned()];
    words.extend(url.map(|url| quoted(&word(url))));
    words.push(source.again(&question.own));
    words.push(format!("--direction {}", question.direction.as_str()));
    words.push(question.path.to_string());
    words.push(format!("--features {}", question.features));
    words.push(format!("--seed {}", question.seed));
    words.extend(question.fault_runs.map(|runs| format!("--runs {runs}")));
    words.extend(basis.sentences.iter().map(|sentence| format!("--basis {}", quoted(sentence))));
    words.push(url.map_or(String::new(), |_| args.access.tls.typed().trim().to_owned()));
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// For what is measured.
pub(super) fn shown(unit: Unit, amount: &Amount) -> String {
    unit.show(amount).replace(',', ", ").replace("..", " to ")
}
