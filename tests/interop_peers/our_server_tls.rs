//! Other people's clients with `ftpsim serve` over TLS: by 1.2 and by 1.3, both ways, with the reuse of
//! sessions preferred and required.

use crate::common::certificate::Made;
use crate::common::*;
use std::fs;
use std::path::{Path, PathBuf};

const FILES: usize = 20;
const BYTES: usize = 300_000;
const VERSIONS: [&str; 2] = ["1.2", "1.3"];

/// A server that demands TLS, and the files that a client is to bring and to fetch.
struct Place {
    server: Server,
    here: tempfile::TempDir,
    version: &'static str,
    /// Options of the server.
    options: Vec<String>,
}

impl Place {
    fn new(version: &'static str, options: &[&str]) -> Self {
        let here = tempfile::tempdir().unwrap();
        Made::new().write(here.path());
        for directory in ["from", "to"] {
            fs::create_dir(here.path().join(directory)).unwrap();
        }
        for number in 0..FILES {
            fs::write(here.path().join(format!("from/{number}")), content(number)).unwrap();
        }
        let path = |name: &str| here.path().join(name).to_str().unwrap().to_owned();
        let (chain, key) = (path("chain.pem"), path("key.pem"));
        let log = path("log");
        let tls = ["--tls", "required", "--tls-certificate", &chain, "--tls-key", &key];
        let logged = ["--transfer-log", &log, "--transfer-log-format", "json"];
        let server = Server::start(&[&tls[..], &logged, options].concat());
        let options = options.iter().map(ToString::to_string).collect();
        Self { server, here, version, options }
    }

    fn who(&self) -> String {
        format!("TLS {} {:?}", self.version, self.options)
    }

    /// Each data connection has to use a ticket, and some clients have few.
    fn is_scarce_of_tickets(&self) -> bool {
        self.version == "1.3" && self.options.iter().any(|option| option == "require")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> assert_cmd::Command {
        bounded(program, self.here.path())
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{USER}:{PASSWORD}@localhost:{}/{path}", self.server.port())
    }

    /// HOST PORT USER PASSWORD CA VERSION FROM TO, as the scripts in `tests/peers` take them.
    fn arguments(&self) -> [String; 8] {
        let port = self.server.port();
        ["localhost", &port, USER, PASSWORD, "chain.pem", self.version, "from", "to"].map(str::to_owned)
    }

    fn to(&self) -> PathBuf {
        self.here.path().join("to")
    }

    fn assert_both(&self) {
        self.assert_whole(self.server.root.path());
        self.assert_whole(&self.to());
    }

    /// That this directory has the files, and all that moved did so by the version that was to be.
    fn assert_whole(&self, directory: &Path) {
        for line in fs::read_to_string(self.here.path().join("log")).unwrap().lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            if record["event"] == "transfer" && record["error"].is_null() {
                assert_eq!(record["tls"], format!("TLS {}", self.version), "{}: {line}", self.who());
            }
        }
        assert_eq!(names(directory).len(), FILES, "{} in {}", self.who(), directory.display());
        for number in 0..FILES {
            let got = fs::read(directory.join(number.to_string())).unwrap();
            let whole = got == content(number);
            assert!(whole, "{}: {number} has {} bytes in {}", self.who(), got.len(), directory.display());
        }
    }
}

fn content(number: usize) -> Vec<u8> {
    noise(BYTES, number as u64 + 1)
}

/// By each version, where a data connection may come with a TLS session of its own and where it must not.
fn everywhere(test: impl Fn(&Place) + Sync) {
    std::thread::scope(|scope| {
        for version in VERSIONS {
            for reuse in ["prefer", "require"] {
                let test = &test;
                scope.spawn(move || test(&Place::new(version, &["--tls-reuse", reuse])));
            }
        }
    });
}

fn curl(place: &Place) -> assert_cmd::Command {
    let mut curl = place.command("curl");
    curl.args(["--silent", "--show-error", "--ipv4", "--ssl-reqd", "--cacert", "chain.pem"]);
    curl.args([&format!("--tlsv{}", place.version), "--tls-max", place.version]);
    curl
}

#[test]
fn curl_over_tls() {
    if !has("curl") {
        return;
    }
    everywhere(|place| {
        let (all, last) = (format!("from/[0-{}]", FILES - 1), FILES - 1);
        if place.is_scarce_of_tickets() {
            // 7.88 keeps one ticket, uses it once, and is given none where it uploads: a session each.
            for number in 0..FILES {
                let file = format!("from/{number}");
                succeed(curl(place).args(["--upload-file", &file, &place.url("ftp", "")]));
            }
        } else {
            succeed(curl(place).args(["--upload-file", &all, &place.url("ftp", "")]));
        }
        let url = place.url("ftp", &format!("[0-{last}]"));
        succeed(curl(place).args(["--output", "to/#1", &url]));
        place.assert_both();
    });
}

/// libcurl 8 and later.
#[test]
fn libcurl_over_tls() {
    let python = peers_cache().join("venv/bin/python");
    if !python.exists() {
        return skip("pycurl");
    }
    everywhere(|place| {
        succeed(place.command(&python).arg(peers().join("tls_pycurl.py")).args(place.arguments()));
        place.assert_both();
    });
}

fn lftp(place: &Place, script: &str) {
    let settings = format!(
        "set cmd:fail-exit yes; set net:max-retries 1; set net:timeout 20; set ftp:use-mode-z no; \
         set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ssl:ca-file chain.pem; set xfer:log no; \
         set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS{}; open -u {USER},{PASSWORD} ftp://localhost:{}/;",
        place.version,
        place.server.port()
    );
    succeed(place.command("lftp").args(["--norc", "-c", &format!("{settings} {script}")]));
}

#[test]
fn lftp_over_tls() {
    if !has("lftp") {
        return;
    }
    everywhere(|place| {
        lftp(place, "mirror -R from .; mirror . to");
        place.assert_both();
    });
}

#[test]
fn python_ftplib_over_tls() {
    if !has("python3") {
        return;
    }
    let script = peers().join("tls_ftplib.py");
    everywhere(|place| {
        succeed(place.command("python3").arg(&script).args(place.arguments()).arg("resuming"));
        place.assert_both();
    });
    // As it comes it resumes nothing.
    for version in VERSIONS {
        let place = Place::new(version, &[]);
        succeed(place.command("python3").arg(&script).args(place.arguments()).arg("plain"));
        place.assert_both();
        let place = Place::new(version, &["--tls-reuse", "require"]);
        let output = place.command("python3").arg(&script).args(place.arguments()).arg("plain").output();
        assert!(!output.unwrap().status.success(), "{}", place.who());
        assert!(place.server.names().is_empty(), "{}", place.who());
    }
}

#[test]
fn basic_ftp_over_tls() {
    let package = peers_cache().join("basic-ftp/package");
    if !has("node") {
        return;
    }
    if !package.exists() {
        return skip("basic-ftp");
    }
    everywhere(|place| {
        let mut node = place.command("node");
        succeed(node.arg(peers().join("tls_basic_ftp.js")).arg(&package).args(place.arguments()));
        place.assert_both();
    });
}

/// Over rustls: it uses a ticket once, and where it uploads it does not read any.
#[test]
fn suppaftp_over_tls() {
    let suppaftp = peers_cache().join("suppaftp/tls_suppaftp");
    if !suppaftp.exists() {
        return skip("suppaftp");
    }
    everywhere(|place| {
        let mut command = place.command(&suppaftp);
        command.args(place.arguments());
        if place.is_scarce_of_tickets() {
            // As many as the control connection is given.
            command.arg("4");
        }
        succeed(&mut command);
        place.assert_both();
    });
}

/// It only fetches.
#[test]
fn wget_over_tls() {
    if !has("wget") {
        return;
    }
    everywhere(|place| {
        for number in 0..FILES {
            fs::write(place.server.root.path().join(number.to_string()), content(number)).unwrap();
        }
        // Under TLS 1.3 it asks for its ticket right after the handshake and does not wait for it for long: now
        // and then a session resumes nothing, and what it was to fetch takes another one.
        let sessions = if place.is_scarce_of_tickets() { 20 } else { 1 };
        for _ in 0..sessions {
            let is_whole = |name: &String| {
                fs::read(place.to().join(name)).is_ok_and(|got| got == content(name.parse().unwrap()))
            };
            let missing: Vec<_> = place.server.names().into_iter().filter(|name| !is_whole(name)).collect();
            if missing.is_empty() {
                break;
            }
            for name in &missing {
                let _ = fs::remove_file(place.to().join(name));
            }
            let mut wget = place.command("wget");
            wget.args(["--no-verbose", "--tries", "1", "--ca-certificate", "chain.pem"]);
            wget.args(["--directory-prefix", "to"]);
            wget.arg(format!("--ciphers=NORMAL:-VERS-ALL:+VERS-TLS{}", place.version));
            let output = wget.args(missing.iter().map(|name| place.url("ftps", name))).output().unwrap();
            let failed = !output.status.success() && sessions == 1;
            assert!(!failed, "{}: {}", place.who(), said(&output));
        }
        place.assert_whole(&place.to());
    });
}

/// A client that closes with session tickets unread has its kernel send RST, and what the server has not read
/// by then is lost: a server that reads slowly loses most. So it gives no tickets where it receives.
#[test]
fn uploads_to_a_slow_reader_are_whole() {
    const TIMES: usize = 5;
    let slowly = || Place::new("1.3", &["--rate", "6000000"]);
    let assert_all = |place: &Place| {
        for time in 0..TIMES {
            place.assert_whole(&place.server.root.path().join(format!("up{time}")));
        }
    };
    if has("lftp") {
        let place = slowly();
        let times: String = (0..TIMES).map(|time| format!("mirror -R from up{time}; ")).collect();
        lftp(&place, &times);
        assert_all(&place);
    }
    if has("curl") {
        let place = slowly();
        std::thread::scope(|scope| {
            for time in 0..TIMES {
                let (place, all) = (&place, format!("from/[0-{}]", FILES - 1));
                let url = place.url("ftp", &format!("up{time}/"));
                scope.spawn(move || {
                    succeed(curl(place).args(["--ftp-create-dirs", "--upload-file", &all, &url]))
                });
            }
        });
        assert_all(&place);
    }
}
