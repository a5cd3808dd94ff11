//! One session with a server: login, parameters, and what is asked in one command. Where its data
//! connections come from is in `data`, single transfers are in `transfer`.

mod ahead;
mod data;
mod directory;
#[cfg(feature = "tls")]
mod security;
mod text;
mod told;
mod transfer;
#[cfg(not(feature = "tls"))]
mod without_tls;

use super::control::{Control, shown};
use super::error::ClientError;
use super::hash::parse_hash;
use super::policy::{Direction, Login, Policy};
#[cfg(feature = "tls")]
use super::tls::SessionTls;
use crate::net::{Channel, Net};
use crate::observe::Watch;
use crate::transfer::{DataConnection, RestartMarker, TransferStats};
pub(super) use ahead::Came;
use ahead::XPIPE_ON;
pub use directory::Entered;
pub(super) use directory::{guarded, is_failure_in_disguise, says_empty};
use ftp_proto::command::{Command, StructureCode};
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::reply::{Class, Reply};
use ftp_proto::repr::Representation;
use ftp_proto::time::{Timestamp, civil, parse_timestamp, timestamp};
use std::io;
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// What the session has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Waits for nothing but a reply.
    pub control_round_trips: u64,
    /// Data connections opened.
    pub data_connections: u64,
    /// All bytes of data connections, failed transfers included.
    pub moved: TransferStats,
}

impl Cost {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            control_round_trips: self.control_round_trips + other.control_round_trips,
            data_connections: self.data_connections + other.data_connections,
            moved: sum(self.moved, other.moved),
        }
    }
}

/// One control connection, logged in, and the data connection it keeps.
pub struct Session<N: Net> {
    net: N,
    control: Control<N>,
    policy: Policy,
    watch: Watch,
    cancel: CancellationToken,
    /// Kept from the last transfer.
    data: Option<DataConnection<N>>,
    /// Where the server has connected to, in clear, until its reply: nobody else may come there.
    listening: Option<N::Listener>,
    /// EPSV was refused: PASV from now on.
    without_epsv: bool,
    /// Where EPSV, sent ahead, leads.
    passive_at: Option<SocketAddr>,
    /// SIZE is not known here.
    without_size: bool,
    /// What the latest 125 or 150 told of its file.
    announced_bytes: Option<u64>,
    /// The latest restart marker of a download.
    received_mark: Option<RestartMarker>,
    /// SITE MARKERS has been sent.
    markers_chosen: bool,
    /// OPTS HASH was accepted.
    hash_chosen: bool,
    /// OPTS MLST was tried, or is not needed.
    facts_chosen: bool,
    /// Whether OPTS XPIPE ON has been taken, once it has been tried.
    pipes_uploads: Option<bool>,
    features: Option<Vec<String>>,
    data_connections: u64,
    /// Of data connections that are gone.
    moved: TransferStats,
    #[cfg(feature = "tls")]
    tls: Option<SessionTls>,
}

impl<N: Net> Session<N> {
    /// Connects, logs in, and sets TYPE, STRU and MODE where the policy's differ from the
    /// protocol's defaults (RFC 959 section 5.1). `watch` is called once a connection is up.
    pub async fn open(
        net: N,
        server: SocketAddr,
        login: &Login,
        policy: &Policy,
        watch: impl FnOnce() -> Watch,
    ) -> Result<Self, ClientError> {
        let stream = match net.timeout(policy.connect_timeout, net.connect(None, server)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let stream = stream.map_err(|error| ClientError::Connect { server, error })?;
        let watch = watch();
        let control = Control::new(net.clone(), Channel::Clear(stream), policy.reply_timeout, watch.clone())
            .map_err(|error| ClientError::Connect { server, error })?;
        let mut session = Self {
            net,
            control,
            policy: policy.clone(),
            watch,
            cancel: CancellationToken::new(),
            data: None,
            listening: None,
            without_epsv: false,
            passive_at: None,
            without_size: false,
            announced_bytes: None,
            received_mark: None,
            markers_chosen: false,
            hash_chosen: false,
            facts_chosen: false,
            pipes_uploads: None,
            features: None,
            data_connections: 0,
            moved: TransferStats::default(),
            #[cfg(feature = "tls")]
            tls: None,
        };
        match session.begin_session(login).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.abandon();
                Err(error)
            }
        }
    }

    async fn begin_session(&mut self, login: &Login) -> Result<(), ClientError> {
        self.log_in(login).await?;
        self.set_parameters(login.quoted.is_empty()).await?;
        for line in &login.quoted {
            let refused =
                |reply: &Reply| matches!(reply.class(), Class::TransientNegative | Class::PermanentNegative);
            if let Some(reply) = self.quote(line).await?.into_iter().find(refused) {
                return Err(ClientError::Refused { command: shown(line).into_owned(), reply });
            }
        }
        Ok(())
    }

    /// Sends a line as it is at once, and gives all replies to it (RFC 1123 section 4.1.4.2, QUOTE).
    pub async fn quote(&mut self, line: &str) -> Result<Vec<Reply>, ClientError> {
        self.control.quote(line).await
    }

    /// Cancelling `cancel` ends a transfer under way as a failure: in stream mode a process that
    /// merely exits would end the file, not the transfer. Replies are not waited for much longer then.
    pub fn cancel_by(mut self, cancel: CancellationToken) -> Self {
        self.control.cancel_by(cancel.clone());
        self.cancel = cancel;
        self
    }

    /// USER, PASS, ACCT as far as the server asks for them (RFC 959 section 5.4).
    async fn log_in(&mut self, login: &Login) -> Result<(), ClientError> {
        self.greeted(login).await?;
        let mut reply = self.control.command(&Command::User(login.user.clone())).await?;
        if reply.code == 331 {
            reply = self.control.command(&Command::Pass(login.password.clone())).await?;
        }
        if reply.code == 332 {
            let account = login.account.clone().unwrap_or_default();
            reply = self.control.command(&Command::Acct(account)).await?;
        }
        if !reply.is_completion() {
            return Err(ClientError::LoginRefused(reply));
        }
        self.protect_data().await
    }

    async fn greeting(&mut self) -> Result<(), ClientError> {
        let greeting = self.control.read_completion().await?;
        if greeting.is_completion() { Ok(()) } else { Err(ClientError::LoginRefused(greeting)) }
    }

    /// `opens`: nothing comes before the first data connection.
    async fn set_parameters(&mut self, opens: bool) -> Result<(), ClientError> {
        let parameters = self.parameters();
        if self.policy.asks_ahead {
            self.ask_ahead(parameters, opens).await?;
        } else {
            for command in parameters {
                self.must(command).await?;
            }
        }
        if let (TransmissionMode::Deflate, Some(level)) = (self.policy.mode, self.policy.deflate_level) {
            // A server that will not be told has its own (draft-preston-ftpext-deflate-02 section 3.6).
            self.command(&Command::Opts(format!("MODE Z LEVEL {level}"))).await?;
        }
        if self.policy.durable
            && self.policy.direction == Direction::Put
            && !self.announces("DURABLE").await?
        {
            return Err(ClientError::NotDurable);
        }
        Ok(())
    }

    /// TYPE, STRU and MODE where the policy's differ from the protocol's defaults.
    fn parameters(&self) -> Vec<Command> {
        let Policy { representation, structure, mode, .. } = self.policy;
        let type_code = Command::Type(representation.data_type());
        let structure_code = Command::Stru(StructureCode::Known(structure));
        let all = [
            (representation != Representation::Ascii).then_some(type_code),
            (structure != Structure::File).then_some(structure_code),
            (mode != TransmissionMode::Stream).then_some(Command::Mode(mode)),
        ];
        all.into_iter().flatten().collect()
    }

    /// Whether the session is good for another command.
    pub async fn is_usable(&mut self) -> bool {
        self.control.is_quiet().await
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the next reply will be the one to the next command.
    pub fn in_step(&self) -> bool {
        self.control.in_step()
    }

    /// From now on out of step.
    pub(super) fn give_up(&mut self) {
        self.control.give_up();
    }

    /// So far.
    pub fn cost(&self) -> Cost {
        let kept = self.data.as_ref().map(DataConnection::total).unwrap_or_default();
        Cost {
            control_round_trips: self.control.round_trips(),
            data_connections: self.data_connections,
            moved: sum(self.moved, kept),
        }
    }

    /// Sends a command and reads its reply, whatever it is.
    pub async fn command(&mut self, command: &Command) -> Result<Reply, ClientError> {
        self.control.command(command).await
    }

    /// Sends a command; an error unless its reply is 2yz.
    pub async fn must(&mut self, command: Command) -> Result<Reply, ClientError> {
        let reply = self.control.command(&command).await?;
        if reply.is_completion() { Ok(reply) } else { Err(refused(&command, reply)) }
    }

    /// RNFR and RNTO.
    pub async fn rename(&mut self, from: &str, to: &str) -> Result<(), ClientError> {
        let command = Command::Rnfr(from.to_owned());
        let reply = self.control.command(&command).await?;
        if reply.class() != Class::Intermediate {
            return Err(refused(&command, reply));
        }
        self.must(Command::Rnto(to.to_owned())).await.map(drop)
    }

    /// SIZE (RFC 3659 section 4), in the session's TYPE.
    pub async fn size_bytes(&mut self, remote: &str) -> Result<u64, ClientError> {
        parse_size(self.control.command(&Command::Size(remote.to_owned())).await?)
    }

    /// Sets a file's time of modification, in UTC and whole seconds: by MFMT
    /// (draft-somers-ftp-mfxx-04), or by MDTM with a time before the name where the server does not announce
    /// MFMT, as vsftpd and others take it.
    pub async fn set_modified(&mut self, remote: &str, time: Timestamp) -> Result<(), ClientError> {
        let command = self.time_command(remote, time).await?;
        let reply = self.control.command(&command).await?;
        time_was_set(&command, reply)
    }

    pub(super) async fn time_command(
        &mut self,
        remote: &str,
        (seconds, _): Timestamp,
    ) -> Result<Command, ClientError> {
        if !can_be_told(seconds) {
            return Err(ClientError::BadTime);
        }
        Ok(match self.announces("MFMT").await? {
            true => Command::Mfmt((seconds, 0), remote.to_owned()),
            false => Command::Mdtm(format!("{} {remote}", timestamp((seconds, 0)))),
        })
    }

    /// FEAT's lines (RFC 2389 section 3.2), trimmed, asked for once; none where the server does not
    /// know FEAT.
    pub async fn features(&mut self) -> Result<&[String], ClientError> {
        if self.features.is_none() {
            let reply = self.control.command(&Command::Feat).await?;
            self.features = Some(parse_features(&reply));
        }
        Ok(self.features.as_deref().unwrap_or_default())
    }

    /// Whether FEAT has named HASH with SHA-256, as far as it has been asked.
    pub(super) fn is_known_to_hash(&self) -> bool {
        self.features.iter().flatten().any(|line| names_sha256(line))
    }

    /// Whether FEAT names `feature`, with parameters or without.
    pub async fn announces(&mut self, feature: &str) -> Result<bool, ClientError> {
        let named =
            |line: &String| line.split(' ').next().is_some_and(|name| name.eq_ignore_ascii_case(feature));
        Ok(self.features().await?.iter().any(named))
    }

    /// Whether FEAT names HASH with SHA-256 among its algorithms (draft-ietf-ftpext2-hash-04 section 3.1).
    pub async fn announces_sha256(&mut self) -> Result<bool, ClientError> {
        Ok(self.features().await?.iter().any(|line| names_sha256(line)))
    }

    /// HASH by SHA-256 (draft-ietf-ftpext2-hash-04), in lower-case hexadecimal.
    pub async fn hash(&mut self, remote: &str) -> Result<String, ClientError> {
        self.choose_hash().await?;
        parse_hash(self.control.command(&Command::Hash(remote.to_owned())).await?)
    }

    /// Whether uploads may be sent ahead: the server announces `XPIPE` and takes OPTS XPIPE ON, by
    /// which it knows that the data of a refused upload come all the same.
    pub(super) async fn pipes_uploads(&mut self) -> Result<bool, ClientError> {
        if self.pipes_uploads.is_none() {
            let on = Command::Opts(XPIPE_ON.to_owned());
            let taken = self.announces("XPIPE").await? && self.control.command(&on).await?.is_completion();
            self.pipes_uploads = Some(taken);
        }
        Ok(self.pipes_uploads == Some(true))
    }

    pub(super) async fn choose_hash(&mut self) -> Result<(), ClientError> {
        if !self.hash_chosen {
            let reply = self.control.command(&Command::Opts("HASH SHA-256".to_owned())).await?;
            if !reply.is_completion() {
                return Err(ClientError::Unverifiable { command: "HASH", reply });
            }
            self.hash_chosen = true;
        }
        Ok(())
    }

    /// QUIT and close. Errors do not matter any more.
    pub async fn quit(mut self) -> Cost {
        if self.cancel.is_cancelled() {
            // A command may be under way that would take the end of the connection for that of a file.
            self.abort_kept();
        }
        if let Some(data) = self.data.take() {
            self.moved = sum(self.moved, data.total());
            data.close().await;
        }
        if self.control.in_step() {
            let _ = self.control.command(&Command::Quit).await;
        }
        let cost = self.cost();
        self.control.close("quit").await;
        cost
    }

    /// Leaves without a word: the connection is out of step.
    pub fn abandon(mut self) -> Cost {
        self.abort_kept();
        let cost = self.cost();
        self.control.abort("out of step");
        cost
    }
}

/// The lines of a reply to FEAT, trimmed.
fn parse_features(reply: &Reply) -> Vec<String> {
    let lines = if reply.code == 211 { &reply.lines[..] } else { &[] };
    lines.iter().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// Of a line of FEAT.
fn names_sha256(line: &str) -> bool {
    let line = line.to_ascii_uppercase();
    line.strip_prefix("HASH ").is_some_and(|algorithms| algorithms.contains("SHA-256"))
}

pub(super) fn parse_size(reply: Reply) -> Result<u64, ClientError> {
    match reply.text().trim().parse() {
        Ok(size) if reply.code == 213 => Ok(size),
        _ => Err(ClientError::Unverifiable { command: "SIZE", reply }),
    }
}

/// A year has four digits in MFMT (RFC 3659 section 2.3).
pub(super) fn can_be_told(seconds: i64) -> bool {
    (0..=9999).contains(&civil(seconds).0)
}

/// A server that has taken MDTM's argument for a name tells the time of a file that happens to have it; and
/// MFMT's reply tells what has been kept, which may be as near as the server's clock comes.
pub(super) fn time_was_set(command: &Command, reply: Reply) -> Result<(), ClientError> {
    let is_another = match command {
        Command::Mfmt((seconds, _), _) => kept_time(&reply).is_some_and(|kept| kept != *seconds),
        Command::Mdtm(_) => parse_timestamp(reply.text().trim()).is_some(),
        _ => false,
    };
    if reply.is_completion() && !is_another { Ok(()) } else { Err(refused(command, reply)) }
}

/// `Modify=19980717210715; name` (draft-somers-ftp-mfxx-04 section 3.1), in seconds.
fn kept_time(reply: &Reply) -> Option<i64> {
    let text = reply.text();
    let (fact, time) = text.split(';').next()?.split_once('=')?;
    let is_time = fact.trim().eq_ignore_ascii_case("modify");
    parse_timestamp(time.trim()).filter(|_| is_time).map(|(seconds, _)| seconds)
}

pub(super) fn refused(command: &Command, reply: Reply) -> ClientError {
    ClientError::Refused { command: shown(&command.to_string()).into_owned(), reply }
}

fn sum(a: TransferStats, b: TransferStats) -> TransferStats {
    TransferStats {
        payload_bytes: a.payload_bytes + b.payload_bytes,
        wire_bytes: a.wire_bytes + b.wire_bytes,
    }
}
