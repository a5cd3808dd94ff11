//! Command lines, replies and listings, parsed and written, each group beside finding the line ends
//! of the same text: `cargo bench -- protocol`. Throughput is in bytes of text. What is parsed is
//! written again and compared first.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftp_proto::command::Command;
use ftp_proto::listing::{Entry, EntryKind, Facts, Line, ListParser, Listed, long_line, parse_facts};
use ftp_proto::reply::{Reply, ReplyParser};
use std::hint::black_box;

/// Lines of a text.
const LINES: usize = 1_000;
/// 2026-01-01 00:00 UTC.
const NOW: i64 = 1_767_225_600;

fn lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// A delivery as a client speaks it.
fn commands() -> Vec<String> {
    let mut all = vec!["USER station".to_owned(), "PASS secret".to_owned(), "TYPE I".to_owned()];
    all.extend(["MODE B".to_owned(), "PASV".to_owned(), "PORT 127,0,0,1,200,13".to_owned()]);
    while all.len() < LINES {
        let n = all.len();
        all.extend([
            "EPSV".to_owned(),
            format!("STOR incoming/2026/observation-{n:06}.dat"),
            format!("SIZE incoming/2026/observation-{n:06}.dat"),
            format!("RETR outgoing/{n}/a file with spaces.txt"),
        ]);
    }
    all
}

fn parse_commands(criterion: &mut Criterion) {
    let lines_of = commands();
    let text: Vec<u8> = lines_of.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
    let mut again = Vec::new();
    for line in &lines_of {
        Command::parse(line.as_bytes()).expect("a command").write_to(&mut again).expect("one line");
    }
    assert!(again == text, "the commands that come of it are others");

    let mut group = criterion.benchmark_group("protocol/commands");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("line-ends", |bencher| bencher.iter(|| lines(black_box(&text))));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            for line in black_box(&lines_of) {
                black_box(Command::parse(line.as_bytes())).expect("a command");
            }
        });
    });
    let parsed: Vec<Command> =
        lines_of.iter().map(|line| Command::parse(line.as_bytes()).expect("one")).collect();
    group.bench_function("write", |bencher| {
        let mut out = Vec::with_capacity(text.len());
        bencher.iter(|| {
            out.clear();
            black_box(&parsed).iter().for_each(|command| command.write_to(&mut out).expect("one line"));
            black_box(&out);
        });
    });
    group.finish();
}

fn parse_replies(criterion: &mut Criterion) {
    let features = ["Features:", " MDTM", " REST STREAM", " SIZE", "End"].map(str::to_owned);
    let mut replies = vec![Reply::multi(211, features.to_vec())];
    while replies.len() < LINES {
        replies.push(Reply::new(229, "Entering Extended Passive Mode (|||50234|)"));
        replies.push(Reply::new(150, "Opening BINARY mode data connection (10240 bytes)."));
        replies.push(Reply::new(226, "Transfer complete."));
    }
    let mut text = Vec::new();
    replies.iter().for_each(|reply| reply.write_to(&mut text));
    let parse = |mut input: &[u8]| {
        let (mut parser, mut found) = (ReplyParser::new(), Vec::with_capacity(LINES));
        while let Some(reply) = parser.parse(&mut input).expect("well-formed") {
            found.push(reply);
        }
        found
    };
    assert!(parse(&text) == replies, "the replies that come of it are others");

    let mut group = criterion.benchmark_group("protocol/replies");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("line-ends", |bencher| bencher.iter(|| lines(black_box(&text))));
    group.bench_function("parse", |bencher| bencher.iter(|| parse(black_box(&text))));
    group.bench_function("write", |bencher| {
        let mut out = Vec::with_capacity(text.len());
        bencher.iter(|| {
            out.clear();
            black_box(&replies).iter().for_each(|reply| reply.write_to(&mut out));
            black_box(&out);
        });
    });
    group.finish();
}

fn entries() -> Vec<Listed> {
    let entry = |n: usize| Listed {
        name: format!("observation-{n:06} of today.dat"),
        kind: if n.is_multiple_of(50) { EntryKind::Directory } else { EntryKind::File },
        size_bytes: (n * 7919) as u64,
        modified: Some((NOW - 3_600 * n as i64, 0)),
        unique: None,
    };
    (0..LINES).map(entry).collect()
}

fn entry_of(line: Line) -> Option<Entry> {
    if let Line::Entry(entry) = line { Some(entry) } else { None }
}

fn parse_long_line(line: &str) -> Option<Entry> {
    let mut found = None;
    ListParser::new().line(line.as_bytes(), |_, line| found = entry_of(line));
    found
}

fn listings(criterion: &mut Criterion) {
    let entries = entries();
    let facts = Facts::default();
    let kind = |entry: &Listed| if entry.kind == EntryKind::Directory { "dir" } else { "file" };
    let long: Vec<String> = entries.iter().map(|entry| long_line(entry, true, Some(NOW))).collect();
    let machine: Vec<String> = entries.iter().map(|entry| facts.line(kind(entry), entry, "rw")).collect();
    for ((entry, long), machine) in entries.iter().zip(&long).zip(&machine) {
        for found in [parse_long_line(long), entry_of(parse_facts(machine.as_bytes()))] {
            let found = found.expect("an entry");
            assert_eq!((&found.name, found.kind), (&entry.name, entry.kind));
            assert!(entry.kind == EntryKind::Directory || found.size_bytes == Some(entry.size_bytes));
        }
    }

    for (name, text) in [("list", &long), ("mlsd", &machine)] {
        let whole = text.join("\r\n");
        let mut group = criterion.benchmark_group(format!("protocol/{name}"));
        group.throughput(Throughput::Bytes(whole.len() as u64));
        group.bench_function("line-ends", |bencher| bencher.iter(|| lines(black_box(whole.as_bytes()))));
        let parse = |line: &String| match name {
            "list" => parse_long_line(line),
            _ => entry_of(parse_facts(line.as_bytes())),
        };
        group.bench_function("parse", |bencher| {
            bencher.iter(|| black_box(text).iter().filter_map(&parse).count());
        });
        group.bench_function("write", |bencher| {
            bencher.iter(|| {
                for entry in black_box(&entries) {
                    black_box(match name {
                        "list" => long_line(entry, true, Some(NOW)),
                        _ => facts.line(kind(entry), entry, "rw"),
                    });
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, parse_commands, parse_replies, listings);
criterion_main!(benches);
