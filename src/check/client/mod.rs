//! A server that is odd in legal ways, or fails, or is hostile, and a client that is to hold: `*.case` beside
//! this file, in the form that `text` describes and `case` reads.

mod case;
mod judge;
mod server;
mod session;
mod suite;

pub use crate::programs::{Template, TemplateError};
pub use case::{Case, Task, all};
pub use suite::{Commands, Fitness, Suite};
