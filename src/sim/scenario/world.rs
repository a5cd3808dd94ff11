//! `[world]` of a scenario file: what else there is beside the deliveries, the same for every contender.

use super::error::Problem;
use super::{Direction, Scenario, limit, pair, within};
use crate::sim::others::{
    Deed, Ingest, Rival, RivalUser, SourceChange, Stranger, StrangerDeed, StrangerPlace,
};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use turmoil_tcp::seeds;

/// What else there is; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Who connects to data ports and is no part of the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stranger: Option<StrangerSpec>,
}

/// Somebody who connects to data ports; each seed draws its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrangerSpec {
    /// Where it is.
    pub place: StrangerPlace,
    /// What it does.
    pub deed: DataDeed,
    /// The shortest and the longest time from the announcement of a port to its connection.
    #[serde(deserialize_with = "pair::two")]
    pub after_us: [u64; 2],
    /// It comes to so many ports.
    #[schemars(range(min = 1, max = 1_000))]
    pub visits: u32,
}

/// What a stranger does at data ports; a sweep has those of other [`StrangerDeed`]s, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataDeed {
    /// Sends a file of its own, to its end, and takes what comes.
    Moves,
    /// Says nothing, and waits.
    Waits,
    /// Goes at once.
    Closes,
}

impl From<DataDeed> for StrangerDeed {
    fn from(deed: DataDeed) -> Self {
        match deed {
            DataDeed::Moves => Self::Moves,
            DataDeed::Waits => Self::Waits,
            DataDeed::Closes => Self::Closes,
        }
    }
}

impl StrangerSpec {
    /// In a stream of its own. It is in clear: contenders with and without TLS meet the same one.
    fn draw(&self, seed: u64) -> Stranger {
        let [least, most] = self.after_us;
        let after_us = seeds::stream(seed, "stranger").random_range(least..=most);
        Stranger { place: self.place, deed: self.deed.into(), tls: false, after_us, visits: self.visits }
    }
}

/// Another session at the server; each seed draws its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RivalSpec {
    /// Whose it is.
    pub user: RivalUser,
    /// What it does.
    pub deed: Deed,
    /// The earliest and the latest beginning after the start of the run.
    #[serde(deserialize_with = "pair::two")]
    pub at_us: [u64; 2],
    /// The shortest and the longest time from its first half to its second.
    #[serde(deserialize_with = "pair::two")]
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
    pub const KEYS: [(&str, &str); 5] = [
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
        ("stranger", "{ place, deed, after_us, visits }: who else connects to data ports"),
    ];

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The rival of this seed.
    pub(in crate::sim) fn rival(&self, seed: u64) -> Option<Rival> {
        self.rival.as_ref().map(|rival| rival.draw(seed))
    }

    /// The stranger of this seed.
    pub(in crate::sim) fn stranger(&self, seed: u64) -> Option<Stranger> {
        self.stranger.as_ref().map(|stranger| stranger.draw(seed))
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
            in_order("world.rival.at_us", rival.at_us)?;
            in_order("world.rival.lasts_us", rival.lasts_us)?;
            if scenario.directions != [Direction::Put] {
                let expected = "directions = [\"put\"] beside it: the name of a download is the client's own";
                return Err(Problem::new("world.rival", expected));
            }
        }
        self.check_stranger(scenario)
    }

    fn check_stranger(&self, scenario: &Scenario) -> Result<(), Problem> {
        let Some(stranger) = &self.stranger else { return Ok(()) };
        Self::check_struck("world.stranger", scenario)?;
        in_order("world.stranger.after_us", stranger.after_us)?;
        within("world.stranger.visits", stranger.visits.into(), 1, 1_000)
    }

    /// A cut at every wire byte in turn strikes whichever file is there, and not one that is drawn before.
    fn check_struck(key: &str, scenario: &Scenario) -> Result<(), Problem> {
        let expected = "none with every_wire_byte, whose faults strike no file of their own";
        if scenario.every_wire_byte { Err(Problem::new(key, expected)) } else { Ok(()) }
    }
}

/// A shortest and a longest time.
fn in_order(key: &str, [least, most]: [u64; 2]) -> Result<(), Problem> {
    if least > most {
        return Err(Problem::new(key, "the smallest first").found(&format!("[{least}, {most}]")));
    }
    within(&format!("{key}.1"), most, 0, limit::MAX_US)
}
