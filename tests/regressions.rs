//! Every case in `sims/regressions` goes as it says: what a sweep once found stays mended, and a
//! planted bug is found by its oracle and by the bug's doing alone.
#![cfg(feature = "sim")]

use ftpsim::sim::case::Case;
use ftpsim::sim::signature::Signature;
use ftpsim::sim::world;
use std::path::{Path, PathBuf};

fn cases() -> Vec<(PathBuf, Case)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("sims/regressions");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let case = Case::from_json(&std::fs::read_to_string(&path).unwrap());
            let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, case)
        })
        .collect()
}

fn signature(case: &Case) -> Signature {
    Signature::of(&world::judge(case).unwrap())
}

#[test]
fn each_goes_as_it_says() {
    let cases = cases();
    assert!(!cases.is_empty());
    for (path, case) in cases {
        let expected = case.expected.clone();
        let expected = expected.unwrap_or_else(|| panic!("{}: says nothing", path.display()));
        assert_eq!(signature(&case), expected, "{}", path.display());
    }
}

/// A case with a planted bug is one of the bug's, not of the fault's: without it all is well, but
/// for what stream mode loses in any case.
#[test]
fn without_its_bug_none_violates_anything() {
    for (path, mut case) in cases() {
        if case.mutant.take().is_some() {
            assert_eq!(signature(&case).oracles, [].into(), "{}", path.display());
        }
    }
}

#[test]
fn a_case_is_written_as_it_was_read() {
    for (path, case) in cases() {
        assert_eq!(case.to_json(), std::fs::read_to_string(&path).unwrap(), "{}", path.display());
    }
}
