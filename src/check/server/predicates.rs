//! What can be asked of a reply, or of what came over a data connection, beyond codes.

use super::control::{Control, Reply};
use ftp_proto::time::parse_timestamp;
use ftp_proto::{address, name};
use std::net::IpAddr;

/// What a predicate looks at.
pub(super) struct Seen<'a> {
    pub reply: &'a Reply,
    pub data: &'a [u8],
    /// The data connection ended with close_notify.
    pub is_clean: bool,
    pub control: &'a Control,
    /// The port of the passive connection before this one.
    pub port_before: Option<u16>,
    pub argument: &'a str,
}

type Asks = fn(&Seen<'_>) -> Result<(), String>;

/// One of [`TABLE`].
#[derive(Clone, Copy)]
pub(super) struct Predicate {
    name: &'static str,
    pub asks: Asks,
}

impl std::fmt::Debug for Predicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Predicate {
    pub(super) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|(known, _)| *known == name).map(|(name, asks)| Self { name, asks: *asks })
    }
}

const TABLE: &[(&str, Asks)] = &[
    ("crlf", |seen| holds(seen.reply.has_crlf, "a line of the reply ends without CR LF")),
    ("one-line", |seen| holds(seen.reply.lines.len() == 1, "the reply has several lines")),
    ("many-lines", |seen| holds(seen.reply.lines.len() > 1, "the reply has one line")),
    ("said", |seen| holds(!seen.reply.text().trim().is_empty(), "the reply has no text")),
    ("quoted", quoted),
    ("pasv", |seen| passive(seen).map(drop)),
    ("pasv-here", pasv_here),
    ("epsv", |seen| extended(seen).map(drop)),
    ("high-port", |seen| holds(any_port(seen)? >= 1024, "the port is below 1024")),
    ("other-port", |seen| holds(Some(any_port(seen)?) != seen.port_before, "the same port as before")),
    ("features", features),
    ("time", |seen| {
        let text = seen.reply.text();
        holds(parse_timestamp(text.trim_end()).is_some(), "no YYYYMMDDHHMMSS with an optional fraction")
    }),
    ("number", |seen| {
        let text = seen.reply.text();
        holds(text.trim_end() == seen.argument, &format!("expected {}", seen.argument))
    }),
    ("mlst", mlst),
    ("data-crlf", |seen| {
        let bare = seen
            .data
            .iter()
            .enumerate()
            .any(|(at, byte)| *byte == b'\n' && (at == 0 || seen.data[at - 1] != b'\r'));
        let ended = seen.data.is_empty() || seen.data.ends_with(b"\r\n");
        holds(!bare && ended, "a line ends without CR LF")
    }),
    ("data-names", |seen| {
        let mut names = lines(seen.data);
        let mut expected: Vec<String> = seen.argument.split_whitespace().map(str::to_owned).collect();
        names.sort();
        expected.sort();
        holds(names == expected, &format!("the names are {names:?}"))
    }),
    ("data-has", |seen| {
        let has = lines(seen.data).iter().any(|line| line.contains(seen.argument));
        holds(has, &format!("{:?} is in no line", seen.argument))
    }),
    ("data-lacks", |seen| {
        let has = lines(seen.data).iter().any(|line| line.contains(seen.argument));
        holds(!has, &format!("{:?} is in a line", seen.argument))
    }),
    ("data-empty", |seen| holds(seen.data.is_empty(), "something came")),
    ("data-mlsd", |seen| lines(seen.data).iter().try_for_each(|line| fact_line(line).map(drop))),
    ("fact", fact),
    ("facts-only", facts_only),
    ("facts-none", |seen| {
        let lines = lines(seen.data);
        holds(lines.iter().all(|line| line.starts_with(' ')), "facts came that were not asked for")
    }),
    ("lacks-mlsd", |seen| holds(!seen.reply.text().to_uppercase().contains("MLSD"), "FEAT names MLSD")),
    ("clean", |seen| holds(seen.is_clean, "the data connection ended without close_notify")),
];

fn holds(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

fn lines(data: &[u8]) -> Vec<String> {
    let text = name::decode(data).into_owned();
    text.split('\n')
        .map(|line| line.trim_end_matches('\r').to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// A quoted pathname at the beginning, quotes in it doubled (RFC 959, appendix II); its last component is the
/// argument, where there is one.
fn quoted(seen: &Seen<'_>) -> Result<(), String> {
    let text = seen.reply.text();
    let rest = text.strip_prefix('"').ok_or("the reply does not begin with a quoted pathname")?;
    let mut path = String::new();
    let mut chars = rest.chars().peekable();
    loop {
        match chars.next() {
            Some('"') if chars.peek() == Some(&'"') => {
                chars.next();
                path.push('"');
            }
            Some('"') => break,
            Some(c) => path.push(c),
            None => return Err("the quoted pathname does not end".to_owned()),
        }
    }
    if let Some(after) = chars.next()
        && !after.is_whitespace()
    {
        return Err(format!("{after:?} follows the quoted pathname {path:?}: a quote in it is not doubled"));
    }
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    holds(
        seen.argument.is_empty() || last == seen.argument,
        &format!("the pathname {path:?} does not end in {:?}", seen.argument),
    )
}

fn passive(seen: &Seen<'_>) -> Result<std::net::SocketAddrV4, String> {
    let address = address::parse_passive(&seen.reply.text()).map_err(|error| error.to_string())?;
    if address.port() == 0 { Err("port 0".to_owned()) } else { Ok(address) }
}

fn pasv_here(seen: &Seen<'_>) -> Result<(), String> {
    let address = passive(seen)?;
    let is_here = IpAddr::V4(*address.ip()) == seen.control.peer.ip().to_canonical();
    holds(is_here, &format!("the address is {}, the server's is {}", address.ip(), seen.control.peer.ip()))
}

fn extended(seen: &Seen<'_>) -> Result<u16, String> {
    let text = seen.reply.text();
    match address::parse_extended_passive(&text).map_err(|error| error.to_string())? {
        0 => Err("port 0".to_owned()),
        port => Ok(port),
    }
}

fn any_port(seen: &Seen<'_>) -> Result<u16, String> {
    if seen.reply.code == 229 { extended(seen) } else { Ok(passive(seen)?.port()) }
}

/// RFC 2389 section 3.2: each feature on a line of its own behind one space.
fn features(seen: &Seen<'_>) -> Result<(), String> {
    let [_, features @ .., _] = &seen.reply.lines[..] else {
        return holds(!seen.reply.text().trim().is_empty(), "neither features nor words");
    };
    for line in features {
        let [b' ', first, ..] = line[..] else {
            return Err(format!("no space and feature: {:?}", name::decode(line)));
        };
        if !first.is_ascii_graphic() {
            return Err(format!("not one space: {:?}", name::decode(line)));
        }
    }
    Ok(())
}

/// Name and value.
type Fact<'a> = (&'a str, &'a str);

/// Facts, each `name=value;`, a space, a name (RFC 3659 section 7.2).
fn fact_line(line: &str) -> Result<(Vec<Fact<'_>>, &str), String> {
    let (facts, name) = line.split_once(' ').ok_or_else(|| format!("no space: {line:?}"))?;
    let mut all = Vec::new();
    for fact in facts.split_terminator(';') {
        let pair = fact.split_once('=').filter(|(name, _)| !name.is_empty());
        all.push(pair.ok_or_else(|| format!("no fact: {fact:?} in {line:?}"))?);
    }
    if !facts.is_empty() && !facts.ends_with(';') {
        return Err(format!("the last fact does not end with a semicolon: {line:?}"));
    }
    if name.is_empty() { Err(format!("no name: {line:?}")) } else { Ok((all, name)) }
}

fn mlst(seen: &Seen<'_>) -> Result<(), String> {
    let [_, entry, _] = &seen.reply.lines[..] else {
        return Err(format!("{} lines, not three", seen.reply.lines.len()));
    };
    let entry = name::decode(entry);
    let entry = entry.strip_prefix(' ').ok_or("the entry does not begin with a space")?;
    let (_, name) = fact_line(entry)?;
    let last = name.rsplit('/').next().unwrap_or_default();
    holds(last == seen.argument, &format!("the name is {name:?}"))
}

/// `fact NAME FACT [VALUE]`: an entry of MLSD (or the one of MLST) has it.
fn fact(seen: &Seen<'_>) -> Result<(), String> {
    let mut words = seen.argument.split(' ');
    let [name, fact] = [words.next(), words.next()].map(Option::unwrap_or_default);
    let value = words.next();
    let listed = lines(seen.data);
    let replied: Vec<String> = seen
        .reply
        .lines
        .iter()
        .filter_map(|line| Some(name::decode(line.strip_prefix(b" ")?).into()))
        .collect();
    let all = if listed.is_empty() { replied } else { listed };
    let of_name =
        |line: &&String| line.split_once(' ').is_some_and(|(_, n)| n.rsplit('/').next() == Some(name));
    let line = all.iter().find(of_name).ok_or_else(|| format!("no entry {name:?}"))?;
    let (facts, _) = fact_line(line)?;
    let found = facts.iter().find(|(known, _)| known.eq_ignore_ascii_case(fact));
    let (_, found) = found.ok_or_else(|| format!("{name:?} has no fact {fact}: {line:?}"))?;
    if fact.eq_ignore_ascii_case("modify") && parse_timestamp(found).is_none() {
        return Err(format!("no time: {found:?}"));
    }
    holds(
        value.is_none_or(|value| found.eq_ignore_ascii_case(value)),
        &format!("{fact} of {name:?} is {found:?}, not {:?}", value.unwrap_or_default()),
    )
}

/// `facts-only FACT ...`: no entry has others.
fn facts_only(seen: &Seen<'_>) -> Result<(), String> {
    for line in lines(seen.data) {
        for (fact, _) in fact_line(&line)?.0 {
            let wanted = seen.argument.split(' ').any(|wanted| fact.eq_ignore_ascii_case(wanted));
            holds(wanted, &format!("{fact} was not asked for: {line:?}"))?;
        }
    }
    Ok(())
}
