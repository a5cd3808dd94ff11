//! The server against scripts of bytes, over an in-memory network with virtual time.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]

#[path = "server/abort.rs"]
mod abort;
#[path = "server/arbitrary.rs"]
mod arbitrary;
#[path = "server/around.rs"]
mod around;
#[path = "server/block.rs"]
mod block;
#[path = "server/connections.rs"]
mod connections;
#[path = "server/deflate.rs"]
mod deflate;
#[path = "server/dialogue.rs"]
mod dialogue;
#[cfg(feature = "disk")]
#[path = "server/durable.rs"]
mod durable;
#[path = "server/extensions.rs"]
mod extensions;
#[path = "server/failures.rs"]
mod failures;
#[path = "server/listed.rs"]
mod listed;
#[path = "server/meanwhile.rs"]
mod meanwhile;
#[path = "server/passive.rs"]
mod passive;
#[path = "server/rfc1123.rs"]
mod rfc1123;
#[path = "server/seats.rs"]
mod seats;
#[path = "server/security.rs"]
mod security;
#[path = "server/sequences.rs"]
mod sequences;
#[path = "server/slow.rs"]
mod slow;
#[path = "server/strangers.rs"]
mod strangers;
#[path = "server/transfers.rs"]
mod transfers;
#[path = "server/uploads.rs"]
mod uploads;
