//! A page of Markdown of a JSON Schema: a table for each table of the TOML file.

use serde_json::Value;
use std::collections::VecDeque;

pub(crate) const SCENARIO: &str = "\
A scenario is a TOML file; those that come with the program stand in `sims/`, explained in `sims/small-files.toml`. Times
are whole microseconds (`_us`), shares parts per million (`_ppm`), sizes bytes. Editors complete and check the keys by
`ftpsim scenarios --schema > scenario.schema.json` and, as the first line of the file, `#:schema
./scenario.schema.json` (Taplo, Even Better TOML).
";

pub(crate) const SERVE: &str = "\
`ftpsim serve --config FILE` reads TOML. Keys are the names of the flags, which win over the file; both tell their
mistakes with line and column. Editors complete and check the keys by `ftpsim serve --schema > serve.schema.json` and,
as the first line of the file, `#:schema ./serve.schema.json` (Taplo, Even Better TOML).
";

/// A table of the file that is still to be written down: its heading and its schema.
struct Table<'a> {
    path: String,
    is_list: bool,
    schema: &'a Value,
}

pub(crate) fn page(title: &str, introduction: &str, schema: &Value) -> String {
    let mut page = format!(
        "# {title}\n\n<!-- Made by `FTPSIM_UPDATE_DOCS=1 cargo test --test reference`. -->\n\n{introduction}"
    );
    let mut waiting = VecDeque::from([Table { path: String::new(), is_list: false, schema }]);
    while let Some(table) = waiting.pop_front() {
        let heading = match (table.path.as_str(), table.is_list) {
            ("", _) => "The file".to_owned(),
            (path, true) => format!("`[[{path}]]`"),
            (path, false) => format!("`[{path}]`"),
        };
        page.push_str(&format!("\n## {heading}\n\n"));
        if let Some(text) = table.schema["description"].as_str().filter(|_| !table.path.is_empty()) {
            page.push_str(&format!("{text}\n\n"));
        }
        page.push_str("| key | value | is |\n|---|---|---|\n");
        // Those that must be there first.
        for required in [true, false] {
            for (key, property) in table.schema["properties"].as_object().unwrap() {
                if is_required(table.schema, key) == required {
                    page.push_str(&row(key, property, required, schema));
                    waiting.extend(below(&table.path, key, property, schema));
                }
            }
        }
        page.push_str(&conditions(table.schema));
    }
    page
}

fn is_required(table: &Value, key: &str) -> bool {
    table["required"].as_array().is_some_and(|keys| keys.iter().any(|name| name == key))
}

/// Through references, to what a value has to be.
fn resolved<'a>(value: &'a Value, root: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().or_else(|| value["allOf"][0]["$ref"].as_str());
    match reference {
        Some(reference) => resolved(root.pointer(reference.trim_start_matches('#')).unwrap(), root),
        None => value,
    }
}

fn below<'a>(path: &str, key: &str, property: &'a Value, root: &'a Value) -> Option<Table<'a>> {
    let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let schema = resolved(property, root);
    let is_list = schema["type"] == "array";
    let schema = if is_list { resolved(&schema["items"], root) } else { schema };
    schema["properties"].is_object().then_some(Table { path, is_list, schema })
}

fn row(key: &str, property: &Value, required: bool, root: &Value) -> String {
    let mut value = kind(property, root);
    if required {
        value = format!("{value}; required");
    } else if let Some(default) = property.get("default").filter(|default| !default.is_object()) {
        value = format!("{value}; `{default}` when absent");
    }
    let schema = resolved(property, root);
    let own = property["description"].as_str().or_else(|| schema["description"].as_str()).unwrap_or("");
    let items = resolved(&schema["items"], root);
    let words = words(if schema["type"] == "array" { items } else { schema });
    let mut text = own.replace("\n\n", "<br>");
    for (word, meaning) in words.iter().filter(|(_, meaning)| !meaning.is_empty()) {
        text.push_str(&format!("<br>`{word}`: {}", meaning.replace("\n\n", " ")));
    }
    format!("| `{key}` | {value} | {} |\n", text.replace('|', "\\|"))
}

/// The words that there are, each with what it means.
fn words(schema: &Value) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        let meaning = choice["description"].as_str().unwrap_or("");
        found.extend(choice["const"].as_str().map(|word| (word, meaning)));
        found.extend(plain_words(choice).map(|word| (word, meaning)));
    }
    found.extend(plain_words(schema).map(|word| (word, "")));
    found
}

fn plain_words(schema: &Value) -> impl Iterator<Item = &str> {
    schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn kind(property: &Value, root: &Value) -> String {
    let schema = resolved(property, root);
    let words = words(schema);
    if !words.is_empty() {
        return words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    let bound =
        |name: &str| schema[name].as_u64().or_else(|| schema[name].as_f64().map(|number| number as u64));
    match schema["type"].as_str() {
        Some("boolean") => "true or false".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("{} to {}", grouped(least), grouped(most)),
            (Some(least), None) if least > 0 => format!("number from {least}"),
            _ => "number".to_owned(),
        },
        Some("array") => match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
            (Some(2), Some(2)) => format!("two of: {}", kind(&schema["items"], root)),
            _ => format!("list of: {}", kind(&schema["items"], root)),
        },
        Some("object") => "table".to_owned(),
        other => panic!("a value of a kind that this does not know, {other:?}: {schema}"),
    }
}

/// As TOML may have it: `1_000_000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// Which keys go with which `kind`.
fn conditions(table: &Value) -> String {
    let Some(rules) = table["allOf"].as_array() else { return String::new() };
    let all = table["properties"].as_object().unwrap().keys();
    let all: Vec<&String> = all.filter(|key| *key != "kind" && *key != "name").collect();
    let mut text = String::from("\n| kind | must have | may have |\n|---|---|---|\n");
    for rule in rules {
        let name = rule["if"]["properties"]["kind"]["const"].as_str().unwrap();
        let (required, refused) = (&rule["then"]["required"], &rule["then"]["properties"]);
        let is_required = |key: &str| required.as_array().unwrap().iter().any(|name| name == key);
        let list = |keep: &dyn Fn(&str) -> bool| {
            let kept = all.iter().filter(|key| keep(key)).map(|key| format!("`{key}`"));
            kept.collect::<Vec<_>>().join(", ")
        };
        let must = list(&|key| is_required(key));
        let may = list(&|key| !is_required(key) && refused.get(key).is_none());
        text.push_str(&format!("| `{name}` | {must} | {may} |\n"));
    }
    text
}
