//! What a server tells in a dialogue: how far it is, and what it has.

use super::features::{Feature, Features};
use ftp_endpoint::client::{ClientError, Session};
use ftp_endpoint::net::Net;
use ftp_proto::command::{Command, StructureCode};
use ftp_proto::mode::{Structure, TransmissionMode};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// NOOPs that are timed, beside the first.
const NOOPS: usize = 15;
/// They end sooner where each takes long.
const NOOPS_LIMIT: Duration = Duration::from_secs(6);
/// No line of a greeting is longer.
const MAX_LINE_BYTES: u64 = 16 << 10;

/// What a server has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The round trips of NOOPs, sorted, in microseconds.
    pub rtts_us: Vec<u64>,
    /// What it has, but for clear and TLS, of which the session itself tells.
    pub features: Features,
}

/// Asks in a session that is open in stream mode; sets nothing that it does not set back.
pub async fn ask<N: Net>(net: &N, session: &mut Session<N>) -> Result<Told, ClientError> {
    Ok(Told { rtts_us: round_trips(net, session).await?, features: features(session).await? })
}

/// What NOOP is answered does not matter; that it is, does.
async fn round_trips<N: Net>(net: &N, session: &mut Session<N>) -> Result<Vec<u64>, ClientError> {
    let began = net.now();
    let mut all = Vec::new();
    // The first may find a sleeping path, or a sleeping server.
    session.command(&Command::Noop).await?;
    while all.len() < NOOPS && (all.is_empty() || net.now() - began < NOOPS_LIMIT) {
        let sent = net.now();
        session.command(&Command::Noop).await?;
        all.push(u64::try_from((net.now() - sent).as_micros()).unwrap_or(u64::MAX));
    }
    all.sort_unstable();
    Ok(all)
}

async fn features<N: Net>(session: &mut Session<N>) -> Result<Features, ClientError> {
    let mut features = Features::default();
    for (feature, mode) in [
        (Feature::Block, TransmissionMode::Block),
        (Feature::Compressed, TransmissionMode::Compressed),
        (Feature::Deflate, TransmissionMode::Deflate),
    ] {
        let reply = session.command(&Command::Mode(mode)).await?;
        features.answered(feature, reply.code);
        if reply.is_completion() {
            session.must(Command::Mode(TransmissionMode::Stream)).await?;
        }
    }
    let reply = session.command(&Command::Stru(StructureCode::Known(Structure::Record))).await?;
    features.answered(Feature::Record, reply.code);
    if reply.is_completion() {
        session.must(Command::Stru(StructureCode::Known(Structure::File))).await?;
    }
    let lines: Vec<String> = session.features().await?.iter().map(|line| line.to_ascii_uppercase()).collect();
    let names = |name: &str| lines.iter().any(|line| line.split(' ').next() == Some(name));
    for (feature, name) in [
        (Feature::Size, "SIZE"),
        (Feature::Mlst, "MLST"),
        (Feature::Xpipe, "XPIPE"),
        (Feature::Durable, "DURABLE"),
    ] {
        if names(name) {
            features.add(feature);
        }
    }
    if lines.iter().any(|line| line.starts_with("HASH ") && line.contains("SHA-256")) {
        features.add(Feature::Hash);
    }
    if lines.iter().any(|line| line == "REST STREAM") {
        features.add(Feature::Rest);
    }
    if lines.is_empty() {
        // Without FEAT: who knows SIZE says that there is no such file.
        let reply = session.command(&Command::Size("no-such-file-of-ftpsim-advise".to_owned())).await?;
        match reply.code {
            code @ (500 | 502 | 504) => features.answered(Feature::Size, code),
            _ => features.add(Feature::Size),
        }
    }
    // Ours, which nobody else has: what it promises is known.
    if names("XPIPE") {
        features.add(Feature::Hidden);
        features.add(Feature::CloseNotify);
    }
    Ok(features)
}

/// What USER is answered in clear: the name goes over the path, and nothing else. `None` where no answer came.
pub async fn user_in_clear(net: &impl Net, server: SocketAddr, user: &str, limit: Duration) -> Option<u16> {
    let dialogue = async {
        let stream = BufReader::new(net.connect(None, server).await?);
        let mut stream = stream.take(MAX_LINE_BYTES);
        reply_code(&mut stream).await?;
        stream.get_mut().get_mut().write_all(format!("USER {user}\r\n").as_bytes()).await?;
        reply_code(&mut stream).await
    };
    net.timeout(limit, dialogue).await.ok()?.ok()
}

/// The code of a reply, whose last line has a blank behind it.
async fn reply_code(stream: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<u16> {
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let code =
            std::str::from_utf8(line.get(..3).unwrap_or_default()).ok().and_then(|code| code.parse().ok());
        if let (Some(code), Some(b' ' | b'\r' | b'\n')) = (code, line.get(3)) {
            return Ok(code);
        }
    }
}
