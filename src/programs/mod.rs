//! Other people's programs, run without a shell in directories of their own, several at a time, each ended with
//! all that it has started. The wall clock rules here; nothing is simulated.
#![allow(clippy::disallowed_methods, reason = "other people's programs live by the real clock")]

mod command;
mod group;
mod parallel;

pub(crate) use command::{Filled, Place, Ran, command, run};
pub use command::{Template, TemplateError};
pub(crate) use group::Group;
pub(crate) use parallel::in_order;
