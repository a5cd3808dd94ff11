//! The form in which checks are written down: blocks of lines, one a check.
//!
//! ```text
//! [959/4.1.1/cwd-missing] SHOULD fresh
//! Going to a directory that is not there is refused.
//! > CWD missing
//! < 5xx
//! ```
//!
//! A heading of id, level and options; the requirement in a sentence; the steps, each a word and its operand.
//! Blocks are parted by empty lines, and a line that begins with `#` is a comment.

use std::fmt;

/// How binding a requirement is (RFC 2119; what RFC 959 states as a fact is a MUST).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Absolute.
    Must,
    /// Unless there are good reasons.
    Should,
    /// Left to the implementation; asked so that people know.
    May,
}

impl Level {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// A check as it is written.
#[derive(Debug)]
pub(super) struct Block {
    pub id: &'static str,
    pub level: Level,
    pub options: Vec<&'static str>,
    pub sentence: &'static str,
    /// Word and operand.
    pub steps: Vec<(&'static str, &'static str)>,
}

/// What is wrong with a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub line: String,
    pub why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.why)
    }
}

fn malformed(line: &str, why: &'static str) -> Malformed {
    Malformed { line: line.to_owned(), why }
}

/// All blocks of a text.
pub(super) fn blocks(text: &'static str) -> Result<Vec<Block>, Malformed> {
    let lines = || text.lines().map(str::trim_end).filter(|line| !line.starts_with('#'));
    let mut all: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut heading = None;
    for line in lines() {
        if line.is_empty() {
            is_open = false;
        } else if let Some((id, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            heading = Some((id, rest));
        } else if let Some((id, rest)) = heading.take() {
            let mut words = rest.split_whitespace();
            let level = match words.next() {
                Some("MUST") => Level::Must,
                Some("SHOULD") => Level::Should,
                Some("MAY") => Level::May,
                _ => return Err(malformed(id, "its level is none of MUST, SHOULD and MAY")),
            };
            let (options, steps) = (words.collect(), Vec::new());
            all.push(Block { id, level, options, sentence: line, steps });
            is_open = true;
        } else if let (true, Some(block)) = (is_open, all.last_mut()) {
            let (word, operand) = line.split_once(' ').unwrap_or((line, ""));
            block.steps.push((word, operand.trim_start()));
        } else {
            return Err(malformed(line, "it stands in no check"));
        }
    }
    match all.iter().find(|block| block.steps.is_empty()) {
        Some(block) => Err(malformed(block.id, "it has no steps")),
        None => Ok(all),
    }
}

/// Bytes written as strings in quotes, with `\r`, `\n`, `\0`, `\"`, `\\` and `\xHH`, each perhaps with `*TIMES`
/// behind it: `"A"*500 "\r\n"`.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, Malformed> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let body = rest.strip_prefix('"').ok_or_else(|| malformed(text, "expected a string in quotes"))?;
        let (piece, after) = string(body).ok_or_else(|| malformed(text, "the string does not end well"))?;
        let (times, after) = match after.strip_prefix('*') {
            Some(after) => {
                let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
                let times = after[..end].parse().map_err(|_| malformed(text, "expected a number after *"))?;
                (times, &after[end..])
            }
            None => (1, after),
        };
        all.extend(piece.repeat(times));
        rest = after.trim_start();
    }
    Ok(all)
}

/// Up to the quote that ends it, and what follows.
fn string(body: &str) -> Option<(Vec<u8>, &str)> {
    let mut piece = Vec::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((piece, &body[at + 1..])),
            '\\' => match chars.next()?.1 {
                'r' => piece.push(b'\r'),
                'n' => piece.push(b'\n'),
                '0' => piece.push(0),
                'x' => {
                    let digits = [chars.next()?.1, chars.next()?.1].iter().collect::<String>();
                    piece.push(u8::from_str_radix(&digits, 16).ok()?);
                }
                c @ ('"' | '\\') => piece.push(c as u8),
                _ => return None,
            },
            c => piece.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

/// What stands before the last `/` of an id.
pub(super) fn section(id: &'static str) -> &'static str {
    id.rsplit_once('/').map_or(id, |(section, _)| section)
}

/// Whether `--only` names it: the whole id, or whole components at its beginning.
pub fn is_below(id: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    id.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What stands in texts that are part of the program.
///
/// # Panics
/// One of them is malformed: then checks would be missing, and nobody would know.
pub(super) fn built_in<T, E: fmt::Display>(
    texts: &[&'static str],
    parse: impl Fn(&'static str) -> Result<Vec<T>, E>,
) -> Vec<T> {
    let read = |text: &&'static str| parse(text).unwrap_or_else(|malformed| panic!("built in: {malformed}"));
    texts.iter().flat_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_blocks() {
        let text = "# all\n[1/2/a] MUST fresh\nIt is so.\n> NOOP x\nclosed\n\n[1/2/b] MAY\nOr so.\n< 2xx\n";
        let all = blocks(text).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].id, all[0].level, &all[0].options[..]), ("1/2/a", Level::Must, &["fresh"][..]));
        assert_eq!(
            (all[0].sentence, &all[0].steps[..]),
            ("It is so.", &[(">", "NOOP x"), ("closed", "")][..])
        );
        assert_eq!((all[1].level, &all[1].steps[..]), (Level::May, &[("<", "2xx")][..]));
        for wrong in ["[1] MUST\nx", "[1] SHALL\nx\n> a", "> a", "[1] MUST\nx\n> a\n\n> b"] {
            assert!(blocks(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    #[should_panic(expected = "built in: 1: its level")]
    fn a_broken_text_of_our_own_is_no_lack_of_checks() {
        built_in(&["[1/2/a] MUST\nIt is so.\n> a", "[1] SHALL\nx\n> a"], blocks);
    }

    #[test]
    fn strings() {
        assert_eq!(bytes(r#""a\r\n" "b"*3 "\xff\0\"\\""#).unwrap(), b"a\r\nbbb\xff\0\"\\");
        for wrong in ["a", "\"a", r#""\q""#, r#""a"*"#, r#""\x1""#] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn prefixes_are_whole_components() {
        assert!(is_below("959/5.4/a", "959/5.4") && is_below("959/5.4/a", "959") && is_below("a/b", "a/b"));
        assert!(is_below("959/5.4/a", "959/") && !is_below("959/5.41/a", "959/5.4"));
    }
}
