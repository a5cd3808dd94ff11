//! What more than one benchmark uses.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub(crate) mod codec;
