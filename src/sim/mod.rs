//! The simulated world: a run is a function of its case.

pub mod capture;
pub mod case;
pub mod disk;
mod locator;
pub mod network;
pub mod notice;
pub mod oracle;
pub mod path;
pub mod plan;
pub mod saboteur;
pub mod scenario;
pub mod seeds;
pub mod signature;
pub mod swarm;
pub mod tcp;
pub mod trace;
pub mod watcher;
pub mod wire;
pub mod workload;
pub mod world;
