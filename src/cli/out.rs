//! The one place that writes to stdout and stderr. What fails there is an error like any other, and what
//! comes from the other side is shown with its control characters as escapes.

use ftp_proto::name::{Printable, is_deceptive};
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write};

/// Stdout could not be written; said by the io::Error that [`Out`] gives.
#[derive(Debug)]
struct Unwritten(io::Error);

impl Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to standard output: {}", self.0)
    }
}

impl std::error::Error for Unwritten {}

/// Stdout, locked.
pub(super) struct Out(io::StdoutLock<'static>);

/// Stdout, for lines of our own.
pub(super) fn stdout() -> Out {
    Out(io::stdout().lock())
}

/// What somebody else has written to stdout, to its end.
pub(super) fn written_out(result: io::Result<()>) -> io::Result<()> {
    result.map_err(unwritten).and_then(|()| stdout().flush())
}

fn unwritten(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unwritten(error))
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(unwritten)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unwritten)
    }
}

/// If it is stdout that failed: of what kind.
pub(super) fn stdout_failure(error: &anyhow::Error) -> Option<ErrorKind> {
    error.chain().find_map(|cause| {
        let error = cause.downcast_ref::<io::Error>()?;
        error.get_ref()?.is::<Unwritten>().then(|| error.kind())
    })
}

/// A line on stderr, behind our name. Lines within it are indented, so that none passes for one of ours.
pub(super) fn tell(text: impl Display) {
    note(format_args!("ftpsim: {}", cut(&text.to_string())));
}

/// Of a text that a server may have made as long as it likes.
const MAX_TOLD_BYTES: usize = 8 * 1024;

fn cut(text: &str) -> Cow<'_, str> {
    let end = text.floor_char_boundary(MAX_TOLD_BYTES);
    match text.len() - end {
        0 => text.into(),
        left => format!("{}... and {left} bytes more", &text[..end]).into(),
    }
}

/// Likewise, for what we say ourselves: lines as they are.
pub(super) fn tell_own(text: &str) {
    let lines: Vec<String> = text.split('\n').map(printable_line).collect();
    let _ = writeln!(io::stderr(), "ftpsim: {}", lines.join("\n"));
}

/// A line on stderr. That nobody can read it is not worth an end.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", printable(&text.to_string()));
}

/// Several lines, each shown as it is, all but the first indented.
pub(super) fn printable(text: &str) -> String {
    let lines: Vec<String> = text.trim_end_matches('\n').split('\n').map(printable_line).collect();
    lines.join("\n  ")
}

/// A word for a shell, in a command that is printed.
pub(super) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |word| word.into_owned())
}

/// One line.
pub(super) fn printable_line(text: &str) -> String {
    Printable(text).to_string()
}

/// An error and its causes, each said once.
pub(super) fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// JSON for a terminal: what would deceive is written as `\u` escapes, which are the same to a reader.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// Without what stands before `@` in URLs of FTP, under TLS or not.
pub(super) fn without_logins(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let schemes = ["ftp://", "ftps://"];
    let next = |rest: &str| {
        let rest = rest.to_ascii_lowercase();
        schemes.iter().filter_map(|scheme| Some(rest.find(scheme)? + scheme.len())).min()
    };
    while let Some(end) = next(rest) {
        let (before, url) = rest.split_at(end);
        out.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || "'\"`".contains(c)).unwrap_or(url.len());
        rest = match url[..end].rfind('@') {
            Some(at) => {
                out.push_str("****");
                &url[at..]
            }
            None => url,
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once() {
        let error =
            anyhow::Error::from(io::Error::other("no room")).context("file x: no room").context("put");
        assert_eq!(message(&error), "put: file x: no room");
        let error = Err::<(), _>(io::Error::other("b")).context("a").unwrap_err();
        assert_eq!(message(&error), "a: b");
    }

    #[test]
    fn a_printed_command_has_its_names_quoted() {
        assert_eq!(["a.json", "my case.json", "it's"].map(quoted), ["a.json", "'my case.json'", "\"it's\""]);
    }

    #[test]
    fn lines_of_the_other_side_stay_its_own() {
        assert_eq!(printable("530 a\nftpsim: b\x1b[2J\n"), "530 a\n  ftpsim: b\\x1b[2J");
    }

    #[test]
    fn no_login_is_shown() {
        for (text, shown) in [
            ("bad 'ftp://u:pw@h:9/' given", "bad 'ftp://****@h:9/' given"),
            ("FTP://u:p@w@h and ftp://x/y", "FTP://****@h and ftp://x/y"),
            ("ftp://u:p/w@h", "ftp://****@h"),
            ("ftps://u:p@h ftp://v:q@i", "ftps://****@h ftp://****@i"),
            ("nothing @ all", "nothing @ all"),
        ] {
            assert_eq!(without_logins(text), shown);
        }
    }

    #[test]
    fn json_reads_back_and_deceives_nobody() {
        let name = "a\u{202e}\u{9b}\u{7f}\u{10fefc}\u{1b}z";
        let text = json(&vec![name]).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [name]);
    }

    #[test]
    fn only_stdout_counts_as_stdout() {
        let ours = anyhow::Error::from(unwritten(ErrorKind::BrokenPipe.into())).context("printing");
        assert_eq!(stdout_failure(&ours), Some(ErrorKind::BrokenPipe));
        let other = anyhow::Error::from(io::Error::from(ErrorKind::BrokenPipe));
        assert_eq!(stdout_failure(&other), None);
    }
}
