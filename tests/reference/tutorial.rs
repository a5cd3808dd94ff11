//! What the tutorial shows is what its commands print.

use super::root;
use assert_cmd::cargo::cargo_bin;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

#[test]
fn the_tutorial_shows_what_its_commands_print() {
    let text = fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let program = cargo_bin("ftpsim");
    let place = TempDir::new().unwrap();
    let mut commands = 0;
    for block in text.split("```console\n").skip(1) {
        let mut lines = block.split("```").next().unwrap().lines();
        let command =
            lines.next().unwrap().strip_prefix("$ ftpsim ").expect("a block begins with its command");
        let output = Command::new(&program)
            .args(command.split(' '))
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .current_dir(place.path())
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        let mut rest = printed.lines();
        for line in lines {
            assert!(
                rest.any(|printed| printed == line),
                "{command} does not print, in this order: {line}\n{printed}"
            );
        }
        commands += 1;
    }
    assert!(commands >= 4, "{commands}");
}
