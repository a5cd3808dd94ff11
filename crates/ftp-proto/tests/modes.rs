//! Transmission modes: vectors worked out by hand from RFC 959 section 3.4, a naive reference
//! codec written separately, and properties that hold for any bytes and any split.

#[path = "modes/deflate.rs"]
mod deflate;
#[cfg(feature = "codec")]
#[path = "modes/framed.rs"]
mod framed;
#[path = "modes/gathering.rs"]
mod gathering;
#[path = "modes/harness.rs"]
mod harness;
#[cfg(all(feature = "mutants", debug_assertions))]
#[path = "modes/planted.rs"]
mod planted;
#[path = "modes/properties.rs"]
mod properties;
#[path = "modes/reference.rs"]
mod reference;
#[path = "modes/vectors.rs"]
mod vectors;
#[path = "modes/words.rs"]
mod words;
