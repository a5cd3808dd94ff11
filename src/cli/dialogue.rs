//! The dialogue with a server, on stderr: RFC 1123 section 4.1.4.3's verbose mode.

use super::out::note;
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

    /// What there is to print of an event.
    pub(super) fn lines(&self, session: u64, event: &Event<'_>) -> Vec<String> {
        let mut all = if self.verbose { lines(session, event) } else { Vec::new() };
        if self.warns && self.is_password_in_clear(session, event) && !WARNED.swap(true, Ordering::Relaxed) {
            all.push(format!("ftpsim: {WARNING}"));
        }
        all
    }

    fn is_password_in_clear(&self, session: u64, event: &Event<'_>) -> bool {
        let secured = || self.secured.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::SessionBegins { .. } => {
                secured().remove(&session);
                false
            }
            Event::TlsBegins { .. } => {
                secured().insert(session);
                false
            }
            Event::Command { line } => line.starts_with("PASS ") && !secured().contains(&session),
            _ => false,
        }
    }
}

/// Once is enough, however many sessions there are.
static WARNED: AtomicBool = AtomicBool::new(false);
const WARNING: &str = "warning: the server offers no TLS, and the password goes in clear (--tls required forbids \
     it, --tls off is silent)";

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
