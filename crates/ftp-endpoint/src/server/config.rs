//! What a server is told at its start.

use super::accounts::Accounts;
use super::log::TransferLog;
#[cfg(feature = "tls")]
use super::tls::{ServerTls, TlsUse};
use crate::store::MAX_PARTIALS;
use crate::transfer::MinRate;
use ftp_proto::repr::RecordForm;
use std::net::Ipv4Addr;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Good `passive_ports`. Not the host's choice (port 0): after some thousand data connections most of
/// its ephemeral ports are in TIME-WAIT, and it searches for milliseconds for each new one. These lie
/// below them.
pub const PASSIVE_PORTS: RangeInclusive<u16> = 10_000..=32_767;

/// Seconds and nanoseconds since 1970-01-01 00:00 UTC: the calendar, where there is one.
pub type Calendar = Arc<dyn Fn() -> (i64, u32) + Send + Sync>;

/// What a server is to be like.
#[derive(Clone)]
pub struct Config<A> {
    /// Who may log in.
    pub accounts: A,
    /// Text of the 220 reply.
    pub greeting: String,
    /// How long it waits.
    pub timeouts: Timeouts,
    /// How much it takes on.
    pub limits: Limits,
    /// Ports for PASV and EPSV; `None` lets the host choose (RFC 2577 section 8: it should choose
    /// them at random).
    pub passive_ports: Option<RangeInclusive<u16>>,
    /// Orders the tries of `passive_ports`, so that they are hard to guess: give each server its own.
    pub passive_seed: u64,
    /// The address in a 227 reply, where clients see the server under another one than its own.
    pub advertised_address: Option<Ipv4Addr>,
    /// Lets PORT and EPRT name, and data connections come from, other hosts than the client's: for
    /// transfers between servers (RFC 959 section 5.2), open to the bounce attack (RFC 2577).
    pub foreign_data_addresses: bool,
    /// How the store keeps the records of TYPE I and L 8 with STRU R.
    pub record_form: RecordForm,
    /// Offers deflate mode (MODE Z): compressing costs processor time that clients decide upon.
    pub deflate: bool,
    /// When cancelled, the server accepts no more, idle sessions end, and transfers may finish within
    /// `timeouts.shutdown`.
    pub shutdown: CancellationToken,
    /// A transfer under way when the control connection is lost goes on to its end, and an upload
    /// is published: what half of the servers in use do. Otherwise it is aborted, as RFC 959
    /// section 4.1.1 (QUIT) asks: "an unexpected close on the control connection will cause the
    /// server to take the effective action of an abort (ABOR) and a logout (QUIT)".
    pub transfers_outlive_control: bool,
    /// An upload in deflate mode that is cut short is taken for whole, as proftpd does: for comparisons.
    pub takes_cut_deflate: bool,
    /// A download whose file cannot be read to its end is ended in order, as at the end of the file, and not by
    /// RST: for comparisons.
    pub ends_unfinished: bool,
    /// Told of each file sent or received, and of each name made, changed or removed.
    pub transfer_log: Option<TransferLog>,
    /// FTP over TLS (RFC 4217); none without it.
    #[cfg(feature = "tls")]
    pub tls: Option<ServerTls>,
    /// For the dates of LIST and the transfer log; without one, LIST gives the year.
    pub calendar: Option<Calendar>,
}

/// The server's waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the connection to a successful login.
    pub login: Duration,
    /// Between commands (RFC 1123 section 4.1.3.2: at least 5 minutes by default).
    pub idle: Duration,
    /// Silence of a data connection during a transfer.
    pub data: Duration,
    /// From 150 to an open data connection.
    pub data_open: Duration,
    /// For a client to take a reply off the control connection.
    pub reply: Duration,
    /// Before the answer to a wrong password (RFC 2577 section 5).
    pub login_failure: Duration,
    /// For transfers to finish after a shutdown is asked for.
    pub shutdown: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(60),
            idle: Duration::from_secs(300),
            data: Duration::from_secs(60),
            data_open: Duration::from_secs(30),
            reply: Duration::from_secs(60),
            login_failure: Duration::from_secs(5),
            shutdown: Duration::from_secs(30),
        }
    }
}

/// What one server takes on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at a time. When there are as many, one to which nobody has logged in for a while leaves for the next.
    pub sessions: usize,
    /// Sessions at a time from one address; a network of 64 bits of IPv6 is one
    /// ([`whose`](super::accounts::whose)).
    pub sessions_per_address: usize,
    /// Sessions at a time from one address that nobody has logged in to yet.
    pub logins_per_address: usize,
    /// Wrong passwords that an address may give, and all addresses together for a user's name, before
    /// attempts have to wait.
    pub free_guesses: u32,
    /// What each further attempt waits for each wrong password before it (RFC 2577 section 5).
    pub guess_interval: Duration,
    /// Wrong passwords in one session, the last of which is answered by 421 (RFC 2577 section 5).
    pub login_failures: u32,
    /// Commands that may wait while a transfer runs; then the control connection is not read.
    pub queued_commands: usize,
    /// Bytes of these commands.
    pub queued_bytes: usize,
    /// Bytes per second of a transfer.
    pub transfer_bytes_per_s: Option<NonZeroU64>,
    /// What a client has to move on a data connection, either way, while the server waits for it: one that
    /// gives or takes a byte now and then would hold its seat for ever.
    pub min_rate: Option<MinRate>,
    /// What failed uploads have left for resumption, files a user; beyond that the oldest goes. Nothing
    /// is kept for anonymous, who may be anybody.
    pub partials_per_user: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            sessions_per_address: 128,
            logins_per_address: 100,
            free_guesses: 10,
            guess_interval: Duration::from_secs(2),
            login_failures: 3,
            queued_commands: 1024,
            queued_bytes: 64 << 10,
            transfer_bytes_per_s: None,
            min_rate: Some(MinRate {
                bytes_per_s: NonZeroU64::new(100).expect("not zero"),
                window: Duration::from_secs(60),
            }),
            partials_per_user: MAX_PARTIALS,
        }
    }
}

impl<A: Accounts> Config<A> {
    /// With the defaults of everything else.
    pub fn new(accounts: A) -> Self {
        Self {
            accounts,
            greeting: "ftpsim FTP server ready.".to_owned(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            passive_ports: None,
            passive_seed: 0,
            advertised_address: None,
            foreign_data_addresses: false,
            record_form: RecordForm::Plain,
            deflate: true,
            shutdown: CancellationToken::new(),
            transfers_outlive_control: false,
            takes_cut_deflate: false,
            ends_unfinished: false,
            transfer_log: None,
            #[cfg(feature = "tls")]
            tls: None,
            calendar: None,
        }
    }

    /// Whether clients have to use TLS.
    #[cfg(feature = "tls")]
    pub(super) fn demands_tls(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.demand == TlsUse::Required)
    }

    /// Whether clients may use TLS.
    pub(super) fn offers_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Seconds since 1970 UTC, by the calendar.
    pub(super) fn now_s(&self) -> Option<i64> {
        self.calendar.as_ref().map(|calendar| calendar().0)
    }
}
