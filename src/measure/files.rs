//! The files of a measurement: as many as wanted, of one size, their contents told by their number,
//! so that nothing has to be kept to know what the bytes should be.

use crate::sim::workload::{Content, FileSpec};
use std::sync::Arc;

/// Contents repeat after so many bytes: a prime, so that no buffer's length divides it and a piece
/// that is lost or comes twice shows.
const PERIOD_BYTES: usize = 1_048_573;
/// How far the content of a file is shifted against that of the one before.
const SHIFT_BYTES: u64 = 7_919;
/// As many bytes can be had in one piece from anywhere.
pub const PIECE_BYTES: usize = 256 * 1024;

/// `count` files of `size_bytes` each.
#[derive(Clone)]
pub struct Files {
    /// How many files.
    pub count: u64,
    /// The size of each.
    pub size_bytes: u64,
    /// What the files are full of.
    pub content: Content,
    /// The period and its first [`PIECE_BYTES`] again.
    bytes: Arc<[u8]>,
}

impl Files {
    /// Draws the content, the same in every process.
    pub fn new(count: u64, size_bytes: u64, content: Content) -> Self {
        let spec =
            FileSpec { name: String::new(), size_bytes: PERIOD_BYTES as u64, content, content_seed: 1 };
        let mut bytes = spec.bytes();
        bytes.extend_from_within(..PIECE_BYTES);
        Self { count, size_bytes, content, bytes: bytes.into() }
    }

    /// The size of all files together; `u64::MAX` when it is larger.
    pub fn total_bytes(&self) -> u64 {
        self.count.saturating_mul(self.size_bytes)
    }

    /// The name of the file of this index, from 0, without a directory.
    pub fn name(index: u64) -> String {
        format!("f{index:07}")
    }

    /// The file of this name, if it is one of ours.
    pub fn index(&self, name: &str) -> Option<u64> {
        let index = name.strip_prefix('f')?.parse().ok().filter(|index| *index < self.count)?;
        (Self::name(index) == name).then_some(index)
    }

    /// The file's bytes from `offset` on, at most [`PIECE_BYTES`]; empty at its end.
    pub fn piece(&self, index: u64, offset: u64) -> &[u8] {
        let rest = self.size_bytes.saturating_sub(offset).min(PIECE_BYTES as u64) as usize;
        let start = (index.wrapping_mul(SHIFT_BYTES).wrapping_add(offset) % PERIOD_BYTES as u64) as usize;
        &self.bytes[start..start + rest]
    }

    /// Whether `bytes` are the file's from `offset` on.
    pub fn is_at(&self, index: u64, mut offset: u64, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let expected = self.piece(index, offset);
            let len = expected.len().min(bytes.len());
            if len == 0 || bytes[..len] != expected[..len] {
                return false;
            }
            bytes = &bytes[len..];
            offset += len as u64;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_in_any_pieces_and_unlike_its_neighbours() {
        let files = Files::new(3, 3 * PERIOD_BYTES as u64 + 5, Content::Text);
        let mut whole = Vec::new();
        while let piece = files.piece(1, whole.len() as u64)
            && !piece.is_empty()
        {
            whole.extend_from_slice(piece);
        }
        assert_eq!(whole.len() as u64, files.size_bytes);
        assert!(files.is_at(1, 0, &whole));
        assert!(files.is_at(1, 1_000_000, &whole[1_000_000..2_000_000]));
        assert!(!files.is_at(1, 0, &whole[1..]), "shifted by a byte");
        assert!(!files.is_at(1, 0, &whole[PIECE_BYTES..]), "a piece lost");
        assert!(!files.is_at(2, 0, &whole[..100]), "another file's");
        whole.push(0);
        assert!(!files.is_at(1, 0, &whole), "longer than the file");
    }

    #[test]
    fn names_are_ours_only_in_one_spelling() {
        let files = Files::new(12, 1, Content::Random);
        assert_eq!(files.index(&Files::name(11)), Some(11));
        for name in ["f0000012", "f11", "f+000011", "0000011", "f"] {
            assert_eq!(files.index(name), None, "{name}");
        }
    }
}
