//! The trace of a run: what happened when, and its hash. Two runs of a case are the same run if
//! their hashes are equal.

use super::time::SimTime;
use ftp_endpoint::net::Time;
use ftp_endpoint::observe::{Event, Observer, Who};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The client's program or kernel.
    Client,
    /// The server's program or kernel.
    Server,
    /// The path between them: packets and what the middlebox does to them.
    Path,
    /// The fault plan.
    Fault,
    /// The oracle.
    Oracle,
}

impl Place {
    /// A lower-case name, as the trace shows it.
    pub fn name(self) -> &'static str {
        match self {
            Place::Client => "client",
            Place::Server => "server",
            Place::Path => "path",
            Place::Fault => "fault",
            Place::Oracle => "oracle",
        }
    }
}

/// A line of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceEvent {
    /// Virtual time since the start of the run.
    pub at_us: u64,
    /// Where it happened.
    pub place: Place,
    /// What happened, for a person.
    pub text: String,
}

impl TraceEvent {
    /// Whether it names this file, and not one whose longer name this is a part of.
    pub fn names(&self, file: &str) -> bool {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        self.text.match_indices(file).any(|(at, _)| {
            let (before, after) = (&self.text[..at], &self.text[at + file.len()..]);
            let goes_on = after.chars().next().is_some_and(part)
                || after.strip_prefix('.').is_some_and(|rest| rest.starts_with(part));
            !before.ends_with(part) && !goes_on
        })
    }
}

/// What will be asked of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// [`Trace::hash`].
    pub hash: bool,
    /// [`Trace::events`].
    pub events: bool,
}

#[derive(Default)]
struct Inner {
    events: Option<Vec<TraceEvent>>,
    hash: Option<Sha256>,
    text: String,
}

/// Collects events from both hosts and the path; all run on one thread, so their order is part of
/// the trace.
pub struct Trace {
    /// Somebody will ask for something: a sweep needs neither.
    wanted: bool,
    inner: Mutex<Inner>,
}

impl Trace {
    /// Keeps no more than what will be asked for.
    pub fn new(kept: Kept) -> Self {
        let Kept { hash, events } = kept;
        let inner =
            Inner { events: events.then(Vec::new), hash: hash.then(Sha256::new), text: String::new() };
        Self { wanted: hash || events, inner: Mutex::new(inner) }
    }

    /// Whether anybody will see what is added.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what happened, unless nobody will ask for it.
    pub fn add(&self, at: impl Into<SimTime>, place: Place, what: std::fmt::Arguments<'_>) {
        if !self.wanted {
            return;
        }
        let at_us = at.into().as_us();
        let inner = &mut *self.lock();
        inner.text.clear();
        // Writing into a String cannot fail.
        let _ = inner.text.write_fmt(what);
        if let Some(hash) = &mut inner.hash {
            hash.update(at_us.to_le_bytes());
            hash.update([place as u8]);
            hash.update(inner.text.len().to_le_bytes());
            hash.update(inner.text.as_bytes());
        }
        if let Some(events) = &mut inner.events {
            events.push(TraceEvent { at_us, place, text: inner.text.clone() });
        }
    }

    /// Bytes that count for the hash without being an event of their own (packets).
    pub fn add_bytes(&self, at: impl Into<SimTime>, bytes: &[u8]) {
        if !self.wanted {
            return;
        }
        if let Some(hash) = &mut self.lock().hash {
            hash.update(at.into().as_us().to_le_bytes());
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        }
    }

    /// The first 16 hexadecimal digits of the SHA-256 of all so far; empty unless kept.
    pub fn hash(&self) -> String {
        self.lock().hash.clone().map_or_else(String::new, |hash| hex(&hash.finalize()[..8]))
    }

    /// The events in order of time (of equal ones, in order of happening); empty unless kept.
    pub fn events(&self) -> Vec<TraceEvent> {
        let mut events = self.lock().events.clone().unwrap_or_default();
        events.sort_by_key(|event| event.at_us);
        events
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Observer for Trace {
    fn event(&self, at: Time, who: Who, session: u64, event: &Event<'_>) {
        let place = match who {
            Who::Client => Place::Client,
            Who::Server => Place::Server,
        };
        match event {
            Event::SessionBegins { peer } => {
                self.add(at, place, format_args!("[{session}] control connection with {peer}"))
            }
            Event::SessionEnds { reason } => {
                self.add(at, place, format_args!("[{session}] control connection ends: {reason}"))
            }
            Event::Command { line } => {
                self.add(at, place, format_args!("[{session}] {} {line}", arrow(who, Line::Command)))
            }
            Event::Reply { code, text } => {
                self.add(at, place, format_args!("[{session}] {} {code} {text}", arrow(who, Line::Reply)))
            }
            Event::DataOpens { local, peer } => {
                self.add(at, place, format_args!("[{session}] data connection {local} - {peer} opens"))
            }
            Event::TlsBegins { on_data, version, cipher_suite, resumed, .. } => {
                let which = if *on_data { "data" } else { "control" };
                let how = if *resumed { "resumed" } else { "full" };
                let text =
                    format_args!("[{session}] {version} on the {which} connection, {how}: {cipher_suite}");
                self.add(at, place, text)
            }
            Event::DataCloses { local, peer, how } => {
                self.add(at, place, format_args!("[{session}] data connection {local} - {peer} {how}"))
            }
            Event::SendBegins { name, wire_offset, .. } => {
                self.add(at, place, format_args!("[{session}] sends {name} from wire byte {wire_offset}"))
            }
            Event::ReceiveBegins { name, .. } => {
                self.add(at, place, format_args!("[{session}] expects {name}"))
            }
            Event::Progress { payload_bytes, wire_bytes } => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&payload_bytes.to_le_bytes());
                bytes[8..].copy_from_slice(&wire_bytes.to_le_bytes());
                self.add_bytes(at, &bytes);
            }
            Event::FileEnds { name, payload_bytes, error } => match error {
                None => {
                    self.add(at, place, format_args!("[{session}] done with {name}: {payload_bytes} bytes"))
                }
                Some(error) => self.add(
                    at,
                    place,
                    format_args!("[{session}] {name} fails after {payload_bytes} bytes: {error}"),
                ),
            },
            Event::FileReported { name, attempts, error } => match error {
                None => self.add(at, place, format_args!("reports {name} delivered (attempts: {attempts})")),
                Some(error) => {
                    self.add(at, place, format_args!("reports {name} FAILED (attempts: {attempts}): {error}"))
                }
            },
        }
    }
}

/// What goes over a control connection.
#[derive(Clone, Copy)]
enum Line {
    Command,
    Reply,
}

/// The way that a line goes, as seen by `who`.
fn arrow(who: Who, line: Line) -> &'static str {
    match (who, line) {
        (Who::Client, Line::Command) | (Who::Server, Line::Reply) => "->",
        (Who::Server, Line::Command) | (Who::Client, Line::Reply) => "<-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn trace(text: &str, at_us: u64) -> Trace {
        let trace = Trace::new(Kept { hash: true, events: true });
        trace.add(Duration::from_micros(at_us), Place::Path, format_args!("{text}"));
        trace
    }

    #[test]
    fn hash_tells_time_text_and_place() {
        assert_eq!(trace("a", 1).hash(), trace("a", 1).hash());
        assert_ne!(trace("a", 1).hash(), trace("a", 2).hash());
        assert_ne!(trace("a", 1).hash(), trace("b", 1).hash());
        assert_eq!(trace("a", 1).hash().len(), 16);
    }

    #[test]
    fn an_event_names_a_file_whole() {
        let names = |text: &str, file| {
            TraceEvent { at_us: 0, place: Place::Client, text: text.to_owned() }.names(file)
        };
        assert!(names("[1] done with /file-1.dat: 10 bytes", "file-1.dat"));
        assert!(names("about to open data connection for /file-1.dat.", "file-1.dat"));
        assert!(!names("sends file-1.dat.part", "file-1.dat") && !names("sends file-11.dat", "file-1"));
    }

    #[test]
    fn events_come_in_order_of_time() {
        let trace = trace("late", 5);
        trace.add(Duration::from_micros(2), Place::Client, format_args!("early"));
        let texts: Vec<String> = trace.events().into_iter().map(|event| event.text).collect();
        assert_eq!(texts, ["early", "late"]);
    }
}
