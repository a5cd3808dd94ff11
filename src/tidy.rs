//! The house rules that a compiler does not know, as tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which parts of the crate a part may import: one way only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("net", &["proto"]),
    ("observe", &["net", "proto"]),
    ("store", &["proto"]),
    ("transfer", &["net", "observe", "proto", "store"]),
    ("server", &["net", "observe", "proto", "store", "transfer"]),
    ("client", &["net", "observe", "proto", "store", "transfer"]),
    ("sim", &["client", "net", "observe", "proto", "server", "store", "transfer"]),
    ("measure", &["client", "lab", "net", "observe", "proto", "server", "sim", "store"]),
    ("report", &["client", "lab", "measure", "net", "observe", "proto", "sim", "store"]),
    ("lab", &["client", "net", "observe", "proto", "sim", "store"]),
    (
        "cli",
        &[
            "client", "lab", "measure", "net", "observe", "proto", "report", "server", "sim", "store",
            "transfer",
        ],
    ),
    ("planted", &[]),
    ("main", &[]),
    ("lib", &[]),
];

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

fn sources() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.retain(|file| !file.ends_with("tidy.rs"));
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap().to_owned();
            let part = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            let part = part.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (part, inside, text)
        })
        .collect()
}

/// The parts that `text` names as `crate::part`, in code (not in comments).
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for (_, rest) in line.match_indices("crate::").map(|(at, mark)| line.split_at(at + mark.len())) {
            let part: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !part.is_empty() {
                found.insert(part);
            }
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
        for import in imports(&text) {
            // A planted bug may sit anywhere.
            if import != part && import != "planted" && !allowed.contains(&import.as_str()) {
                wrong.push(format!("src/{}: {part} may not import {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn grouped_imports_name_their_part_in_the_path() {
    // `use crate::{a, b}` would slip past the test above.
    for (_, file, text) in sources() {
        let grouped = text.lines().any(|line| line.trim_start().starts_with("use crate::{"));
        assert!(!grouped, "src/{}: write one `use crate::part::..` a part", file.display());
    }
}

#[test]
fn protocol_knows_no_io_time_or_randomness() {
    for (part, file, text) in sources() {
        if part != "proto" {
            continue;
        }
        for word in ["async fn", "tokio::net", "tokio::io", "std::net::Tcp", "std::time", "rand::", "std::fs"]
        {
            let used = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            assert!(!used, "src/{}: proto is pure, yet it names {word}", file.display());
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
                let place = format!("src/{}:{}", file.display(), number + 1);
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
            let ours = ["src/", "sims/", "tests/", "benches/", "fuzz/", ".ci/", "docs/"];
            let is_path =
                ours.iter().any(|start| word.starts_with(start)) && !word.contains([' ', '*', '{', '<']);
            if is_path && !root().join(word).exists() {
                missing.push(format!("{document} names {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
