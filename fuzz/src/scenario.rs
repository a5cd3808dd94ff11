//! Scenario files: an error names the file, once; of what is read, each contender's cases of the first
//! seeds pass their own check.

use ftpsim::sim::case::Case;
use ftpsim::sim::scenario::Scenario;

const FILE: &str = "fuzzed.toml";

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let scenario = match Scenario::parse(text, FILE) {
        Ok(scenario) => scenario,
        Err(error) => return assert_eq!(error.to_string().matches(FILE).count(), 1, "{error}"),
    };
    if scenario.workload.files > 100 {
        return;
    }
    for variant in scenario.variants.iter().take(4) {
        for seed in 0..4 {
            let case = Case::draw(&scenario, &variant.name, seed).unwrap_or_else(|error| panic!("{error}"));
            let again = Case::from_json(&case.to_json()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(again, case);
        }
    }
}
