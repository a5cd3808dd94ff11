//! An advice, for people: the decision, the ways, and for each the commands and settings that deliver so.

mod commands;
mod html;
pub(in crate::report) mod words;

pub use commands::Instruction;
pub use html::page;

use crate::advise::advice::Advice;
use serde::Serialize;

/// An advice, and whom it is for.
#[derive(Clone, Debug, Serialize)]
pub struct Told<'a> {
    /// What is advised.
    #[serde(flatten)]
    pub advice: &'a Advice,
    /// The server; absent where both ends can still be chosen.
    pub place: Option<Place>,
    /// What is delivered, as a command names it; absent where a log or sizes tell of the files.
    pub source: Option<String>,
    /// How the figures were had, a sentence each.
    pub basis: Vec<String>,
    /// The command that gives this advice again, without the network.
    pub again: String,
}

/// Where the files go or come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The URL without its password, quoted for a shell where it must be.
    pub url: String,
    /// The host.
    pub host: String,
    /// The control port.
    pub port: u16,
    /// Who logs in; absent for anonymous.
    pub user: Option<String>,
    /// The directory, as commands name it.
    pub path: String,
    /// Under TLS from the first byte.
    pub implicit_tls: bool,
    /// Options of TLS that every command of ours needs to know the server, each behind a blank.
    pub tls_options: String,
}

/// The instructions of each way, with the ways' names.
#[derive(Serialize)]
struct Full<'a> {
    #[serde(flatten)]
    told: &'a Told<'a>,
    instructions: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    way: &'a str,
    words: String,
    is_safe: bool,
    instructions: Vec<Instruction>,
}

impl Told<'_> {
    /// All of it as plain data, the commands included.
    pub fn full(&self) -> impl Serialize + '_ {
        let instructions = self
            .advice
            .ways
            .iter()
            .map(|way| Named {
                way: &way.variant.name,
                words: super::ways::words(&way.variant),
                is_safe: way.is_safe(),
                instructions: self.instructions(way),
            })
            .collect();
        Full { told: self, instructions }
    }
}
