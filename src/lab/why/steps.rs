//! Which events of a run are looked at: those of the file that is asked about, and of the fault; of the rest of
//! the delivery a few.

use crate::sim::case::Case;
use crate::sim::outcome::Outcome;
use crate::sim::trace::{Place, TraceEvent};

/// Of the delivery before the file's own events.
const BEFORE: usize = 4;

/// What the oracle says is said when all is over.
pub(super) fn is_seen(event: &TraceEvent) -> bool {
    event.place != Place::Oracle
}

/// Indices of at most `most` events (and the fault's), in order.
pub(super) fn chosen(case: &Case, base: &Outcome, file: usize, most: usize) -> Vec<usize> {
    let events = &base.events;
    let seen: Vec<usize> = (0..events.len()).filter(|index| is_seen(&events[*index])).collect();
    let name = &case.files[file].name;
    let is_fault = |index: usize| events[index].place == Place::Fault;
    let is_own = |index: &usize| is_fault(*index) || events[*index].names(name);
    let (Some(begins), Some(ends)) = (seen.iter().position(is_own), seen.iter().rposition(is_own)) else {
        return thinned(&seen, most);
    };
    let mut chosen = thinned(&seen[..begins], BEFORE.min(most));
    // The dialogue around the file's own events is theirs, too: replies name nobody.
    let own = &seen[begins..=ends];
    let room = most.saturating_sub(chosen.len() + 1);
    if own.len() <= room {
        chosen.extend(own);
    } else {
        let named: Vec<usize> = own.iter().copied().filter(is_own).collect();
        let mut kept = thinned(&named, room);
        kept.extend(thinned(own, room.saturating_sub(kept.len())));
        kept.extend(own.iter().copied().filter(|index| is_fault(*index)));
        chosen.append(&mut kept);
    }
    chosen.extend(seen.last());
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// The first, the last, and others evenly between.
fn thinned(all: &[usize], most: usize) -> Vec<usize> {
    match (all.len(), most) {
        (_, 0) => Vec::new(),
        (len, most) if len <= most => all.to_vec(),
        (len, 1) => vec![all[len - 1]],
        (len, most) => (0..most).map(|nth| all[nth * (len - 1) / (most - 1)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_keeps_both_ends() {
        let all: Vec<usize> = (0..100).collect();
        assert_eq!(thinned(&all, 4), [0, 33, 66, 99]);
        assert_eq!(thinned(&all, 1), [99]);
        assert_eq!(thinned(&all[..3], 4), [0, 1, 2]);
        assert!(thinned(&all, 0).is_empty() && thinned(&[], 3).is_empty());
    }
}
