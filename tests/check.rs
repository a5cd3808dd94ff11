//! `ftpsim check`: our server and our client hold, and what is wrong is found.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "check/clients.rs"]
mod clients;
mod common;
#[path = "check/particular.rs"]
mod particular;
#[path = "check/servers.rs"]
mod servers;
#[path = "check/unasked.rs"]
mod unasked;
