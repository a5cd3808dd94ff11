//! Who is tried with whom.

use super::described::Software;
use super::server::Server;
use crate::programs::Template;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::time::Duration;

/// Which way the file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The client uploads it.
    Put,
    /// It downloads it.
    Get,
}

impl Direction {
    /// The word that tables have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
        }
    }
}

/// A client's commands.
#[derive(Clone)]
pub struct Client {
    /// Whose.
    pub software: Software,
    /// What uploads `{local}` as `{remote}`.
    pub put: Option<Template>,
    /// What downloads `{remote}` to `{local}`.
    pub get: Option<Template>,
    /// Files that it finds in its HOME: name, content.
    pub files: Vec<(String, String)>,
}

impl Client {
    /// One that nobody has described, by its command.
    pub fn of(command: Template, direction: Direction) -> Self {
        let software = Software::unknown(command.program());
        let (put, get) = match direction {
            Direction::Put => (Some(command), None),
            Direction::Get => (None, Some(command)),
        };
        Self { software, put, get, files: Vec::new() }
    }

    /// What does it this way.
    pub fn command(&self, direction: Direction) -> Option<&Template> {
        match direction {
            Direction::Put => self.put.as_ref(),
            Direction::Get => self.get.as_ref(),
        }
    }
}

/// What is the same in all runs of a trial.
#[derive(Clone)]
pub struct Settings {
    /// The file.
    pub bytes: Arc<[u8]>,
    /// Nobody waits longer for a client.
    pub time_limit: Duration,
    /// The proxy is a party to TLS on both sides.
    pub tls: bool,
}

impl Settings {
    /// A file of `size` bytes that no compression makes smaller, so that its middle is that of the wire, too.
    pub fn new(size: usize, time_limit: Duration, tls: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut bytes = vec![0; size];
        rng.fill_bytes(&mut bytes);
        let bytes = bytes.into();
        Self { bytes, time_limit, tls }
    }
}

/// A client, a server, and which way the file goes between them.
#[derive(Clone)]
pub struct Pair {
    /// Whoever connects.
    pub client: Client,
    /// Whoever is connected to.
    pub server: Server,
    /// Which way.
    pub direction: Direction,
    /// Words of `ftpsim` that try this pair again, without its fault, and those that follow it.
    pub again: (String, String),
}
