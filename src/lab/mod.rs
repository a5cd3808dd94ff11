//! Experiments over the simulated world.

pub mod compare;
pub mod pool;
pub mod records;
pub mod stats;
pub mod summary;
