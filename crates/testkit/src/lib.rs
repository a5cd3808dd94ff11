//! What the tests of the workspace share: a network in memory on virtual time, the server on it with a
//! client that says exactly what a test writes, and a server that follows a script.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

pub mod files;
pub mod memory_net;
pub mod script;
pub mod server;
pub mod slow_store;
pub mod tls;
