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

// The main types; what belongs to one of them stays in its module.
pub use command::{Command, CommandError, Verb};
pub use mode::{Coding, Decoder, Encoder, End, Finish, Structure, TransmissionMode};
pub use path::VirtualPath;
pub use reply::{Reply, ReplyParser};
pub use repr::Representation;
