//! Whether the modes that mark the end of a file lose fewer than stream mode, and what a contender is beside another.

use super::{Evidence, FAULT_RUNS, LOSSLESS_RUNS, MORE_RELIABLE, SIGNIFICANT, Share, is_cut, untested};
use crate::lab::claim::{Claim, Standing};
use crate::lab::stats;
use crate::sim::fault::FaultName;
use crate::sim::scenario::VariantSpec;
use ftp_proto::mode::TransmissionMode;

/// Seeds on which one of two contenders alone lost files silently.
#[derive(Clone, Copy, Default)]
pub(super) struct Split {
    /// This one alone.
    more: u64,
    /// The other alone.
    fewer: u64,
}

impl Split {
    /// Of McNemar's test.
    fn p(self) -> f64 {
        stats::mcnemar_exact(self.more, self.fewer)
    }

    fn is_by_chance(self) -> bool {
        self.p() >= SIGNIFICANT
    }

    /// Fewer losses than the other, and chance seldom makes such a difference.
    fn is_fewer(self) -> bool {
        self.fewer > self.more && !self.is_by_chance()
    }

    /// `below 0.0001`, `= 0.0625`.
    fn told(self) -> String {
        if self.p() < 0.0001 { "below 0.0001".to_owned() } else { format!("= {:.4}", self.p()) }
    }
}

/// What a contender is beside one that loses files.
pub(super) enum Beside {
    /// It loses fewer.
    Better,
    /// It loses some as well, and chance may make the difference.
    Alike,
    /// Too few runs, or too few losses, to tell.
    Untold,
}

impl<'a> Evidence<'a> {
    /// Of the seeds on which both contenders' runs ended and their faults fired.
    pub(super) fn split(
        &self,
        variant: &VariantSpec,
        other: &VariantSpec,
        which: impl Fn(FaultName) -> bool,
    ) -> Split {
        let names = self.fault_names(which);
        let pairs = self.comparison.discordances.iter();
        let pairs = pairs.filter(|pair| pair.variant == variant.name && pair.other == other.name);
        let pairs = pairs.filter(|pair| names.contains(&pair.fault.as_str()));
        pairs.fold(Split::default(), |sum, pair| Split {
            more: sum.more + pair.here_only,
            fewer: sum.fewer + pair.other_only,
        })
    }

    /// How a contender that takes more care is beside `other`.
    pub(super) fn beside(
        &self,
        careful: &VariantSpec,
        other: &VariantSpec,
        which: impl Fn(FaultName) -> bool + Copy,
    ) -> Beside {
        let share = self.lost(careful, which);
        match share.lost {
            _ if share.runs < FAULT_RUNS => Beside::Untold,
            _ if self.split(careful, other, which).is_fewer() => Beside::Better,
            0 => Beside::Untold,
            _ => Beside::Alike,
        }
    }

    pub(super) fn more_reliable(&self) -> Claim {
        let claim = self.about(&MORE_RELIABLE);
        let command = self.compare_command();
        let any = |v: &VariantSpec| self.lost(v, is_cut);
        let marked = self.marked();
        let Some(stream) = self.plain_stream().filter(|_| !marked.is_empty()) else {
            return untested(claim, command);
        };
        let shares = || [stream].into_iter().chain(marked.iter().copied()).map(any);
        let least = shares().min_by_key(|share| share.runs).unwrap_or_default();
        if let Err(open) = self.enough_faults(claim, least, is_cut) {
            return open;
        }
        let beside: Vec<(&VariantSpec, Split)> =
            marked.iter().map(|v| (*v, self.split(v, stream, is_cut))).collect();
        let mut figure = format!("With a fault, {} lost files silently in {} runs", stream.name, any(stream));
        for (index, (variant, split)) in beside.iter().enumerate() {
            let test = if index == 0 { "McNemar's p" } else { "p" };
            figure += &format!(", {} in {} ({test} {})", variant.name, any(variant), split.told());
        }
        let lost: u64 = shares().map(|share| share.lost).sum();
        if lost == 0 {
            let none = Share { lost, runs: least.runs };
            if let Err(open) = self.enough_to_say_none(claim, &format!("{figure}."), none, (1, is_cut)) {
                return open;
            }
        } else if beside.iter().any(|(_, split)| split.is_by_chance()) {
            figure += "; chance may make such a difference: it takes a p below 0.05.";
            return self.not_enough(claim, figure, 2 * FAULT_RUNS);
        }
        let is_better = beside.iter().all(|(_, split)| split.is_fewer());
        let variants = self.comparison.scenario.variants.iter();
        let careful = variants.filter(|v| v.mode == TransmissionMode::Stream && v.tls.is_none());
        let careful = careful.filter(|v| v.name != stream.name && any(v).lost == 0 && any(v).runs > 0);
        let (told, untold): (Vec<_>, Vec<_>) = careful.partition(|v| any(v).runs >= LOSSLESS_RUNS);
        figure += &match names(&told).as_str() {
            "" => ".".to_owned(),
            names => format!("; with more care stream mode lost none either: {names}."),
        };
        let fewest = untold.iter().map(|v| any(v)).min_by_key(|share| share.runs);
        if is_better
            && told.is_empty()
            && let Some(fewest) = fewest
        {
            figure += &format!(" With more care stream mode may lose none either: {}.", names(&untold));
            if let Err(open) = self.enough_to_say_none(claim, &figure, fewest, (1, is_cut)) {
                return open;
            }
        }
        let standing = match (is_better, told.is_empty()) {
            (false, _) => Standing::Fails,
            (true, false) => Standing::Conditional,
            (true, true) => Standing::Holds,
        };
        Claim { claim, standing, figure, command }
    }
}

fn names(variants: &[&VariantSpec]) -> String {
    variants.iter().map(|v| v.name.as_str()).collect::<Vec<_>>().join(", ")
}
