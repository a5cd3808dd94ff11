//! The committed truth table: samples of it are made again, byte for byte, and what must hold of all
//! rows is checked of all.
#![cfg(feature = "sim")]

use ftpsim::lab::truth;
use ftpsim::sim::scenario::Scenario;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

type Row = BTreeMap<String, String>;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(name)).unwrap()
}

fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// The header and the line of a record.
fn written(record: &impl Serialize) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.serialize(record).unwrap();
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// Whether the golden file has the record's line, under the same header.
fn assert_has(golden: &str, record: &impl Serialize) {
    let written = written(record);
    let (header, line) = written.trim_end().split_once('\n').unwrap();
    assert_eq!(golden.lines().next(), Some(header));
    assert!(golden.lines().any(|known| known == line), "not in the golden file:\n{line}");
}

#[test]
fn cuts_give_the_same_rows_again() {
    let scenario = Scenario::load("truth-table").unwrap();
    let golden = read("truth-table/truth-table.csv");
    let rows = rows(&golden);
    // Every 37th: all contenders, cuts and directions come up.
    for row in rows.iter().step_by(37) {
        let seed = row["seed"].parse().unwrap();
        let (record, violations) = truth::cut(&scenario, &row["variant"], seed).unwrap();
        assert_eq!(violations, []);
        assert_has(&golden, &record);
    }
    let cuts = truth::plan(&scenario).unwrap().runs();
    assert_eq!(rows.len() as u64, cuts, "a row a cut");
}

/// Block and compressed mode, and stream mode with STRU R: no silent loss, wherever it is cut.
#[test]
fn modes_that_mark_the_end_lose_nothing_silently() {
    for row in rows(&read("truth-table/truth-table.csv")) {
        assert_eq!(row["fault_fired"], "true", "{row:?}");
        let marks = row["mode"] != "stream" || row["structure"] == "record";
        assert!(!marks || row["files_lost_silently"] == "0", "{row:?}");
        assert_ne!(row["effect"], "stuck", "{row:?}");
    }
}
