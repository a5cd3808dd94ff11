//! The house rules that a compiler does not know, as tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which parts a part may import, one way only. A part is a crate of the workspace (`ftp_proto`), or a
/// folder or file beside others inside one (`ftp_endpoint/store`, `ftpsim/lab`).
const ALLOWED: &[(&str, &[&str])] = &[
    ("ftp_proto", &[]),
    ("turmoil_tcp/seeds", &[]),
    ("turmoil_tcp/segment", &[]),
    ("turmoil_tcp/timeline", &[]),
    ("turmoil_tcp/tcp", &["seeds", "segment", "timeline"]),
    ("turmoil_tcp/path", &["seeds", "segment", "timeline"]),
    ("turmoil_tcp/network", &["path", "segment", "tcp"]),
    ("turmoil_tcp/capture", &["path"]),
    ("turmoil_tcp/pcap", &["capture", "path"]),
    ("turmoil_tcp/lib", &[]),
    ("testkit", &["ftp_endpoint", "ftp_proto"]),
    ("ftp_endpoint/net", &["ftp_proto"]),
    ("ftp_endpoint/observe", &["ftp_proto", "net"]),
    ("ftp_endpoint/store", &["ftp_proto"]),
    ("ftp_endpoint/transfer", &["ftp_proto", "net", "observe", "store"]),
    ("ftp_endpoint/server", &["ftp_proto", "net", "observe", "store", "transfer"]),
    ("ftp_endpoint/client", &["ftp_proto", "net", "observe", "store", "transfer"]),
    ("ftp_endpoint/lib", &[]),
    ("ftpsim/sim", &["ftp_endpoint", "ftp_proto", "turmoil_tcp"]),
    ("ftpsim/lab", &["ftp_endpoint", "ftp_proto", "sim", "turmoil_tcp"]),
    ("ftpsim/advise", &["ftp_endpoint", "ftp_proto", "lab", "sim", "turmoil_tcp"]),
    ("ftpsim/measure", &["ftp_endpoint", "ftp_proto", "lab", "sim"]),
    ("ftpsim/programs", &[]),
    ("ftpsim/link", &["programs", "sim", "turmoil_tcp"]),
    ("ftpsim/check", &["ftp_proto", "programs"]),
    ("ftpsim/trial", &["ftp_endpoint", "ftp_proto", "programs", "sim"]),
    (
        "ftpsim/report",
        &["advise", "check", "ftp_endpoint", "ftp_proto", "lab", "measure", "sim", "trial", "turmoil_tcp"],
    ),
    (
        "ftpsim/cli",
        &[
            "advise",
            "check",
            "ftp_endpoint",
            "ftp_proto",
            "lab",
            "link",
            "measure",
            "programs",
            "report",
            "sim",
            "trial",
            "turmoil_tcp",
        ],
    ),
    ("ftpsim/main", &[]),
    ("ftpsim/lib", &[]),
];

/// Which files of the client may import which others of it; a folder counts as one.
const CLIENT: &[(&str, &[&str])] = &[
    ("untrusted", &[]),
    ("error", &["untrusted"]),
    ("tls", &["untrusted"]),
    ("policy", &["tls"]),
    ("marker", &[]),
    ("report", &["error"]),
    ("hash", &["error"]),
    ("verify", &["error", "policy"]),
    ("queue", &["report"]),
    ("local", &["error", "hash", "marker", "policy", "verify"]),
    ("control", &["error", "marker", "tls"]),
    ("session", &["control", "error", "hash", "policy", "tls"]),
    ("program", &["error", "local", "policy", "session"]),
    ("worker", &["error", "policy", "queue", "report", "session"]),
    ("restart", &["error", "hash", "marker", "policy", "queue", "session", "worker"]),
    ("sequential", &["error", "local", "marker", "policy", "queue", "verify", "worker"]),
    ("burst", &["error", "hash", "local", "policy", "queue", "session", "verify"]),
    ("publishing", &["error", "queue", "worker"]),
    ("pipelined", &["burst", "error", "local", "policy", "queue", "session", "verify", "worker"]),
    ("deliver", &["policy", "queue", "report", "worker"]),
];

/// Which parts of the simulation a part of it may import: no two import each other, not even by way of
/// others ([`the_simulation_has_no_circles`]).
const SIM: &[(&str, &[&str])] = &[
    ("hosts", &[]),
    ("names", &[]),
    ("time", &[]),
    ("heard", &["names", "time"]),
    ("net", &[]),
    ("notice", &[]),
    ("phase", &["heard"]),
    ("ports", &["heard", "time"]),
    ("tls", &["hosts"]),
    ("trace", &["time"]),
    ("wire", &["tls"]),
    ("workload", &[]),
    ("others", &["workload"]),
    ("fault", &["names", "time"]),
    ("page_cache", &["time"]),
    ("disk", &["fault", "page_cache", "time"]),
    ("locator", &["fault", "tls"]),
    ("scenario", &["fault", "others"]),
    ("outcome", &["phase", "trace", "wire"]),
    ("signature", &["outcome"]),
    ("case", &["fault", "others", "scenario", "signature", "trace", "workload"]),
    ("truth", &["case", "fault", "others", "workload"]),
    ("swarm", &["case", "fault", "others", "scenario", "workload"]),
    (
        "oracle",
        &["case", "fault", "heard", "names", "others", "outcome", "scenario", "time", "trace", "truth"],
    ),
    ("injector", &["disk", "fault", "heard", "hosts", "names", "locator", "time", "tls", "trace", "wire"]),
    (
        "recorder",
        &[
            "disk", "fault", "heard", "hosts", "names", "notice", "oracle", "others", "outcome", "phase",
            "ports", "injector", "time", "tls", "trace", "truth",
        ],
    ),
    (
        "world",
        &[
            "case",
            "disk",
            "fault",
            "names",
            "net",
            "oracle",
            "others",
            "outcome",
            "injector",
            "page_cache",
            "ports",
            "scenario",
            "time",
            "tls",
            "trace",
            "truth",
            "recorder",
        ],
    ),
];

/// The crates of the workspace, as imports name them, and their sources.
const CRATES: &[(&str, &str)] = &[
    ("ftp_proto", "crates/ftp-proto/src"),
    ("ftp_endpoint", "crates/ftp-endpoint/src"),
    ("turmoil_tcp", "crates/turmoil-tcp/src"),
    ("testkit", "crates/testkit/src"),
    ("ftpsim", "src"),
];

/// Crates that are one part, however many folders they have.
const WHOLE: &[&str] = &["ftp_proto", "testkit"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Part, path under the root, text of every source file of the workspace.
fn sources() -> Vec<(String, PathBuf, String)> {
    let mut found = Vec::new();
    for (name, place) in CRATES {
        let src = root().join(place);
        let mut files = Vec::new();
        rust_files(&src, &mut files);
        files.retain(|file| !file.ends_with("tidy.rs"));
        files.sort();
        for path in files {
            let inside = path.strip_prefix(&src).unwrap();
            let folder = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            let folder = folder.trim_end_matches(".rs");
            let part = if WHOLE.contains(name) { (*name).to_owned() } else { format!("{name}/{folder}") };
            let text = fs::read_to_string(&path).unwrap();
            found.push((part, path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
    found
}

/// The word that follows `mark` in each place where it stands in code (not in comments).
fn named_after<'a>(text: &'a str, mark: &str) -> BTreeSet<&'a str> {
    let word = |rest: &'a str| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    };
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.match_indices(mark).map(move |(at, _)| word(&line[at + mark.len()..])))
        .filter(|word| !word.is_empty())
        .collect()
}

/// The parts of its own crate and the other crates that `text` names, in code (not in comments).
fn imports(text: &str) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = named_after(text, "crate::").into_iter().map(str::to_owned).collect();
    for (name, _) in CRATES {
        if !named_after(text, &format!("{name}::")).is_empty() {
            found.insert((*name).to_owned());
        }
    }
    found
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for (part, file, text) in sources() {
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(name, _)| *name == part)
            .unwrap_or_else(|| panic!("{part} is not in the table of parts"));
        let (own_crate, own) = part.split_once('/').unwrap_or((&part, ""));
        for import in imports(&text) {
            let inside = own.is_empty() && !CRATES.iter().any(|(name, _)| *name == import);
            if import != own && import != own_crate && !inside && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: {part} may not import {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_the_client_import_one_way() {
    let client = root().join("crates/ftp-endpoint/src/client");
    let mut files = Vec::new();
    rust_files(&client, &mut files);
    let mut wrong = Vec::new();
    for path in files {
        let inside = path.strip_prefix(&client).unwrap();
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        let own = parts[0].trim_end_matches(".rs");
        // Tests may draw what they need from anywhere.
        if own == "mod" || path.ends_with("tests.rs") {
            continue;
        }
        let (_, allowed) = CLIENT
            .iter()
            .find(|(name, _)| *name == own)
            .unwrap_or_else(|| panic!("{own} is not in the table of the client's files"));
        let text = fs::read_to_string(&path).unwrap();
        let mut imported = named_after(&text, "crate::client::");
        if parts.len() == 1 || parts[1] == "mod.rs" {
            imported.extend(named_after(&text, "super::"));
        }
        let known = imported.into_iter().filter(|name| CLIENT.iter().any(|(part, _)| part == name));
        wrong.extend(
            known
                .filter(|name| *name != own && !allowed.contains(name))
                .map(|name| format!("{}: {own} may not import {name}", inside.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_simulation_has_no_circles() {
    let before = |part: &str| SIM.iter().position(|(name, _)| *name == part);
    for (at, (part, allowed)) in SIM.iter().enumerate() {
        for other in *allowed {
            assert!(before(other).is_some_and(|before| before < at), "{other} must stand before {part}");
        }
    }
    let mut wrong = Vec::new();
    for (_, file, text) in sources() {
        let Ok(inside) = file.strip_prefix("src/sim") else { continue };
        let part = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if part == "mod" || file.ends_with("tests.rs") {
            continue;
        }
        let (_, allowed) = SIM[before(part).unwrap_or_else(|| panic!("{part} is not in the table"))];
        // Tests may draw their cases from anywhere.
        let code = text.split("#[cfg(test)]").next().unwrap();
        let mut imports = named_after(code, "crate::sim::");
        let depth = inside.components().count() - usize::from(inside.ends_with("mod.rs"));
        if depth == 1 {
            imports.extend(named_after(code, "super::"));
        }
        for import in imports.into_iter().filter(|import| *import != part && !allowed.contains(import)) {
            wrong.push(format!("{}: {part} may not import {import}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn manifests_name_only_what_their_sources_may_import() {
    for (name, place) in CRATES {
        let manifest = root().join(place).parent().unwrap().join("Cargo.toml");
        let text = fs::read_to_string(manifest).unwrap();
        let own = text.find("\n[dependencies]").map_or("", |at| &text[at..]);
        let own = own.split("\n[dev-dependencies]").next().unwrap();
        for (other, _) in CRATES.iter().filter(|(other, _)| other != name) {
            let depends = own.lines().any(|line| {
                line.split(['.', ' ', '=']).next().is_some_and(|word| word.replace('-', "_") == *other)
            });
            let prefix = format!("{name}/");
            let allowed = ALLOWED
                .iter()
                .any(|(part, may)| (part == name || part.starts_with(&prefix)) && may.contains(other));
            assert!(!depends || allowed, "{name} depends on {other}, which no part of it may import");
        }
    }
}

#[test]
fn grouped_imports_name_their_part_in_the_path() {
    // `use crate::{a, b}` would slip past the test above.
    for (_, file, text) in sources() {
        let grouped = text.lines().any(|line| line.trim_start().starts_with("use crate::{"));
        assert!(!grouped, "{}: write one `use crate::part::..` a part", file.display());
    }
}

#[test]
fn protocol_knows_no_io_time_or_randomness() {
    for (part, file, text) in sources() {
        if part != "ftp_proto" {
            continue;
        }
        for word in ["async fn", "tokio::net", "tokio::io", "std::net::Tcp", "std::time", "rand::", "std::fs"]
        {
            let used = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            assert!(!used, "{}: ftp-proto is pure, yet it names {word}", file.display());
        }
    }
}

#[test]
fn select_is_biased() {
    for (_, file, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if line.contains("select! {") {
                let next = lines.get(number + 1).map_or("", |next| next.trim());
                let place = format!("{}:{}", file.display(), number + 1);
                assert_eq!(next, "biased;", "{place}: an unbiased select! differs from run to run");
            }
        }
    }
}

#[test]
fn documents_name_what_exists() {
    let mut missing = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let word = word.trim_end_matches('/');
            let ours = ["src/", "crates/", "sims/", "tests/", "benches/", "fuzz/", ".ci/", "docs/"];
            let is_path =
                ours.iter().any(|start| word.starts_with(start)) && !word.contains([' ', '*', '{', '<']);
            if is_path && !root().join(word).exists() {
                missing.push(format!("{document} names {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
