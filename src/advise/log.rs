//! Sizes from what others have written down: logs of transfers, and listings.

use crate::sim::scenario::Direction;
use ftp_proto::listing::{Entry, EntryKind, Line, ListParser, parse_facts};

/// What a log or a listing tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Of files that went up, by a log; of all, by a listing.
    pub put_bytes: Vec<u64>,
    /// Of files that went down, by a log; of all, by a listing.
    pub get_bytes: Vec<u64>,
    /// Lines that were not understood.
    pub unread_lines: u64,
    /// The first of these.
    pub first_unread: Option<String>,
    /// Transfers that failed, which say nothing of their files.
    pub failed: u64,
}

impl Logged {
    /// The sizes of one direction.
    pub fn of(&self, direction: Direction) -> &[u64] {
        match direction {
            Direction::Put => &self.put_bytes,
            Direction::Get => &self.get_bytes,
        }
    }
}

/// One line of a log.
enum Said {
    /// A transfer of so many bytes.
    Moved(Direction, u64),
    Failed,
    /// Something else, which is known.
    Other,
}

/// Reads lines of xferlog(5), of `ftpsim serve`'s JSON, of vsftpd's own log, of `ls -l` and of MLSD; each may be
/// of another form than the last.
pub fn parse(text: &str) -> Logged {
    let mut logged = Logged::default();
    let mut listing = ListParser::new();
    for line in text.lines().map(str::trim_end) {
        let said = json(line).or_else(|| xferlog(line)).or_else(|| vsftpd(line));
        match said {
            Some(Said::Moved(Direction::Put, bytes)) => logged.put_bytes.push(bytes),
            Some(Said::Moved(Direction::Get, bytes)) => logged.get_bytes.push(bytes),
            Some(Said::Failed) => logged.failed += 1,
            Some(Said::Other) => {}
            // The heading of a directory in `ls -lR`.
            None if line.ends_with(':') => {}
            None => listed(&mut listing, line, &mut logged),
        }
    }
    listing.end(|text, what| take(text, what, &mut logged));
    logged
}

fn listed(listing: &mut ListParser, line: &str, logged: &mut Logged) {
    match parse_facts(line.as_bytes()) {
        Line::Unread(_) => listing.line(line.as_bytes(), |text, what| take(text, what, logged)),
        what => take(line, what, logged),
    }
}

fn take(text: &str, what: Line, logged: &mut Logged) {
    match what {
        Line::Entry(Entry { size_bytes: Some(bytes), .. }) => {
            logged.put_bytes.push(bytes);
            logged.get_bytes.push(bytes);
        }
        Line::Entry(entry) if entry.kind != EntryKind::File => {}
        Line::Noise => {}
        // A file whose size is not told in bytes says no more than a line of another form.
        Line::Entry(_) | Line::Unread(_) => {
            logged.unread_lines += 1;
            logged.first_unread.get_or_insert_with(|| text.chars().take(200).collect());
        }
    }
}

/// A line of `ftpsim serve --transfer-log-format json`.
fn json(line: &str) -> Option<Said> {
    if !line.starts_with('{') {
        return None;
    }
    let record: serde_json::Value = serde_json::from_str(line).ok()?;
    if record["event"].as_str()? != "transfer" {
        return Some(Said::Other);
    }
    if !record["error"].is_null() {
        return Some(Said::Failed);
    }
    let direction = match record["movement"].as_str()? {
        "received" => Direction::Put,
        "sent" => Direction::Get,
        _ => return None,
    };
    Some(Said::Moved(direction, record["bytes"].as_u64()?))
}

/// xferlog(5): five words of date, seconds, host, bytes, path (which may have blanks), nine words.
fn xferlog(line: &str) -> Option<Said> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let tail = words.len().checked_sub(9).filter(|tail| *tail >= 9)?;
    let is_date = words[3].matches(':').count() == 2 && words[4].len() == 4;
    let bytes = words[7].parse::<u64>().ok()?;
    let [kind, _, direction, access, .., completion] = &words[tail..] else { return None };
    let is_form = is_date && matches!(*kind, "a" | "b") && matches!(*access, "a" | "g" | "r");
    if !is_form || words[5].parse::<u64>().is_err() {
        return None;
    }
    let direction = match *direction {
        "i" => Direction::Put,
        "o" => Direction::Get,
        _ => return Some(Said::Other),
    };
    match *completion {
        "c" => Some(Said::Moved(direction, bytes)),
        "i" => Some(Said::Failed),
        _ => None,
    }
}

/// vsftpd's own form: `... [pid 2] [user] OK UPLOAD: Client "1.2.3.4", "/path", 123 bytes, 4.5Kbyte/sec`.
fn vsftpd(line: &str) -> Option<Said> {
    if !line.contains("[pid ") {
        return None;
    }
    let ok = [("OK UPLOAD:", Direction::Put), ("OK DOWNLOAD:", Direction::Get)];
    let Some((mark, direction)) = ok.into_iter().find(|(mark, _)| line.contains(mark)) else {
        let failed = line.contains("FAIL UPLOAD:") || line.contains("FAIL DOWNLOAD:");
        return Some(if failed { Said::Failed } else { Said::Other });
    };
    // A path may have quotation marks and commas; what follows it has none.
    let (_, said) = line.split_once(mark)?;
    let (_, figures) = said.rsplit_once("\", ")?;
    let bytes = figures.split_once(" bytes")?.0.parse().ok()?;
    Some(Said::Moved(direction, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xferlog_with_blanks_failures_and_other_lines() {
        let logged = parse(
            "Tue Feb 29 00:00:00 2000 2 10.0.0.2 12 /a_b b _ i r u ftp 0 * c\n\
             Tue Feb 29 00:00:00 2000 2 10.0.0.2 99 /a b with blanks b _ o r u ftp 0 * c\n\
             Tue Feb 29 00:00:00 2000 2 10.0.0.2 5 /cut b _ i r u ftp 0 * i\n\
             Tue Feb 29 00:00:00 2000 0 10.0.0.2 0 /gone b _ d r u ftp 0 * c\n",
        );
        assert_eq!((logged.put_bytes, logged.get_bytes), (vec![12], vec![99]));
        assert_eq!((logged.failed, logged.unread_lines), (1, 0));
    }

    #[test]
    fn json_and_vsftpd() {
        let logged = parse(
            "{\"event\":\"transfer\",\"movement\":\"received\",\"bytes\":7,\"error\":null}\n\
             {\"event\":\"transfer\",\"movement\":\"sent\",\"bytes\":8,\"error\":\"cut\"}\n\
             {\"event\":\"rename\",\"path\":\"/a\"}\n\
             Mon Nov  2 10:00:00 2026 [pid 7] [me] OK UPLOAD: Client \"::1\", \"/a\", b\", 42 bytes, 1.00Kbyte/sec\n\
             Mon Nov  2 10:00:00 2026 [pid 7] [me] FAIL DOWNLOAD: Client \"::1\", \"/a\", 0.00Kbyte/sec\n\
             Mon Nov  2 10:00:00 2026 [pid 7] [me] OK LOGIN: Client \"::1\"\n",
        );
        assert_eq!((logged.put_bytes, logged.get_bytes), (vec![7, 42], vec![]));
        assert_eq!((logged.failed, logged.unread_lines), (2, 0));
    }

    #[test]
    fn listings_of_ls_and_mlsd() {
        let logged = parse(
            ".:\ntotal 12\n-rw-r--r-- 1 me me 1234 Nov  2 10:00 a b\ndrwxr-xr-x 2 me me 4096 Nov  2 10:00 sub\n\n\
             ./sub:\ntotal 4\n-rw-r--r-- 1 me me 5 Nov  2  2020 c\ntype=file;size=77;modify=20200101000000; d\n\
             what is this\n",
        );
        assert_eq!(logged.of(Direction::Put), [1234, 5, 77]);
        assert_eq!(logged.of(Direction::Get), [1234, 5, 77]);
        assert_eq!((logged.unread_lines, logged.first_unread.as_deref()), (1, Some("what is this")));
    }

    #[test]
    fn junk_is_counted_and_not_taken() {
        let logged =
            parse("\u{0}\u{1b}\nTue Feb 29 00:00:00 2000 2 h x /a b _ i r u ftp 0 * c\n{\"event\"\n");
        assert!(logged.put_bytes.is_empty() && logged.unread_lines == 3, "{logged:?}");
    }
}
