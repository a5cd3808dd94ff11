//! The dialogue with a server, on stderr: RFC 1123 section 4.1.4.3's verbose mode.

use ftp_endpoint::net::Time;
use ftp_endpoint::observe::{Event, Nobody, Observer, Who};
use std::sync::Arc;

use super::out::note;

/// Prints commands behind `>` (passwords masked) and replies behind `<`.
pub(super) struct Dialogue;

/// [`Dialogue`] where `verbose`, else nobody.
pub(super) fn observer(verbose: bool) -> Arc<dyn Observer> {
    if verbose { Arc::new(Dialogue) } else { Arc::new(Nobody) }
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

impl Observer for Dialogue {
    fn event(&self, _at: Time, _who: Who, session: u64, event: &Event<'_>) {
        let (sign, text) = match event {
            Event::Command { line } => ('>', (*line).to_owned()),
            Event::Reply { code, text } => ('<', reply_lines(*code, text)),
            Event::SessionBegins { peer } => ('*', format!("connected to {peer}")),
            Event::DataOpens { local, peer } => ('*', format!("data connection {local} to {peer}")),
            Event::DataCloses { how, .. } => ('*', format!("data connection {how}")),
            _ => return,
        };
        for line in text.lines() {
            note(format_args!("{session}{sign} {line}"));
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
