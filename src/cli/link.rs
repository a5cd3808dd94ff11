//! `ftpsim link`: anybody's client and server over the simulated path, with a real kernel's TCP.

use super::out::note;
use super::written::write_noted;
use crate::advise::amount::{Amount, Unit};
use crate::link::{self, FAR, Link, Strike};
use crate::sim::fault::{FaultKind, FaultName, Given};
use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use turmoil_tcp::path::bandwidth_delay_bytes;
use turmoil_tcp::{Direction, Impairments, PathConfig, pcap};

/// What short paths need.
const LEAST_QUEUE_BYTES: u64 = 64_000;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Round-trip time without queueing: 100ms, 800us
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = time_us)]
    rtt: u64,
    /// The bottleneck, each way, in bits a second: 100M, 1G
    #[arg(long, value_name = "RATE", default_value = "100M", value_parser = rate)]
    rate: u64,
    /// Share of packets lost each way, independently: 0.1%, 500ppm
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share_ppm)]
    loss: u32,
    /// The queue before the bottleneck, each way: 250k [default: what fits on the path, at least 64k]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    queue: Option<u64>,
    /// Each packet comes later by up to so much
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time_us)]
    jitter: u64,
    /// Decides which packets are lost
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The kernels' congestion control: cubic, reno, bbr ... [default: the system's]
    #[arg(long, value_name = "NAME")]
    congestion: Option<String>,
    /// What a middlebox does, once (see `ftpsim scenarios`): early_close, split_close, reset, blackhole, stall,
    /// corrupt, control_reset, control_silent, partition, refused
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// At which byte of the data connection, from 0
    #[arg(long, value_name = "BYTE", default_value_t = 1, requires = "fault")]
    at: u64,
    /// Of which data connection, from 1
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fault", value_parser = clap::value_parser!(u32).range(1..))]
    nth: u32,
    /// Which way the files go
    #[arg(long, default_value = "put", requires = "fault", value_parser = ["put", "get"])]
    direction: String,
    /// How long the fault lasts, where it does not last for good
    #[arg(long, value_name = "TIME", value_parser = time_us, requires = "fault")]
    lasts: Option<u64>,
    /// Run at the far end by a shell, until the command has ended; the command begins when it listens
    #[arg(long, value_name = "COMMAND")]
    server: Option<String>,
    /// Write every packet, as pcapng for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Do not say what went over the link
    #[arg(long, short)]
    quiet: bool,
    /// Run at the near end; {host} stands for the server's address, here and in --server
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let host = FAR.to_string();
    let named = |text: &String| text.replace("{host}", &host);
    let path = PathConfig {
        rtt_us: args.rtt,
        bandwidth_bits_per_s: args.rate,
        queue_bytes: args
            .queue
            .unwrap_or_else(|| bandwidth_delay_bytes(args.rtt, args.rate).max(LEAST_QUEUE_BYTES)),
        loss_ppm: args.loss,
        impairments: Impairments { jitter_us: args.jitter, ..Impairments::default() },
    };
    let link = Link {
        path,
        seed: args.seed,
        congestion: args.congestion.clone(),
        strike: strike(args)?,
        captures: args.pcap.is_some(),
        server: args.server.as_ref().map(named),
        command: args.command.iter().map(named).collect(),
    };
    let stop = Arc::new(AtomicBool::new(false));
    on_signals(&stop)?;
    let outcome = link::run(&link, &stop)?;
    if let Some(file) = &args.pcap {
        let about = format!("ftpsim link, seed {}", args.seed);
        write_noted(file, |out| Ok(pcap::write(&outcome.packets, &about, None, out)?))?;
    }
    if !args.quiet {
        let (up, down) = (outcome.moved.up, outcome.moved.down);
        note(format_args!(
            "{:.3} s; up {} packets ({} lost, {} dropped by the queue), down {} ({}, {}); the link was late by at \
             most {:.1} ms",
            outcome.took.as_secs_f64(),
            up.packets,
            up.lost,
            up.queue_full,
            down.packets,
            down.lost,
            down.queue_full,
            outcome.moved.latest_by.as_secs_f64() * 1e3,
        ));
    }
    // Whoever wants it quiet still takes the outcome for that of the fault.
    if link.strike.is_some() && !outcome.struck {
        note("The fault did not strike: no such data connection, or no such byte.");
    }
    // As a shell has it: 128 and the signal's number.
    let code = std::os::unix::process::ExitStatusExt::signal(&outcome.status).map(|signal| 128 + signal);
    let code = code.or(outcome.status.code()).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn strike(args: &Args) -> Result<Option<Strike>> {
    let Some(name) = &args.fault else { return Ok(None) };
    let known = FaultName::ALL.into_iter().map(|name| {
        name.with(Given { for_us: args.lasts, times: Some(1), xor: Some(0x20), ..Given::default() })
    });
    let possible: Vec<FaultKind> = known.filter(Strike::is_possible).collect();
    let names = possible.iter().map(FaultKind::name).collect::<Vec<_>>().join(", ");
    let Some(kind) = possible.into_iter().find(|kind| kind.name() == name) else {
        bail!("--fault {name}: a middlebox has {names}");
    };
    let needs_time = matches!(kind, FaultKind::Stall { for_us: 0 } | FaultKind::Partition { for_us: 0 });
    ensure!(!needs_time, "--fault {name} needs --lasts TIME");
    let direction = if args.direction == "get" { Direction::Down } else { Direction::Up };
    Ok(Some(Strike { kind, connection: args.nth, byte: args.at, direction }))
}

/// The command hears of them from the terminal itself; we wait for it, and pass on what was sent to us alone.
fn on_signals(stop: &Arc<AtomicBool>) -> Result<()> {
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("a runtime for signals")?;
    std::thread::spawn(move || {
        runtime.block_on(super::signals::asked_to_end());
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// A figure as `ftpsim advise` takes it, but none with a range.
fn one(unit: Unit, text: &str) -> Result<u64, String> {
    match unit.parse(text)? {
        Amount { value, low, high } if (low, high) == (value, value) => Ok(value),
        _ => Err("expected one figure; a path has no range of them".to_owned()),
    }
}

fn time_us(text: &str) -> Result<u64, String> {
    one(Unit::Time, text)
}

fn rate(text: &str) -> Result<u64, String> {
    match one(Unit::Rate, text)? {
        rate @ 1_000.. => Ok(rate),
        _ => Err("expected at least 1k".to_owned()),
    }
}

fn share_ppm(text: &str) -> Result<u32, String> {
    match one(Unit::Share, text)? {
        ppm @ ..=500_000 => Ok(ppm as u32),
        _ => Err("expected no more than 50%".to_owned()),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    let (digits, scale) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix('M').map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(scale));
    bytes.ok_or_else(|| "expected bytes, for instance 250k".to_owned())
}
