//! The corpora of the fuzz targets, through the functions that the targets call; what a crash has
//! left in a corpus stays there.
#![cfg(feature = "sim")]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// More would be a burden on every clone.
const MAX_FILES: usize = 400;
const MAX_BYTES: u64 = 300_000;

#[test]
fn every_corpus_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for target in fuzz::TARGETS {
        let mut inputs: Vec<_> = fs::read_dir(corpora.join(target))
            .unwrap_or_else(|error| panic!("corpus of {target}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{target} has a corpus");
        assert!(inputs.len() <= MAX_FILES, "{target}: {} files, run `cargo fuzz cmin`", inputs.len());
        let mut bytes = 0;
        for path in inputs {
            let input = fs::read(&path).unwrap();
            bytes += input.len() as u64;
            let checked = std::panic::catch_unwind(|| fuzz::check(target, &input));
            assert!(checked.is_ok(), "{}", path.display());
        }
        assert!(bytes <= MAX_BYTES, "{target}: {bytes} bytes, run `cargo fuzz cmin`");
    }
}
