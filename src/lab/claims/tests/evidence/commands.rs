//! The commands of claims: what shows them, or what brings the evidence that they lack.

use super::*;

/// The seed that is replayed has the fault that the claim is about.
#[test]
fn what_is_replayed_shows_what_is_claimed() {
    let mut all = results("small-files", &ALL);
    all.seeds = SeedRange { start: 0, end: all.scenario.cycle() };
    for (sentence, fault) in [
        (CLOSE_IS_THE_END, FaultName::None),
        (WHATEVER_ARRIVES, FaultName::EarlyClose),
        (CANNOT_TELL, FaultName::EarlyClose),
    ] {
        let command = as_it_is(&all, sentence).command;
        let seed = command.rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(all.scenario.stratum(seed).fault.kind, fault, "{command}");
    }
}

/// A cycle of this scenario has each fault once in each direction.
#[test]
fn a_command_brings_what_is_missing_and_a_cycle_more() {
    let mut few = results("power-cut", &["summary.csv"]);
    assert_eq!(few.scenario.cycle(), 12);
    few.seeds = SeedRange { start: 0, end: 1 };
    let open =
        |comparison: &Comparison, runs| Evidence { comparison }.not_enough(SAFE, String::new(), runs).command;
    assert_eq!(open(&few, 8), "ftpsim compare power-cut --seeds 0..108");
    // Here a cycle has each four times.
    let four_times = results("small-files", &["summary.csv"]);
    assert_eq!(open(&four_times, 12), "ftpsim compare small-files --seeds 0..224");
    // Two contenders whose power is cut at five moments, each way: 3 cycles make 60 runs.
    let none = Share { lost: 0, runs: 3 };
    let evidence = Evidence { comparison: &few };
    let safe = evidence.enough_to_say_none(SAFE, "", none, (2, is_power_cut)).unwrap_err();
    assert_eq!(safe.command, "ftpsim compare power-cut --seeds 0..48");
    // Five cycles have not been enough, however few should be.
    few.seeds.end = 5 * 12;
    assert_eq!(open(&few, 1), "ftpsim compare power-cut --seeds 0..120");
}
