//! The simulated world: a run is a function of its case.

pub mod case;
pub mod disk;
pub mod fault;
pub mod heard;
pub mod hosts;
pub mod injector;
mod locator;
pub mod names;
pub mod net;
pub mod notice;
pub mod oracle;
pub mod others;
pub mod outcome;
pub mod page_cache;
pub mod phase;
pub mod ports;
pub mod recorder;
pub mod scenario;
pub mod signature;
pub mod swarm;
pub mod time;
pub mod tls;
pub mod trace;
pub mod truth;
pub mod wire;
pub mod workload;
pub mod world;
