//! Experiments over the simulated world.

pub mod stats;
