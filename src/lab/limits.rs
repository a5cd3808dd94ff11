//! A time limit that no delivery can keep is found before the runs.

use super::expected;
use crate::sim::case::Case;
use crate::sim::scenario::Scenario;

/// Seeds looked at; those behind them draw alike.
const SEEDS_LOOKED_AT: usize = 1_000;

/// The scenario stops deliveries before they can be over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{scenario}: limits.virtual_time_us = {limit_us} is too short: undisturbed, {variant} takes at least \
     {least_us} us for a {direction} of seed {seed}; leave the key out, or set it to {ample_us}"
)]
pub struct LimitTooShort {
    /// The scenario's name.
    pub scenario: String,
    /// The contender's name.
    pub variant: String,
    /// `put` or `get`.
    pub direction: &'static str,
    /// The seed whose delivery exceeds the limit most.
    pub seed: u64,
    /// The limit that the scenario gives.
    pub limit_us: u64,
    /// No delivery of the seed by the contender is faster.
    pub least_us: u64,
    /// What the limit is when the key is left out.
    pub ample_us: u64,
}

/// Looks for the delivery that exceeds the limit most. Seeds that make no case are not its business.
pub fn check(scenario: &Scenario, seeds: impl Iterator<Item = u64>) -> Result<(), LimitTooShort> {
    let limit_us = scenario.limits().virtual_time_us;
    let Some(first) = scenario.variants.first() else { return Ok(()) };
    let mut worst: Option<LimitTooShort> = None;
    for case in seeds.take(SEEDS_LOOKED_AT).filter_map(|seed| Case::draw(scenario, &first.name, seed).ok()) {
        // Files and path are the same for every contender.
        let sizes_bytes: Vec<u64> = case.files.iter().map(|file| file.size_bytes).collect();
        let direction = case.policy.direction;
        for variant in &scenario.variants {
            let least_us = expected::least_us(variant, direction, &case.path, &sizes_bytes);
            if least_us > limit_us.max(worst.as_ref().map_or(0, |worst| worst.least_us)) {
                worst = Some(LimitTooShort {
                    scenario: scenario.name.clone(),
                    variant: variant.name.clone(),
                    direction: direction.as_str(),
                    seed: case.seed,
                    limit_us,
                    least_us,
                    ample_us: scenario.ample_time_us(),
                });
            }
        }
    }
    worst.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stated, too short, and left out, which is enough: 1,000 files at 200 ms.
    #[test]
    fn a_limit_that_no_delivery_can_keep_is_told_with_one_that_does() {
        let mut scenario = Scenario::load("small-files").unwrap();
        scenario.path.rtt_us = 200_000;
        scenario.workload.files = 1_000;
        let error = check(&scenario, 0..4).unwrap_err();
        assert!(error.least_us > error.limit_us && error.limit_us == 900_000_000, "{error}");
        assert!(error.to_string().contains("limits.virtual_time_us = 900000000"), "{error}");
        scenario.limits.virtual_time_us = Some(error.ample_us);
        assert_eq!(check(&scenario, 0..4), Ok(()));
        scenario.limits.virtual_time_us = None;
        assert_eq!(check(&scenario, 0..4), Ok(()));
        assert_eq!(scenario.limits().virtual_time_us, error.ample_us);
    }

    #[test]
    fn every_scenario_that_comes_along_leaves_time_enough() {
        for scenario in Scenario::embedded().unwrap() {
            let seeds = scenario.seeds.iter().chain(0..scenario.cycle());
            assert_eq!(check(&scenario, seeds), Ok(()), "{}", scenario.name);
            let stated = scenario.limits().virtual_time_us;
            assert!(
                scenario.ample_time_us() > stated / 10,
                "{}: {}",
                scenario.name,
                scenario.ample_time_us()
            );
        }
    }
}
