//! The schemas hold for what the program takes, and for nothing that it refuses by its keys.

use super::{ftpsim, root};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn schema(of: &str) -> Value {
    serde_json::from_str(&ftpsim(&[of, "--schema"])).unwrap()
}

fn shipped() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join("sims")).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = files.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, toml::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    };
    scenarios.map(read).collect()
}

#[track_caller]
fn refuses(schema: &jsonschema::Validator, value: &Value, word: &str) {
    let said: Vec<String> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(said.iter().any(|error| error.contains(word)), "{word}: {said:?}");
}

#[test]
fn every_scenario_that_is_shipped_is_valid() {
    let validator = jsonschema::draft7::new(&schema("scenarios")).unwrap();
    let scenarios = shipped();
    assert!(scenarios.len() >= 18);
    for (name, scenario) in scenarios {
        let said: Vec<String> = validator
            .iter_errors(&scenario)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(said.is_empty(), "{name}: {said:?}");
    }
}

#[test]
fn what_the_program_does_not_know_is_refused_at_every_depth() {
    let validator = jsonschema::draft7::new(&schema("scenarios")).unwrap();
    let tiny = &shipped()["tiny"];
    for place in
        ["", "/path", "/workload", "/workload/content", "/limits", "/timeouts", "/faults/1", "/variants/0"]
    {
        let mut changed = tiny.clone();
        changed.pointer_mut(place).unwrap()["no_such_key"] = json!(1);
        refuses(&validator, &changed, "no_such_key");
    }
    for (place, value, word) in [
        ("/faults/1/kind", json!("sender_dise"), "sender_dise"),
        ("/variants/0/mode", json!("streem"), "streem"),
        ("/seeds", json!("0-10"), "0-10"),
        ("/name", json!("A name"), "A name"),
        ("/path/rtt_us", json!("soon"), "soon"),
        ("/workload/size_bytes", json!([1]), "1"),
        // A key of other kinds of faults, and one that this kind must have.
        ("/faults/3/loss_ppm", json!(1), "loss_ppm"),
        ("/faults/1", json!({ "kind": "sender_dies" }), "restart_after_us"),
    ] {
        let mut changed = tiny.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        match changed.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            table => table[key] = value,
        }
        let placed = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        let said: Vec<String> = validator.iter_errors(&changed).map(placed).collect();
        assert!(!said.is_empty() && format!("{said:?}").contains(word), "{place}: {said:?}");
    }
}

/// A number of a scenario, and the bounds that the schema has for it.
fn bounded<'a>(
    path: &str,
    value: &Value,
    schema: &'a Value,
    root: &'a Value,
    found: &mut Vec<(String, u64, u64)>,
) {
    let schema = match schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str()) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let inside = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                bounded(&inside(key), value, &schema["properties"][key], root, found);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                bounded(&inside(&at.to_string()), value, &schema["items"], root, found);
            }
        }
        Value::Number(_) => {
            let bound = |name: &str| schema[name].as_f64().map(|number| number as u64);
            if let (Some(least), Some(most)) = (bound("minimum"), bound("maximum")) {
                found.push((path.to_owned(), least, most));
            }
        }
        _ => {}
    }
}

/// The bounds of the schema are those of the program: it names them when they are overstepped, and not when they
/// are only reached.
#[test]
fn bounds_are_those_that_the_program_has() {
    let schema = schema("scenarios");
    let mut tried = BTreeSet::new();
    for (name, scenario) in shipped() {
        let mut found = Vec::new();
        bounded("", &scenario, &schema, &schema, &mut found);
        for (key, least, most) in found {
            // `variants.3.retries` is as `variants.0.retries`.
            let plain: String =
                key.split('.').filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join(".");
            // Those whose bounds hang on other keys: the smaller size on the larger one, the delay of what is reordered
            // on whether anything is, a file's size on how many there are.
            let hangs = ["workload.size_bytes.0", "path.reorder_us"].contains(&key.as_str())
                || plain == "grid.deliveries.file_size_bytes";
            if hangs || !tried.insert(plain) {
                continue;
            }
            let said = |value: u64| {
                let scenario = ftpsim::sim::scenario::Scenario::load_with(&name, &[format!("{key}={value}")]);
                scenario.err().map(|error| error.to_string()).unwrap_or_default()
            };
            let bounds = format!("expected {least} to {most}");
            for value in [Some(most + 1), least.checked_sub(1)].into_iter().flatten() {
                let said = said(value);
                assert!(said.contains(&bounds), "{name}: {key}={value}: {bounds}, but: {said}");
            }
            for value in [least, most] {
                let said = said(value);
                assert!(!said.contains(&bounds), "{name}: {key}={value}: {said}");
            }
        }
    }
    assert!(tried.len() > 20, "{tried:?}");
}

#[test]
fn the_servers_schema_takes_what_the_server_takes() {
    let validator = jsonschema::draft7::new(&schema("serve")).unwrap();
    let valid = json!({
        "listen": "0.0.0.0:21", "passive-ports": "30000-30099", "idle-timeout": 600, "landlock": false,
        "tls": "required", "tls-min": "1.3",
        "user": [{ "name": "a", "password-hash": "$argon2id$...", "rights": ["read", "write", "delete"] }],
    });
    assert!(validator.is_valid(&valid), "{:?}", validator.iter_errors(&valid).next().map(|e| e.to_string()));
    for (key, value, word) in [
        ("no-such-key", json!(1), "no-such-key"),
        ("tls", json!("on"), "on"),
        ("passive-ports", json!(30000), "30000"),
        ("max-login-failures", json!(0), "0"),
        ("user", json!([{ "name": "a", "passwort": "x" }]), "passwort"),
        ("user", json!([{ "password": "x" }]), "name"),
        ("user", json!([{ "name": "a", "rights": ["all"] }]), "all"),
    ] {
        let mut changed = valid.clone();
        changed[key] = value;
        refuses(&validator, &changed, word);
    }
}

/// Descriptions are read by people who do not read the source.
#[test]
fn every_key_is_described_in_words_of_its_own() {
    fn descend(path: &str, schema: &Value, wrong: &mut Vec<String>) {
        let own = schema["description"].as_str().unwrap_or("");
        if own.contains("::") || own.contains("[`") {
            wrong.push(format!("{path}: {own:?}"));
        }
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let text = property["description"].as_str().unwrap_or("");
            if text.is_empty() || text.contains("::") || text.contains("[`") {
                wrong.push(format!("{path}/{key}: {text:?}"));
            }
        }
        for (name, definition) in schema["definitions"].as_object().into_iter().flatten() {
            descend(name, definition, wrong);
        }
    }
    let mut wrong = Vec::new();
    for of in ["scenarios", "serve"] {
        descend(of, &schema(of), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
