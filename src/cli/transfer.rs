//! What `put`, `get` and `mirror` have in common: options, login, progress, the summary at the end.

mod progress;

use super::access::Access;
use super::credentials::warn_of_password;
use super::out::{self, printable_line, stdout, tell};
use super::signals::{Asked, asked_to_end, end};
use super::skipped::Skipped;
use super::url::{FtpUrl, TypeCode};
use crate::report::format::{counted, thousands};
use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ftp_endpoint::client::{
    Delivery, Direction, Failure, Job, Login, Opening, Policy, Publish, Report, Verify,
};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::store::Store;
use ftp_endpoint::store::disk::DiskStore;
use ftp_proto::mode::{DeflateLevel, NoDeflateLevel, Structure, TransmissionMode};
use ftp_proto::repr::{RecordForm, Representation};
use ftp_proto::time::Timestamp;
use indicatif::HumanBytes;
use progress::Progress;
use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[derive(Args)]
pub(super) struct TransferArgs {
    /// Transmission mode (RFC 959 section 3.4; deflate: MODE Z)
    #[arg(long, default_value = "stream", value_parser = choice(&MODES))]
    pub mode: TransmissionMode,
    /// How hard --mode deflate compresses, from 0 (not at all) to 9 [default: 6 here, a server's own]
    #[arg(long, value_name = "LEVEL", value_parser = deflate_level)]
    pub deflate_level: Option<DeflateLevel>,
    /// File structure
    #[arg(long, default_value = "file", value_parser = choice(&STRUCTURES))]
    pub structure: Structure,
    /// How local files keep the records of --structure record in types i and l8
    #[arg(long, default_value = "plain", value_parser = choice(&RECORD_FORMS))]
    pub record_form: RecordForm,
    /// Representation type: i(mage), a(scii), e(bcdic) or l8 (local, 8 bits)
    #[arg(long = "type", default_value = "i", value_parser = choice(&TYPES))]
    pub representation: Representation,
    /// What proves that a file is whole, beside the mode's end of file: the server's reply, its
    /// SIZE, or its HASH
    #[arg(long, default_value = "reply", value_parser = choice(&VERIFY))]
    pub verify: Verify,
    /// Further attempts at each file [default: 2]
    #[arg(long)]
    pub retries: Option<u32>,
    /// Wait before a further attempt, in seconds
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub retry_delay: Duration,
    /// Longest wait for a reply, and longest silence of a data connection, in seconds
    #[arg(long, default_value = "30", value_parser = some_seconds)]
    pub timeout: Duration,
    /// Longest wait for a connection to open, in seconds
    #[arg(long, default_value = "10", value_parser = some_seconds)]
    pub connect_timeout: Duration,
    /// A new data connection for each file in block and compressed mode, too
    #[arg(long)]
    pub no_reuse: bool,
    /// Transfer commands sent ahead on the control connection, in block and compressed mode
    #[arg(long, value_name = "DEPTH", default_value_t = 1, conflicts_with = "resume", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pipeline: u32,
    /// The server opens the data connections (PORT, EPRT)
    #[arg(long)]
    pub active: bool,
    /// Sessions at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub parallel: u32,
    /// Go on where a failed attempt, or an earlier run, ended, also where nothing proves that the part is of
    /// the same file. Without it that is done where HASH at the server proves it, from 1 MiB on (in block and
    /// compressed mode uploads only); and of downloads in stream mode where SIZE and MDTM tell, before and
    /// after, that the file is of the size and time that were noted with the part. What differs is moved anew.
    /// What cannot go on (stream mode in types a and e or with records, --pipeline) begins anew
    #[arg(long)]
    pub resume: bool,
    /// Always begin anew, and keep nothing of a failed download for the next run
    #[arg(long, conflicts_with = "resume")]
    pub no_resume: bool,
    /// Restart markers each so many bytes, in block and compressed mode; with --resume 1 MiB
    #[arg(long, value_name = "BYTES")]
    pub marker_interval: Option<NonZeroU64>,
    /// Send this command as it is, in each session, once TYPE, STRU and MODE are set; may be given
    /// several times
    #[arg(long, value_name = "COMMAND")]
    pub quote: Vec<String>,
    /// Write the result to stdout as JSON
    #[arg(long)]
    pub json: bool,
    /// No progress bar, no summary and no warning; failures are still listed
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub access: Access,
}

const RETRIES: u32 = 2;

pub(super) const MODES: [(&str, TransmissionMode); 4] = [
    ("stream", TransmissionMode::Stream),
    ("block", TransmissionMode::Block),
    ("compressed", TransmissionMode::Compressed),
    ("deflate", TransmissionMode::Deflate),
];
const STRUCTURES: [(&str, Structure); 2] = [("file", Structure::File), ("record", Structure::Record)];
pub(super) const TYPES: [(&str, Representation); 8] = [
    ("i", Representation::Image),
    ("a", Representation::Ascii),
    ("e", Representation::Ebcdic),
    ("l8", Representation::Local8),
    ("image", Representation::Image),
    ("ascii", Representation::Ascii),
    ("ebcdic", Representation::Ebcdic),
    ("local8", Representation::Local8),
];
pub(super) const RECORD_FORMS: [(&str, RecordForm); 2] =
    [("plain", RecordForm::Plain), ("marked", RecordForm::Marked)];
const VERIFY: [(&str, Verify); 4] =
    [("reply", Verify::Reply), ("size", Verify::Size), ("hash", Verify::Hash), ("none", Verify::Reply)];
pub(super) const PUBLISH: [(&str, Publish); 2] = [("direct", Publish::Direct), ("rename", Publish::Rename)];

/// One of the named values.
pub(super) fn choice<T: Copy + Send + Sync + 'static>(
    values: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(|(name, _)| *name)).map(|given| {
        let found = values.iter().find(|(name, _)| *name == given);
        found.expect("clap lets only the named values pass").1
    })
}

fn deflate_level(text: &str) -> Result<DeflateLevel, String> {
    let level: u32 = text.parse().map_err(|_| "expected a number from 0 to 9".to_owned())?;
    level.try_into().map_err(|error: NoDeflateLevel| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// No time at all would let nothing happen.
pub(super) fn some_seconds(text: &str) -> Result<Duration, String> {
    seconds(text)
        .and_then(|time| if time.is_zero() { Err("expected more than 0".to_owned()) } else { Ok(time) })
}

impl TransferArgs {
    /// The URL's type goes before the option's.
    pub(super) fn representation(&self, url: &FtpUrl) -> anyhow::Result<Representation> {
        Ok(match url.type_code {
            None => self.representation,
            Some(TypeCode::Ascii) => Representation::Ascii,
            Some(TypeCode::Image) => Representation::Image,
            Some(TypeCode::Directory) => bail!(";type=d is a list of names, which is no transfer"),
        })
    }

    /// Of stdin and stdout, which are read and written once.
    pub(super) fn ensure_streamable(&self) -> anyhow::Result<()> {
        let refused = [
            ("--verify hash", self.verify == Verify::Hash),
            ("--resume", self.resume),
            ("--retries", self.retries.is_some_and(|retries| retries > 0)),
            ("--parallel", self.parallel > 1),
            ("--pipeline", self.pipeline > 1),
            ("--json", self.json),
        ];
        if let Some((option, _)) = refused.iter().find(|(_, given)| *given) {
            bail!("{option} is not for -, which is read or written once: use a file, and {option} with that");
        }
        Ok(())
    }

    /// See [`warn_of_password`].
    pub(super) fn warn_of_password(&self, url: &FtpUrl) {
        if !self.quiet {
            warn_of_password(url);
        }
    }

    /// For listings: stream mode, which every server has, and without records.
    pub(super) fn listing_policy(&self, representation: Representation) -> Policy {
        Policy {
            mode: TransmissionMode::Stream,
            structure: Structure::File,
            representation,
            ..self.policy(Direction::Get, Publish::Direct)
        }
    }

    pub(super) fn policy(&self, direction: Direction, publish: Publish) -> Policy {
        Policy {
            direction,
            mode: self.mode,
            deflate_level: self.deflate_level,
            structure: self.structure,
            representation: self.representation,
            record_form: self.record_form,
            opening: if self.active { Opening::Active } else { Opening::Passive },
            pasv_after_epsv: true,
            verify: self.verify,
            minds_size: direction == Direction::Get,
            publish,
            retries: self.retries.unwrap_or(RETRIES),
            retry_delay: self.retry_delay,
            reuse_data_connection: !self.no_reuse,
            resume: self.resume,
            resume_if_proved: !self.resume && !self.no_resume,
            marker_interval_bytes: self.marker_interval.or(NonZeroU64::new(1 << 20).filter(|_| self.resume)),
            pipeline_depth: self.pipeline,
            asks_ahead: self.pipeline > 1,
            parallel: self.parallel,
            reply_timeout: self.timeout,
            data_timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            ..Policy::default()
        }
    }
}

pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    ftp_endpoint::net::real::runtime().context("cannot start the runtime")
}

/// What is under way is broken off properly within it, or not at all.
pub(super) const BREAK_OFF_LIMIT: Duration = Duration::from_secs(5);
/// For what is at work in threads of its own then.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// Does `work`, of which nothing is lost by an interruption.
pub(super) async fn interruptible<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        asked = asked_to_end() => {
            tell("interrupted");
            end(asked)
        }
        done = work => done,
    }
}

/// What is to be delivered.
#[derive(Default)]
pub(super) struct Work {
    pub jobs: Vec<Job>,
    /// Of all of them, where it is known.
    pub expected_bytes: Option<u64>,
    /// By the names of downloads.
    pub listed_bytes: BTreeMap<String, u64>,
    /// By the names at the server: times that delivered files are to have.
    pub modified: BTreeMap<String, Timestamp>,
    /// What should have been a job and is none; it has been told.
    pub missing: u64,
    /// What is left as it is, by why.
    pub skipped: Skipped,
    /// Without their times the files are not as they were asked for.
    pub needs_times: bool,
}

/// How a delivery ended.
pub(super) struct Delivered {
    /// None where it did not end in time after an interruption.
    pub report: Option<Report>,
    pub asked: Option<Asked>,
    pub took: Duration,
}

/// Delivers the jobs, prints what became of them, and gives the exit code.
pub(super) fn run(
    url: &FtpUrl,
    store: &DiskStore,
    mut work: Work,
    policy: &Policy,
    args: &TransferArgs,
) -> anyhow::Result<ExitCode> {
    let missing = work.missing;
    let (skipped, needs_times) = (std::mem::take(&mut work.skipped), work.needs_times);
    let jobs = if policy.direction == Direction::Get { work.jobs.clone() } else { Vec::new() };
    let Delivered { report, asked, took } = deliver(url, store, work, policy, args)?;
    let code = match &report {
        Some(report) => {
            let missing = missing + if needs_times { tell_untimed(report) } else { 0 };
            let code = conclude(url, report, (missing, &skipped), took, args)?;
            tell_kept(store, &jobs, report, args)?;
            code
        }
        None => ExitCode::from(1),
    };
    Ok(asked.map_or(code, |asked| ExitCode::from(asked.code())))
}

/// Delivers the jobs with a progress bar.
pub(super) fn deliver(
    url: &FtpUrl,
    store: &DiskStore,
    work: Work,
    policy: &Policy,
    args: &TransferArgs,
) -> anyhow::Result<Delivered> {
    let policy = Policy { representation: args.representation(url)?, ..policy.clone() };
    let (login, policy) = args.access.secure(url, policy)?;
    let login = Login { quoted: args.quote.clone(), ..login };
    let hidden = args.quiet || args.json;
    let Work { jobs, expected_bytes, listed_bytes, modified, .. } = work;
    let dialogue = args.access.dialogue(url, &login);
    let progress = Arc::new(Progress::new(jobs.len() as u64, expected_bytes, hidden, dialogue));
    let runtime = runtime()?;
    let server = runtime.block_on(interruptible(url.resolve()))?;
    let net = RealNet::new();
    let cancel = CancellationToken::new();
    let (report, asked) = runtime.block_on(async {
        let delivery = Delivery::new(&net, store, server, &login)
            .policy(&policy)
            .observer(progress.clone())
            .listed_bytes(listed_bytes)
            .modified(modified)
            .cancel_by(cancel.clone())
            .deliver(&jobs);
        let mut delivery = std::pin::pin!(delivery);
        let asked = tokio::select! {
            biased;
            report = &mut delivery => return (Some(report), None),
            asked = asked_to_end() => asked,
        };
        cancel.cancel();
        tokio::select! {
            biased;
            report = delivery => (Some(report), Some(asked)),
            again = asked_to_end() => (None, Some(again)),
            () = net.sleep(BREAK_OFF_LIMIT) => (None, Some(asked)),
        }
    });
    // Dropped, a transfer takes its temporary file with it; the process must not end before.
    runtime.shutdown_timeout(LEAVE_LIMIT);
    progress.finish();
    Ok(Delivered { report, asked, took: net.now() })
}

/// Files that were not delivered, and what to do about it.
pub(super) fn tell_failures(url: &FtpUrl, report: &Report, args: &TransferArgs) {
    for (file, Failure { message, .. }) in report.failed() {
        tell(format_args!(
            "{}: {message} ({})",
            printable_line(&file.name),
            counted(file.attempts.into(), "attempt")
        ));
    }
    if let Some(remedy) = report.failed().find_map(|(_, failure)| args.access.tls.remedy(url, failure.kind)) {
        tell(remedy);
    }
}

/// Files that are delivered without their times: how many, told once.
fn tell_untimed(report: &Report) -> u64 {
    let untimed = || report.files.iter().filter_map(|file| Some((file, file.untimed.as_ref()?)));
    let files = untimed().count() as u64;
    if let Some((file, why)) = untimed().next() {
        let name = printable_line(&file.name);
        tell(format_args!("--keep-times: {} not kept, the first {name}: {why}", counted(files, "time")));
    }
    files
}

/// What is left of failed downloads for the next run.
fn tell_kept(store: &DiskStore, jobs: &[Job], report: &Report, args: &TransferArgs) -> anyhow::Result<()> {
    if args.quiet {
        return Ok(());
    }
    for (job, file) in jobs.iter().zip(&report.files).filter(|(_, file)| file.result.is_err()) {
        let kept = runtime()?.block_on(store.partial_bytes(&job.local));
        if let Ok(Some(bytes)) = kept {
            tell(format_args!(
                "{}: {} kept for the next run, which goes on from there (--no-resume keeps nothing)",
                printable_line(&file.name),
                HumanBytes(bytes)
            ));
        }
    }
    Ok(())
}

fn conclude(
    url: &FtpUrl,
    report: &Report,
    (missing, skipped): (u64, &Skipped),
    took: Duration,
    args: &TransferArgs,
) -> anyhow::Result<ExitCode> {
    tell_failures(url, report, args);
    let failed = report.failed().count();
    if missing > 0 {
        tell(format_args!("{missing} more could not be looked at or were left out, as said above"));
    }
    if args.json {
        writeln!(stdout(), "{}", out::json(&json(report, missing, skipped, took))?)?;
    } else if !args.quiet {
        let payload_bytes: u64 = report.files.iter().map(|file| file.payload_bytes).sum();
        let rate = payload_bytes as f64 / took.as_secs_f64().max(1e-9);
        writeln!(
            stdout(),
            "{} of {}, {} in {:.3} s ({}/s)",
            thousands((report.files.len() - failed) as u64),
            counted(report.files.len() as u64, "file"),
            HumanBytes(payload_bytes),
            took.as_secs_f64(),
            HumanBytes(rate as u64),
        )?;
        skipped.print()?;
    }
    Ok(if failed == 0 && missing == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn json(report: &Report, missing: u64, skipped: &Skipped, took: Duration) -> serde_json::Value {
    let files: Vec<_> = report
        .files
        .iter()
        .map(|file| {
            serde_json::json!({
                "name": file.name,
                "attempts": file.attempts,
                "duration_us": file.ended_us - file.started_us,
                "payload_bytes": file.payload_bytes,
                "wire_bytes": file.wire_bytes,
                "error": file.result.as_ref().err().map(|failure| &failure.message),
                "error_kind": file.result.as_ref().err().map(|failure| failure.kind),
            })
        })
        .collect();
    serde_json::json!({
        "files": files,
        "failed": report.failed().count(),
        "missing": missing,
        "skipped": skipped.json(),
        "duration_us": took.as_micros() as u64,
        "control_connections": report.control_connections,
        "control_round_trips": report.control_round_trips,
        "data_connections": report.data_connections,
    })
}
