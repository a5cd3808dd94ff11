//! Our server and client against other people's software, and against scripts that build and parse
//! the frames of block and compressed mode by hand. A missing peer is said on stdout and skipped,
//! unless `FTPSIM_REQUIRE_PEERS=1`: then the test fails.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "interop/clients.rs"]
mod clients;
mod common;
#[path = "interop/frames.rs"]
mod frames;
#[path = "interop/harness.rs"]
mod harness;
