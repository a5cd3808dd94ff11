//! The claims about reliability, judged by cutting everywhere.

use super::safe::figure;
use super::tls::{CURES, MARKS};
use super::{
    CANNOT_TELL, CLOSE_IS_THE_END, LOSSLESS_RUNS, MORE_RELIABLE, SAFE, Share, WHATEVER_ARRIVES,
    is_early_close, is_power_cut, is_stream, safe, the_modes, untested,
};
use crate::lab::claim::{Claim, Standing};
use crate::lab::plural::{counted, there_are};
use crate::lab::truth::{Effect, Reported, TruthRecord, TruthTable};
use crate::sim::fault::FaultName;
use crate::sim::outcome::Left;
use crate::sim::scenario::{Direction, FaultSpec, Publish, VariantSpec, Verify};
use crate::sim::wire::Part;
use ftp_proto::mode::{Structure, TransmissionMode};

/// Those claims that a truth table can tell about.
pub fn judge_truth(table: &TruthTable) -> Vec<Claim> {
    let evidence = Evidence { table };
    let mut claims = vec![
        evidence.close_is_the_end(),
        evidence.whatever_arrives(),
        evidence.cannot_tell(),
        evidence.more_reliable(),
    ];
    claims.extend(evidence.safe());
    claims.extend(evidence.cures());
    claims.extend(evidence.marks());
    claims
}

/// Whether the sender itself stops, and ends its data connection as at the end of the file.
fn ends_unfinished(fault: &FaultSpec) -> bool {
    fault.ends_unfinished == Some(true)
}

struct Evidence<'a> {
    table: &'a TruthTable,
}

impl<'a> Evidence<'a> {
    fn variant(&self, wanted: impl Fn(&VariantSpec) -> bool) -> Option<&'a VariantSpec> {
        self.table.scenario.variants.iter().find(|variant| variant.tls.is_none() && wanted(variant))
    }

    fn plain_stream(&self) -> Option<&'a VariantSpec> {
        self.variant(|v| is_stream(v) && v.verify == Verify::Reply && v.publish == Publish::Direct)
    }

    /// Cuts of a contender by kinds of fault, both directions; without those that its sender takes for an end.
    fn cuts(
        &self,
        variant: &'a VariantSpec,
        which: fn(FaultName) -> bool,
    ) -> impl Iterator<Item = &'a TruthRecord> + Clone {
        let faults = &self.table.scenario.faults;
        let names = faults.iter().filter(move |fault| which(fault.kind) && !ends_unfinished(fault));
        self.rows(variant, names.map(FaultSpec::name).collect())
    }

    /// Of a contender and these faults, those that struck.
    fn rows(
        &self,
        variant: &'a VariantSpec,
        faults: Vec<&'a str>,
    ) -> impl Iterator<Item = &'a TruthRecord> + Clone {
        let fired = self.table.rows.iter().filter(move |row| row.fault_fired && row.variant == variant.name);
        fired.filter(move |row| faults.contains(&row.cut.as_str()))
    }

    /// Uploads whose sender stopped before the end of a file and ended its connection in order, and silent losses
    /// among them; of the contenders that `which` picks.
    fn stopped(&self, which: impl Fn(&VariantSpec) -> bool) -> (usize, usize) {
        let faults = || self.table.scenario.faults.iter().filter(|fault| ends_unfinished(fault));
        let variants = self.table.scenario.variants.iter().filter(|v| which(v));
        let early = variants
            .flat_map(|v| self.rows(v, faults().map(FaultSpec::name).collect()))
            .filter(|row| row.direction == Direction::Put && row.left != Left::Whole);
        early.fold((0, 0), |(lost, stops), row| (lost + usize::from(row.effect == Effect::Silent), stops + 1))
    }

    fn command(&self) -> String {
        format!("ftpsim compare {}", self.table.scenario.word())
    }

    fn replay(&self, row: Option<&TruthRecord>) -> String {
        row.map_or(self.command(), |row| {
            format!(
                "ftpsim replay {} --variant {} --seed {}",
                self.table.scenario.word(),
                row.variant,
                row.seed
            )
        })
    }

    /// Early closes of plain stream mode before a payload byte, and those that left a part.
    fn truncated(&self, variant: &'a VariantSpec) -> (Vec<&'a TruthRecord>, usize) {
        let cuts = self.cuts(variant, is_early_close);
        let cuts: Vec<_> = cuts.filter(|row| row.position == Some(Part::Payload)).collect();
        let parts = cuts.iter().filter(|row| row.left == Left::Part).count();
        (cuts, parts)
    }

    fn close_is_the_end(&self) -> Claim {
        let claim = CLOSE_IS_THE_END;
        let Some(stream) = self.plain_stream() else { return untested(claim, self.command()) };
        let (cuts, parts) = self.truncated(stream);
        let (true, Some(first)) = (!cuts.is_empty(), cuts.first()) else {
            return untested(claim, self.command());
        };
        let mut figure = format!(
            "A close made by a middlebox was taken for the end of the file at {parts} of {}.",
            counted(cuts.len(), "payload byte")
        );
        let record = |v: &VariantSpec| v.mode == TransmissionMode::Stream && v.structure == Structure::Record;
        let mut standing = if parts == cuts.len() { Standing::Holds } else { Standing::Fails };
        if let Some(record) = self.variant(record) {
            let (cuts, parts) = self.truncated(record);
            figure += &format!(" With STRU R, which has a mark of its own, at {parts} of {}.", cuts.len());
            standing = if parts == 0 && !cuts.is_empty() { Standing::Conditional } else { standing };
        }
        Claim { claim, standing, figure, command: self.replay(Some(first)) }
    }

    fn whatever_arrives(&self) -> Claim {
        let claim = WHATEVER_ARRIVES;
        let Some(stream) = self.plain_stream() else { return untested(claim, self.command()) };
        let (cuts, parts) = self.truncated(stream);
        if cuts.is_empty() {
            return untested(claim, self.command());
        }
        let delivered = cuts.iter().filter(|row| row.reported == Reported::Delivered).count();
        Claim {
            claim,
            standing: if parts == cuts.len() { Standing::Holds } else { Standing::Fails },
            figure: format!(
                "Closed before each of {}, the bytes before it stood under the file's name {}, and the client \
                 called the file delivered {}.",
                counted(cuts.len(), "payload byte"),
                counted(parts, "time"),
                counted(delivered, "time")
            ),
            command: self.replay(cuts.last().copied()),
        }
    }

    fn cannot_tell(&self) -> Claim {
        let claim = CANNOT_TELL;
        let Some(stream) = self.plain_stream() else { return untested(claim, self.command()) };
        let (cuts, _) = self.truncated(stream);
        if cuts.is_empty() {
            return untested(claim, self.command());
        }
        let unnoticed = cuts.iter().filter(|row| !row.noticed_by_sender && !row.noticed_by_receiver).count();
        let mut figure = format!(
            "Of {} before a payload byte neither side noticed {unnoticed}.",
            counted(cuts.len(), "early close")
        );
        let mut standing = if unnoticed == cuts.len() { Standing::Holds } else { Standing::Fails };
        let checked =
            self.variant(|v| is_stream(v) && v.verify == Verify::Size && v.publish == Publish::Direct);
        if let Some(checked) = checked {
            let (cuts, _) = self.truncated(checked);
            let silent = cuts.iter().filter(|row| row.effect == Effect::Silent).count();
            figure += &format!(" Whoever compares SIZE lost {silent} of {} silently", cuts.len());
            let died = self.cuts(checked, |kind| kind == FaultName::SenderDies);
            let died_silent = died.clone().filter(|row| row.effect == Effect::Silent).count();
            figure += &match died_silent {
                0 => ".".to_owned(),
                n => format!(
                    "; but of {} deaths of the sender {n}, for the dead compare nothing.",
                    died.count()
                ),
            };
            let tells = silent == 0 && !cuts.is_empty();
            standing = if tells && standing == Standing::Holds { Standing::Conditional } else { standing };
        }
        Claim { claim, standing, figure, command: self.replay(cuts.first().copied()) }
    }

    /// Judged where the power is cut after the reply.
    fn safe(&self) -> Option<Claim> {
        let share = |durable: bool| {
            let variants = self.table.scenario.variants.iter().filter(move |v| v.durable == durable);
            let cuts = variants.flat_map(|v| self.cuts(v, is_power_cut));
            cuts.fold(Share::default(), |sum, row| Share {
                lost: sum.lost + u64::from(row.effect == Effect::Silent),
                runs: sum.runs + 1,
            })
        };
        let (plain, durable) = (share(false), share(true));
        // Each byte is cut, but moments are a sample.
        let short = [plain, durable].into_iter().find(|share| share.is_too_few_for_none() && share.runs > 0);
        Some(match short {
            _ if plain.runs == 0 => return None,
            None => safe(SAFE, plain, durable, self.command()),
            Some(share) => Claim {
                claim: SAFE,
                standing: Standing::NotEnough,
                figure: format!(
                    "{} To say that nothing is lost takes {LOSSLESS_RUNS} power cuts; {}.",
                    figure(plain, durable),
                    there_are(share.runs)
                ),
                command: "ftpsim compare power-cut".to_owned(),
            },
        })
    }

    /// Silent losses, and cuts, of the contenders that `which` picks.
    fn silent(&self, which: impl Fn(&VariantSpec) -> bool) -> (usize, usize) {
        let variants = self.table.scenario.variants.iter().filter(|v| which(v));
        let cuts = variants.map(|v| {
            let cuts = self.cuts(v, |kind| !is_power_cut(kind));
            (cuts.clone().filter(|row| row.effect == Effect::Silent).count(), cuts.count())
        });
        cuts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Of a mark that some look for and others do not.
    fn looked_for(
        &self,
        claim: &'static str,
        mark: &str,
        strict: (usize, usize),
        lax: (usize, usize),
    ) -> Claim {
        let standing = match (strict.0, lax.0) {
            (0, 1..) => Standing::Conditional,
            (0, 0) => Standing::Holds,
            _ => Standing::Fails,
        };
        let mut figure = format!(
            "Where both ends demand {mark}, {} of {} lost files silently",
            strict.0,
            counted(strict.1, "cut")
        );
        figure += &match lax {
            (_, 0) => ".".to_owned(),
            (lost, cuts) => format!("; where a FIN will do, {lost} of {cuts}."),
        };
        Claim { claim, standing, figure, command: self.command() }
    }

    /// Judged where there are contenders over TLS.
    fn cures(&self) -> Option<Claim> {
        let demanded = |v: &VariantSpec| v.tls.map(|tls| tls.is_strict());
        let strict = self.silent(|v| is_stream(v) && demanded(v) == Some(true));
        let lax = self.silent(|v| is_stream(v) && demanded(v) == Some(false));
        if strict.1 == 0 {
            return None;
        }
        let mut claim = self.looked_for(CURES, "close_notify", strict, lax);
        let (lost, stops) = self.stopped(|v| is_stream(v) && demanded(v) == Some(true));
        if lost > 0 {
            let (marked_lost, marked_stops) = self.stopped(|v| v.tls.is_some() && !is_stream(v));
            claim.figure += &format!(
                " A client that cannot read its file to the end, ends the connection in order and exits makes the mark \
                 itself: {lost} of {} lost files silently, {marked_lost} of {marked_stops} where the mode has a mark of \
                 its own.",
                counted(stops, "such stop")
            );
            if claim.standing == Standing::Holds {
                claim.standing = Standing::Conditional;
            }
        }
        Some(claim)
    }

    /// Judged where there are contenders in deflate mode.
    fn marks(&self) -> Option<Claim> {
        let deflate = |v: &VariantSpec| v.mode == TransmissionMode::Deflate;
        let strict = self.silent(|v| deflate(v) && !v.takes_cut_deflate);
        let lax = self.silent(|v| deflate(v) && v.takes_cut_deflate);
        (strict.1 > 0).then(|| self.looked_for(MARKS, "the end of the zlib stream", strict, lax))
    }

    fn more_reliable(&self) -> Claim {
        let silent = |v: &'a VariantSpec| {
            let cuts = self.cuts(v, |kind| !is_power_cut(kind));
            (cuts.clone().filter(|row| row.effect == Effect::Silent).count(), cuts.count())
        };
        let variants = || self.table.scenario.variants.iter();
        let marked = || variants().filter(|v| v.mode.is_framed());
        let modes = || marked().map(|v| v.mode);
        let claim = MORE_RELIABLE.of(modes());
        let (Some(stream), Some(_)) = (self.plain_stream(), marked().next()) else {
            return untested(claim, self.command());
        };
        let (lost, cuts) = silent(stream);
        let none_cut = |v: &'a VariantSpec| silent(v).1 == 0;
        if none_cut(stream) || marked().all(none_cut) {
            return untested(claim, self.command());
        }
        let (lost_marked, cuts_marked) =
            marked().map(silent).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let careful = variants().filter(|v| v.mode == TransmissionMode::Stream && v.name != stream.name);
        let careful = careful.filter(|v| silent(v).0 == 0 && !none_cut(v));
        let careful: Vec<&str> = careful.map(|v| v.name.as_str()).collect();
        let mut figure = format!(
            "Of {} of {} {lost} {} silent {}, of {} of {} of {} {lost_marked}",
            counted(cuts, "cut"),
            stream.name,
            if lost == 1 { "was a" } else { "were" },
            if lost == 1 { "loss" } else { "losses" },
            counted(cuts_marked, "cut"),
            counted(marked().count(), "contender"),
            the_modes(modes())
        );
        figure += &match careful.as_slice() {
            [] => ".".to_owned(),
            names => format!("; with more care stream mode had none either: {}.", names.join(", ")),
        };
        let standing = match (lost_marked * cuts < lost * cuts_marked, careful.is_empty()) {
            (false, _) => Standing::Fails,
            (true, false) => Standing::Conditional,
            (true, true) => Standing::Holds,
        };
        Claim { claim, standing, figure, command: self.command() }
    }
}

#[cfg(test)]
mod tests;
