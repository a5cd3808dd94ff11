//! The pages of the reference are made of what the program says of itself: its schemas and its help. A page that
//! differs fails; `FTPSIM_UPDATE_DOCS=1 cargo test --test reference` makes it anew.
#![cfg(feature = "cli")]

#[path = "reference/keys.rs"]
mod keys;
#[path = "reference/links.rs"]
mod links;
#[path = "reference/man.rs"]
mod man;
#[path = "reference/packaging.rs"]
mod packaging;
#[path = "reference/schema.rs"]
mod schema;
#[path = "reference/tutorial.rs"]
mod tutorial;

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the program prints; it has to be content.
fn ftpsim(arguments: &[&str]) -> String {
    // As wide as the page of a book.
    let output = Command::cargo_bin("ftpsim").unwrap().args(arguments).env("COLUMNS", "96").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "ftpsim {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// The committed page, or the difference and how to mend it.
fn hold(page: &str, made: &str) {
    let path: PathBuf = root().join("docs").join(page);
    if std::env::var_os("FTPSIM_UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, made).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(made.lines().count()));
    assert!(
        committed == made,
        "docs/{page} is not what the program says, from line {} on:\n  page:    {}\n  program: {}\n\
         make it anew with: FTPSIM_UPDATE_DOCS=1 cargo test --test reference",
        line + 1,
        committed.lines().nth(line).unwrap_or("(its end)"),
        made.lines().nth(line).unwrap_or("(its end)"),
    );
}

/// The names below `Commands:` of a help.
fn commands_of(help: &str) -> Vec<String> {
    let below = help.split("\nCommands:\n").nth(1).unwrap_or("");
    let lines = below.lines().take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn append_command(words: &[&str], page: &mut String) {
    let mut arguments = words.to_vec();
    arguments.push("--help");
    let help = ftpsim(&arguments);
    let name = [&["ftpsim"], words].concat().join(" ");
    page.push_str(&format!("\n## {name}\n\n```text\n"));
    for line in help.trim_end().lines() {
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page.push_str("```\n");
    for below in commands_of(&help) {
        append_command(&[words, &[below.as_str()]].concat(), page);
    }
}

#[test]
fn the_page_of_commands_is_their_help() {
    let mut page = String::from(
        "# Commands\n\n<!-- Made by `FTPSIM_UPDATE_DOCS=1 cargo test --test reference`. -->\n\n\
         What `ftpsim help COMMAND` and `man ftpsim-COMMAND` tell, for reading and searching.\n",
    );
    append_command(&[], &mut page);
    assert!(page.matches("\n## ").count() > 20, "commands were found");
    hold("commands.md", &page);
}

#[test]
fn the_pages_of_keys_are_the_schemas() {
    let scenario = serde_json::from_str(&ftpsim(&["scenarios", "--schema"])).unwrap();
    hold("keys-scenario.md", &keys::page("Keys of a scenario", keys::SCENARIO, &scenario));
    let serve = serde_json::from_str(&ftpsim(&["serve", "--schema"])).unwrap();
    hold("keys-serve.md", &keys::page("Keys of the server's configuration", keys::SERVE, &serve));
}

/// What a report of a defect needs; and none of it in results, which belong to a version.
#[test]
fn the_version_tells_the_build_and_results_do_not() {
    let short = ftpsim(&["-V"]);
    let number = env!("CARGO_PKG_VERSION");
    assert!(short.starts_with(&format!("ftpsim {number}")) && short.lines().count() == 1, "{short}");
    let long = ftpsim(&["--version"]);
    let value = |key: &str| {
        let line =
            long.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("{key}: {long}"));
        line.to_owned()
    };
    assert_eq!(long.lines().next(), Some(format!("ftpsim {number}").as_str()));
    assert!(value("features: ").contains("cli"), "{long}");
    let commit = value("commit: ");
    let hash = commit.split(',').next().unwrap();
    assert!(hash == "unknown" || hash.len() == 12 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{commit}");
    if hash != "unknown" {
        assert!(short.contains(hash), "{short}");
        let out = tempfile::TempDir::new().unwrap();
        ftpsim(&["compare", "tiny", "--seeds", "0..2", "--out", out.path().to_str().unwrap()]);
        let mut files = 0;
        for entry in fs::read_dir(out.path()).unwrap() {
            let path = entry.unwrap().path();
            assert!(!fs::read_to_string(&path).unwrap().contains(hash), "{}", path.display());
            files += 1;
        }
        assert!(files >= 3, "{files} files");
    }
}
