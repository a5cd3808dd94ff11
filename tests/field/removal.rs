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
