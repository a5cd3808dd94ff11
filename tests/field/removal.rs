//! `ftpsim rm`: what is deleted is what was named, at servers that tell links and directories apart or do not.

use crate::common::*;
use crate::fake::{Answer, Fake, unix};
use std::sync::{Arc, Mutex};

/// How a server tells of `name`, a directory or a link to one, in which `x` lies.
#[derive(Clone, Copy)]
struct Told {
    has_mlsd: bool,
    /// LIST's first letter.
    line: char,
    dele: &'static str,
    /// Before it is empty.
    rmd: &'static str,
}

impl Told {
    /// With the names that have been deleted.
    fn start(self) -> (Fake, Arc<Mutex<Vec<String>>>) {
        let gone = Arc::new(Mutex::new(Vec::new()));
        let deleted = gone.clone();
        let server = Fake::start(move |verb, argument, state| {
            let is_empty = deleted.lock().unwrap().iter().any(|name: &String| name == "name/x");
            let is_inside = state.directory == "/name" || argument == "name";
            Some(match verb {
                "FEAT" if self.has_mlsd => Answer::Reply("211-these\r\n MLST type*;size*;\r\n211 end"),
                "MLSD" if is_inside => Answer::Data(b"type=file;size=1; x\r\n".to_vec()),
                "MLSD" => Answer::Data(b"type=dir; name\r\n".to_vec()),
                "LIST" if is_inside => Answer::Data(unix('-', 1, "x")),
                "LIST" if self.line == 'l' => Answer::Data(unix('l', 1, "name -> elsewhere")),
                "LIST" => Answer::Data(unix(self.line, 1, "name")),
                "DELE" if argument == "name" => Answer::Reply(self.dele),
                "RMD" if !is_empty => Answer::Reply(self.rmd),
                "DELE" | "RMD" => {
                    deleted.lock().unwrap().push(argument.to_owned());
                    Answer::Reply("250 gone")
                }
                _ => return None,
            })
        });
        (server, gone)
    }
}

const NO_RIGHT: &str = "550 Permission denied.";
const VAGUE: &str = "550 Delete operation failed.";

#[test]
fn what_a_link_leads_to_is_not_emptied_where_the_link_stays() {
    for (has_mlsd, line, dele) in [
        (false, 'l', NO_RIGHT),
        (false, 'l', VAGUE),
        (false, 'l', "550 name: Is a directory"),
        (true, 'd', NO_RIGHT),
        (true, 'l', VAGUE),
    ] {
        let (server, gone) = Told { has_mlsd, line, dele, rmd: dele }.start();
        let here = tempfile::tempdir().unwrap();
        let output = ftpsim(here.path()).args(["rm", "-r", &server.url("name")]).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("name: ") && said.contains(dele), "{said}");
        assert!(gone.lock().unwrap().is_empty(), "{dele} {line}: {said}");
        if line == 'l' && !has_mlsd {
            let planned = ftpsim(here.path()).args(["rm", "-rn", &server.url("name")]).output().unwrap();
            let planned = self::said(&planned);
            assert!(planned.contains("name\n") && !planned.contains("name/x"), "{planned}");
        }
    }
}

#[test]
fn directories_are_emptied_whatever_the_server_says_of_them() {
    for (has_mlsd, line, dele, rmd) in [
        (false, 'd', VAGUE, "550 Remove directory operation failed."),
        (true, 'd', VAGUE, "550 Remove directory operation failed."),
        (true, '-', "550 Is a directory.", "550 Directory not empty."),
        (true, '-', "550 name: Operation not permitted", "550 name: Directory not empty"),
        (false, 'd', "550 Access is denied.", "550 The directory is not empty."),
    ] {
        let (server, gone) = Told { has_mlsd, line, dele, rmd }.start();
        let here = tempfile::tempdir().unwrap();
        let output = ftpsim(here.path()).args(["rm", "-r", &server.url("name")]).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(*gone.lock().unwrap(), ["name/x", "name"], "{said}");
    }
}

/// A server with files `a` and `b`, where nothing with `no` in its name can be had or made.
fn with_two_files() -> (Fake, Arc<Mutex<Vec<String>>>) {
    let done = Arc::new(Mutex::new(Vec::new()));
    let told = done.clone();
    let server = Fake::start(move |verb, argument, _| {
        Some(match verb {
            "LIST" => Answer::Data([unix('-', 2, "a"), unix('-', 2, "b")].concat()),
            "CWD" | "RETR" | "MKD" | "DELE" if argument.contains("no") => Answer::Reply("550 denied"),
            "RETR" => Answer::Data(format!("{argument}\n").into_bytes()),
            "MKD" | "DELE" => {
                told.lock().unwrap().push(argument.to_owned());
                Answer::Reply("250 done")
            }
            _ => return None,
        })
    });
    (server, done)
}

#[test]
fn an_argument_that_fails_costs_no_other() {
    for (words, arguments, wanted, why) in [
        (&["rm"][..], ["a", "no*", "b"], &["a", "b"][..], "no file matches no*"),
        (&["rm"], ["a", "none", "b"], &["a", "b"], "none: DELE none: 550 denied"),
        (&["mkdir", "-p"], ["no/x", "b", "c"], &["b", "c"], "cannot make the directory no at the server"),
        (&["mkdir"], ["no", "b", "c"], &["b", "c"], "no: MKD no: 550 denied"),
        (&["get"], ["a", "no*", "b"], &["a", "b"], "no file matches no*"),
    ] {
        let (server, done) = with_two_files();
        let here = tempfile::tempdir().unwrap();
        let mut command = ftpsim(here.path());
        let output = command.args(words).arg(server.url("")).args(arguments).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{why}: {said}");
        let done = if words == ["get"] { names(here.path()) } else { done.lock().unwrap().clone() };
        assert_eq!(done, wanted, "{said}");
    }
}

#[test]
fn what_stdout_does_not_get_is_named() {
    let (server, _) = with_two_files();
    let here = tempfile::tempdir().unwrap();
    for words in [&["cat"][..], &["get", "-o", "-"]] {
        let mut command = ftpsim(here.path());
        let output = command.args(words).arg(server.url("")).args(["a", "no", "b"]).output().unwrap();
        let said = said(&output);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b"a\n"[..]), "{said}");
        assert!(
            said.contains("550 denied") && said.contains("b: not written, as no before it is not"),
            "{said}"
        );
    }
}
