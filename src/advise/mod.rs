//! Advice for one server, one path and one's own files: what the server has, what the path is like, what the
//! files are like, and from these, by simulation, how long each way of delivering takes and what it loses.
//!
//! Whatever is measured becomes a number that a person can read and type ([`amount`], [`features`]); from the
//! numbers on, the advice is a function of them.

pub mod advice;
pub mod amount;
mod case;
pub mod estimate;
pub mod features;
pub mod files;
pub mod log;
pub mod plan;
pub mod probe;
pub mod sample;
pub mod simulate;
mod ways;
