//! `ftpsim serve` over TLS as its administrator meets it: certificates, options, SIGHUP, what clients see.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "serve_tls/certificates.rs"]
mod certificates;
mod common;
#[path = "serve_tls/harness.rs"]
mod harness;
#[path = "serve_tls/options.rs"]
mod options;
#[path = "serve_tls/sessions.rs"]
mod sessions;
