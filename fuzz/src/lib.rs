//! What must hold for any input of each fuzz target; `tests/fuzz_corpora.rs` of the main package
//! replays the committed corpora through the same functions.

#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]
#![allow(unreachable_pub, reason = "the tests that replay the corpora have it as a module")]

mod case;
mod command;
mod facts;
mod listing;
mod mode;
mod name;
mod reply;
mod scenario;
mod session;
mod tls_session;

use ftp_proto::mode::TransmissionMode;

/// The targets, by the names of their binaries and corpora.
pub const TARGETS: [&str; 13] = [
    "block",
    "case",
    "command",
    "compressed",
    "deflate",
    "facts",
    "listing",
    "name",
    "reply",
    "scenario",
    "session",
    "stream_record",
    "tls_session",
];

/// Panics when something does not hold.
pub fn check(target: &str, input: &[u8]) {
    match target {
        "block" => mode::check(TransmissionMode::Block, input),
        "case" => case::check(input),
        "command" => command::check(input),
        "compressed" => mode::check(TransmissionMode::Compressed, input),
        "deflate" => mode::check_deflate(input),
        "facts" => facts::check(input),
        "listing" => listing::check(input),
        "name" => name::check(input),
        "reply" => reply::check(input),
        "scenario" => scenario::check(input),
        "session" => session::check(input),
        "stream_record" => mode::check(TransmissionMode::Stream, input),
        "tls_session" => tls_session::check(input),
        other => panic!("no such target: {other}"),
    }
}
