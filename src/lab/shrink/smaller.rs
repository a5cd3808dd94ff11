//! Fewer files, and smaller ones. The fault moves with them: it strikes what has taken the place of its file, and what is
//! as far along.

use super::with;
use crate::sim::case::Case;
use crate::sim::fault::{FaultKind, Trigger};
use crate::sim::workload::Content;
use std::ops::Range;

/// So many are enough for most of what goes wrong between files.
const FEW_FILES: usize = 3;

/// The file that the fault strikes with its neighbours alone; then leaves out half, a quarter ... of the files, down to
/// one; then the neighbours with a fault that their number does not matter to.
pub(super) fn fewer_files(case: &Case, found: &mut Vec<Case>) {
    let total = case.files.len();
    let target = (case.fault.target as usize).min(total - 1);
    let neighbours = || {
        let about = |few: usize| (target + 1).saturating_sub(few)..=target.min(total - few);
        (1..=FEW_FILES.min(total - 1)).flat_map(move |few| about(few).map(move |first| first..first + few))
    };
    neighbours().for_each(|kept| keeping(case, &[kept], found));
    let mut chunk = total.div_ceil(2);
    while chunk > 0 && total > 1 {
        for start in (0..total).step_by(chunk) {
            let end = (start + chunk).min(total);
            if end - start < total {
                keeping(case, &[0..start, end..total], found);
            }
        }
        chunk /= 2;
    }
    // What the path does is known a while later, and in between goes what has been asked for: it may take many files to
    // be asked for that long. A disk fails at once.
    if case.target().is_some() && case.fault.kind.disk().is_none() {
        for kind in [FaultKind::ReadError { restart_after_us: None }, FaultKind::WriteError] {
            let at_once = with(case, |case| case.fault.kind = kind);
            neighbours().for_each(|kept| keeping(&at_once, &[kept], found));
        }
    }
}

/// Leaves out the other files. Where the listing, or the time that all of them take, is shorter for it, the fault strikes
/// as it did, and then sooner by as much.
fn keeping(case: &Case, kept: &[Range<usize>], found: &mut Vec<Case>) {
    let (total, target) = (case.files.len(), case.fault.target as usize);
    let smaller = with(case, |smaller| {
        smaller.files = kept.iter().flat_map(|range| case.files[range.clone()].iter().cloned()).collect();
        let left = smaller.files.len();
        let before: usize = kept.iter().map(|range| range.end.min(target).saturating_sub(range.start)).sum();
        let last = if case.strikes_listing() { left } else { left - 1 };
        smaller.fault.target = before.min(last) as u32;
        if !kept.iter().any(|range| range.contains(&target)) {
            keep_inside(smaller);
        }
    });
    let left = smaller.files.len();
    let [lines, lines_left] = [total, left].map(|files| u128::from(Case::lines_of_listing(files)));
    let in_proportion = |at: u64| (u128::from(at) * lines_left / lines) as u64;
    let sooner = match case.fault.trigger {
        Trigger::AfterLine(line) if case.strikes_listing() => {
            Some(Trigger::AfterLine(line.saturating_sub((total - left) as u32)))
        }
        Trigger::AtTimeUs(at_us) => Some(Trigger::AtTimeUs(in_proportion(at_us))),
        trigger if case.strikes_listing() => {
            trigger.payload_byte().map(|byte| trigger.at_byte(in_proportion(byte)))
        }
        _ => None,
    };
    let sooner = sooner.map(|trigger| with(&smaller, |sooner| sooner.fault.trigger = trigger));
    found.push(smaller);
    found.extend(sooner);
}

pub(super) fn smaller_files(case: &Case, found: &mut Vec<Case>) {
    found.push(with(case, |case| {
        case.files.iter_mut().for_each(|file| file.size_bytes /= 2);
        keep_inside(case);
    }));
    for (index, file) in case.files.iter().enumerate() {
        let size_bytes = file.size_bytes;
        for smaller_bytes in [1, size_bytes / 2, size_bytes.saturating_sub(1)] {
            if smaller_bytes < size_bytes {
                found.push(with(case, |case| {
                    case.files[index].size_bytes = smaller_bytes;
                    if case.fault.target as usize == index {
                        keep_inside(case);
                    }
                }));
            }
        }
        if file.content != Content::Random {
            found.push(with(case, |simpler| simpler.files[index].content = Content::Random));
        }
    }
}

/// The trigger stays inside its file.
fn keep_inside(case: &mut Case) {
    let (Some(byte), Some(file)) =
        (case.fault.trigger.payload_byte(), case.files.get(case.fault.target as usize))
    else {
        return;
    };
    if byte >= file.size_bytes {
        case.fault.trigger = match file.size_bytes.checked_sub(1) {
            Some(last) => case.fault.trigger.at_byte(last),
            None => Trigger::BeforeFirstByte,
        };
    }
}
