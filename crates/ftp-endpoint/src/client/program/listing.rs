//! A directory's entries, by MLSD or LIST, read as they come.

use crate::client::error::ClientError;
use crate::client::session::{Session, guarded, is_failure_in_disguise, says_empty};
use crate::net::Net;
use crate::store::{StoreError, WriteFile};
use ftp_proto::command::Command;
use ftp_proto::listing::{Entry, Line, ListParser, Misread, parse_facts, unique_fact};
use ftp_proto::mutant::{self, Mutant};

/// Entries taken of one directory: about 100 MB of memory.
const MAX_ENTRIES: usize = 1_000_000;
/// Of one directory's listing, more than a million lines of the usual length; beyond it is some fault of the server's.
/// Who makes a plan of what is listed holds every name several times.
const MAX_LISTING_BYTES: u64 = 1 << 27;
/// No pathname is longer, and no line has much beside it.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Of a line that is too long to be one.
const SHOWN_BYTES: usize = 200;
/// Lines that are kept although they are not understood; the others are counted.
const MAX_UNREAD: usize = 100;

/// A line of a listing that gives no entry, although it may have been one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The line as it came ([`ftp_proto::name`]); print it by [`ftp_proto::name::Printable`].
    pub line: String,
    /// What is wrong with it.
    pub why: Misread,
}

/// What a server lists of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the server's order, without the directory itself and its parent.
    pub entries: Vec<Entry>,
    /// The first hundred lines that were not understood.
    pub unread: Vec<Unread>,
    /// How many were not understood in all.
    pub unread_lines: u64,
    /// Not the whole of it: the listing has more than a million entries or 128 MiB.
    pub is_cut: bool,
    /// Where the server said we were (PWD) while it was listed by LIST: the same for the same directory,
    /// however it was reached.
    pub directory: Option<String>,
    /// What MLSD told of the directory itself by which it differs from all others (RFC 3659 section 7.5.2).
    pub unique: Option<String>,
}

/// By MLSD where the server has it, else by LIST in the directory.
pub(super) async fn list<N: Net>(session: &mut Session<N>, path: &str) -> Result<Listing, ClientError> {
    // FEAT names MLSD by MLST, which stands for both (RFC 3659 section 7.8).
    if session.announces("MLST").await? {
        session.choose_facts().await?;
        let argument = Some(path.to_owned()).filter(|path| !path.is_empty());
        match receive(session, Command::Mlsd(argument), Form::Facts).await {
            Err(ClientError::Refused { reply, .. }) if matches!(reply.code, 500 | 502 | 504) => {}
            other => return other,
        }
    }
    list_lines(session, path).await
}

/// By LIST in the directory.
pub(super) async fn list_lines<N: Net>(session: &mut Session<N>, path: &str) -> Result<Listing, ClientError> {
    if path.is_empty() {
        return receive(session, Command::List(None), Form::Lines).await;
    }
    // Many servers split LIST's argument at blanks, take dashes for options and stars for patterns.
    let Some(entered) = session.enter(path).await? else {
        // There is no way back from a directory, so the listing is asked for by the argument.
        return receive(session, Command::List(Some(guarded(path))), Form::Lines).await;
    };
    let listing = receive(session, Command::List(None), Form::Lines).await;
    let back = session.go_back(&entered).await;
    // What went wrong first says why.
    let listing = listing?;
    back?;
    Ok(Listing { directory: Some(entered.there), ..listing })
}

async fn receive<N: Net>(
    session: &mut Session<N>,
    command: Command,
    form: Form,
) -> Result<Listing, ClientError> {
    let mut lines = Lines::new(form);
    let name = command.to_string();
    let is_directory = matches!(command, Command::List(None) | Command::Mlsd(_));
    match session.receive_text(command, "(listing)", &mut lines).await {
        Ok(reply) if is_failure_in_disguise(&reply) => Err(ClientError::Refused { command: name, reply }),
        Ok(_) => Ok(lines.end()),
        Err(_) if mutant::is(Mutant::ListingUnanswered) && lines.taken_bytes > 0 => Ok(lines.end()),
        Err(_) if lines.listing.is_cut && session.in_step() => Ok(lines.end()),
        Err(ClientError::Refused { reply, .. }) if is_directory && says_empty(&reply) => {
            Ok(Listing::default())
        }
        Err(error) => {
            // The server closes the connection behind it (RFC 959 section 5.4): it carries no other command.
            if error.reply().is_some_and(|reply| reply.code == 421) {
                session.give_up();
            }
            Err(error)
        }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Facts,
    Lines,
}

/// Reads lines as they come; of the text no more than one line is held.
struct Lines {
    form: Form,
    parser: ListParser,
    line: Vec<u8>,
    taken_bytes: u64,
    listing: Listing,
}

impl Lines {
    fn new(form: Form) -> Self {
        let (parser, line, listing) = (ListParser::new(), Vec::new(), Listing::default());
        Self { form, parser, line, taken_bytes: 0, listing }
    }

    fn line_ends(&mut self) {
        let Self { form, parser, line, listing, .. } = self;
        if line.len() >= MAX_LINE_BYTES {
            line.truncate(SHOWN_BYTES);
            tell(listing, &ftp_proto::name::decode(line), Line::Unread(Misread::Form));
        } else {
            match form {
                Form::Facts => {
                    let what = parse_facts(line);
                    if what == Line::Noise && listing.unique.is_none() {
                        listing.unique = unique_fact(line);
                    }
                    tell(listing, &ftp_proto::name::decode(line), what);
                }
                Form::Lines => parser.line(line, |text, what| tell(listing, text, what)),
            }
        }
        line.clear();
    }

    fn end(mut self) -> Listing {
        if !self.line.is_empty() && !self.listing.is_cut {
            match self.form {
                // Half a name may be another's.
                Form::Facts => {
                    self.line.truncate(SHOWN_BYTES);
                    let shown = ftp_proto::name::decode(&self.line);
                    tell(&mut self.listing, &shown, Line::Unread(Misread::Cut));
                }
                Form::Lines => self.line_ends(),
            }
        }
        self.parser.end(|text, what| tell(&mut self.listing, text, what));
        self.listing
    }
}

fn tell(listing: &mut Listing, text: &str, what: Line) {
    match what {
        Line::Entry(_) if listing.entries.len() >= MAX_ENTRIES => listing.is_cut = true,
        Line::Entry(entry) => listing.entries.push(entry),
        Line::Noise => {}
        Line::Unread(_) if mutant::is(Mutant::UnreadLinesDropped) => {}
        Line::Unread(why) => {
            listing.unread_lines += 1;
            if listing.unread.len() < MAX_UNREAD {
                listing.unread.push(Unread { line: text.to_owned(), why });
            }
        }
    }
}

impl WriteFile for Lines {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.taken_bytes += bytes.len() as u64;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let room = MAX_LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.line_ends();
            }
        }
        self.listing.is_cut |= self.taken_bytes > MAX_LISTING_BYTES;
        if self.listing.is_cut { Err(StoreError::Full) } else { Ok(()) }
    }

    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_anywhere_and_are_bounded() {
        let text = [&b"total 2\r\n-rw-r--r-- 1 a b 5 Jan 1 2020 x\r\n"[..], &[b'y'; 40_000], b"\nlast line"];
        let text = text.concat();
        for len in [1, 7, 4096, text.len()] {
            let mut lines = Lines::new(Form::Lines);
            for piece in text.chunks(len) {
                lines.write(piece).await.unwrap();
                assert!(lines.line.len() <= MAX_LINE_BYTES);
            }
            let listing = lines.end();
            assert_eq!(listing.entries.len(), 1);
            assert_eq!((listing.unread_lines, listing.unread[1].line.as_str()), (2, "last line"));
        }
    }

    #[tokio::test]
    async fn an_endless_listing_is_cut() {
        let mut lines = Lines::new(Form::Facts);
        let piece = b"type=file; x\r\n".repeat(10_000);
        let mut pieces = 0;
        while lines.write(&piece).await.is_ok() {
            pieces += 1;
            assert!(pieces < 1_000);
        }
        let listing = lines.end();
        assert_eq!((listing.entries.len(), listing.is_cut), (MAX_ENTRIES, true));
    }

    /// RFC 3659 section 7.2: each line has an end. Where the connection is cut behind whole names, or in one, nobody
    /// else tells.
    #[tokio::test]
    async fn a_line_of_mlsd_without_its_end_is_told_and_names_nothing() {
        let read = async |form, text: &[u8]| {
            let mut lines = Lines::new(form);
            lines.write(text).await.unwrap();
            let listing = lines.end();
            (listing.entries.len(), listing.unread.first().map(|unread| unread.why))
        };
        assert_eq!(read(Form::Facts, b"type=file; a\r\ntype=file; b\r\n").await, (2, None));
        for text in
            [&b"type=file; a\r\ntype=file; b\r"[..], b"type=file; a\r\ntype=file; b", b"type=file; a\r\nty"]
        {
            assert_eq!(read(Form::Facts, text).await, (1, Some(Misread::Cut)));
        }
        let lines = b"-rw-r--r-- 1 a b 5 Jan 1 2020 x\r\n-rw-r--r-- 1 a b 5 Jan 1 2020 y";
        assert_eq!(read(Form::Lines, lines).await, (2, None), "LIST is of whatever form");
    }

    /// To the byte; and of the line in which it is cut nothing is taken for an entry.
    #[tokio::test]
    async fn a_listing_may_have_its_most_bytes_and_no_more() {
        let whole = b"type=file; x\r\n";
        let mut lines = Lines::new(Form::Facts);
        lines.taken_bytes = MAX_LISTING_BYTES - whole.len() as u64;
        lines.write(whole).await.unwrap();
        assert!(lines.write(b"type=file; half").await.is_err());
        let listing = lines.end();
        assert_eq!((listing.entries.len(), listing.unread_lines, listing.is_cut), (1, 0, true));
    }

    #[tokio::test]
    async fn a_hundred_unread_lines_are_kept_and_all_are_counted() {
        let mut lines = Lines::new(Form::Facts);
        lines.write(&b"nothing\r\n".repeat(150)).await.unwrap();
        let listing = lines.end();
        assert_eq!((listing.unread.len(), listing.unread_lines), (MAX_UNREAD, 150));
    }
}
