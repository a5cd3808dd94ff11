//! Bytes that have been said and have not left.

/// What is taken by a slow client in small pieces is not moved up at each of them: half of all goes at once.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    /// Of them, those that have left.
    sent: usize,
}

impl Unsent {
    /// Where more is appended.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// So many of the rest have left.
    pub(super) fn leave(&mut self, count: usize) {
        self.sent += count;
        if self.sent * 2 >= self.bytes.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For ever by a client that is never done with all.
    #[test]
    fn what_has_left_is_not_kept_and_the_rest_is_in_order() {
        let (mut unsent, mut left) = (Unsent::default(), Vec::new());
        let all: Vec<u8> = (0..=255).cycle().take(30_000).collect();
        for said in all.chunks(30) {
            unsent.end().extend_from_slice(said);
            for count in [7, 13, 9].map(|count| usize::min(count, unsent.rest().len())) {
                left.extend_from_slice(&unsent.rest()[..count]);
                unsent.leave(count);
                assert!(unsent.bytes.len() <= 2 * unsent.rest().len());
            }
        }
        assert_eq!(unsent.rest().len(), 1_000, "one in thirty");
        left.extend_from_slice(unsent.rest());
        assert_eq!(left, all);
    }

    #[test]
    fn nothing_is_left_of_what_has_all_left() {
        let mut unsent = Unsent::default();
        unsent.end().extend_from_slice(b"220 ready\r\n");
        unsent.leave(4);
        assert_eq!(unsent.rest(), b"ready\r\n");
        unsent.leave(7);
        assert_eq!((unsent.rest(), unsent.bytes.len()), (&b""[..], 0));
    }
}
