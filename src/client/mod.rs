//! The client: control channel, transfers, and the delivery of many files.

pub mod policy;

pub use policy::{Direction, Login, Policy, Publish, Verify};
