//! All checks against one server, and what is left of them taken away again.

use super::control::Trouble;
use super::data;
use super::open::open;
use super::run;
use super::script::{Check, Start};
use super::session::Session;
use super::target::Target;
use crate::check::verdict::{Outcome, Verdict};
use crate::programs::in_order;
use ftp_proto::name;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// After so many sessions in a row that could not be begun, no more are tried.
const MAX_UNREACHED: u32 = 3;
/// For taking away what has been made.
const CLEANUP_LIMIT: Duration = Duration::from_secs(20);
/// Nothing that the checks make is deeper.
const MAX_DEPTH: usize = 4;

/// What one session has told of the server.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// The greeting's text.
    pub greeting: String,
    /// Words that FEAT's lines begin with, in capitals.
    pub features: Vec<String>,
    /// Of SYST.
    pub system: String,
    /// What checks ask by, of this, that the server does not know.
    pub lacks: Vec<String>,
}

impl Probe {
    /// Whether FEAT names it.
    pub fn announces(&self, word: &str) -> bool {
        self.features.iter().any(|feature| feature == word)
    }
}

/// A directory of its own at the server, and what goes on in it.
pub struct Suite {
    target: Arc<Target>,
    probe: Arc<Probe>,
    directory: String,
    is_made: AtomicBool,
    /// Checks that there was no session for.
    not_asked: AtomicUsize,
}

impl Suite {
    /// With a directory of this name, to be made when the first check needs it.
    pub fn new(target: Target, probe: Probe, directory: String) -> Self {
        Self {
            target: Arc::new(target),
            probe: Arc::new(probe),
            directory,
            is_made: AtomicBool::new(false),
            not_asked: AtomicUsize::new(0),
        }
    }

    /// What the server says of itself to whoever logs in. Errors: why one cannot.
    pub async fn probe(target: &Target) -> Result<Probe, String> {
        let mut session = open(target, Start::Fresh, false, None).await.map_err(|unopened| unopened.why)?;
        let greeting = session.last.text();
        session.log_in().await.map_err(|(_, why)| why)?;
        let mut said = async |line: &str| {
            session
                .ask(line)
                .await
                .map(|reply| (reply.code, reply.text()))
                .map_err(|trouble| trouble.to_string())
        };
        let (code, text) = said("FEAT").await?;
        let words = text
            .lines()
            .filter(|line| line.starts_with(' '))
            .filter_map(|line| line.split_whitespace().next());
        let features = if code == 211 { words.map(str::to_ascii_uppercase).collect() } else { Vec::new() };
        let (_, system) = said("SYST").await.unwrap_or_default();
        let mut lacks = Vec::new();
        for verb in ["NOOP", "STAT"] {
            if matches!(said(verb).await, Ok((500 | 502, _))) {
                lacks.push(verb.to_owned());
            }
        }
        let _ = said("QUIT").await;
        Ok(Probe { greeting, features, system, lacks })
    }

    /// Whether the server offers TLS by AUTH, asked in clear. Errors: why it cannot be asked.
    pub async fn offers_tls(target: &Target) -> Result<bool, String> {
        let mut session = open(target, Start::Fresh, true, None).await.map_err(|unopened| unopened.why)?;
        let reply = session.ask("AUTH TLS").await.map_err(|trouble| trouble.to_string())?;
        Ok(reply.code == 234)
    }

    async fn log_in(&self) -> Result<Session<'_>, String> {
        open(&self.target, Start::LoggedIn, false, None).await.map_err(|unopened| unopened.why)
    }

    /// Makes the directory, where something may be written. Errors: why it cannot.
    pub async fn prepare(&self) -> Result<(), String> {
        if self.target.read_only {
            return Ok(());
        }
        let mut session = self.log_in().await?;
        self.is_made.store(true, Ordering::Relaxed);
        session.make(&self.directory).await.map_err(|(_, why)| why)?;
        let _ = session.ask("QUIT").await;
        Ok(())
    }

    /// Runs the checks, at most `parallel` at a time, telling of each as it ends; gives them in their order.
    pub async fn run(
        &self,
        checks: &[&'static Check],
        parallel: usize,
        mut told: impl FnMut(&Outcome),
    ) -> Vec<Outcome> {
        let unreached = Cell::new(0);
        let work = checks.iter().enumerate().map(|(index, &check)| {
            let (target, probe) = (self.target.clone(), self.probe.clone());
            let directory = format!("{}/c{index}", self.directory);
            let is_lost = unreached.get() >= MAX_UNREACHED;
            async move {
                match is_lost {
                    true => (lost(check), false),
                    false => run::run(check, &target, &probe, &directory).await,
                }
            }
        });
        let ended = |(outcome, is_reached): &(Outcome, bool)| {
            unreached.set(if *is_reached { 0 } else { unreached.get() + 1 });
            self.not_asked.fetch_add((!is_reached).into(), Ordering::Relaxed);
            told(outcome);
        };
        let panicked = |index: usize, words| (fault_of_ours(checks[index], words), true);
        in_order(work, parallel, panicked, ended).await.into_iter().map(|(outcome, _)| outcome).collect()
    }

    /// Of the checks of [`Self::run`], how many were not asked because the server did not answer.
    pub fn not_asked(&self) -> usize {
        self.not_asked.load(Ordering::Relaxed)
    }

    /// Takes away what was made. Errors: what is left, and why.
    pub async fn clean(&self) -> Result<(), String> {
        if !self.is_made.load(Ordering::Relaxed) {
            return Ok(());
        }
        let cleaned = tokio::time::timeout(CLEANUP_LIMIT, self.remove()).await;
        let why = match cleaned {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => "something in it cannot be removed".to_owned(),
            Ok(Err(why)) => why,
            Err(_) => "the server takes too long".to_owned(),
        };
        Err(format!("the directory {} is left at the server: {why}", self.directory))
    }

    async fn remove(&self) -> Result<bool, String> {
        let said = |trouble: Trouble| trouble.to_string();
        let mut session = self.log_in().await?;
        let has_mlsd = self.probe.announces("MLST");
        let mut open = vec![self.directory.clone()];
        let mut directories = Vec::new();
        while let Some(directory) = open.pop() {
            for (name, is_directory) in names(&mut session, &directory, has_mlsd).await? {
                let path = format!("{directory}/{name}");
                let is_gone = is_directory != Some(true)
                    && session.ask(&format!("DELE {path}")).await.map_err(said)?.code / 100 == 2;
                if !is_gone && path.matches('/').count() <= MAX_DEPTH {
                    open.push(path);
                }
            }
            directories.push(directory);
        }
        let mut all = true;
        for directory in directories.iter().rev() {
            all = session.ask(&format!("RMD {directory}")).await.map_err(said)?.code / 100 == 2;
        }
        let _ = session.ask("QUIT").await;
        Ok(all)
    }
}

/// What is in a directory, and whether each is one itself, where the server tells.
async fn names(
    session: &mut Session<'_>,
    directory: &str,
    has_mlsd: bool,
) -> Result<Vec<(String, Option<bool>)>, String> {
    let said = |trouble: Trouble| trouble.to_string();
    let Some(stream) = data::open_passive(&mut session.control).await.map_err(said)? else {
        return Err("no data connection to list it".to_owned());
    };
    session.data = data::Data::Clear(stream);
    let command = if has_mlsd { format!("MLSD {directory}") } else { format!("NLST {directory}") };
    if session.ask(&command).await.map_err(said)?.code >= 400 {
        return Ok(Vec::new());
    }
    session.receive(None).await.map_err(|(_, why)| why)?;
    session.control.reply().await.map_err(said)?;
    let text = name::decode(&session.received).into_owned();
    let entry = |line: &str| {
        let (facts, name) = if has_mlsd { line.split_once(' ').unwrap_or(("", line)) } else { ("", line) };
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        let facts = facts.to_ascii_lowercase();
        (
            name,
            has_mlsd.then(|| {
                facts.contains("type=dir") || facts.contains("type=cdir") || facts.contains("type=pdir")
            }),
        )
    };
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
    Ok(lines.map(entry).filter(|(name, _)| !["", ".", ".."].contains(&name.as_str())).collect())
}

fn lost(check: &'static Check) -> Outcome {
    unasked(check, Verdict::Untestable, "not asked: the server takes no sessions any more".to_owned())
}

fn fault_of_ours(check: &'static Check, words: String) -> Outcome {
    unasked(check, Verdict::Fail, format!("a defect of this check, not of the server: {words}"))
}

fn unasked(check: &'static Check, verdict: Verdict, seen: String) -> Outcome {
    Outcome {
        id: check.id,
        section: check.section(),
        level: check.level,
        sentence: check.sentence,
        verdict,
        seen,
        dialogue: Vec::new(),
    }
}
