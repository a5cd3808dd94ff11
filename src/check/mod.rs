//! Conformance over real sockets: requirements of the RFCs asked of a server ([`server`]), and a server that is
//! odd or hostile, to see whether a client holds ([`client`]). The wall clock rules here; nothing is simulated.
#![allow(clippy::disallowed_methods, reason = "other people's programs live by the real clock")]

pub mod client;
pub mod server;
mod text;
mod verdict;

pub use text::{Level, is_below};
pub use verdict::{Outcome, Verdict, failures_expected};
