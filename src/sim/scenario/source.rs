//! Where a scenario comes from: with the program or from a file, and what a command line sets in it.

use super::{EMBEDDED, Scenario, ScenarioError};
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;
use toml::{Table, Value};

impl Scenario {
    /// An embedded scenario by name, or a file by its path (anything with a `/` or `.toml`).
    pub fn load(name_or_path: &str) -> Result<Self, ScenarioError> {
        Self::load_with(name_or_path, &[])
    }

    /// [`Self::load`], with other values: each setting is `KEY=VALUE`, where KEY is the path of a key
    /// (`path.rtt_us`, `faults.0.at_us`, counted from 0) and VALUE is TOML, or a string without its quotation
    /// marks. A key that is not there yet comes to be.
    pub fn load_with(name_or_path: &str, settings: &[String]) -> Result<Self, ScenarioError> {
        let (text, file) = text_of(name_or_path)?;
        let own = matches!(text, Cow::Owned(_)).then(|| file.clone());
        // Even if it is set otherwise: its errors have lines.
        let mut scenario = Self::parse(&text, &file)?;
        if !settings.is_empty() {
            scenario = changed(&text, settings)?;
        }
        Ok(Self { file: own, settings: settings.to_vec(), ..scenario })
    }

    /// The words that name it on a command line, each quoted for a shell where it must be.
    pub fn word(&self) -> String {
        let mut words = quoted(self.file.as_ref().unwrap_or(&self.name));
        for setting in &self.settings {
            words += &format!(" --set {}", quoted(setting));
        }
        words
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,=@%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn changed(text: &str, settings: &[String]) -> Result<Scenario, ScenarioError> {
    let wrong =
        |setting: &str, message: String| ScenarioError::Setting { setting: setting.to_owned(), message };
    let mut table: Table = toml::from_str(text).map_err(|error| wrong("", error.to_string()))?;
    let mut scenario = None;
    for setting in settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(wrong(setting, "expected KEY=VALUE, for instance path.rtt_us=200000".to_owned()));
        };
        set(&mut table, key.trim(), value_of(value)).map_err(|message| wrong(setting, message))?;
        // After each one, so that it is known which is wrong.
        let read = Scenario::deserialize(table.clone())
            .map_err(|error| wrong(setting, super::error::with_hint(error.message())))?;
        scenario = Some((setting, read));
    }
    let (setting, scenario) = scenario.expect("there is a setting");
    // Some are right only together.
    scenario.check().map_err(|problem| wrong(setting, problem.to_string()))?;
    Ok(scenario)
}

fn value_of(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let parsed = parsed.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    if first.is_empty() {
        return Err("a key is missing".to_owned());
    }
    match rest {
        None => {
            table.insert(first.to_owned(), value);
            Ok(())
        }
        Some(rest) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            set_in(inner, first, rest, value)
        }
    }
}

fn set_in(of: &mut Value, name: &str, key: &str, value: Value) -> Result<(), String> {
    match of {
        Value::Table(table) => set(table, key, value),
        Value::Array(items) => {
            let (index, rest) = key.split_once('.').map_or((key, None), |(index, rest)| (index, Some(rest)));
            let count = items.len();
            let item = index.parse().ok().and_then(|index: usize| items.get_mut(index));
            let item =
                item.ok_or_else(|| format!("{name} has {count}, counted from 0; there is no {index}"))?;
            match rest {
                Some(rest) => set_in(item, index, rest, value),
                None => {
                    *item = value;
                    Ok(())
                }
            }
        }
        _ => Err(format!("{name} has no keys in it")),
    }
}

/// A scenario's text, and how errors call its file.
pub(super) fn text_of(name_or_path: &str) -> Result<(Cow<'static, str>, String), ScenarioError> {
    if let Some((name, text)) = EMBEDDED.iter().find(|(name, _)| *name == name_or_path) {
        return Ok((Cow::Borrowed(text), format!("sims/{name}.toml")));
    }
    let path = Path::new(name_or_path);
    if !name_or_path.contains('/') && path.extension().is_none_or(|e| e != "toml") {
        let known = EMBEDDED.map(|(name, _)| name);
        return Err(ScenarioError::Unknown {
            name: name_or_path.to_owned(),
            hint: super::error::hint(name_or_path, known),
            known: known.join(", "),
        });
    }
    let text = std::fs::read_to_string(path)
        .map_err(|source| ScenarioError::Unreadable { file: name_or_path.to_owned(), source })?;
    Ok((Cow::Owned(text), name_or_path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: &[&str]) -> Result<Scenario, String> {
        let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
        Scenario::load_with("tiny", &settings).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_set_by_their_keys_path() {
        let plain = with(&[]).unwrap();
        let changed = with(&["path.rtt_us=200000", "question = why", "workload.size_bytes=[1, 2]"]).unwrap();
        assert_eq!(changed.path.rtt_us, 200_000);
        assert_eq!((changed.question.as_str(), changed.workload.size_bytes), (" why", [1, 2]));
        assert_eq!(changed.variants, plain.variants);
        let last = format!("variants.{}.retries=0", plain.variants.len() - 1);
        assert_eq!(with(&[&last]).unwrap().variants.last().unwrap().retries, 0);
        assert_eq!(
            changed.word(),
            "tiny --set path.rtt_us=200000 --set 'question = why' --set 'workload.size_bytes=[1, 2]'"
        );
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        for (setting, said) in [
            ("path.rtt_us", "expected KEY=VALUE"),
            ("path.rtt_us=soon", "--set path.rtt_us=soon"),
            ("path.rtt_uss=1", "(did you mean `rtt_us`?)"),
            ("variants.99.retries=1", "there is no 99"),
            ("name.x=1", "name has no keys"),
            ("=1", "a key is missing"),
            ("workload.files=0", "workload.files"),
        ] {
            let error = with(&[setting]).unwrap_err();
            assert!(error.contains(said), "{setting}: {error}");
        }
    }
}
