//! What is otherwise than in earlier results, in words and rows that terminal and page share.

use super::format;
use crate::lab::baseline::{Change, Changes};
use crate::lab::records::Decimal;

/// The heads of a row's cells behind its name.
pub(super) const HEADS: [&str; 6] = [
    "lost silently, then",
    "now",
    "difference [95 %]",
    "takes, then",
    "now",
    "ratio on the same seeds [95 %]",
];

/// How much has changed.
pub(super) fn summary(changes: &Changes) -> String {
    let (directory, version) = (changes.directory.display(), &changes.version);
    let cells = format::counted(changes.cells, "cell");
    let mut text = match changes.changed.len() as u64 {
        0 => format!("All {cells} are as in {directory} (ftpsim {version})."),
        n => {
            let certain = changes.changed.iter().filter(|change| change.is_certain()).count() as u64;
            format!(
                "{} of {cells} are otherwise than in {directory} (ftpsim {version}); {} more than chance would, marked *.",
                format::thousands(n),
                format::thousands(certain),
            )
        }
    };
    let timed = |change: &&Change| change.duration_us[0] != change.duration_us[1];
    if changes.changed.iter().any(|change| change.ratio.is_none() && timed(&change)) {
        text += " Where there is no ratio, no run of the same seed was found: those results may have no runs.csv.";
    }
    let has_no_ends = |change: &Change| change.ratio.is_some() && change.ratio_interval.is_none();
    if changes.changed.iter().any(|change| has_no_ends(change) && timed(&change)) {
        text += &format!(" {}", format::too_few());
    }
    for (only, whose) in [(changes.only_here, "these"), (changes.only_there, "those")] {
        if only > 0 {
            text += &format!(" {} only {whose} results have.", format::counted(only, "cell"));
        }
    }
    text
}

/// Contender, direction and fault.
pub(super) fn name(change: &Change) -> String {
    let mark = if change.is_certain() { " *" } else { "" };
    format!("{} {}, {}{mark}", change.direction, change.variant, change.fault.replace('_', " "))
}

/// The cells behind its name, as [`HEADS`] has them.
pub(super) fn cells(change: &Change) -> [String; 6] {
    let points = |share: f64| format!("{:+.1} %", share * 100.0);
    let same_losses = change.lost[0] == change.lost[1];
    let difference = match (change.difference, change.difference_interval) {
        (Some(Decimal(d)), Some([low, high])) if !same_losses => {
            format!("{} [{}, {}]", points(d), points(low.0), points(high.0))
        }
        _ => String::new(),
    };
    let same_times = change.duration_us[0] == change.duration_us[1];
    // What has not changed is left out.
    let lost = |[lost, runs]: [u64; 2]| if same_losses { String::new() } else { format!("{lost}/{runs}") };
    let time = |us: Option<u64>| match us {
        _ if same_times => String::new(),
        None => "no end".to_owned(),
        Some(us) => format::duration(us),
    };
    let ends = change.ratio_interval.map(|[low, high]| (low.0, high.0));
    let ratio = match change.ratio {
        Some(Decimal(ratio)) if !same_times => format::ratio_of_pairs(ratio, ends),
        _ => String::new(),
    };
    [
        lost(change.lost[0]),
        lost(change.lost[1]),
        difference,
        time(change.duration_us[0]),
        time(change.duration_us[1]),
        ratio,
    ]
}
