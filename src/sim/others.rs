//! What else there is in a case's world beside the delivery: files that stand there already, a source
//! that changes, others who write under the same names, and whoever takes what arrives.

use super::workload::FileSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the target at the sender when the fault strikes: readers that have it open keep what
/// they have, whoever opens it later gets another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceChange {
    /// Other bytes, as many.
    SameSize,
    /// Other bytes, more of them.
    Longer,
    /// Other bytes, fewer of them.
    Shorter,
}

/// A program at the receiver that takes each file which appears under a final name and removes it, as
/// ingests do; names with a leading dot are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Between two looks at the directory.
    #[schemars(range(min = 1_000))]
    pub poll_us: u64,
}

/// Another session at the server that has to do with the name of the target, meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rival {
    /// Whose it is.
    pub user: RivalUser,
    /// What it does.
    pub deed: Deed,
    /// When it begins, after the start of the run.
    pub at_us: u64,
    /// From its first half to its second.
    pub lasts_us: u64,
}

/// Whose a rival session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RivalUser {
    /// The client's own user, on another machine perhaps.
    Same,
    /// One who has nothing to do with the client.
    Other,
}

/// What a rival session does, with content of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// STOR, to its end.
    Replaces,
    /// APPE, to its end.
    Appends,
    /// STOR that breaks off: what has come is kept to be gone on from.
    LeavesPart,
}

/// Somebody who has no part in the delivery and connects where one is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stranger {
    /// Where it is.
    pub place: StrangerPlace,
    /// What it does.
    pub deed: StrangerDeed,
    /// With a TLS session of its own, which it resumes when it comes again; in clear else. Of data ports that a
    /// server has: a client cannot be told by its certificate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
    /// From the announcement of a data port (of the control port: from the start of the run) to its
    /// connection. Of a crowd: from its coming, at the start, to the beginning of the delivery.
    pub after_us: u64,
    /// It comes to so many ports, to each once, and no more. Of a crowd: so many they are.
    pub visits: u32,
}

/// Where a stranger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrangerPlace {
    /// On a host of its own.
    Elsewhere,
    /// On the host from which the connection is awaited, or behind its NAT: its address is the right one.
    Neighbour,
}

/// What a stranger does where it has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrangerDeed {
    /// On data ports: sends a file of its own, to its end, and takes what comes.
    Moves,
    /// On data ports: says nothing, and waits.
    Waits,
    /// On data ports: goes at once.
    Closes,
    /// On the control port: says a command in clear behind AUTH, as who is on the path can put it before the
    /// handshake of a client that knows nothing of it.
    Injects,
    /// On the control port: is a client of the user's that asks for data in clear.
    Bares,
    /// On the control port, in clear: is a client of the user's that uploads a file of its own in MODE Z, with more
    /// behind the end of the zlib stream.
    Overruns,
    /// On the control port: is one of a crowd, each with an address of its own, that has all seats of the server. It
    /// says nothing, and when it is sent away it comes again.
    Crowds,
}

impl StrangerDeed {
    /// Whether it has to do with data ports, not with the control port.
    pub fn is_on_data(self) -> bool {
        !matches!(self, Self::Injects | Self::Bares | Self::Overruns | Self::Crowds)
    }
}

/// A delivery begins no sooner behind a crowd: a server lets who has just come be for five seconds, whoever else comes.
pub const LEAST_BEHIND_A_CROWD_US: u64 = 6_000_000;

/// The smallest crowd that a delivery of so many sessions gets past: these turn out some of it, and those, when they come
/// again, others.
pub const fn least_crowd(sessions: u32) -> u32 {
    2 * sessions + 1
}

/// What no file of a delivery begins with or contains.
pub const STRANGERS_WORDS: &[u8] = b"not of the delivery; ";

/// The file that a stranger sends.
pub fn strangers() -> Vec<u8> {
    STRANGERS_WORDS.repeat(10)
}

/// Another content under the name of `file`: the `nth` of its versions. Small ones would be the same by chance, and
/// what became of which could not be told.
fn version(file: &FileSpec, nth: u64, size_bytes: u64) -> Vec<u8> {
    let draw = |nth: u64| {
        let content_seed = file.content_seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        FileSpec { content_seed, size_bytes, ..file.clone() }.bytes()
    };
    let first = draw(nth);
    if size_bytes != file.size_bytes || first[..] != *file.shared_bytes() {
        return first;
    }
    // Of nothing there is one version only.
    let mut others = (1..=DRAWS_MAX).map(|again| draw(nth + again * VERSIONS));
    others.find(|other| *other != first).unwrap_or(first)
}

/// The old one, the changed source's and the rival's are versions 1 to 3.
const VERSIONS: u64 = 4;

/// So often in a row no byte is drawn that is the same.
const DRAWS_MAX: u64 = 16;

/// What stood under the name before: never nothing, for there would be nothing to lose.
pub fn old(file: &FileSpec) -> Vec<u8> {
    let size_bytes = match file.content_seed % 3 {
        0 => file.size_bytes.max(1),
        1 => file.size_bytes / 2 + 1,
        _ => file.size_bytes + file.size_bytes / 2 + 1,
    };
    version(file, 1, size_bytes)
}

/// What the source is after its change.
pub fn changed(file: &FileSpec, change: SourceChange) -> Vec<u8> {
    let size_bytes = match change {
        SourceChange::SameSize => file.size_bytes,
        SourceChange::Longer => file.size_bytes + file.size_bytes / 2 + 1,
        SourceChange::Shorter => file.size_bytes / 2,
    };
    version(file, 2, size_bytes)
}

/// What the rival has: at least two bytes, for it stops between two.
pub fn rivals(file: &FileSpec) -> Vec<u8> {
    version(file, 3, file.size_bytes.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::workload::Content;

    /// One letter of text is one of twenty: the same by chance every twentieth time.
    #[test]
    fn no_version_is_what_is_sent() {
        for content_seed in 0..300 {
            let name = "small".to_owned();
            let file = FileSpec { name, size_bytes: 1, content: Content::Text, content_seed };
            let sent = file.bytes();
            assert!(old(&file) != sent && rivals(&file) != sent);
            assert_ne!(changed(&file, SourceChange::SameSize), sent);
        }
        let empty =
            FileSpec { name: "empty".to_owned(), size_bytes: 0, content: Content::Text, content_seed: 0 };
        assert!(changed(&empty, SourceChange::SameSize).is_empty());
    }
}
