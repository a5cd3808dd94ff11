//! How far a delivery is: a bar on stderr if that is a terminal, else a line now and then.

use crate::cli::dialogue::Dialogue;
use crate::cli::out::{note, printable_line, tell};
use crate::lab::plural::counted;
use ftp_endpoint::net::Time;
use ftp_endpoint::observe::{Event, Observer, Who};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The bar, or what its lines are made of.
pub(super) struct Progress {
    bar: ProgressBar,
    counts_bytes: bool,
    dialogue: Dialogue,
    lines: Option<Mutex<Lines>>,
}

/// For logs.
struct Lines {
    files: u64,
    expected_bytes: Option<u64>,
    done: u64,
    moved_bytes: u64,
    last: Option<Time>,
}

impl Lines {
    /// A line, when it is time for one.
    fn due(&mut self, at: Time) -> Option<String> {
        let begun = *self.last.get_or_insert(at);
        if at.saturating_sub(begun) < LINE_EVERY {
            return None;
        }
        self.last = Some(at);
        let of = self.expected_bytes.map(|bytes| format!(" of {}", HumanBytes(bytes))).unwrap_or_default();
        let files = counted(self.files, "file");
        Some(format!("{} of {files} done, {}{of} moved", self.done, HumanBytes(self.moved_bytes)))
    }

    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress { payload_bytes, .. } => self.moved_bytes += payload_bytes,
            Event::FileReported { .. } => self.done += 1,
            // What a failed attempt has moved has to be moved again.
            Event::FileEnds { payload_bytes, error: Some(_), .. } => {
                self.moved_bytes = self.moved_bytes.saturating_sub(*payload_bytes);
            }
            _ => {}
        }
    }
}

impl Progress {
    pub(super) fn new(files: u64, expected_bytes: Option<u64>, hidden: bool, dialogue: Dialogue) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = match is_terminal && !hidden {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let (len, template) = match expected_bytes {
            Some(bytes) => (bytes, "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left {wide_msg}"),
            None => (files, "{bar:30} {pos}/{len} files {per_sec} {elapsed} {wide_msg}"),
        };
        let bar = ProgressBar::with_draw_target(Some(len), target);
        bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
        let lines = Lines { files, expected_bytes, done: 0, moved_bytes: 0, last: None };
        let lines = (!is_terminal && !hidden).then(|| Mutex::new(lines));
        Self { bar, counts_bytes: expected_bytes.is_some(), dialogue, lines }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn event(&self, at: Time, who: Who, session: u64, event: &Event<'_>) {
        if who != Who::Client {
            return;
        }
        let lines = self.dialogue.lines(session, event);
        if !lines.is_empty() {
            self.bar.suspend(|| lines.iter().for_each(note));
        }
        if let Some(lines) = &self.lines {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.see(event);
            lines.due(at).iter().for_each(tell);
        }
        match event {
            Event::SendBegins { name, .. } | Event::ReceiveBegins { name, .. } => {
                self.bar.set_message(printable_line(name));
            }
            Event::Progress { payload_bytes, .. } if self.counts_bytes => self.bar.inc(*payload_bytes),
            Event::FileReported { .. } if !self.counts_bytes => self.bar.inc(1),
            // What a failed attempt has moved has to be moved again.
            Event::FileEnds { payload_bytes, error: Some(_), .. } if self.counts_bytes => {
                self.bar.set_position(self.bar.position().saturating_sub(*payload_bytes));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_now_and_then() {
        let mut lines = Lines { files: 3, expected_bytes: Some(2048), done: 0, moved_bytes: 0, last: None };
        let mut told = Vec::new();
        for second in 0..35 {
            lines.see(&Event::Progress { payload_bytes: 50, wire_bytes: 50 });
            told.extend(lines.due(Duration::from_secs(second)));
        }
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0], "0 of 3 files done, 550 B of 2.00 KiB moved");
        lines.see(&Event::FileReported { name: "a", attempts: 1, error: None });
        lines.see(&Event::FileEnds { name: "b", payload_bytes: 750, error: Some("cut") });
        assert_eq!(
            lines.due(Duration::from_secs(40)).unwrap(),
            "1 of 3 files done, 1000 B of 2.00 KiB moved"
        );
    }
}
