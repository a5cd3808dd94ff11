//! Manual pages and completions: one for each command, and what is said of it stands in them.

use super::{commands_of, ftpsim};
use assert_cmd::Command;
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

/// `ftpsim-trial-client` and so on, by what the help lists.
fn all_commands(words: &[&str], found: &mut BTreeSet<String>) {
    found.insert([&["ftpsim"], words].concat().join("-"));
    let mut arguments = words.to_vec();
    arguments.push("--help");
    for below in commands_of(&ftpsim(&arguments)) {
        all_commands(&[words, &[below.as_str()]].concat(), found);
    }
}

#[test]
fn every_command_has_a_page_and_its_exit_status() {
    let dir = TempDir::new().unwrap();
    ftpsim(&["man", "--dir", dir.path().to_str().unwrap()]);
    let mut expected = BTreeSet::new();
    all_commands(&[], &mut expected);
    let files =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = files.map(|name| name.strip_suffix(".1").unwrap().to_owned()).collect();
    assert_eq!(pages, expected);
    assert!(pages.len() > 25, "{pages:?}");
    for page in &pages {
        let text = fs::read_to_string(dir.path().join(format!("{page}.1"))).unwrap();
        let at =
            |heading: &str| text.find(heading).unwrap_or_else(|| panic!("{page}: no {heading}:\n{text}"));
        assert!(
            text.contains(&format!(".TH {page} 1")) || text.contains(&format!(".TH \"{page}\" 1")),
            "{text}"
        );
        assert!(
            at(".SH NAME") < at(".SH SYNOPSIS") && at(".SH OPTIONS") < at(".SH \"EXIT STATUS\""),
            "{page}"
        );
        assert!(at("Interrupted") < at(".SH \"SEE ALSO\""), "{page}");
        // Each page that is named is there.
        for line in text.split("SEE ALSO").nth(1).unwrap().lines() {
            let Some(name) = line.strip_prefix("\\fB").and_then(|line| line.split("\\fR").next()) else {
                continue;
            };
            assert!(pages.contains(&name.replace("\\-", "-")), "{page} names {name}");
        }
    }
}

#[test]
fn one_page_is_printed_and_a_mistaken_name_is_told() {
    let dir = TempDir::new().unwrap();
    ftpsim(&["man", "--dir", dir.path().to_str().unwrap()]);
    let file = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(ftpsim(&["man"]), file("ftpsim.1"));
    assert_eq!(ftpsim(&["man", "serve"]), file("ftpsim-serve.1"));
    assert_eq!(ftpsim(&["man", "bench", "growth"]), file("ftpsim-bench-growth.1"));
    let output = Command::cargo_bin("ftpsim").unwrap().args(["man", "sreve"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("did you mean `serve`?"), "{said}");
}

/// troff tells, where it is there, what it cannot make of a page.
#[test]
fn pages_are_troff_without_warnings() {
    let dir = TempDir::new().unwrap();
    ftpsim(&["man", "--dir", dir.path().to_str().unwrap()]);
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let groff =
            std::process::Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&path).output();
        let Ok(output) = groff else {
            let required = std::env::var_os("FTPSIM_REQUIRE_PEERS").is_some_and(|value| value == "1");
            assert!(!required, "missing: groff");
            println!("skipped: groff is missing");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", path.display());
    }
}

#[test]
fn completions_know_the_commands_and_where_they_go() {
    for (shell, mark) in
        [("bash", "complete -F _ftpsim"), ("zsh", "#compdef ftpsim"), ("fish", "complete -c ftpsim")]
    {
        let script = ftpsim(&["completions", shell]);
        assert!(script.contains(mark) && script.contains("compare") && script.contains("man"), "{shell}");
    }
    let help = ftpsim(&["completions", "--help"]);
    for place in ["bash-completion/completions/ftpsim", "_ftpsim", "fish/completions/ftpsim.fish"] {
        assert!(help.contains(place), "{help}");
    }
}
