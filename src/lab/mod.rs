//! Experiments over the simulated world.

pub mod audit;
pub mod baseline;
pub mod claim;
pub mod claims;
pub mod compare;
pub mod expected;
pub mod export;
pub mod grid;
pub mod limits;
pub mod merge;
pub mod mutants;
pub mod plural;
pub mod pool;
pub mod records;
pub mod run;
pub mod shards;
pub mod shrink;
pub mod stats;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod truth;
pub mod twice;
pub mod verdicts;
pub mod why;
