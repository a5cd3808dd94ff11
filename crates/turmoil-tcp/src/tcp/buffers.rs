//! Buffers for packets: most live for one hop, and new ones of their size cost more than what is done with them.

use std::cell::RefCell;

/// A thread keeps so many of those that are free: more than are under way in most runs.
const KEPT: usize = 1024;
/// Larger ones are no packets of a path's.
const LARGEST_BYTES: usize = 2 * super::engine::MTU_BYTES;

thread_local! {
    /// What is in them does not matter: who takes one clears it.
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer.
pub(super) fn take() -> Vec<u8> {
    let mut buffer =
        FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(super::engine::MTU_BYTES));
    buffer.clear();
    buffer
}

/// A packet with these bytes.
pub(super) fn copied(bytes: &[u8]) -> Vec<u8> {
    let mut packet = take();
    packet.extend_from_slice(bytes);
    packet
}

/// A packet that nobody needs any more.
pub(super) fn give_back(packet: Vec<u8>) {
    FREE.with_borrow_mut(|free| {
        if free.len() < KEPT && (super::engine::MTU_BYTES..=LARGEST_BYTES).contains(&packet.capacity()) {
            free.push(packet);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again_and_empty() {
        let packet = copied(b"bytes");
        assert_eq!(packet, b"bytes");
        let at = packet.as_ptr();
        give_back(packet);
        let again = take();
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
    }

    #[test]
    fn small_large_and_too_many_ones_are_not_kept() {
        give_back(Vec::with_capacity(10));
        give_back(Vec::with_capacity(LARGEST_BYTES + 1));
        assert_eq!(FREE.with_borrow(Vec::len), 0);
        let many: Vec<_> = (0..KEPT + 1).map(|_| take()).collect();
        many.into_iter().for_each(give_back);
        assert_eq!(FREE.with_borrow(Vec::len), KEPT);
    }
}
