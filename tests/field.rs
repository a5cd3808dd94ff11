//! `ftpsim get`, `put`, `ls` with servers, trees, terminals and habits as they are met in the field.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;
#[path = "field/fake.rs"]
mod fake;
#[path = "field/hygiene.rs"]
mod hygiene;
#[path = "field/local.rs"]
mod local;
#[path = "field/removal.rs"]
mod removal;
#[path = "field/resume.rs"]
mod resume;
#[path = "field/times.rs"]
mod times;
#[path = "field/trees.rs"]
mod trees;
