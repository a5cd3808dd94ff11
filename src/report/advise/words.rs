//! Sentences of an advice, the same in the terminal and on the page.

use super::Told;
use crate::advise::advice::{Harm, Risk, Way};
use crate::advise::amount::{Amount, Unit};
use crate::advise::estimate::Estimate;
use crate::lab::claims::LOSSLESS_RUNS;
use crate::report::{format, ways};
use crate::sim::scenario::Direction;

/// What the columns of harm are called, and what they mean.
pub(in crate::report) const HARMS: [(Harm, &str, &str); 5] = [
    (Harm::Closed, "FIN", "the data connection is closed early by somebody on the way"),
    (Harm::Broken, "RST", "it is reset, or goes silent"),
    (Harm::Dies, "dies", "the sending program dies"),
    (Harm::Changed, "byte", "a byte is changed and TCP's checksum does not tell"),
    (Harm::Power, "power", "the receiver's power fails a second after its reply"),
];

impl Told<'_> {
    /// `Uploads to ftp://me@h/in`.
    pub(in crate::report) fn title(&self) -> String {
        let (what, where_to) = match self.advice.direction {
            Direction::Put => ("Uploads", "to"),
            Direction::Get => ("Downloads", "from"),
        };
        match &self.place {
            Some(place) => format!("{what} {where_to} {}", place.url),
            None => format!("{what} {where_to} a server that can still be chosen"),
        }
    }

    /// Path, files, server: a name and a sentence each.
    pub(in crate::report) fn conditions(&self) -> Vec<(&'static str, String)> {
        let advice = self.advice;
        let path = &advice.path;
        let mut on = format!(
            "{} round trip, {}, loss {}",
            ranged(&path.rtt_us, format::setting),
            ranged(&path.rate_bits_per_s, format::bit_rate),
            ranged(&path.loss_ppm, |ppm| Unit::Share.exact(ppm).replace('%', " %")),
        );
        if path.login_us > 0 {
            on += &format!("; a login takes {} beyond its round trips", format::duration(path.login_us));
        }
        vec![
            ("path", on),
            ("files", self.files()),
            ("server", format!("has {}", advice.features.to_string().replace(',', ", "))),
        ]
    }

    fn files(&self) -> String {
        let advice = self.advice;
        let mut text = format!(
            "{}, {}, the largest {}",
            format::counted(advice.files.files, "file"),
            format::bytes(advice.files.bytes),
            format::bytes(advice.largest_bytes),
        );
        if advice.directories > 0 {
            text += &match advice.directories {
                1 => ", in a directory".to_owned(),
                n => format!(", in {} directories", format::thousands(n)),
            };
        }
        match advice.compressibility.shares() {
            Some((deflated, compressed)) => {
                text += &format!(
                    "; deflate mode leaves {}, compressed mode {} (of the beginnings of {})",
                    format::percent(deflated),
                    format::percent(compressed),
                    format::counted(advice.compressibility.files_read, "file")
                );
            }
            None => text += "; contents unknown, taken for incompressible",
        }
        text
    }

    /// What was done to come to the figures.
    pub(in crate::report) fn how(&self) -> Vec<String> {
        let advice = self.advice;
        let plan = &advice.files;
        let mut all = self.basis.clone();
        if !plan.is_whole() {
            all.push(format!(
                "Times are extrapolated: {} simulated files stand for {} (means of {} by size), and what the \
                 second half of them takes is counted for all others.",
                plan.sizes_bytes.len(),
                format::thousands(plan.files),
                format::counted(plan.sizes_bytes.len() as u64, "group"),
            ));
        }
        if let (Some(cap), true) = (plan.cap_bytes, plan.missing_bytes() != 0) {
            all.push(format!(
                "Of each file no more than {} were simulated; for the rest, the rate of a long transfer of that way.",
                format::bytes(cap)
            ));
        }
        all.push(format!(
            "Losses are of deliveries of {}, {} in all, with one fault each, from seed {} on: so often a fault \
             costs a file in silence if it strikes, not how often it strikes.",
            format::counted(advice.faulty_files, "file"),
            format::bytes(advice.faulty_bytes),
            advice.seed
        ));
        all
    }

    /// The way to take, or why none is to be taken.
    pub(in crate::report) fn decision(&self) -> String {
        let Some(best) = self.advice.ways.first() else {
            return "No way is open: see below what is missing.".to_owned();
        };
        let words = ways::words(&best.variant);
        let ranked = best.ranked();
        let time = best.time.map_or("came to no end".to_owned(), |time| format!("takes {}", took(&time)));
        match (ranked.lost, best.is_safe()) {
            (0, true) => format!(
                "{words}. It {time}, and lost nothing silently in {} with a fault ({}).",
                format::counted(ranked.runs, "run"),
                interval(&ranked)
            ),
            (0, false) => format!(
                "{words}. It {time}. Not enough evidence: it lost nothing silently in {} with a fault, and to say so \
                 takes {LOSSLESS_RUNS}; --runs 12 brings them.",
                format::counted(ranked.runs, "run"),
            ),
            _ => format!(
                "{words}, if it has to be this server. Every way that is open loses files silently; this one, which \
                 {}, did in {} of {} with a fault ({}).",
                time,
                format::thousands(ranked.lost),
                format::counted(ranked.runs, "run"),
                interval(&ranked)
            ),
        }
    }

    /// The way to take; and where that is in clear, the best under TLS.
    pub(in crate::report) fn picks(&self) -> Vec<(&'static str, &Way)> {
        let ways = &self.advice.ways;
        let best = ways.first();
        let tls = ways.iter().find(|way| way.variant.tls.is_some());
        let is_clear = best.is_some_and(|best| best.variant.tls.is_none());
        let second = tls.filter(|_| is_clear);
        let names = if second.is_some() { ["in clear", "under TLS"] } else { ["", ""] };
        names.into_iter().zip(best.into_iter().chain(second)).collect()
    }

    /// What else whoever decides has to know.
    pub(in crate::report) fn warnings(&self) -> Vec<String> {
        let advice = self.advice;
        let mut all = Vec::new();
        if let Some(best) = advice.ways.first() {
            let plain = advice.ways.iter().find(|way| way.variant.name == "stream");
            let gain = plain.and_then(|plain| Some((plain.time?, plain.ranked(), best.time?)));
            if let Some((time, lost, best_time)) = gain.filter(|_| best.variant.name != "stream") {
                all.push(format!(
                    "Stream mode whose 226 is believed, which most programs use, takes {} ({} times as long) and lost \
                     files silently in {} of {} with a fault.",
                    format::duration(time.us),
                    format::ratio(time.us as f64 / best_time.us.max(1) as f64),
                    format::thousands(lost.lost),
                    format::counted(lost.runs, "run"),
                ));
            }
            let as_fast: Vec<String> = advice.ways[1..]
                .iter()
                .filter(|way| way.ranked().lost == best.ranked().lost)
                .filter(|way| matches!((way.time, best.time), (Some(a), Some(b)) if a.low_us <= b.us && b.us <= a.high_us))
                .map(|way| way.variant.name.clone())
                .collect();
            if !as_fast.is_empty() {
                let take = if as_fast.len() == 1 { "takes" } else { "take" };
                all.push(format!("Within its interval {} {take} as long.", format::list(&as_fast)));
            }
            if best.exposed_files > 0 {
                all.push("A program that takes files as they appear would see parts of them.".to_owned());
            }
            if best.variant.tls.is_none() {
                let offered = advice.ways.iter().any(|way| way.variant.tls.is_some());
                let other = advice.ways.iter().find(|way| way.variant.tls.is_some() && way.is_safe());
                all.push(match other {
                    Some(way) => format!(
                        "In clear anybody on the path reads password and files; the best under TLS is {} ({}).",
                        way.variant.name,
                        way.time.map_or("no end".to_owned(), |time| format::duration(time.us))
                    ),
                    None if offered => "In clear anybody on the path reads password and files.".to_owned(),
                    None => "In clear anybody on the path reads password and files; the server offers no TLS here."
                        .to_owned(),
                });
            }
            if best.under(Harm::Changed).lost > 0 {
                let hash = advice.ways.iter().find(|way| way.is_safe() && way.under(Harm::Changed).lost == 0);
                if let Some(way) = hash {
                    all.push(format!(
                        "Against bytes that are changed on the way only hashes, TLS and MODE Z help: the best of \
                         these is {}.",
                        way.variant.name
                    ));
                }
            }
        }
        all
    }

    /// What the table's figures are.
    pub(in crate::report) fn legend(&self) -> Vec<String> {
        let columns: Vec<String> = HARMS.iter().map(|(_, name, means)| format!("{name}: {means}")).collect();
        vec![
            format!(
                "Of the runs in which a fault struck, those in which a file ended up short, wrong or missing and \
                 nobody was told. {}. The order is made by the first three; seen: files that a reader of the \
                 receiver's directory could see in part under their names.",
                columns.join("; ")
            ),
            "The interval is the spread of the runs, over the range in which the path was measured, and never less \
             than a tenth either way (docs/advise.md)."
                .to_owned(),
        ]
    }
}

/// `50 ms (48 ms to 55 ms)`.
fn ranged(amount: &Amount, show: impl Fn(u64) -> String) -> String {
    match amount.has_range() {
        true => format!("{} ({} to {})", show(amount.value), show(amount.low), show(amount.high)),
        false => show(amount.value),
    }
}

/// `1.31 s (1.24 s to 1.38 s)`.
pub(in crate::report) fn took(time: &Estimate) -> String {
    let [us, low, high] = [time.us, time.low_us, time.high_us].map(format::duration);
    format!("{us} ({low} to {high})")
}

/// In per cent: `±10`, `-10/+40`; or `-10/x2.5`.
pub(in crate::report) fn spread(time: &Estimate) -> String {
    let share = |us: u64| (us.abs_diff(time.us) as f64 / time.us.max(1) as f64 * 100.0).round();
    let (low, high) = (share(time.low_us), share(time.high_us));
    if high >= 100.0 {
        // A hundred per cent and more are read as a factor.
        return format!("-{low}/x{}", format::ratio(time.high_us as f64 / time.us.max(1) as f64));
    }
    if low == high { format!("±{low}") } else { format!("-{low}/+{high}") }
}

/// How certain the share of runs that lost something is.
pub(in crate::report) fn interval(risk: &Risk) -> String {
    format::certainty(risk.lost, risk.runs).unwrap_or_else(|| "not told".to_owned())
}

/// The share of runs that lost something; `-` without runs.
pub(in crate::report) fn share(risk: &Risk) -> String {
    match (risk.lost, risk.runs) {
        (_, 0) => "-".to_owned(),
        (0, _) => "0".to_owned(),
        (lost, runs) if lost == runs => "all".to_owned(),
        (lost, runs) => format::percent(lost as f64 / runs as f64),
    }
}

/// Files that could be seen in part, as a share.
pub(in crate::report) fn seen(way: &Way) -> String {
    share(&Risk { fault: String::new(), runs: way.seen_files, lost: way.exposed_files })
}
