//! What has been written of a file, without a copy for as long as it is what the file says.

use std::sync::Arc;

/// The payload of a file on its way: a part of the file that it is expected to be, from the front, or bytes of its own
/// as soon as it is not.
#[derive(Clone, Debug, Default)]
pub(super) struct Payload {
    expected: Arc<[u8]>,
    /// So much of the expected file is what was written.
    same_bytes: usize,
    /// All that was written, once it was something else.
    own: Option<Vec<u8>>,
}

impl Payload {
    /// Nothing yet of what will probably be `expected`.
    pub(super) fn of(expected: Arc<[u8]>) -> Self {
        Self { expected, ..Self::default() }
    }

    /// What was written.
    pub(super) fn bytes(&self) -> &[u8] {
        self.own.as_deref().unwrap_or(&self.expected[..self.same_bytes])
    }

    /// These bytes were written next.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if self.own.is_none() && self.expected[self.same_bytes..].starts_with(bytes) {
            self.same_bytes += bytes.len();
        } else {
            self.own_bytes().extend_from_slice(bytes);
        }
    }

    /// This byte was written next, so many times.
    pub(super) fn extend_run(&mut self, byte: u8, count: usize) {
        let expected = &self.expected[self.same_bytes..];
        let is_same = |run: &[u8]| run.iter().all(|expected| *expected == byte);
        if self.own.is_none() && expected.get(..count).is_some_and(is_same) {
            self.same_bytes += count;
        } else {
            self.own_bytes().extend(std::iter::repeat_n(byte, count));
        }
    }

    fn own_bytes(&mut self) -> &mut Vec<u8> {
        let (expected, same_bytes) = (&self.expected, self.same_bytes);
        self.own.get_or_insert_with(|| expected[..same_bytes].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is expected, what was written is what is told.
        #[test]
        fn it_is_what_was_written(
            expected in prop::collection::vec(0u8..2, 0..12),
            pieces in prop::collection::vec((prop::collection::vec(0u8..2, 0..4), 0u8..2, 0usize..4), 0..6),
        ) {
            let mut payload = Payload::of(expected.into());
            let mut written = Vec::new();
            for (bytes, byte, count) in pieces {
                payload.extend(&bytes);
                payload.extend_run(byte, count);
                written.extend(bytes);
                written.extend(std::iter::repeat_n(byte, count));
                prop_assert_eq!(payload.bytes(), &written);
            }
        }
    }

    #[test]
    fn nothing_is_copied_of_what_was_expected() {
        let mut payload = Payload::of(Arc::from(&b"abbbc"[..]));
        payload.extend(b"a");
        payload.extend_run(b'b', 3);
        payload.extend(b"c");
        assert_eq!((payload.bytes(), payload.own.is_none()), (&b"abbbc"[..], true));
    }
}
