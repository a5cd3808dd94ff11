//! Requirements asked of a server, each a dialogue: `*.check` beside this file, by RFC, in the form that
//! `text` describes and `script` reads.

mod control;
mod data;
mod open;
mod predicates;
mod run;
mod script;
mod session;
mod suite;
mod target;

pub use script::{Check, Start, all, own, parse};
pub use suite::{Probe, Suite};
pub use target::{Target, Tls};
