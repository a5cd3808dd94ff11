//! The JSON Schema of scenario files, for editors and other programs.

use super::Scenario;
use crate::sim::fault::{FaultName, Need};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Names go into CSV cells, file names and command lines.
pub(super) const PLAIN_NAME: &str = "^[a-z0-9_][a-z0-9_-]{0,99}$";
/// Digits of a number may be parted by `_`.
pub(super) const SEEDS: &str = r"^\s*[0-9_]+\s*\.\.\s*[0-9_]+\s*$";

impl Scenario {
    /// The JSON Schema (draft 7) of scenario files: what each key is, its type and its bounds. It knows nothing
    /// of conditions between keys but which of them a kind of fault takes.
    pub fn schema() -> Value {
        schema_of::<Self>("A scenario of ftpsim")
    }
}

/// The schema of a file that a person writes in TOML. Draft 7 is what editors know.
pub(crate) fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft07().for_deserialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(without_null).transform(&mut schema);
    RecursiveTransform(tidy_description).transform(&mut schema);
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// TOML has no null: a key that may be left out is left out.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    let null = json!({ "type": "null" });
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| *choice != null);
    if let [only] = choices.as_slice() {
        let only = json!([only]);
        schema.remove("anyOf");
        // Draft 7 passes over what stands beside `$ref`.
        schema.insert("allOf".to_owned(), only);
    }
}

/// The words of the source, as a person reads them: one paragraph a line, no links between items.
fn tidy_description(schema: &mut Schema) {
    let Some(Value::String(text)) = schema.get_mut("description") else { return };
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    *text = paragraphs.collect::<Vec<_>>().join("\n\n").replace("[`", "`").replace("`]", "`");
}

/// The kinds of faults, with the line of their row.
pub(super) fn fault_names(_: &mut SchemaGenerator) -> Schema {
    let one = |kind: FaultName| json!({ "type": "string", "const": kind.as_str(), "description": kind.about().line });
    json_schema!({ "oneOf": FaultName::ALL.map(one) })
}

/// Which keys a kind of fault takes, and which it must have.
pub(super) fn keys_by_kind(schema: &mut Schema) {
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    let keys: Vec<String> =
        properties.keys().filter(|key| *key != "kind" && *key != "name").cloned().collect();
    let rule = |kind: FaultName| {
        let taken = kind.about().parameters;
        let required: Vec<_> =
            taken.iter().filter(|(_, need)| matches!(need, Need::Required)).map(|(key, _)| key).collect();
        let others = keys.iter().filter(|key| taken.iter().all(|(name, _)| name != key));
        let refused: serde_json::Map<_, _> = others.map(|key| (key.clone(), Value::Bool(false))).collect();
        json!({
            "if": { "properties": { "kind": { "const": kind.as_str() } } },
            "then": { "required": required, "properties": refused },
        })
    };
    let rules = FaultName::ALL.map(rule).to_vec();
    schema.insert("allOf".to_owned(), rules.into());
}
