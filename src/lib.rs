//! ftpsim: a deterministic simulation and benchmarking laboratory for FTP's transmission modes.
//!
//! One FTP client and server, written once over the [`net::Net`] trait, run in two worlds: real
//! sockets ([`net::real`]) and a simulated network inside `turmoil` (`sim`, feature `sim`).
//! Imports point one way: `cli -> report, lab -> sim -> server, client -> transfer -> store, net
//! -> proto`; `tidy` holds the table.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "sim")]
pub mod lab;
#[cfg(feature = "cli")]
pub mod measure;
#[cfg(feature = "sim")]
pub mod report;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
mod tidy;
