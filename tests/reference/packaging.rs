//! What is packaged is there, and says what the program says. That it installs and serves: `tests/packaging/deb.sh`.

use super::{ftpsim, root};
use serde_json::Value;
use std::fs;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn manifest() -> toml::Table {
    toml::from_str(&read("Cargo.toml")).unwrap()
}

/// Whether a file of the tree is meant; with `*`, whether its directory is there.
fn exists(path: &str) -> bool {
    let path =
        path.rsplit_once('/').filter(|(_, name)| name.contains('*')).map_or(path, |(directory, _)| directory);
    root().join(path).exists()
}

#[test]
fn the_package_names_what_exists_or_what_its_script_makes() {
    let manifest = manifest();
    let deb = &manifest["package"]["metadata"]["deb"];
    let script = read(".ci/package");
    let assets: Vec<&str> =
        deb["assets"].as_array().unwrap().iter().map(|asset| asset[0].as_str().unwrap()).collect();
    assert!(assets.len() > 5);
    for asset in &assets {
        let made = asset.starts_with("target/") && script.contains(asset.trim_end_matches("/*.1"));
        assert!(made || exists(asset), "{asset}");
    }
    assert!(exists(deb["maintainer-scripts"].as_str().unwrap()));
    let units = deb["systemd-units"]["unit-scripts"].as_str().unwrap();
    assert!(exists(&format!("{units}ftpsim.service")));
    let configuration = deb["conf-files"][0].as_str().unwrap();
    assert!(read("docs/packaging/ftpsim.service").contains(&format!("--config {configuration}")));
}

#[test]
fn the_image_is_made_of_files_that_are_there() {
    let text = read("docs/packaging/Containerfile");
    let mut copied = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let words: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        let (_, sources) = words.split_last().unwrap();
        for source in sources {
            // The package, by the name that cargo-deb gives it.
            let package = *source == "target/debian/ftpsim_*.deb" && read(".ci/package").contains(source);
            assert!(package || exists(source), "{source}");
            copied += 1;
        }
    }
    assert!(copied > 0 && text.contains("/usr/bin/ftpsim"), "{text}");
}

#[test]
fn the_configuration_that_is_shipped_is_one_of_the_server() {
    let text = read("docs/packaging/server.toml");
    let schema: Value = serde_json::from_str(&ftpsim(&["serve", "--schema"])).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    // As it stands, and with all that it suggests.
    let suggested: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n"
        })
        .collect();
    for text in [&text, &suggested] {
        let value: Value = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let said: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(said.is_empty(), "{said:?}");
    }
    let suggested: toml::Table = toml::from_str(&suggested).unwrap();
    assert!(suggested.len() > toml::from_str::<toml::Table>(&text).unwrap().len() + 3);
    // What the service may write.
    let unit = read("docs/packaging/ftpsim.service");
    for (key, directory, of) in
        [("root", "/var/lib/", "StateDirectory"), ("transfer-log", "/var/log/", "LogsDirectory")]
    {
        let rest = suggested[key].as_str().unwrap().strip_prefix(directory).unwrap();
        let name = rest.split('/').next().unwrap();
        assert!(unit.lines().any(|line| line == format!("{of}={name}")), "{key}: {of}={name}");
    }
}

/// The one way to build and ship it, in the checks and on a tag.
#[test]
fn a_release_is_made_as_the_checks_make_it() {
    let (release, run) = (read(".github/workflows/release.yml"), read(".ci/run"));
    for script in [".ci/package", ".ci/tools", "tests/packaging/deb.sh"] {
        assert!(release.contains(script) && run.contains(script), "{script}");
        assert!(exists(script), "{script}");
    }
    // The machine that is released for is the one on which it is checked.
    let image =
        |text: &str| text.lines().find_map(|line| line.trim().strip_prefix("container: ").map(str::to_owned));
    assert_eq!(image(&release), image(&read(".github/workflows/ci.yml")));
    assert!(image(&release).is_some());
}
