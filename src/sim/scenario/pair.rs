//! Two numbers in TOML.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// For an array itself serde takes as many as it needs, and TOML's parser passes over the rest without a word.
pub(super) fn two<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u64; 2], D::Error> {
    let all = Vec::deserialize(deserializer)?;
    all.try_into()
        .map_err(|all: Vec<u64>| Error::invalid_length(all.len(), &"two numbers, the smallest first"))
}
