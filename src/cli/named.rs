//! One run, as the command line names it: a row of a scenario, or a case of its own.

use super::out::quoted;
use super::sweep::read_case;
use crate::sim::case::Case;
use crate::sim::scenario::Scenario;
use std::path::Path;

#[derive(clap::Args)]
pub(super) struct Named {
    /// A scenario's name (see `ftpsim scenarios`) or a TOML file; or a case, as `ftpsim sweep` and
    /// `ftpsim shrink` save them (*.json)
    #[arg(value_name = "SCENARIO|CASE.json")]
    scenario: String,
    /// The contender [needed with a scenario]
    #[arg(long)]
    variant: Option<String>,
    /// The seed [needed with a scenario]
    #[arg(long)]
    seed: Option<u64>,
    /// Another value for a key of the scenario, as ftpsim compare takes it
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl Named {
    pub(super) fn case(&self) -> anyhow::Result<Case> {
        if self.scenario.ends_with(".json") {
            anyhow::ensure!(
                self.variant.is_none() && self.seed.is_none() && self.settings.is_empty(),
                "a case says its variant, seed and all else itself: leave out --variant, --seed and --set"
            );
            return read_case(Path::new(&self.scenario));
        }
        let scenario = Scenario::load_with(&self.scenario, &self.settings)?;
        let (Some(variant), Some(seed)) = (&self.variant, self.seed) else {
            anyhow::bail!("a run of a scenario is named by --variant and --seed, too");
        };
        Ok(Case::draw(&scenario, variant, seed)?)
    }

    /// What asks for it again.
    pub(super) fn command(&self, verb: &str) -> anyhow::Result<String> {
        Ok(match (&self.variant, self.seed) {
            (Some(variant), Some(seed)) => {
                let scenario = Scenario::load_with(&self.scenario, &self.settings)?.word();
                format!("ftpsim {verb} {scenario} --variant {} --seed {seed}", quoted(variant))
            }
            _ => format!("ftpsim {verb} {}", quoted(&self.scenario)),
        })
    }
}
