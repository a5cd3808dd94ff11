//! The dialogue with a server, on stderr: RFC 1123 section 4.1.4.3's verbose mode.

use super::out::{note, tell};
use ftp_endpoint::client::Fingerprint;
use ftp_endpoint::net::Time;
use ftp_endpoint::observe::{Event, Observer, Who};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Prints commands behind `>` (passwords masked) and replies behind `<`, where asked to; and warns, once, of
/// a password that goes in clear.
pub(super) struct Dialogue {
    verbose: bool,
    warns: bool,
    /// Sessions under TLS.
    secured: Mutex<BTreeSet<u64>>,
}

/// A reply as it came over the control connection.
pub(super) fn reply_lines(code: u16, text: &str) -> String {
    let last = text.matches('\n').count();
    let line = |(index, line): (usize, &str)| match index {
        _ if index == last => format!("{code} {line}"),
        0 => format!("{code}-{line}"),
        _ => line.to_owned(),
    };
    text.split('\n').enumerate().map(line).collect::<Vec<_>>().join("\n")
}

impl Dialogue {
    pub(super) fn new(verbose: bool, warns: bool) -> Self {
        Self { verbose, warns, secured: Mutex::default() }
    }

    /// What there is to print of an event, unless it is a warning, which is told.
    pub(super) fn lines(&self, session: u64, event: &Event<'_>) -> Vec<String> {
        if self.warns {
            self.watch_password(session, event);
        }
        if self.verbose { lines(session, event) } else { Vec::new() }
    }

    fn watch_password(&self, session: u64, event: &Event<'_>) {
        static WARNED: AtomicBool = AtomicBool::new(false);
        let mut secured = self.secured.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::SessionBegins { .. } => {
                secured.remove(&session);
            }
            Event::TlsBegins { .. } => {
                secured.insert(session);
            }
            Event::Command { line } if line.starts_with("PASS ") && !secured.contains(&session) => {
                if !WARNED.swap(true, Ordering::Relaxed) {
                    tell(
                        "warning: the server offers no TLS, and the password goes in clear (--tls required \
                         forbids it, --tls off is silent)",
                    );
                }
            }
            _ => {}
        }
    }
}

fn lines(session: u64, event: &Event<'_>) -> Vec<String> {
    let (sign, text) = match event {
        Event::Command { line } => ('>', (*line).to_owned()),
        Event::Reply { code, text } => ('<', reply_lines(*code, text)),
        Event::SessionBegins { peer } => ('*', format!("connected to {peer}")),
        Event::DataOpens { local, peer } => ('*', format!("data connection {local} to {peer}")),
        Event::DataCloses { how, .. } => ('*', format!("data connection {how}")),
        Event::TlsBegins { on_data: true, version, resumed, .. } => {
            let how = if *resumed { "a session resumed" } else { "a session of its own" };
            ('*', format!("data connection under {version}, {how}"))
        }
        Event::TlsBegins { version, cipher_suite, certificate_sha256, .. } => {
            let certificate = Fingerprint(*certificate_sha256);
            ('*', format!("{version}, {cipher_suite}, certificate of SHA-256 {certificate}"))
        }
        _ => return Vec::new(),
    };
    text.lines().map(|line| format!("{session}{sign} {line}")).collect()
}

impl Observer for Dialogue {
    fn event(&self, _at: Time, _who: Who, session: u64, event: &Event<'_>) {
        for line in self.lines(session, event) {
            note(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_one_and_of_many_lines() {
        assert_eq!(reply_lines(220, "Hello."), "220 Hello.");
        assert_eq!(reply_lines(211, "Extensions:\n SIZE\nEnd"), "211-Extensions:\n SIZE\n211 End");
    }
}
