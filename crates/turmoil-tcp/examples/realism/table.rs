//! Our times beside Linux's.

use crate::reference::Cell;
use rand::RngExt;
use std::fmt::Write;

/// A cell of the reference and what the simulation makes of it.
pub(crate) struct Row {
    name: String,
    lossy: bool,
    n: usize,
    runs: usize,
    median: Figure,
    p90: Figure,
}

/// One quantile, in milliseconds.
struct Figure {
    linux: f64,
    ours: f64,
    /// Of samples of as many deliveries as Linux made, 95 % have theirs between these.
    least: f64,
    most: f64,
    /// So far may ours be from Linux's.
    tolerance: f64,
}

/// Samples that are drawn of ours.
const SAMPLES: usize = 1000;
/// The emulated path was right to a few tenths of a millisecond and Linux's segments are a little smaller than
/// ours (1448 bytes of payload, for its time stamps): so much is no sign of another distribution.
const RESOLUTION_MS: f64 = 0.3;
const RESOLUTION_SHARE: f64 = 0.02;

impl Figure {
    fn ratio(&self) -> f64 {
        self.ours / self.linux
    }

    fn is_near(&self) -> bool {
        (self.ours - self.linux).abs() <= self.tolerance * self.linux
    }

    /// Linux's deliveries were enough to tell a difference of the tolerance from luck.
    fn is_decided(&self) -> bool {
        self.most - self.least <= self.tolerance * self.ours
    }

    /// Nothing says that Linux's times are of another distribution than ours.
    fn is_as_if_drawn(&self) -> bool {
        let slack = RESOLUTION_MS.max(RESOLUTION_SHARE * self.linux);
        (self.least - slack..=self.most + slack).contains(&self.linux)
    }
}

/// Of sorted times.
fn quantile(times_us: &[u64], share: f64) -> f64 {
    let at = (times_us.len() as f64 * share) as usize;
    times_us[at.min(times_us.len() - 1)] as f64 / 1e3
}

impl Row {
    pub(crate) fn new(cell: &Cell, mut times_us: Vec<u64>) -> Self {
        times_us.sort_unstable();
        let mut rng = turmoil_tcp::seeds::stream(0, &cell.name());
        let (mut medians, mut p90s) = (Vec::new(), Vec::new());
        for _ in 0..SAMPLES {
            let mut sample: Vec<u64> =
                (0..cell.n).map(|_| times_us[rng.random_range(0..times_us.len())]).collect();
            sample.sort_unstable();
            medians.push(quantile(&sample, 0.5));
            p90s.push(quantile(&sample, 0.9));
        }
        let figure = |mut sampled: Vec<f64>, share, linux, tolerance| {
            sampled.sort_by(f64::total_cmp);
            let (least, most) = (sampled[SAMPLES / 40], sampled[SAMPLES - 1 - SAMPLES / 40]);
            Figure { linux, ours: quantile(&times_us, share), least, most, tolerance }
        };
        Self {
            name: cell.name(),
            lossy: cell.path.loss_ppm > 0,
            n: cell.n,
            runs: times_us.len(),
            median: figure(medians, 0.5, cell.median_ms, 0.05),
            p90: figure(p90s, 0.9, cell.p90_ms, 0.1),
        }
    }
}

pub(crate) fn csv(rows: &[Row]) -> String {
    let mut out = "case,cc,rtt_ms,rate_mbit,loss,size_bytes,linux_n,runs".to_owned();
    for figure in ["median", "p90"] {
        let _ = write!(
            out,
            ",linux_{figure}_ms,{figure}_ms,{figure}_ratio,{figure}_near,{figure}_decided,{figure}_as_if_drawn"
        );
    }
    out.push('\n');
    for row in rows {
        let _ = write!(out, "{},{},{}", row.name, row.n, row.runs);
        for figure in [&row.median, &row.p90] {
            let (linux, ours, ratio) = (figure.linux, figure.ours, figure.ratio());
            let near = u8::from(figure.is_near());
            let (decided, drawn) = (u8::from(figure.is_decided()), u8::from(figure.is_as_if_drawn()));
            let _ = write!(out, ",{linux:.3},{ours:.3},{ratio:.3},{near},{decided},{drawn}");
        }
        out.push('\n');
    }
    out
}

pub(crate) fn summary(rows: &[Row]) -> String {
    let mut out = String::new();
    for (what, lossy) in [("without loss", Some(false)), ("with loss", Some(true)), ("all", None)] {
        let rows: Vec<&Row> =
            rows.iter().filter(|row| lossy.is_none_or(|lossy| row.lossy == lossy)).collect();
        let _ = writeln!(out, "# {what}, {} cells:", rows.len());
        for (figure, of) in [("medians within 5 %", 0), ("p90 within 10 %", 1)] {
            let figures: Vec<&Figure> = rows.iter().map(|row| [&row.median, &row.p90][of]).collect();
            let near = figures.iter().filter(|figure| figure.is_near()).count();
            let decided: Vec<_> = figures.iter().filter(|figure| figure.is_decided()).collect();
            let near_of_decided = decided.iter().filter(|figure| figure.is_near()).count();
            let drawn = figures.iter().filter(|figure| figure.is_as_if_drawn()).count();
            let _ = writeln!(
                out,
                "#   {figure}: {near}; {near_of_decided} of the {} that enough deliveries decide; \
                 {drawn} as if drawn from ours",
                decided.len()
            );
        }
    }
    out
}
