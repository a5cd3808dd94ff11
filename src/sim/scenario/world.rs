//! `[world]` of a scenario file: what else there is beside the deliveries, the same for every contender.

use super::error::Problem;
use super::{Direction, Scenario, limit, within};
use crate::sim::others::{Deed, Ingest, Rival, RivalUser, SourceChange};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use turmoil_tcp::seeds;

/// What else there is; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// Each file of the delivery has an older one under its name at the receiver.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub old_files: bool,
    /// When the fault strikes, the file that it strikes becomes another at the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_change: Option<SourceChange>,
    /// Who takes files at the receiver as they appear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest: Option<Ingest>,
    /// Who else writes at the server under the name of the file that the fault strikes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rival: Option<RivalSpec>,
}

/// Another session at the server; each seed draws its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RivalSpec {
    /// Whose it is.
    pub user: RivalUser,
    /// What it does.
    pub deed: Deed,
    /// The earliest and the latest beginning after the start of the run.
    pub at_us: [u64; 2],
    /// The shortest and the longest time from its first half to its second.
    pub lasts_us: [u64; 2],
}

impl RivalSpec {
    /// In a stream of its own.
    fn draw(&self, seed: u64) -> Rival {
        let mut rng = seeds::stream(seed, "rival");
        let mut between = |[least, most]: [u64; 2]| rng.random_range(least..=most);
        let (at_us, lasts_us) = (between(self.at_us), between(self.lasts_us));
        Rival { user: self.user, deed: self.deed, at_us, lasts_us }
    }
}

impl WorldSpec {
    /// Each key and what it means, for people.
    pub const KEYS: [(&str, &str); 4] = [
        ("old_files", "true: each file has an older one under its name at the receiver"),
        (
            "source_change",
            "same_size, longer, shorter: what the struck file becomes at the sender, at the fault",
        ),
        ("ingest", "{ poll_us }: who takes what appears at the receiver"),
        (
            "rival",
            "{ user, deed, at_us, lasts_us }: another session that writes under the struck file's name",
        ),
    ];

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The rival of this seed.
    pub(in crate::sim) fn rival(&self, seed: u64) -> Option<Rival> {
        self.rival.as_ref().map(|rival| rival.draw(seed))
    }

    pub(super) fn check(&self, scenario: &Scenario) -> Result<(), Problem> {
        if scenario.grid.is_some() && !self.is_default() {
            return Err(Problem::new("world", "none with a grid, whose deliveries are alone"));
        }
        if let Some(ingest) = self.ingest {
            within("world.ingest.poll_us", ingest.poll_us, 1_000, limit::MAX_US)?;
            if self.old_files {
                let expected = "none where there is an ingest, which would take them";
                return Err(Problem::new("world.old_files", expected));
            }
        }
        if self.source_change.is_some() {
            Self::check_struck("world.source_change", scenario)?;
            if !scenario.faults.iter().any(|fault| fault.kind.has_trigger()) {
                let expected = "none without a fault that strikes, at which it would change";
                return Err(Problem::new("world.source_change", expected));
            }
        }
        if let Some(rival) = &self.rival {
            Self::check_struck("world.rival", scenario)?;
            for (key, [least, most]) in [("at_us", rival.at_us), ("lasts_us", rival.lasts_us)] {
                let key = format!("world.rival.{key}");
                if least > most {
                    let found = format!("[{least}, {most}]");
                    return Err(Problem::new(&key, "the smallest first").found(&found));
                }
                within(&format!("{key}.1"), most, 0, limit::MAX_US)?;
            }
            if scenario.directions != [Direction::Put] {
                let expected = "directions = [\"put\"] beside it: the name of a download is the client's own";
                return Err(Problem::new("world.rival", expected));
            }
        }
        Ok(())
    }

    /// A cut at every wire byte in turn strikes whichever file is there, and not one that is drawn before.
    fn check_struck(key: &str, scenario: &Scenario) -> Result<(), Problem> {
        let expected = "none with every_wire_byte, whose faults strike no file of their own";
        if scenario.every_wire_byte { Err(Problem::new(key, expected)) } else { Ok(()) }
    }
}
