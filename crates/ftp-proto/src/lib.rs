#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod address;
pub mod command;
pub mod listing;
pub mod mode;
#[doc(hidden)]
pub mod mutant;
pub mod name;
pub mod path;
pub mod reply;
pub mod repr;
pub mod telnet;
pub mod time;
