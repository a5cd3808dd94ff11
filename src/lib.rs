//! ftpsim: a deterministic simulation and benchmarking laboratory for FTP's transmission modes.
//!
//! One FTP client and server, written once in [`ftp_endpoint`] over its trait of sockets and clock, run
//! in two worlds: over real sockets, and over the simulated network of `turmoil_tcp` (feature `sim`).
//! Imports point one way: `cli -> report -> check, trial -> programs`, `trial -> sim`, `report -> advise -> lab`,
//! `cli -> report, measure -> lab -> sim -> ftp_endpoint, turmoil_tcp -> ftp_proto`; `tidy` holds the table.

#![warn(missing_docs)]

#[cfg(feature = "cli")]
pub mod advise;
#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "sim")]
pub mod lab;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod link;
#[cfg(feature = "cli")]
pub mod measure;
#[cfg(feature = "cli")]
mod programs;
#[cfg(feature = "sim")]
pub mod report;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
mod tidy;
#[cfg(all(feature = "cli", unix))]
pub mod trial;
