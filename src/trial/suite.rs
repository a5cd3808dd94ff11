//! Whole trials: of each pair the control group first, then every fault, several runs at a time.

use super::described::with_settings;
use super::fault::Planned;
use super::pair::{Pair, Settings};
use super::proxy::Certificate;
use super::row::Row;
use super::run::{Circumstances, can_be_committed};
use crate::programs::in_order;
use std::io;
use std::sync::Arc;

/// A pair whose control group has failed, or a run that could not be begun: nothing is known of it.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Whose, which way: `curl with vsftpd, put`.
    pub pair: String,
    /// In a line.
    pub why: String,
}

/// What a trial has brought.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Of each pair the control group, then its runs in the order of the plan.
    pub rows: Vec<Row>,
    /// Pairs that have no rows.
    pub left_out: Vec<LeftOut>,
}

impl Tried {
    /// Runs that lost something silently that somebody could have known of; with `hidden`, the others, too.
    pub fn failures(&self, hidden: bool) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.is_failure(hidden))
    }
}

fn title(pair: &Pair) -> String {
    let [client, server] = [&pair.client.software, pair.server.software()]
        .map(|software| with_settings(&software.name, &software.settings));
    format!("{client} with {server}, {}", pair.direction.name())
}

/// Tries all pairs, at most `jobs` runs at a time; `plan` is committed on each. `told` hears how many runs there
/// are to be, and of each as it ends.
///
/// # Errors
/// The proxy's certificate could not be made.
pub async fn try_all(
    pairs: Vec<Pair>,
    settings: Settings,
    plan: &[Planned],
    jobs: usize,
    mut told: impl FnMut(Progress),
) -> io::Result<Tried> {
    let certificate = if settings.tls { Some(Arc::new(Certificate::make()?)) } else { None };
    let settings = Arc::new(settings);
    let pairs: Vec<Arc<Pair>> = pairs.into_iter().map(Arc::new).collect();
    told(Progress::Planned(pairs.len()));
    let run = |pair: Arc<Pair>, planned: Option<Planned>, carrier| {
        let (settings, certificate) = (Arc::clone(&settings), certificate.clone());
        async move {
            let circumstances = Circumstances {
                pair: &pair,
                settings: &settings,
                certificate: certificate.as_deref(),
                planned: planned.as_ref(),
                carrier,
            };
            circumstances.run().await
        }
    };
    let controls = pairs.iter().map(|pair| run(Arc::clone(pair), None, None));
    let controls = in_order(controls, jobs, panicked, |_| told(Progress::Ended)).await;
    let mut tried = Tried::default();
    let (mut work, mut of_pair) = (Vec::new(), Vec::new());
    for (pair, control) in pairs.iter().zip(controls) {
        match fit(control) {
            Ok((row, carrier)) => {
                let planned: Vec<Planned> =
                    plan.iter().filter(|planned| can_be_committed(pair, planned)).cloned().collect();
                work.extend(
                    planned.iter().map(|planned| run(Arc::clone(pair), Some(planned.clone()), carrier)),
                );
                of_pair.push((Arc::clone(pair), row, planned));
            }
            Err(why) => tried.left_out.push(LeftOut { pair: title(pair), why }),
        }
    }
    told(Progress::Planned(work.len()));
    let runs = in_order(work.into_iter(), jobs, panicked, |_| told(Progress::Ended)).await;
    let mut runs = runs.into_iter();
    for (pair, control, planned) in of_pair {
        tried.rows.push(control);
        for (planned, run) in planned.iter().zip(runs.by_ref()) {
            match run {
                Ok((row, _)) => tried.rows.push(row),
                Err(error) => {
                    let pair = format!("{}, {}", title(&pair), planned.strike);
                    tried.left_out.push(LeftOut { pair, why: error.to_string() });
                }
            }
        }
    }
    Ok(tried)
}

fn panicked<T>(_: usize, words: String) -> io::Result<T> {
    Err(io::Error::other(format!("a defect of the trial: {words}")))
}

/// What a trial tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many runs more are to come.
    Planned(usize),
    /// One has ended.
    Ended,
}

/// The control group, or why a pair is left out.
fn fit(control: io::Result<(Row, Option<usize>)>) -> Result<(Row, Option<usize>), String> {
    let (row, carrier) = control.map_err(|error| error.to_string())?;
    if row.verdict == "intact" {
        return Ok((row, carrier));
    }
    let said = if row.said.is_empty() { "nothing" } else { &row.said };
    Err(format!(
        "without any fault: {} (exit status {}, content {}); it said: {said}",
        row.verdict, row.exit_status, row.content
    ))
}
