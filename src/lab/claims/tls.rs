//! What people say about FTP over TLS.

use super::{Evidence, LOSSLESS_RUNS, Share, is_power_cut, is_stream};
use crate::lab::claim::{Claim, Standing};
use crate::lab::plural::plural;
use crate::lab::records::Directions;
use crate::sim::fault::FaultName;
use crate::sim::scenario::{TlsEnd, TlsSpec, VariantSpec, Verify};
use ftp_proto::mode::TransmissionMode;

pub(super) const CURES: &str = "TLS cures truncation.";
pub(super) const MARKS: &str = "MODE Z marks the end of a file.";
const QUIET: &str = "Over TLS, a file that a 226 has answered is whole as long as nothing goes wrong.";
const CHEAP: &str = "A TLS connection for each file costs next to nothing.";
/// Less than that of a round trip, a file, is next to nothing.
const CHEAP_ROUND_TRIPS: f64 = 0.5;

impl<'a> Evidence<'a> {
    /// Judged where there are contenders over TLS.
    pub(super) fn tls(&self) -> Vec<Claim> {
        match self.under_tls().next() {
            Some(_) => vec![self.cures(), self.quiet_is_whole(), self.cheap()],
            None => Vec::new(),
        }
    }

    /// Judged where there are contenders in deflate mode.
    pub(super) fn deflate(&self) -> Option<Claim> {
        let is_fault = |kind| kind != FaultName::None && !is_power_cut(kind);
        let all = self.comparison.scenario.variants.iter();
        let all = all.filter(|v| v.mode == TransmissionMode::Deflate && v.verify == Verify::Reply);
        let (lax, strict): (Vec<_>, Vec<_>) = all.partition(|v| v.takes_cut_deflate);
        strict.first()?;
        let lost = |of: &[&VariantSpec]| {
            of.iter().map(|v| self.lost(v, is_fault)).fold(Share::default(), Share::plus)
        };
        let (demanded, taken) = (lost(&strict), lost(&lax));
        if let Err(open) = self.enough_faults(MARKS, demanded, is_fault) {
            return Some(open);
        }
        let mut figure = format!(
            "Where both ends demand the end of the zlib stream, files were lost silently in {demanded} {} with a \
             fault",
            plural(demanded.runs, "run")
        );
        figure += &match taken.runs {
            0 => ".".to_owned(),
            _ => format!("; where a close will do, as for proftpd and lftp, in {taken}."),
        };
        if demanded.lost == 0 && demanded.runs < LOSSLESS_RUNS {
            return Some(self.not_enough(MARKS, figure, LOSSLESS_RUNS));
        }
        let standing = match (demanded.lost, taken.lost) {
            (0, 1..) => Standing::Conditional,
            (0, 0) => Standing::Holds,
            _ => Standing::Fails,
        };
        Some(Claim { claim: MARKS, standing, figure, command: self.compare_command() })
    }

    fn under_tls(&self) -> impl Iterator<Item = (&'a VariantSpec, TlsSpec)> {
        self.comparison.scenario.variants.iter().filter_map(|variant| Some((variant, variant.tls?)))
    }

    fn cures(&self) -> Claim {
        let is_fault = |kind| kind != FaultName::None && !is_power_cut(kind);
        let believes = |(v, tls): &(&VariantSpec, TlsSpec)| {
            is_stream(v) && v.verify == Verify::Reply && tls.client_lingers
        };
        let (strict, lax): (Vec<_>, Vec<_>) = self
            .under_tls()
            .filter(believes)
            .partition(|(_, tls)| (tls.server_end, tls.client_end) == (TlsEnd::Strict, TlsEnd::Strict));
        let demanded = strict.iter().map(|(v, _)| self.lost(v, is_fault)).fold(Share::default(), Share::plus);
        if let Err(open) = self.enough_faults(CURES, demanded, is_fault) {
            return open;
        }
        let mut figure = format!(
            "Where both ends demand close_notify, files were lost silently in {demanded} {} with a fault",
            plural(demanded.runs, "run")
        );
        let shares: Vec<_> = lax.iter().map(|(v, _)| (v, self.lost(v, is_fault))).collect();
        for (variant, share) in &shares {
            figure += &format!(", by {} in {share}", variant.name);
        }
        if let Some(clear) = self.plain_stream() {
            figure += &format!("; in clear in {}", self.lost(clear, is_fault));
        }
        figure.push('.');
        if demanded.lost == 0 && demanded.runs < LOSSLESS_RUNS {
            return self.not_enough(CURES, figure, LOSSLESS_RUNS);
        }
        let standing = match (demanded.lost, shares.iter().any(|(_, share)| share.lost > 0)) {
            (0, true) => Standing::Conditional,
            (0, false) => Standing::Holds,
            _ => Standing::Fails,
        };
        Claim { claim: CURES, standing, figure, command: self.compare_command() }
    }

    fn quiet_is_whole(&self) -> Claim {
        let all: Vec<&VariantSpec> = self.under_tls().map(|(variant, _)| variant).collect();
        if let Err(open) = self.enough_quiet(QUIET, &all) {
            return open;
        }
        let undisturbed = |v: &VariantSpec| self.lost(v, |kind| kind == FaultName::None);
        let (losing, others): (Vec<_>, Vec<_>) =
            all.into_iter().map(|v| (v, undisturbed(v))).partition(|(_, share)| share.lost > 0);
        let rest = others.iter().map(|(_, share)| *share).fold(Share::default(), Share::plus);
        let mut figure = String::new();
        for (variant, share) in &losing {
            figure += &format!("Undisturbed, {} lost files silently in {share} runs", variant.name);
            let hasty = variant.tls.is_some_and(|tls| !tls.client_lingers && tls.upload_tickets > 0);
            figure += match hasty {
                true => {
                    ": its client closes with session tickets of TLS 1.3 unread, for which the kernel sends RST \
                     and drops what has not left. "
                }
                false => ". ",
            };
        }
        figure += &format!("The others lost files in {rest} {}.", plural(rest.runs, "run"));
        let standing = match (losing.is_empty(), others.is_empty()) {
            (true, _) => Standing::Holds,
            (false, false) => Standing::Conditional,
            (false, true) => Standing::Fails,
        };
        let command = self.replay_command(losing.first().map(|(variant, _)| *variant), FaultName::None);
        Claim { claim: QUIET, standing, figure, command }
    }

    fn cheap(&self) -> Claim {
        let clear = self.plain_stream();
        let one = |(v, _): &(&VariantSpec, TlsSpec)| is_stream(v) && v.verify == Verify::Reply;
        let Some((clear, (over_tls, _))) = clear.zip(self.under_tls().find(one)) else {
            return super::untested(CHEAP, self.compare_command());
        };
        if let Err(open) = self.enough_quiet(CHEAP, &[clear, over_tls]) {
            return open;
        }
        let rtt_ms = self.comparison.scenario.path.rtt_us as f64 / 1e3;
        let (Some(base), Some(with)) = (self.file_ms(clear), self.file_ms(over_tls)) else {
            return super::untested(CHEAP, self.compare_command());
        };
        let round_trips = (with - base) / rtt_ms;
        let mut figure = format!(
            "Over {rtt_ms} ms of round trip a file takes {} {base:.0} ms, {} {with:.0} ms: {round_trips:.1} round \
             trips more",
            clear.name, over_tls.name
        );
        let others = self.under_tls().filter(|(v, tls)| {
            v.name != over_tls.name
                && v.verify == Verify::Reply
                && tls.client_lingers
                && (tls.server_end, tls.client_end) == (TlsEnd::Strict, TlsEnd::Strict)
        });
        let blocks = self.comparison.scenario.variants.iter();
        let blocks = blocks.filter(|v| v.tls.is_none() && v.mode == TransmissionMode::Block);
        for variant in others.map(|(v, _)| v).chain(blocks) {
            if let Some(ms) = self.file_ms(variant) {
                figure += &format!("; {} {ms:.0} ms", variant.name);
            }
        }
        figure.push('.');
        let standing = if round_trips < CHEAP_ROUND_TRIPS { Standing::Holds } else { Standing::Fails };
        Claim { claim: CHEAP, standing, figure, command: self.compare_command() }
    }

    /// The median time of an undisturbed delivery, in milliseconds a file, over the directions there are.
    fn file_ms(&self, variant: &VariantSpec) -> Option<f64> {
        let directions = &self.comparison.scenario.directions;
        let mut sum = 0.0;
        for direction in directions {
            let row = self.quiet(variant, Directions::One(*direction))?;
            let files = row.files as f64 / row.runs_counted as f64;
            sum += row.duration_median_us? as f64 / 1e3 / files;
        }
        Some(sum / directions.len() as f64)
    }
}
