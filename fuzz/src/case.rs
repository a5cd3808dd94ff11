//! Case files: what is read can be written and is read as the same; what passes the check can be run, to
//! an end, twice alike, whatever it says. Large ones are read only.

use ftpsim::sim::case::Case;
use ftpsim::sim::world;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let case = match Case::from_json(text) {
        Ok(case) => case,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = case.to_json();
    let again = Case::from_json(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!((&again, again.id()), (&case, case.id()), "{written}");
    if is_small(&case) {
        let hash = || world::run(&case).map(|outcome| outcome.trace_hash).map_err(|error| error.to_string());
        assert_eq!(hash(), hash(), "{written}");
    }
}

/// A run of it takes no more than a blink.
fn is_small(case: &Case) -> bool {
    let bytes: u64 = case.files.iter().map(|file| file.size_bytes).sum();
    case.files.len() <= 4
        && bytes <= 5_000
        && case.policy.retries <= 2
        && case.policy.parallel <= 2
        && case.limits.virtual_time_us <= 120_000_000
        && case.path.rtt_us >= 2_000
}
