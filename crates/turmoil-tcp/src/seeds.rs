//! One `u64` names a run; each purpose draws from a stream of its own, so that turning one knob
//! does not move another's draws.

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use sha2::{Digest, Sha256};

/// The random stream of `purpose` ("files", "fault", "loss up" ...) in the run named `seed`.
pub fn stream(seed: u64, purpose: &str) -> ChaCha12Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    ChaCha12Rng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn purposes_and_seeds_draw_differently_and_always_the_same() {
        let first = |seed, purpose| stream(seed, purpose).next_u64();
        assert_eq!(first(7, "files"), first(7, "files"));
        assert_ne!(first(7, "files"), first(7, "fault"));
        assert_ne!(first(7, "files"), first(8, "files"));
    }
}
