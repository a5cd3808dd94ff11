//! A server that is right in ways of its own: what a check asks is not how else servers are.

use crate::common::*;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Counts REST for the very next command alone (RFC 959 section 4.1.3, as BSD's servers do), refuses behind 150, and
/// knows no NOOP.
#[derive(Default)]
struct Session {
    file: Vec<u8>,
    offset: usize,
    passive: Option<TcpListener>,
}

impl Session {
    fn run(mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(LIMIT))?;
        let mut out = stream.try_clone()?;
        out.write_all(b"220 Ready\r\n")?;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            let reply = self.answer(verb, argument, &mut out)?;
            self.offset = if verb == "REST" { argument.parse().unwrap_or_default() } else { 0 };
            out.write_all(format!("{reply}\r\n").as_bytes())?;
        }
        Ok(())
    }

    fn answer(&mut self, verb: &str, argument: &str, out: &mut TcpStream) -> io::Result<String> {
        Ok(match verb {
            "USER" => "331 Password".to_owned(),
            "PASS" => "230 In".to_owned(),
            "MKD" => format!("257 \"{argument}\""),
            "CWD" | "DELE" | "RMD" => "250 Done".to_owned(),
            "TYPE" => "200 Done".to_owned(),
            "REST" => "350 Go on".to_owned(),
            "EPSV" => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let port = listener.local_addr()?.port();
                self.passive = Some(listener);
                format!("229 Here (|||{port}|)")
            }
            "STOR" | "RETR" => {
                out.write_all(b"150 Go\r\n")?;
                let (mut data, _) = self.passive.take().ok_or(io::ErrorKind::NotConnected)?.accept()?;
                match (verb, argument) {
                    ("STOR", _) => {
                        self.file.truncate(self.offset);
                        data.read_to_end(&mut self.file)?;
                    }
                    (_, "file") => data.write_all(&self.file[self.offset..])?,
                    _ => return Ok("550 It is not there".to_owned()),
                }
                "226 Done".to_owned()
            }
            _ => "502 What?".to_owned(),
        })
    }
}

fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || Session::default().run(stream));
        }
    });
    address
}

#[test]
fn a_server_with_ways_of_its_own_is_judged_by_what_is_asked() {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.timeout(Duration::from_secs(120)).env("FTPSIM_PASSWORD", "x");
    command.args(["check", &format!("ftp://me@{}/", server()), "--tls", "off", "--json"]);
    let expected = [
        ("959/4.1.3/noop", "fail"),
        ("959/4.1.3/retr-missing", "pass"),
        // RFC 959 has 550 at once; that is a requirement of its own.
        ("959/4.1.3/retr-missing-code", "fail"),
        // They ask by NOOP, and are about something else.
        ("959/5.3/commands-in-any-case", "skipped"),
        ("959/5.3/lines-in-pieces", "skipped"),
        ("3659/5/rest-retr", "pass"),
        ("3659/5/rest-stor", "pass"),
    ];
    for (id, _) in expected {
        command.args(["--only", id]);
    }
    let output = command.output().unwrap();
    let results: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    for (id, verdict) in expected {
        let result = results.iter().find(|result| result["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        assert_eq!(result["verdict"], verdict, "{result:#}");
    }
}
