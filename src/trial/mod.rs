//! Trials: the simulation's faults on anybody's clients and servers, committed by an FTP-aware proxy between
//! them. What became of the file is judged by three witnesses: the client's exit status, the final reply that
//! the proxy saw, and the content at the receiver. The wall clock rules here; nothing is simulated.
#![allow(clippy::disallowed_methods, reason = "other people's programs live by the real clock")]

mod described;
mod eye;
mod fault;
mod pair;
mod proxy;
mod row;
mod run;
mod server;
mod suite;
pub mod truth;
mod verdict;

pub use described::{Described, DescriptionError, Software, known, with_settings};
pub use fault::{FAULTS, Planned, Strike, Trigger, plan};
pub use pair::{Client, Direction, Pair, Settings};
pub use row::{Row, quoted};
pub use server::{Account, Running, Server};
pub use suite::{LeftOut, Progress, Tried, try_all};
pub use verdict::{Content, Ended, Fate, judge};
