//! The protocol, pure: no I/O, no clock, no randomness.

pub mod mode;
pub mod path;
