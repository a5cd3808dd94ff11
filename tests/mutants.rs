//! The oracles can fail: each planted bug is found by the oracle that is to find it, within the
//! number of seeds that `results/planted-bugs.csv` states, and shrinks to a small case. The table
//! is made by `ftpsim sweep --planted sims/regressions --out results`.
#![cfg(feature = "sim")]

use ftp_proto::mutant::Mutant;
use ftpsim::lab::mutants::{self, Row};
use ftpsim::sim::case::Case;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table() -> Vec<Row> {
    let mut reader = csv::Reader::from_path(root().join("results/planted-bugs.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn case_path(bug: Mutant) -> PathBuf {
    root().join(format!("sims/regressions/planted-{}.json", mutants::name(bug)))
}

#[test]
fn every_bug_is_in_the_table_and_small() {
    let table = table();
    let bugs: Vec<Mutant> = table.iter().map(|row| row.bug).collect();
    assert_eq!(bugs, Mutant::ALL);
    for row in table {
        assert_eq!(row.oracle, mutants::oracle(row.bug));
        assert!(row.files <= 3 && row.faults <= 1, "{row:?}");
        let case = Case::from_json(&std::fs::read_to_string(case_path(row.bug)).unwrap()).unwrap();
        assert_eq!(case.mutant, Some(row.bug));
        assert_eq!(case.expected.unwrap().to_string(), row.signature);
    }
}

#[test]
fn each_is_found_at_the_seed_stated() {
    for row in table() {
        assert!(mutants::is_found(row.bug, row.seeds_to_find - 1), "{:?}", row.bug);
    }
}

/// From the first seed on, with the shrinking: for the bugs that are found soonest.
#[test]
fn a_part_of_the_table_is_made_again() {
    let mut soonest = table();
    soonest.sort_by_key(|row| row.seeds_to_find);
    for row in soonest.into_iter().take(3) {
        let seeds = mutants::seeds_to_find(row.bug, row.seeds_to_find);
        assert_eq!(seeds, Some(row.seeds_to_find), "{:?}", row.bug);
        let (made, case) = mutants::row(row.bug, row.seeds_to_find);
        assert_eq!(made, row);
        assert_eq!(case.to_json(), std::fs::read_to_string(case_path(row.bug)).unwrap());
    }
}
