//! What cannot be listed, understood or fetched is told, counts, and costs no other file.

use crate::common::*;
use crate::fake::{Answer, Fake, unix};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Output;

const NO_RETRY: [&str; 2] = ["--retries", "0"];

fn get(here: &Path, url: &str) -> Output {
    ftpsim(here).args(["get", "-r", url]).args(NO_RETRY).output().unwrap()
}

fn fetched(verb: &str) -> Option<Answer> {
    (verb == "RETR").then(|| Answer::Data(b"hello".to_vec()))
}

#[test]
fn lines_that_are_not_understood_are_told() {
    let server = Fake::start(|verb, _, state| match verb {
        "LIST" if !state.is_ascii => Some(Answer::Reply("451 in type A only")),
        "LIST" => Some(Answer::Data(
            [
                &b"total 3\r\n"[..],
                &unix('-', 5, "a b"),
                b"08-19-13  05:14PM                    5 c\r\n",
                b"one odd\x1b[2J line\r\n",
                &unix('-', 5, "../out"),
                &unix('s', 0, "socket"),
            ]
            .concat(),
        )),
        _ => fetched(verb),
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(names(here.path()), ["a b", "c"], "{said}");
    for part in
        ["one odd\\x1b[2J line", "../out", "socket: neither a file nor a directory", "3 more could not"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains('\x1b'));
}

#[test]
fn one_directory_costs_no_other() {
    let server = Fake::start(|verb, argument, state| match (verb, state.directory.as_str()) {
        ("LIST", "/") => Some(Answer::Data(
            [unix('d', 0, "closed"), unix('d', 0, "empty"), unix('d', 0, "gone"), unix('-', 5, "f")].concat(),
        )),
        ("CWD", _) if argument == "gone" => Some(Answer::Reply("550 gone meanwhile")),
        ("LIST", "/closed") => Some(Answer::Reply("550 Permission denied")),
        ("LIST", "/empty") => Some(Answer::Reply("450 No files found")),
        _ => fetched(verb),
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(names(here.path()), ["empty", "f"], "{said}");
    assert!(said.contains("cannot list closed") && said.contains("cannot list gone"), "{said}");
    assert!(!said.contains("empty") && said.contains("2 more"), "{said}");
}

#[test]
fn trees_have_an_end() {
    let server = Fake::start(|verb, _, _| match verb {
        "LIST" => Some(Answer::Data([unix('d', 0, "d"), unix('-', 5, "f")].concat())),
        _ => fetched(verb),
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("more than 64 directories deep"), "{said}");
    assert!(here.path().join("d/d/d/f").is_file() && here.path().join("f").is_file(), "{said}");
}

/// Where PWD tells that a directory has been listed before, it is not listed again.
#[test]
fn a_link_that_leads_round_is_not_gone_round() {
    let server = Fake::start(|verb, argument, state| match verb {
        "LIST" => Some(Answer::Data([unix('d', 0, "sub"), unix('-', 5, "f")].concat())),
        "PWD" if state.directory.starts_with("/sub") => Some(Answer::Reply("257 \"/sub\"")),
        "RETR" if argument.matches("sub").count() > 1 => Some(Answer::Reply("550 twice")),
        _ => fetched(verb),
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("which has been listed") && !said.contains("550 twice"), "{said}");
    assert!(here.path().join("sub/f").is_file());
}

/// By our server, which lists links as what they lead to, and by the `unique` fact (RFC 3659 section 7.5.2).
#[test]
fn links_that_lead_round_cost_no_file_and_bring_none_twice() {
    let server = Server::start(&[]);
    let root = server.root.path();
    std::fs::create_dir(root.join("sub")).unwrap();
    for file in ["f", "sub/g"] {
        std::fs::write(root.join(file), "hello").unwrap();
    }
    for link in ["one", "two"] {
        std::os::unix::fs::symlink(".", root.join("sub").join(link)).unwrap();
    }
    let here = tempfile::tempdir().unwrap();
    let url = server.url("");
    for words in [&["get", "-r", &url, "-o", "got"][..], &["mirror", &url, "mirrored"][..]] {
        let output = ftpsim(here.path()).args(words).args(NO_RETRY).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for told in [
            "sub/one: is sub, which has been listed; a link leads round",
            "sub/two: is sub, which has been listed",
        ] {
            assert!(said.contains(told), "{told} in {said}");
        }
        let to = here.path().join(words.last().unwrap());
        assert!(to.join("f").is_file() && to.join("sub/g").is_file(), "{said}");
        for link in ["one/g", "two/g"] {
            assert!(!to.join("sub").join(link).exists(), "{said}");
        }
    }
}

/// What a server of links that lead round does.
#[derive(Clone, Copy)]
struct Circles {
    /// FEAT's line, for MLSD.
    facts: Option<&'static str>,
    /// In one path.
    most_links: usize,
    /// PWD tells where one is, not how one came there.
    is_physical: bool,
}

impl Circles {
    /// `sub/one` and `sub/two` lead to `sub`.
    fn start(self) -> Fake {
        let is_link = |name: &&str| matches!(*name, "one" | "two");
        Fake::start(move |verb, argument, state| {
            let path = match verb {
                "LIST" | "PWD" => state.directory.clone(),
                _ if argument.starts_with('/') => argument.to_owned(),
                _ => format!("{}/{argument}", state.directory.trim_end_matches('/')),
            };
            let is_in_sub = path.starts_with("/sub");
            Some(match verb {
                "FEAT" => Answer::Reply(self.facts?),
                "OPTS" => Answer::Reply("200 ok"),
                "MLST" => Answer::Reply("250-this\r\n type=dir;unique=u0; /\r\n250 end"),
                "CWD" | "LIST" | "MLSD" if path.split('/').filter(is_link).count() > self.most_links => {
                    Answer::Reply("550 Too many levels of symbolic links")
                }
                "PWD" if self.is_physical && is_in_sub => Answer::Reply("257 \"/sub\""),
                "LIST" if is_in_sub => {
                    Answer::Data([unix('-', 5, "g"), unix('d', 0, "one"), unix('d', 0, "two")].concat())
                }
                "LIST" => Answer::Data([unix('d', 0, "sub"), unix('-', 5, "f")].concat()),
                "MLSD" => Answer::Data(self.machine_lines(is_in_sub)),
                _ => return fetched(verb),
            })
        })
    }

    fn machine_lines(self, is_in_sub: bool) -> Vec<u8> {
        let knows_unique = self.facts.is_some_and(|facts| facts.contains("unique"));
        let unique = |id: &str| if knows_unique { format!("unique={id};") } else { String::new() };
        let directory = |id: &str, name: &str| format!("type=dir;{} {name}\r\n", unique(id));
        let lines = match is_in_sub {
            true => ["type=file;size=5; g\r\n".to_owned(), directory("u1", "one"), directory("u1", "two")],
            false => ["type=file;size=5; f\r\n".to_owned(), directory("u1", "sub"), String::new()],
        };
        lines.concat().into_bytes()
    }
}

/// Whether by facts, by PWD, or by nothing but what is listed and how far the server goes.
#[test]
fn a_link_that_leads_round_is_known_for_one() {
    const LISTED: &str = "which has been listed; a link leads round";
    const SAME: &str = "lists what a directory in which it lies does; a link leads round";
    const UNIQUE: &str = "211-these\r\n MLST type*;size*;unique;\r\n211 end";
    const PLAIN: &str = "211-these\r\n MLST type*;size*;\r\n211 end";
    for (facts, most_links, is_physical, told) in [
        (Some(UNIQUE), usize::MAX, false, LISTED),
        (Some(PLAIN), usize::MAX, true, SAME),
        (Some(PLAIN), 40, false, SAME),
        (None, usize::MAX, true, LISTED),
        (None, 40, false, SAME),
        (None, 20, false, SAME),
    ] {
        let server = Circles { facts, most_links, is_physical }.start();
        let here = tempfile::tempdir().unwrap();
        let output = get(here.path(), &server.url(""));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.lines().any(|line| line.contains("sub/one: ") && line.ends_with(told)),
            "{told}: {said}"
        );
        assert!(
            said.lines().any(|line| line.contains("sub/two: ") && line.ends_with(told)),
            "{told}: {said}"
        );
        assert_eq!(names(here.path()), ["f", "sub"], "{said}");
        assert_eq!(names(&here.path().join("sub")), ["g"], "{said}");
    }
}

/// Where nothing tells that a link leads round, and it may be gone round for ever, the walk still ends.
#[test]
fn two_links_that_lead_round_are_no_chain() {
    let server = Circles { facts: None, most_links: usize::MAX, is_physical: false }.start();
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("sub/two: lists what a directory in which it lies does"), "{said}");
    assert!(here.path().join("f").is_file() && here.path().join("sub/g").is_file(), "{said}");
    assert!(!here.path().join("sub/two").exists(), "{said}");
}

/// It has the same names in each directory, and an end.
#[test]
fn a_chain_of_directories_is_no_circle() {
    let server = Fake::start(|verb, argument, state| {
        let depth = |path: &str| path.split('/').filter(|name| *name == "d").count();
        match verb {
            "CWD" if depth(argument) > 20 => Some(Answer::Reply("550 No such file or directory")),
            "LIST" if depth(&state.directory) < 20 => {
                Some(Answer::Data([unix('d', 0, "d"), unix('-', 5, "f")].concat()))
            }
            "LIST" => Some(Answer::Data(unix('-', 5, "last"))),
            _ => fetched(verb),
        }
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(here.path().join("d/".repeat(20)).join("last").is_file());
}

#[test]
fn links_to_files_are_fetched_and_links_to_directories_told() {
    let server = Fake::start(|verb, argument, _| match verb {
        "LIST" => Some(Answer::Data([unix('l', 1, "l -> f"), unix('l', 1, "up -> ..")].concat())),
        "CWD" if argument == "l" => Some(Answer::Reply("550 not a directory")),
        _ => fetched(verb),
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!((output.status.code(), names(here.path())), (Some(1), vec!["l".to_owned()]), "{said}");
    assert!(said.contains("up: a link to .."), "{said}");
}

/// Stream mode: the server says 226 of a file that came short.
#[test]
fn a_listed_size_that_is_not_met_is_told() {
    let server = Fake::start(|verb, argument, _| match verb {
        "LIST" => {
            Some(Answer::Data([unix('-', 9, "short"), unix('-', 3, "grown"), unix('-', 5, "f")].concat()))
        }
        "SIZE" if argument == "grown" => Some(Answer::Reply("213 5")),
        "SIZE" => Some(Answer::Reply("213 9")),
        _ => fetched(verb),
    });
    let here = tempfile::tempdir().unwrap();
    let output = get(here.path(), &server.url(""));
    let said = said(&output);
    assert_eq!(
        (output.status.code(), names(here.path())),
        (Some(1), vec!["f".to_owned(), "grown".to_owned()]),
        "{said}"
    );
    assert!(said.contains("short: the listing says 9 bytes, but 5 have come"), "{said}");
}

/// No command can carry the name, or the server does not take it: what is in it stays here, and all else goes.
#[test]
fn a_directory_that_cannot_be_made_costs_itself() {
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    for file in ["good", "d\nx/inner", "d\nx/below/inner", "taken/inner", "z/last"] {
        let path = here.path().join("tree").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "hello").unwrap();
    }
    std::fs::create_dir_all(server.root.path().join("to/tree")).unwrap();
    std::fs::write(server.root.path().join("to/tree/taken"), "a file").unwrap();
    let output =
        ftpsim(here.path()).args(["put", "-r", &server.url("to"), "tree"]).args(NO_RETRY).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let there = server.root.path().join("to/tree");
    assert_eq!(names(&there), ["good", "taken", "z"], "{said}");
    assert!(there.join("z/last").is_file(), "{said}");
    assert!(said.contains("to/tree/d\\x0ax: ") && said.contains("to/tree/taken: "), "{said}");
    // Two directories with three files, and one with a file.
    assert!(said.contains("5 more could not"), "{said}");
}

/// RFC 2640 section 3.1.
#[test]
fn names_that_are_no_text_go_both_ways() {
    let name = std::ffi::OsStr::from_bytes(b"gr\xfcn \xff");
    let server = Server::start(&[]);
    let here = tempfile::tempdir().unwrap();
    let tree = here.path().join("tree").join(name);
    std::fs::create_dir_all(&tree).unwrap();
    std::fs::write(tree.join(name), "hello").unwrap();
    succeed(ftpsim(here.path()).args(["put", "-r", &server.url(""), "tree"]));
    assert!(server.root.path().join("tree").join(name).join(name).is_file());
    let back = tempfile::tempdir().unwrap();
    succeed(ftpsim(back.path()).args(["get", "-r", &server.url("tree")]));
    assert_eq!(std::fs::read(back.path().join("tree").join(name).join(name)).unwrap(), b"hello");
    succeed(ftpsim(back.path()).args(["get", &server.url("tree/gr%fcn%20%ff/gr%fcn%20%ff")]));
    assert!(back.path().join(name).is_file());
    let mut command = ftpsim(back.path());
    command.env("FTPSIM_PASSWORD", PASSWORD).args(["ls", "-1", "--tls", "off", &server.url_of_user("tree")]);
    let listed = succeed(&mut command);
    assert_eq!(listed, "gr\\xfcn \\xff\n");
}

/// RFC 1738: what is encoded is itself; a name that is there goes before the pattern it could be.
#[test]
fn wildcards_are_only_those_that_were_meant() {
    let server = Server::start(&[]);
    for name in ["r[1]", "r1", "x*", "x;type=i"] {
        std::fs::write(server.root.path().join(name), name).unwrap();
    }
    std::fs::create_dir(server.root.path().join("-d")).unwrap();
    std::fs::write(server.root.path().join("-d/in"), "a").unwrap();
    for (arguments, found) in [
        (vec!["r%5B1%5D"], vec!["r[1]"]),
        (vec!["r[1]"], vec!["r[1]"]),
        (vec!["", "r[1]"], vec!["r[1]"]),
        (vec!["r?"], vec!["r1"]),
        (vec!["x%2A"], vec!["x*"]),
        (vec!["x*"], vec!["x*"]),
        (vec!["x%3Btype=i"], vec!["x;type=i"]),
        (vec!["-d/in;type=a"], vec!["in"]),
    ] {
        let here = tempfile::tempdir().unwrap();
        let url = server.url(arguments[0]);
        let mut command = ftpsim(here.path());
        let said = succeed(command.args(["get", "-v", &url]).args(&arguments[1..]));
        assert_eq!(names(here.path()), found, "{arguments:?}");
        assert_ne!(said.contains("> TYPE I"), found == ["in"], "type A is where a session begins: {said}");
    }
    let here = tempfile::tempdir().unwrap();
    for url in ["-d", "-d/;type=d"] {
        let mut command = ftpsim(here.path());
        command.env("FTPSIM_PASSWORD", PASSWORD).args(["ls", "-1", "--tls", "off", &server.url_of_user(url)]);
        let listed = succeed(&mut command);
        assert!(listed.ends_with("in\n"), "{url}: {listed}");
    }
}
