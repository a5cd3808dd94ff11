//! How the results of checks are told: options of both kinds of check.

use super::print_list;
use crate::check::{Level, Outcome, failures_expected};
use crate::cli::out::{json, stdout, tell};
use crate::cli::written::write;
use crate::report::check::{Told, html, junit, terminal};
use anyhow::{Context, bail, ensure};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct ToldArgs {
    /// Name the checks, and ask nobody
    #[arg(long)]
    pub list: bool,
    /// Only checks whose ids begin so, up to a slash: 959, 959/5.4, or a whole id; may be given several times
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Ids of checks that fail as is known, one a line, # for comments: they count as no failure, and a pass of
    /// theirs is told
    #[arg(long, value_name = "FILE")]
    expected_failures: Option<PathBuf>,
    /// Write the results to this file as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results to this file as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print JSON: an array of objects with id, section, level, verdict and seen
    #[arg(long)]
    json: bool,
}

impl ToldArgs {
    /// Whether `--only` names the check, or there is none.
    pub(super) fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|prefix| crate::check::is_below(id, prefix))
    }

    /// Each `--only` has to name something: one that is misspelt would go unnoticed beside the others.
    pub(super) fn every_only_names_one_of<'a>(
        &self,
        noun: &str,
        ids: impl Iterator<Item = &'a str> + Clone,
    ) -> anyhow::Result<()> {
        for prefix in &self.only {
            ensure!(
                ids.clone().any(|id| crate::check::is_below(id, prefix)),
                "--only {prefix}: no {noun} is called so; --list names them all"
            );
        }
        Ok(())
    }

    /// Prints ids, levels and sentences.
    pub(super) fn list<'a>(
        &self,
        checks: impl Iterator<Item = (&'a str, Level, &'a str)>,
    ) -> anyhow::Result<ExitCode> {
        if self.json {
            let object = |(id, level, sentence): (&str, Level, &str)| {
                let section = id.rsplit_once('/').map_or(id, |(section, _)| section);
                serde_json::json!({ "id": id, "section": section, "level": level.as_str(), "sentence": sentence })
            };
            writeln!(stdout(), "{}", json(&checks.map(object).collect::<Vec<_>>())?)?;
        } else {
            print_list(checks.map(|(id, level, sentence)| format!("{id} ({}) {sentence}", level.as_str())))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Ids of `--expected-failures`.
    pub(super) fn expected(&self, known: &BTreeSet<&str>) -> anyhow::Result<BTreeSet<String>> {
        let Some(file) = &self.expected_failures else { return Ok(BTreeSet::new()) };
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        match failures_expected(&text, known) {
            Ok(ids) => Ok(ids),
            Err((line, id)) => bail!("{name}:{line}: no check is called {id:?}; --list names them all"),
        }
    }

    /// Prints and writes everything, and first what was `amiss`. The exit code says whether something failed, and
    /// otherwise whether the checks have come to anything: what was not tried is not right.
    pub(super) fn tell(
        &self,
        title: &str,
        outcomes: &[Outcome],
        expected: &BTreeSet<String>,
        amiss: &[String],
    ) -> anyhow::Result<ExitCode> {
        let told = Told { title, outcomes, expected };
        amiss.iter().for_each(tell);
        let is_nothing = !told.has_judged();
        if is_nothing && amiss.is_empty() {
            tell("nothing could be tried: nothing has passed, and nothing failed");
        }
        if let Some(file) = &self.junit {
            write(file, &junit::render(&told))?;
        }
        if let Some(file) = &self.html {
            write(file, &html::render(&told))?;
        }
        if self.json {
            writeln!(stdout(), "{}", json(&outcomes)?)?;
        } else {
            writeln!(stdout(), "{title}\n")?;
            write!(stdout(), "{}", terminal::render(&told))?;
        }
        Ok(ExitCode::from(match told.failures().next() {
            Some(_) => 1,
            None if is_nothing || !amiss.is_empty() => 2,
            None => 0,
        }))
    }
}
