//! TLS in the simulation is a function of the seed: connections joined in memory, and over the simulated
//! network, whose capture tshark decrypts.
#![cfg(feature = "cli")]

mod common;
#[path = "sim_tls/memory.rs"]
mod memory;
#[path = "sim_tls/network.rs"]
mod network;
