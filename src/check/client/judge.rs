//! Whether a client has held.

use super::case::{Case, Expected, Task};
use super::server::Heard;
use super::session::STRANGE;
use crate::check::verdict::Verdict;
use crate::programs::{Place, Ran};
use std::time::Duration;

/// What there is to judge by.
pub(super) struct Evidence<'a> {
    pub ran: &'a Ran,
    pub heard: &'a Heard,
    pub place: &'a Place,
    /// Of the file, as it should be.
    pub content: &'a [u8],
    pub limit: Duration,
}

impl Evidence<'_> {
    fn is_success(&self) -> bool {
        self.ran.status.is_some_and(|status| status.success())
    }

    fn downloaded(&self) -> Option<Vec<u8>> {
        std::fs::read(self.place.work.join("file.bin")).ok()
    }

    /// What was to arrive has arrived; for listings, the name was shown.
    fn is_whole(&self, task: Task) -> bool {
        match task {
            Task::Download | Task::Mirror => self.downloaded().is_some_and(|file| file == self.content),
            Task::Upload => self.heard.uploads.iter().any(|upload| upload == self.content),
            Task::List => contains(&self.ran.stdout, b"file.bin"),
        }
    }

    /// With its last words.
    fn status(&self) -> String {
        let said = self.place.named(&String::from_utf8_lossy(&self.ran.stderr));
        let said = said.trim().lines().last().unwrap_or_default();
        match self.ran.status {
            Some(status) if said.is_empty() => status.to_string(),
            Some(status) => format!("{status}: {said}"),
            None => format!("no end within {} s", self.limit.as_secs_f64()),
        }
    }

    /// What no client may do, whatever the case.
    fn harm(&self, case: &Case) -> Option<String> {
        let escaped = self.place.escaped();
        if self.heard.is_trapped {
            return Some("it connected to another host".to_owned());
        }
        if !escaped.is_empty() {
            return Some(format!("written outside of its directory: {}", escaped.join(", ")));
        }
        if let Some(verb) = case.script.never.iter().find(|verb| self.heard.verbs.contains_key(**verb)) {
            return Some(format!("it said {verb}"));
        }
        let absent = &case.script.absent;
        if let Some(name) = absent.iter().find(|name| self.place.work.join(name).exists()) {
            return Some(format!("{name} has come to be"));
        }
        if self.ran.status.is_none() {
            return Some(self.status());
        }
        #[cfg(unix)]
        if let Some(signal) =
            self.ran.status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status))
        {
            return Some(format!("it died of signal {signal}"));
        }
        None
    }
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(all, part).is_some()
}

/// The verdict, and what was seen.
pub(super) fn judge(case: &Case, evidence: &Evidence<'_>) -> (Verdict, String) {
    let status = evidence.status();
    if let Some(harm) = evidence.harm(case) {
        return (Verdict::Fail, harm);
    }
    if evidence.heard.sessions == 0 {
        return (Verdict::Untestable, format!("the client did not connect: {status}"));
    }
    let asked_for = case.script.asked_for();
    if !asked_for.is_empty() && !asked_for.iter().any(|verb| evidence.heard.verbs.contains_key(*verb)) {
        return (Verdict::Skipped, format!("the client did not say {}", asked_for.join(" or ")));
    }
    let (held, seen) = match case.expected {
        Expected::Works if !evidence.is_success() => (false, status),
        Expected::Works => (evidence.is_whole(case.task), format!("{status}, and it is not what was sent")),
        Expected::Aloud if !evidence.is_success() => (true, status),
        Expected::Aloud => (
            !matches!(case.task, Task::List) && is_mended(case, evidence),
            format!("{status}, as if all had gone well"),
        ),
        Expected::Safe => (true, status),
        Expected::QuietTerminal => {
            let escapes = contains(&evidence.ran.stdout, b"\x1b") || contains(&evidence.ran.stderr, b"\x1b");
            (!escapes, "an escape sequence was printed".to_owned())
        }
        Expected::NoStranger if !evidence.heard.is_active => {
            return (Verdict::Skipped, "the client did not let the server connect".to_owned());
        }
        Expected::NoStranger => {
            let taken = evidence.downloaded().is_some_and(|file| contains(&file, STRANGE));
            (!(taken && evidence.is_success()), "a stranger's bytes were taken for the file".to_owned())
        }
    };
    match held {
        true => (Verdict::Pass, evidence.status()),
        false => (Verdict::Fail, seen),
    }
}

/// An exit status 0 in spite of a failure is right if another attempt has mended it. Uploads of these cases
/// never end well.
fn is_mended(case: &Case, evidence: &Evidence<'_>) -> bool {
    case.task != Task::Upload && evidence.is_whole(case.task)
}
