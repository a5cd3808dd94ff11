//! What people say about FTP over TLS.

use super::{Evidence, is_cut, is_stream};
use crate::lab::claim::{Claim, Standing};
use crate::lab::plural::plural;
use crate::lab::records::Directions;
use crate::sim::fault::FaultName;
use crate::sim::scenario::{TlsSpec, VariantSpec, Verify};
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
        let all = self.comparison.scenario.variants.iter();
        let all = all.filter(|v| v.mode == TransmissionMode::Deflate && v.verify == Verify::Reply);
        let (lax, strict): (Vec<_>, Vec<_>) = all.partition(|v| v.takes_cut_deflate);
        strict.first()?;
        let taken = self.lost_by(&lax, is_cut);
        let rest = match taken.runs {
            0 => String::new(),
            _ => format!("; where a close will do, as for proftpd and lftp, in {taken}"),
        };
        Some(self.demanding(MARKS, "the end of the zlib stream", (&strict, &lax), &rest))
    }

    fn under_tls(&self) -> impl Iterator<Item = (&'a VariantSpec, TlsSpec)> {
        self.comparison.scenario.variants.iter().filter_map(|variant| Some((variant, variant.tls?)))
    }

    fn cures(&self) -> Claim {
        let believes = |(v, tls): &(&VariantSpec, TlsSpec)| {
            is_stream(v) && v.verify == Verify::Reply && tls.client_lingers
        };
        let all = self.under_tls().filter(believes).map(|(variant, _)| variant);
        let (strict, lax): (Vec<_>, Vec<_>) = all.partition(|v| v.tls.is_some_and(|tls| tls.is_strict()));
        let mut rest = String::new();
        for variant in &lax {
            rest += &format!(", by {} in {}", variant.name, self.lost(variant, is_cut));
        }
        if let Some(clear) = self.plain_stream() {
            rest += &format!("; in clear in {}", self.lost(clear, is_cut));
        }
        self.demanding(CURES, "close_notify", (&strict, &lax), &rest)
    }

    /// Whether an end of file that both ends demand loses nothing, beside who takes less for one. `rest` ends
    /// the sentence.
    fn demanding(
        &self,
        claim: &'static str,
        end: &str,
        (strict, lax): (&[&VariantSpec], &[&VariantSpec]),
        rest: &str,
    ) -> Claim {
        if strict.is_empty() {
            return super::untested(claim, self.compare_command());
        }
        let (demanded, taken) = (self.lost_by(strict, is_cut), self.lost_by(lax, is_cut));
        if let Err(open) = self.enough_faults(claim, demanded, is_cut) {
            return open;
        }
        let runs = plural(demanded.runs, "run");
        let figure = format!(
            "Where both ends demand {end}, files were lost silently in {demanded} {runs} with a fault{rest}."
        );
        if let Err(open) = self.enough_to_say_none(claim, &figure, demanded, (strict.len(), is_cut)) {
            return open;
        }
        if demanded.lost == 0
            && !lax.is_empty()
            && let Err(open) = self.enough_to_say_none(claim, &figure, taken, (lax.len(), is_cut))
        {
            return open;
        }
        let standing = match (demanded.lost, taken.lost) {
            (0, 1..) => Standing::Conditional,
            (0, 0) => Standing::Holds,
            _ => Standing::Fails,
        };
        Claim { claim, standing, figure, command: self.compare_command() }
    }

    fn quiet_is_whole(&self) -> Claim {
        let all: Vec<&VariantSpec> = self.under_tls().map(|(variant, _)| variant).collect();
        if let Err(open) = self.enough_quiet(QUIET, &all) {
            return open;
        }
        let is_quiet = |kind| kind == FaultName::None;
        let (losing, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|v| self.lost(v, is_quiet).lost > 0);
        let rest = self.lost_by(&others, is_quiet);
        let mut figure = String::new();
        for variant in &losing {
            let share = self.lost(variant, is_quiet);
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
        if !others.is_empty() {
            let who =
                if losing.is_empty() { "Undisturbed, files were lost" } else { "The others lost files" };
            figure += &format!("{who} in {rest} {}.", plural(rest.runs, "run"));
            if let Err(open) = self.enough_to_say_none(QUIET, &figure, rest, (others.len(), is_quiet)) {
                return open;
            }
        }
        let standing = match (losing.is_empty(), others.is_empty()) {
            (true, _) => Standing::Holds,
            (false, false) => Standing::Conditional,
            (false, true) => Standing::Fails,
        };
        let command = self.replay_command(losing.first().copied(), FaultName::None);
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
            v.name != over_tls.name && v.verify == Verify::Reply && tls.client_lingers && tls.is_strict()
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
