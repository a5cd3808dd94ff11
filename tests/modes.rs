//! Transmission modes: vectors worked out by hand from RFC 959 section 3.4, a naive reference
//! codec written separately, and properties that hold for any bytes and any split.

#[path = "modes/harness.rs"]
mod harness;
#[path = "modes/vectors.rs"]
mod vectors;
