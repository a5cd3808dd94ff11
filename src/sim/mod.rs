//! The simulated world: a run is a function of its case.

pub mod seeds;
