//! The options of `ftpsim serve`, on the command line or by the same names in a TOML file; the
//! command line wins.

use super::tls::{OldestVersion, ReuseChoice, TlsChoice};
use crate::cli::tls::TLS_ENDS;
use crate::cli::transfer::{RECORD_FORMS, choice};
use crate::sim::scenario::{schema_of, with_hint};
use anyhow::{Context, bail};
use ftp_endpoint::server::{Limits, Rights, Timeouts};
use ftp_endpoint::transfer::{MinRate, TlsEnd};
use ftp_proto::repr::RecordForm;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The average over less would be hard on clients that wait for something.
const MIN_RATE_WINDOW: Duration = Duration::from_secs(60);

#[derive(clap::Args, Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// Directory to serve; users may have their own
    #[arg(long)]
    pub root: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:2121]
    #[arg(long)]
    #[schemars(with = "Option<String>", example = "0.0.0.0:2121")]
    pub listen: Option<SocketAddr>,
    /// NAME:PASSWORD of a user, who may read and write; may be given several times
    #[arg(long = "user", value_name = "NAME:PASSWORD", value_parser = user)]
    #[serde(rename = "user")]
    #[schemars(description = "A user; `[[user]]` for each")]
    pub users: Vec<UserSettings>,
    /// Let `anonymous` in, to read
    #[arg(long)]
    pub anonymous: bool,
    /// Text of the greeting
    #[arg(long)]
    pub greeting: Option<String>,
    /// Ports for passive data connections, FIRST-LAST [default: 10000-32767]
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports)]
    #[serde(deserialize_with = "ports_in_file")]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]+\s*-\s*[0-9]+$"))]
    pub passive_ports: Option<RangeInclusive<u16>>,
    /// Address to name in replies to PASV, where clients see another one than the server's own
    #[arg(long, value_name = "ADDRESS")]
    pub advertise: Option<Ipv4Addr>,
    /// Allow data connections to and from other hosts than the client's: transfers between servers,
    /// but also the bounce attack (RFC 2577)
    #[arg(long)]
    pub foreign_data_addresses: bool,
    /// Sessions at a time; never more than three quarters of the limit of open files [default: 10000]
    #[arg(long, value_name = "N")]
    pub max_sessions: Option<usize>,
    /// Sessions at a time from one address, or one IPv6 network of 64 bits [default: 128]
    #[arg(long, value_name = "N")]
    pub max_sessions_per_address: Option<usize>,
    /// Of these, sessions that nobody has logged in to yet [default: 100]
    #[arg(long, value_name = "N")]
    pub max_logins_per_address: Option<usize>,
    /// Bytes per second of each transfer [default: no limit]
    #[arg(long, value_name = "BYTES")]
    pub rate: Option<NonZeroU64>,
    /// Bytes per second that a client has to give or take on a data connection, on the average of a minute;
    /// 0: no limit [default: 100]
    #[arg(long, value_name = "BYTES")]
    pub min_rate: Option<u64>,
    /// Seconds from connection to login [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub login_timeout: Option<u64>,
    /// Seconds between commands [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub idle_timeout: Option<u64>,
    /// Seconds of silence on a data connection [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub data_timeout: Option<u64>,
    /// Wrong passwords in one session, the last of which ends it [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[schemars(range(min = 1))]
    pub max_login_failures: Option<u32>,
    /// Seconds before the answer to a wrong password [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub login_failure_delay: Option<u64>,
    /// Seconds for transfers to finish after an interrupt [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub shutdown_timeout: Option<u64>,
    /// How files keep the records of STRU R in TYPE I and L 8: plain (not at all) or marked (each
    /// behind its length, as in RFC 5531 section 11) [default: plain]
    #[arg(long, value_name = "FORM", value_parser = choice(&RECORD_FORMS))]
    pub record_form: Option<RecordForm>,
    /// Do not offer deflate mode (MODE Z), whose compression costs processor time
    #[arg(long = "no-deflate", num_args = 0, default_missing_value = "false")]
    #[schemars(
        description = "Whether deflate mode (MODE Z), whose compression costs processor time, is offered [default: true]"
    )]
    pub deflate: Option<bool>,
    /// Days for which what failed uploads have left is kept for resumption [default: 7]
    #[arg(long, value_name = "DAYS")]
    pub keep_partials: Option<u64>,
    /// Failed uploads kept for resumption, for each user; the oldest goes first [default: 100]
    #[arg(long, value_name = "N")]
    pub max_partials: Option<usize>,
    /// Answer uploads and other changes only when they survive the loss of power: files and directories
    /// are synced, many at a time. FEAT says DURABLE
    #[arg(long)]
    pub durable: bool,
    /// Encryption (FTP over TLS, RFC 4217): for clients that want it, demanded of all before they log in, or
    /// none [default: offered where there is a certificate]
    #[arg(long, value_name = "WHEN")]
    pub tls: Option<TlsChoice>,
    /// Certificate of the server, and those that vouch for it, in PEM; SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, in PEM, without a passphrase [default: in the certificate's file]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Make a certificate at the start, for nobody but this run of the server; a line on stdout tells the
    /// SHA-256 by which clients can know it
    #[arg(long)]
    pub tls_self_signed: bool,
    /// TLS from the first byte on, as clients expect it of port 990
    #[arg(long)]
    pub tls_implicit: bool,
    /// Whether data connections resume the TLS session of their control connection, which proves that they
    /// are the same client's [default: prefer]
    #[arg(long, value_name = "WHEN")]
    pub tls_reuse: Option<ReuseChoice>,
    /// What ends an upload in stream mode under TLS: strict (close_notify alone, which nobody else can make)
    /// or lax (any close, for clients that leave it out) [default: strict]
    #[arg(long, value_name = "END", value_parser = choice(&TLS_ENDS))]
    pub tls_end: Option<TlsEnd>,
    /// Oldest version of TLS that is spoken [default: 1.2]
    #[arg(long, value_name = "VERSION")]
    pub tls_min: Option<OldestVersion>,
    /// Once the port is bound, become this user, and a group of theirs or GROUP alone, for good; for root
    #[arg(long, value_name = "USER[:GROUP]")]
    pub run_as: Option<String>,
    /// Do not have the kernel (landlock) confine the server to what it serves, its log's directory and, to
    /// read, those of its configuration and certificate
    #[arg(long = "no-landlock", num_args = 0, default_missing_value = "false")]
    #[schemars(
        description = "Whether the kernel (landlock) confines the server to what it serves, its log's directory and, to read, those of its configuration and certificate [default: true]"
    )]
    pub landlock: Option<bool>,
    /// Write a line for each file sent or received, and for each name made, changed or removed, to this file;
    /// SIGHUP opens it anew
    #[arg(long, value_name = "FILE")]
    pub transfer_log: Option<PathBuf>,
    /// Form of these lines [default: xferlog]
    #[arg(long, value_name = "FORMAT")]
    pub transfer_log_format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    /// As xferlog(5) has it.
    #[default]
    Xferlog,
    /// An object a line.
    Json,
}

/// A `[[user]]` of the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UserSettings {
    /// By which they log in.
    pub name: String,
    /// In clear; `password-hash` is better.
    pub password: Option<String>,
    /// As `ftpsim hash-password` prints it.
    pub password_hash: Option<String>,
    /// The directory that they see; that of all when absent.
    pub root: Option<PathBuf>,
    /// What they may do; everything by default.
    pub rights: Option<Vec<Right>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Right {
    /// Download and list.
    Read,
    /// Upload, and make directories.
    Write,
    /// Delete and, with `write`, rename, replace what is there, and set a file's time.
    Delete,
}

impl UserSettings {
    pub(super) fn rights(&self) -> Rights {
        match &self.rights {
            None => Rights::ALL,
            Some(rights) => Rights {
                read: rights.contains(&Right::Read),
                write: rights.contains(&Right::Write),
                delete: rights.contains(&Right::Delete),
            },
        }
    }
}

fn user(text: &str) -> Result<UserSettings, String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() => Ok(UserSettings {
            name: name.to_owned(),
            password: Some(password.to_owned()),
            ..UserSettings::default()
        }),
        _ => Err("expected NAME:PASSWORD".to_owned()),
    }
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let expected = || "expected FIRST-LAST, ports from 1024 to 65535".to_owned();
    let (first, last) = text.split_once('-').ok_or_else(expected)?;
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port >= 1024).ok_or_else(expected);
    let (first, last) = (port(first)?, port(last)?);
    if first > last { Err(expected()) } else { Ok(first..=last) }
}

fn ports_in_file<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RangeInclusive<u16>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    ports(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Line, column and what is wrong there; of the file's text neither the line nor the value, which may be a
/// password's.
fn mistake(text: &str, error: &toml::de::Error) -> String {
    let begin = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = &text.as_bytes()[..begin];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    let message = error.message();
    let wrong = ["invalid type: ", "invalid value: "].into_iter().find(|word| message.starts_with(word));
    let message = match (wrong, message.rsplit_once(", expected ")) {
        // `integer \`12345\``, `string "secret"`.
        (Some(word), Some((found, expected))) => {
            let kind = found[word.len()..].split(['`', '"']).next().unwrap_or_default().trim_end();
            format!("{word}{kind}, expected {expected}")
        }
        _ => with_hint(message),
    };
    format!("line {line}, column {column}: {message}")
}

impl Settings {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        match toml::from_str(&text) {
            Ok(settings) => Ok(settings),
            Err(error) => bail!("{}: {}", path.display(), mistake(&text, &error)),
        }
    }

    /// Errors: a limit of nothing, which no session would come through.
    pub(super) fn let_somebody_in(&self) -> anyhow::Result<()> {
        let limits = [
            ("max-sessions", self.max_sessions.map(|most| most as u64)),
            ("max-sessions-per-address", self.max_sessions_per_address.map(|most| most as u64)),
            ("max-logins-per-address", self.max_logins_per_address.map(|most| most as u64)),
            ("login-timeout", self.login_timeout),
            ("idle-timeout", self.idle_timeout),
            ("data-timeout", self.data_timeout),
            ("max-login-failures", self.max_login_failures.map(u64::from)),
        ];
        match limits.iter().find(|(_, limit)| *limit == Some(0)) {
            Some((name, _)) => bail!("{name} = 0 would let nobody in: give at least 1, or leave it out"),
            None => Ok(()),
        }
    }

    /// The JSON Schema of `--config FILE`.
    pub(super) fn schema() -> serde_json::Value {
        schema_of::<Self>("The configuration of ftpsim serve")
    }

    /// What this one leaves open is taken from `file`; users are those of both.
    pub(super) fn over(self, file: Self) -> Self {
        let mut users = file.users;
        users.extend(self.users);
        Self {
            root: self.root.or(file.root),
            listen: self.listen.or(file.listen),
            users,
            anonymous: self.anonymous || file.anonymous,
            greeting: self.greeting.or(file.greeting),
            passive_ports: self.passive_ports.or(file.passive_ports),
            advertise: self.advertise.or(file.advertise),
            foreign_data_addresses: self.foreign_data_addresses || file.foreign_data_addresses,
            max_sessions: self.max_sessions.or(file.max_sessions),
            max_sessions_per_address: self.max_sessions_per_address.or(file.max_sessions_per_address),
            max_logins_per_address: self.max_logins_per_address.or(file.max_logins_per_address),
            rate: self.rate.or(file.rate),
            min_rate: self.min_rate.or(file.min_rate),
            login_timeout: self.login_timeout.or(file.login_timeout),
            idle_timeout: self.idle_timeout.or(file.idle_timeout),
            data_timeout: self.data_timeout.or(file.data_timeout),
            max_login_failures: self.max_login_failures.or(file.max_login_failures),
            login_failure_delay: self.login_failure_delay.or(file.login_failure_delay),
            shutdown_timeout: self.shutdown_timeout.or(file.shutdown_timeout),
            record_form: self.record_form.or(file.record_form),
            deflate: self.deflate.or(file.deflate),
            keep_partials: self.keep_partials.or(file.keep_partials),
            max_partials: self.max_partials.or(file.max_partials),
            durable: self.durable || file.durable,
            tls: self.tls.or(file.tls),
            tls_certificate: self.tls_certificate.or(file.tls_certificate),
            tls_key: self.tls_key.or(file.tls_key),
            tls_self_signed: self.tls_self_signed || file.tls_self_signed,
            tls_implicit: self.tls_implicit || file.tls_implicit,
            tls_reuse: self.tls_reuse.or(file.tls_reuse),
            tls_end: self.tls_end.or(file.tls_end),
            tls_min: self.tls_min.or(file.tls_min),
            run_as: self.run_as.or(file.run_as),
            landlock: self.landlock.or(file.landlock),
            transfer_log: self.transfer_log.or(file.transfer_log),
            transfer_log_format: self.transfer_log_format.or(file.transfer_log_format),
        }
    }

    /// Directories that are served, each once.
    pub(super) fn roots(&self) -> BTreeSet<&Path> {
        let of_users = self.users.iter().filter_map(|user| user.root.as_deref());
        of_users.chain(self.root.as_deref()).collect()
    }

    /// Keys that cannot change while the server runs, of those that are not the same in both.
    pub(super) fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let all = [
            ("listen", self.listen != other.listen),
            ("run-as", self.run_as != other.run_as),
            ("landlock", self.landlock != other.landlock),
            ("keep-partials", self.keep_partials != other.keep_partials),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        let default = Timeouts::default();
        let or = |seconds: Option<u64>, default| seconds.map_or(default, Duration::from_secs);
        Timeouts {
            login: or(self.login_timeout, default.login),
            idle: or(self.idle_timeout, default.idle),
            data: or(self.data_timeout, default.data),
            login_failure: or(self.login_failure_delay, default.login_failure),
            shutdown: or(self.shutdown_timeout, default.shutdown),
            ..default
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            sessions: self.max_sessions.unwrap_or(default.sessions),
            sessions_per_address: self.max_sessions_per_address.unwrap_or(default.sessions_per_address),
            logins_per_address: self.max_logins_per_address.unwrap_or(default.logins_per_address),
            login_failures: self.max_login_failures.unwrap_or(default.login_failures),
            transfer_bytes_per_s: self.rate,
            min_rate: match self.min_rate {
                Some(bytes_per_s) => NonZeroU64::new(bytes_per_s)
                    .map(|bytes_per_s| MinRate { bytes_per_s, window: MIN_RATE_WINDOW }),
                None => default.min_rate,
            },
            partials_per_user: self.max_partials.unwrap_or(default.partials_per_user),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_nothing_lets_nobody_in() {
        let of = |text: &str| toml::from_str::<Settings>(text).unwrap().let_somebody_in();
        for key in [
            "max-sessions",
            "max-sessions-per-address",
            "max-logins-per-address",
            "login-timeout",
            "idle-timeout",
            "data-timeout",
            "max-login-failures",
        ] {
            let error = of(&format!("{key} = 0")).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
            of(&format!("{key} = 1")).unwrap();
        }
    }

    #[test]
    fn a_file_and_the_command_line() {
        let file: Settings = toml::from_str(
            r#"
            root = "/srv/ftp"
            listen = "0.0.0.0:21"
            passive-ports = "30000-30099"
            idle-timeout = 600
            rate = 1000000
            transfer-log-format = "json"
            [[user]]
            name = "a"
            password-hash = "$argon2id$..."
            rights = ["read"]
            "#,
        )
        .unwrap();
        let line = Settings {
            root: Some("/other".into()),
            users: vec![user("b:x:y").unwrap()],
            ..Settings::default()
        };
        let both = line.over(file);
        assert_eq!(both.root, Some("/other".into()));
        assert_eq!(both.passive_ports, Some(30000..=30099));
        assert_eq!(both.timeouts().idle, Duration::from_secs(600));
        assert_eq!(both.users.len(), 2);
        assert_eq!(both.users[0].rights(), Rights { read: true, write: false, delete: false });
        assert_eq!(both.users[1].password.as_deref(), Some("x:y"));
        assert_eq!(both.users[1].rights(), Rights::ALL);
    }

    /// The list of keys is that of the flags, which the error of an unknown key tells.
    #[test]
    fn keys_are_the_names_of_the_flags() {
        use clap::Args;
        let error = toml::from_str::<Settings>("no-such-key = 1").unwrap_err().to_string();
        let mut keys: Vec<&str> = error.split('`').skip(1).step_by(2).collect();
        keys.retain(|key| *key != "no-such-key");
        keys.sort_unstable();
        let command = Settings::augment_args(clap::Command::new("serve"));
        let mut flags: Vec<&str> =
            command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        // What is on by default is switched off by a flag.
        for flag in &mut flags {
            *flag = flag.strip_prefix("no-").unwrap_or(flag);
        }
        flags.sort_unstable();
        assert_eq!(keys, flags);
        assert!(flags.len() > 20);
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            settings: Settings,
        }
        let landlock = |line: &[&str]| Line::parse_from(line).settings.landlock;
        assert_eq!((landlock(&[""]), landlock(&["", "--no-landlock"])), (None, Some(false)));
    }

    #[test]
    fn a_mistake_is_placed_and_shows_no_password() {
        for (line, word) in [
            ("password = 4711s3cret", "line 3, column"),
            ("password = 4711", "expected a string"),
            ("password = \"s3cret", "line 3, column"),
            ("pasword = \"s3cret\"", "pasword"),
            ("rights = \"s3cret\"", "expected a sequence"),
        ] {
            let text = format!("[[user]]\nname = \"u\"\n{line}\n");
            let said = mistake(&text, &toml::from_str::<Settings>(&text).unwrap_err());
            assert!(
                said.contains(word) && !said.contains("s3cret") && !said.contains("4711"),
                "{line}: {said}"
            );
        }
    }

    #[test]
    fn mistakes_in_a_file_are_named() {
        for (text, word) in [
            ("rooot = 1", "rooot"),
            ("passive-port = \"30000-30099\"", "did you mean `passive-ports`?"),
            ("[[user]]\nname = \"x\"\npasswort-hash = \"x\"", "did you mean `password-hash`?"),
            ("tls = \"requird\"", "did you mean `required`?"),
            ("passive-ports = \"30000\"", "FIRST-LAST"),
            ("passive-ports = \"80-90\"", "1024"),
            ("transfer-log-format = \"xml\"", "xferlog"),
            ("tls = \"on\"", "offered"),
            ("tls-min = \"1.1\"", "1.2"),
            ("tls-reuse = \"always\"", "prefer"),
            ("tls-end = \"loose\"", "strict"),
            ("[[user]]\npassword = \"x\"", "name"),
            ("[[user]]\nname = \"x\"\nrights = [\"all\"]", "delete"),
        ] {
            let error = mistake(text, &toml::from_str::<Settings>(text).unwrap_err());
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
