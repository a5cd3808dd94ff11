//! What comes in the order of time.

use std::collections::{BTreeMap, VecDeque};

/// What comes by its key, the smallest first. Nearly all of it is put in in that order, and then costs no
/// search; what is not costs one of a tree. No key is put in twice.
#[derive(Debug)]
pub(crate) struct Timeline<K, T> {
    in_order: VecDeque<(K, T)>,
    late: BTreeMap<K, T>,
}

impl<K, T> Default for Timeline<K, T> {
    fn default() -> Self {
        Self { in_order: VecDeque::new(), late: BTreeMap::new() }
    }
}

impl<K: Ord, T> Timeline<K, T> {
    pub(crate) fn insert(&mut self, key: K, item: T) {
        if self.in_order.back().is_none_or(|(last, _)| *last < key) {
            self.in_order.push_back((key, item));
        } else {
            self.late.insert(key, item);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.late.is_empty()
    }

    pub(crate) fn first_key(&self) -> Option<&K> {
        let in_order = self.in_order.front().map(|(key, _)| key);
        match (in_order, self.late.first_key_value()) {
            (Some(one), Some((other, _))) => Some(one.min(other)),
            (one, other) => one.or(other.map(|(key, _)| key)),
        }
    }

    /// The first, if its key is as asked for.
    pub(crate) fn pop_if(&mut self, wanted: impl FnOnce(&K) -> bool) -> Option<(K, T)> {
        let first = self.first_key()?;
        if !wanted(first) {
            return None;
        }
        if self.in_order.front().is_some_and(|(key, _)| key == first) {
            self.in_order.pop_front()
        } else {
            self.late.pop_first()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is put in and taken out in whatever order, it is a map that gives its first.
        #[test]
        fn it_is_a_map_that_gives_its_first(steps in proptest::collection::vec((any::<bool>(), 0_u32..20), 0..200)) {
            let (mut line, mut map) = (Timeline::default(), BTreeMap::new());
            for (number, (put, key)) in steps.into_iter().enumerate() {
                if put {
                    line.insert((key, number), number);
                    map.insert((key, number), number);
                } else {
                    let first = map.first_entry().filter(|entry| entry.key().0 <= key);
                    prop_assert_eq!(line.pop_if(|(at, _)| *at <= key), first.map(|entry| entry.remove_entry()));
                }
                prop_assert_eq!(line.first_key(), map.first_key_value().map(|(key, _)| key));
                prop_assert_eq!(line.is_empty(), map.is_empty());
            }
        }
    }
}
