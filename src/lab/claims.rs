//! What people say about the modes, each sentence with its verdict, the figure behind it and the
//! command that shows it.

mod enough;
mod grid;
mod published;
mod reliable;
mod safe;
mod sentences;
mod tls;
mod truth;

use super::claim::{Claim, Standing};
use super::compare::Comparison;
use super::plural::{counted, plural};
use super::records::{Directions, SummaryRecord};
use crate::sim::fault::{FaultName, TriggerName};
use crate::sim::scenario::{Publish, VariantSpec, Verify};
use ftp_endpoint::client::Direction;
use ftp_proto::mode::{Structure, TransmissionMode};

pub use grid::judge_grid;
use reliable::Beside;
use safe::{is_cut, is_power_cut, safe};
use sentences::{
    CANNOT_TELL, CLOSE_IS_THE_END, CONNECTION_PER_FILE, FASTER, MORE_RELIABLE, OfModes, SAFE, SMALL_OVERHEAD,
    WHATEVER_ARRIVES, the_modes,
};
pub use truth::judge_truth;

/// The seven claims, of contenders in clear, judged by this comparison alone; an eighth where the power is cut
/// after replies, three more where there are contenders over TLS, and one where there are some in MODE Z.
pub fn judge(comparison: &Comparison) -> Vec<Claim> {
    let evidence = Evidence { comparison };
    let mut claims = vec![
        evidence.close_is_the_end(),
        evidence.whatever_arrives_is_the_file(),
        evidence.early_close_is_not_told(),
        evidence.connection_per_file(),
        evidence.more_reliable(),
        evidence.faster(),
        evidence.small_overhead(),
    ];
    claims.extend(evidence.safe());
    claims.extend(evidence.tls());
    claims.extend(evidence.deflate());
    claims
}

/// Undisturbed runs, of each contender that a claim about cost compares and in each direction: they differ
/// by their files alone.
const QUIET_RUNS: u64 = 3;
/// Runs whose fault fired: were a third of them losses, eight without one would come up 4 times in 100.
const FAULT_RUNS: u64 = 8;
/// Where nothing is lost at all, so many runs say with 95 % certainty that fewer than one in twenty would be.
pub(crate) const LOSSLESS_RUNS: u64 = 59;
/// A difference that chance would make less often counts.
const SIGNIFICANT: f64 = 0.05;

/// Claims are judged by runs that ended and whose fault fired.
struct Evidence<'a> {
    comparison: &'a Comparison,
}

/// `k` of `n`.
#[derive(Clone, Copy, Default)]
struct Share {
    lost: u64,
    runs: u64,
}

impl Share {
    /// Nothing was lost, in too few runs to say that nothing is.
    fn is_too_few_for_none(self) -> bool {
        self.lost == 0 && self.runs < LOSSLESS_RUNS
    }

    fn plus(self, other: Self) -> Self {
        Self { lost: self.lost + other.lost, runs: self.runs + other.runs }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.lost, self.runs)
    }
}

impl<'a> Evidence<'a> {
    fn variants(&self, wanted: impl Fn(&VariantSpec) -> bool) -> Option<&'a VariantSpec> {
        self.comparison.scenario.variants.iter().find(|variant| variant.tls.is_none() && wanted(variant))
    }

    /// Stream mode as RFC 959 has it by default, believing the reply.
    fn plain_stream(&self) -> Option<&'a VariantSpec> {
        self.variants(|v| {
            is_stream(v) && v.verify == Verify::Reply && v.publish == Publish::Direct && v.parallel == 1
        })
    }

    fn record_stream(&self) -> Option<&'a VariantSpec> {
        self.variants(|v| v.mode == TransmissionMode::Stream && v.structure == Structure::Record)
    }

    fn checked_stream(&self) -> Option<&'a VariantSpec> {
        self.variants(|v| is_stream(v) && v.verify == Verify::Size && v.publish == Publish::Direct)
    }

    fn plain(&self, mode: TransmissionMode) -> Option<&'a VariantSpec> {
        self.variants(|v| v.mode == mode && v.reuse_data_connection && v.pipeline_depth == 1)
    }

    /// Block and compressed mode, the connection kept, one file after the other.
    fn marked(&self) -> Vec<&'a VariantSpec> {
        let modes = [TransmissionMode::Block, TransmissionMode::Compressed];
        modes.into_iter().filter_map(|mode| self.plain(mode)).collect()
    }

    /// The sentence, about those.
    fn about(&self, sentence: &OfModes) -> &'static str {
        let marked = self.marked();
        sentence.of(marked.iter().map(|v| v.mode))
    }

    /// Runs with silent loss under the faults that `which` picks.
    fn lost(&self, variant: &VariantSpec, which: impl Fn(FaultName) -> bool) -> Share {
        let names = self.fault_names(which);
        let rows = self.both().filter(|row| row.variant == variant.name);
        let rows = rows.filter(|row| names.contains(&row.fault.as_str()));
        rows.fold(Share::default(), |sum, row| Share {
            lost: sum.lost + row.runs_with_silent_loss,
            runs: sum.runs + row.runs_counted,
        })
    }

    /// Of the faults that `which` picks.
    fn fault_names(&self, which: impl Fn(FaultName) -> bool) -> Vec<&'a str> {
        let faults = self.comparison.scenario.faults.iter().filter(|fault| which(fault.kind));
        faults.map(|fault| fault.name()).collect()
    }

    /// [`Self::lost`] of several contenders together.
    fn lost_by(&self, variants: &[&VariantSpec], which: impl Fn(FaultName) -> bool + Copy) -> Share {
        variants.iter().map(|variant| self.lost(variant, which)).fold(Share::default(), Share::plus)
    }

    /// Rows of both directions together.
    fn both(&self) -> impl Iterator<Item = &'a SummaryRecord> {
        self.comparison.evidence.iter().filter(|row| row.direction == Directions::Both)
    }

    /// The undisturbed runs of a contender, in the given direction or in both, if there are any.
    fn quiet(&self, variant: &VariantSpec, directions: Directions) -> Option<&'a SummaryRecord> {
        let fault = self.comparison.scenario.faults.iter().find(|fault| fault.kind == FaultName::None)?;
        let rows = self.comparison.evidence.iter().filter(|row| row.runs_counted > 0);
        rows.filter(|row| row.fault == fault.name() && row.direction == directions)
            .find(|row| row.variant == variant.name)
    }

    /// Whether the scenario has a fault that `which` picks.
    fn has_fault(&self, which: impl Fn(FaultName) -> bool) -> bool {
        self.comparison.scenario.faults.iter().any(|fault| which(fault.kind))
    }

    fn compare_command(&self) -> String {
        format!("ftpsim compare {} --seeds {}", self.comparison.scenario.word(), self.comparison.seeds)
    }

    /// A replay of the first seed that shows `fault`, or of the first of all.
    fn replay_command(&self, variant: Option<&VariantSpec>, fault: FaultName) -> String {
        let c = self.comparison;
        let mut seeds = c.seeds.iter().take(c.scenario.cycle() as usize);
        let seed = seeds.find(|seed| c.scenario.stratum(*seed).fault.kind == fault).unwrap_or(c.seeds.start);
        let variant = variant.map_or("stream", |v| v.name.as_str());
        format!("ftpsim replay {} --variant {variant} --seed {seed}", c.scenario.word())
    }

    fn connections(&self, variant: &VariantSpec) -> Option<String> {
        let row = self.quiet(variant, Directions::Both)?;
        let per_run = row.data_connections as f64 / row.runs_counted as f64;
        Some(format!(
            "{} opens {per_run:.0} {} for {}{}",
            variant.name,
            plural(per_run.round() as u64, "data connection"),
            counted(row.files / row.runs_counted, "file"),
            if self.listings(variant) > 0 { " and their listing" } else { "" }
        ))
    }

    /// How many listings its undisturbed runs asked for.
    fn listings(&self, variant: &VariantSpec) -> u64 {
        let row = self.quiet(variant, Directions::One(Direction::Get)).filter(|_| variant.listed);
        row.map_or(0, |row| row.runs_counted)
    }

    fn close_is_the_end(&self) -> Claim {
        let claim = CLOSE_IS_THE_END;
        let stream = self.plain_stream();
        let command = self.replay_command(stream, FaultName::None);
        let Some(stream) = stream else { return untested(claim, command) };
        if let Err(open) = self.enough_quiet(claim, &[stream]) {
            return open;
        }
        let (Some(connections), Some(quiet)) =
            (self.connections(stream), self.quiet(stream, Directions::Both))
        else {
            return untested(claim, command);
        };
        let record = self.record_stream().filter(|_| self.has_fault(is_early_close));
        let mut figure = format!("With file structure, the default: {connections}, and closes each.");
        figure += &match record {
            Some(variant) => format!(
                " With STRU R stream mode has a mark (FF 02): {} lost files to an early close in {} runs, {} in {}.",
                variant.name,
                self.lost(variant, is_early_close),
                stream.name,
                self.lost(stream, is_early_close)
            ),
            None => " With STRU R stream mode has a mark of its own (FF 02).".to_owned(),
        };
        // A close is the end of a file if there is a connection a file; it is not always one if record
        // structure loses fewer files to an early close.
        let one_a_file = quiet.data_connections == quiet.files + self.listings(stream);
        let records_tell = match record.map(|record| self.beside(record, stream, is_early_close)) {
            None | Some(Beside::Alike) => false,
            Some(Beside::Better) => true,
            Some(Beside::Untold) => return self.untold(claim, &figure),
        };
        Claim {
            claim,
            standing: match (one_a_file, records_tell) {
                (true, true) => Standing::Conditional,
                (true, false) => Standing::Holds,
                (false, _) => Standing::Fails,
            },
            figure,
            command,
        }
    }

    fn whatever_arrives_is_the_file(&self) -> Claim {
        let claim = WHATEVER_ARRIVES;
        let stream = self.plain_stream();
        if self.comparison.scenario.triggers().contains(&TriggerName::AfterLine) {
            // What is cut is a listing, and no file.
            return untested(claim, "ftpsim compare small-files".to_owned());
        }
        let command = self.replay_command(stream, FaultName::EarlyClose);
        let Some(share) = stream.map(|v| self.lost(v, is_early_close)) else {
            return untested(claim, command);
        };
        if let Err(open) = self.enough_faults(claim, share, is_early_close) {
            return open;
        }
        let figure = format!(
            "Of a file cut by an early close, the part that had arrived stood under its name, called \
             complete, in {share} runs (cuts after the last byte lose nothing)."
        );
        if let Err(open) = self.enough_to_say_none(claim, &figure, share, (1, is_early_close)) {
            return open;
        }
        let standing = if share.lost > 0 { Standing::Holds } else { Standing::Fails };
        Claim { claim, standing, figure, command }
    }

    fn early_close_is_not_told(&self) -> Claim {
        let claim = CANNOT_TELL;
        let stream = self.plain_stream();
        let command = self.replay_command(stream, FaultName::EarlyClose);
        let early = |v: &VariantSpec| self.lost(v, is_early_close);
        let Some(stream) = stream else { return untested(claim, command) };
        let share = early(stream);
        if let Err(open) = self.enough_faults(claim, share, is_early_close) {
            return open;
        }
        let mut figure = format!("Believing the 226, it lost files silently in {share} runs.");
        if let Err(open) = self.enough_to_say_none(claim, &figure, share, (1, is_early_close)) {
            return open;
        }
        let mut standing = if share.lost > 0 { Standing::Holds } else { Standing::Fails };
        if let Some(checked) = self.checked_stream() {
            let died = self.lost(checked, |kind| kind == FaultName::SenderDies);
            figure += &format!(" With a SIZE check it lost {}", early(checked));
            figure += &match died.lost {
                0 => ".".to_owned(),
                _ => {
                    let runs = plural(died.runs, "run");
                    format!("; but a sender that dies checks nothing: {died} {runs} lost silently.")
                }
            };
            standing = match self.beside(checked, stream, is_early_close) {
                _ if share.lost == 0 => standing,
                Beside::Better => Standing::Conditional,
                Beside::Alike => standing,
                Beside::Untold => return self.untold(claim, &figure),
            };
        }
        Claim { claim, standing, figure, command }
    }

    fn connection_per_file(&self) -> Claim {
        let claim = self.about(&CONNECTION_PER_FILE);
        let command = self.compare_command();
        let marked = self.marked();
        let Some(stream) = self.plain_stream().filter(|_| !marked.is_empty()) else {
            return untested(claim, command);
        };
        let modes: Vec<&VariantSpec> = [stream].into_iter().chain(marked.iter().copied()).collect();
        if let Err(open) = self.enough_quiet(claim, &modes) {
            return open;
        }
        let parts: Vec<String> = modes.into_iter().filter_map(|v| self.connections(v)).collect();
        let fewer =
            |v: &VariantSpec| self.quiet(v, Directions::Both).is_some_and(|r| r.data_connections < r.files);
        let holds = !fewer(stream) && marked.into_iter().all(fewer);
        let standing = if holds { Standing::Holds } else { Standing::Fails };
        Claim { claim, standing, figure: format!("Undisturbed, {}.", parts.join(", ")), command }
    }

    fn faster(&self) -> Claim {
        let claim = self.about(&FASTER);
        let command = self.compare_command();
        // The ratios are to the first contender.
        let first = self.comparison.scenario.variants.first();
        if self.plain_stream().is_none_or(|stream| first.is_none_or(|first| first.name != stream.name)) {
            return untested(claim, command);
        }
        let marked = self.marked();
        if marked.is_empty() {
            return untested(claim, command);
        }
        if let Err(open) = self.enough_quiet(claim, &marked) {
            return open;
        }
        let mut parts = Vec::new();
        let mut all = true;
        for direction in &self.comparison.scenario.directions {
            for variant in &marked {
                let row = self.quiet(variant, Directions::One(*direction));
                let Some((row, ratio)) = row.and_then(|row| Some((row, row.duration_ratio?.0))) else {
                    continue;
                };
                all &= ratio < 1.0;
                parts.push(format!("{} {}: {ratio:.2}", row.direction, row.variant));
            }
        }
        if parts.is_empty() {
            return untested(claim, command);
        }
        let rtt_ms = self.comparison.scenario.path.rtt_us as f64 / 1e3;
        let mut figure =
            format!("Time of stream mode's, over {rtt_ms} ms of round trip: {}.", parts.join(", "));
        let fresh = self.variants(|v| v.mode == TransmissionMode::Block && !v.reuse_data_connection);
        let fresh = fresh.and_then(|v| self.quiet(v, Directions::Both)).and_then(|row| row.duration_ratio);
        if let Some(ratio) = fresh {
            figure += &format!(
                " Only by keeping the connection: block mode with a new one a file takes {:.2}.",
                ratio.0
            );
        }
        let standing = match (all, fresh) {
            (false, _) => Standing::Fails,
            (true, Some(_)) => Standing::Conditional,
            (true, None) => Standing::Holds,
        };
        Claim { claim, standing, figure, command }
    }

    fn small_overhead(&self) -> Claim {
        let claim = self.about(&SMALL_OVERHEAD);
        let command = self.compare_command();
        let wire = |v: &VariantSpec| {
            self.quiet(v, Directions::Both).map(|row| row.wire_bytes as f64 / row.payload_bytes as f64)
        };
        let marked = self.marked();
        let Some(stream) = self.plain_stream().filter(|_| !marked.is_empty()) else {
            return untested(claim, command);
        };
        let compared: Vec<&VariantSpec> = [stream].into_iter().chain(marked.iter().copied()).collect();
        if let Err(open) = self.enough_quiet(claim, &compared) {
            return open;
        }
        let Some(stream) = wire(stream) else { return untested(claim, command) };
        let others: Vec<(&str, f64)> =
            marked.iter().filter_map(|v| Some((v.name.as_str(), wire(v)?))).collect();
        if others.is_empty() {
            return untested(claim, command);
        }
        let parts: Vec<String> = others.iter().map(|(name, bytes)| format!("{name} {bytes:.3}")).collect();
        let dearer = others.iter().any(|(_, bytes)| *bytes > stream);
        let figure = format!(
            "Bytes in all packets of both directions for each byte of payload: stream {stream:.3}, {}{}.",
            parts.join(", "),
            if dearer { "" } else { "; the connections saved weigh more than the headers added" }
        );
        Claim {
            claim,
            standing: if dearer { Standing::Holds } else { Standing::Conditional },
            figure,
            command,
        }
    }
}

fn is_stream(variant: &VariantSpec) -> bool {
    variant.mode == TransmissionMode::Stream && variant.structure == Structure::File
}

/// A close before the end, by whoever makes it between the two ends.
fn is_early_close(kind: FaultName) -> bool {
    matches!(kind, FaultName::EarlyClose | FaultName::SplitClose)
}

fn untested(claim: &'static str, command: String) -> Claim {
    let figure = "This scenario lacks the contenders or the faults to tell.".to_owned();
    Claim { claim, standing: Standing::Untested, figure, command }
}

#[cfg(test)]
mod tests;
