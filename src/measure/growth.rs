//! How time and memory of a delivery grow with the number of files, of sessions, and with file size.

use super::delivery::{Contender, DataConnection};
use ftp_endpoint::client::Direction;
use ftp_proto::mode::TransmissionMode;
use serde::{Deserialize, Serialize};

/// What grows from point to point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Curve {
    /// More and more files in one delivery.
    Files,
    /// More and more sessions at a time, each with as many files.
    Sessions,
    /// Larger and larger files.
    FileSize,
}

impl Curve {
    /// Every curve, in the order in which they are measured.
    pub(crate) const ALL: [Self; 3] = [Self::Files, Self::Sessions, Self::FileSize];

    /// The name that options and CSV have for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Sessions => "sessions",
            Self::FileSize => "file size",
        }
    }
}

/// Of the curves over files.
const FILE_SIZE_BYTES: u64 = 100;
/// Of the curves over sessions.
const SESSION_FILE_SIZE_BYTES: u64 = 1024;
const FILES_PER_SESSION: u64 = 20;
/// Commands ahead where there are any.
const DEPTH: u32 = 32;
/// A growth is worse than linear above this exponent: what is above 1 may be noise.
pub(crate) const MAX_EXPONENT: f64 = 1.15;
/// Exponents are those of the last two decades, where fixed costs no longer hide them.
const DECADES: f64 = 100.0;

/// The largest value of each curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Files in one delivery.
    pub files: u64,
    /// Sessions at a time.
    pub sessions: u32,
    /// The size of a file.
    pub file_size_bytes: u64,
}

/// One measurement, made in a process of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// The curve to which it belongs.
    pub curve: Curve,
    /// The way to deliver.
    pub contender: Contender,
    /// Files in the delivery.
    pub files: u64,
    /// The size of each.
    pub file_size_bytes: u64,
}

impl Point {
    /// What the curve is over.
    pub(crate) fn x(&self) -> u64 {
        match self.curve {
            Curve::Files => self.files,
            Curve::Sessions => u64::from(self.contender.parallel),
            Curve::FileSize => self.file_size_bytes,
        }
    }
}

/// A point with its figures: medians of its repetitions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GrowthRecord {
    /// The curve to which the point belongs.
    pub curve: Curve,
    /// Which way the files went.
    pub direction: Direction,
    /// The transmission mode, RFC 959 section 3.4.
    pub mode: TransmissionMode,
    /// Transfer commands under way at a time.
    pub pipeline_depth: u32,
    /// Sessions at a time.
    pub sessions: u32,
    /// Files in the delivery.
    pub files: u64,
    /// The size of each.
    pub file_size_bytes: u64,
    /// Deliveries measured, of which the figures are medians.
    pub repetitions: u64,
    /// The time from the first connection to the answer to QUIT.
    pub duration_us: u64,
    /// Files delivered in a second.
    pub files_per_s: f64,
    /// Payload delivered in a second.
    pub bytes_per_s: u64,
    /// Of both ends, which are one process.
    pub peak_memory_bytes: Option<u64>,
    /// Processor time of both ends in their own code; absent where the system does not tell.
    pub cpu_user_us: Option<u64>,
    /// Processor time of both ends in the kernel; absent where the system does not tell.
    pub cpu_system_us: Option<u64>,
    /// The version of the program that measured.
    pub version: String,
    /// The processor's model.
    pub cpu: String,
    /// Processors that the process may use.
    pub cores: u64,
    /// The operating system and its release.
    pub system: String,
    /// The day, UTC.
    pub date: String,
}

impl GrowthRecord {
    /// The value on the curve's axis: files, sessions or bytes, as the curve says.
    pub(crate) fn x(&self) -> u64 {
        match self.curve {
            Curve::Files => self.files,
            Curve::Sessions => u64::from(self.sessions),
            Curve::FileSize => self.file_size_bytes,
        }
    }

    /// Over file size that of one file, else that of the delivery.
    pub(crate) fn time_us(&self) -> f64 {
        let files = if self.curve == Curve::FileSize { self.files } else { 1 };
        self.duration_us as f64 / files as f64
    }

    /// `put block, 32 ahead`.
    pub(crate) fn way(&self) -> String {
        Contender::new(self.direction, self.mode, self.pipeline_depth, 1, DataConnection::Kept).name()
    }
}

/// Every way on every curve, in order of its values.
pub(crate) fn points(curves: &[Curve], limits: Limits) -> Vec<Point> {
    let mut all = Vec::new();
    for &curve in curves {
        for direction in [Direction::Put, Direction::Get] {
            for (mode, depth) in [
                (TransmissionMode::Stream, 1),
                (TransmissionMode::Block, 1),
                (TransmissionMode::Block, DEPTH),
            ] {
                let with = |parallel| Contender::new(direction, mode, depth, parallel, DataConnection::Kept);
                let point = |x: u64| match curve {
                    Curve::Files => {
                        Point { curve, contender: with(1), files: x, file_size_bytes: FILE_SIZE_BYTES }
                    }
                    Curve::Sessions => Point {
                        curve,
                        contender: with(x as u32),
                        files: x * FILES_PER_SESSION,
                        file_size_bytes: SESSION_FILE_SIZE_BYTES,
                    },
                    // There are as many as make a time that can be measured.
                    Curve::FileSize => {
                        let files = ((64 << 20) / x.max(1)).clamp(1, 1_000);
                        Point { curve, contender: with(1), files, file_size_bytes: x }
                    }
                };
                all.extend(values(curve, limits).into_iter().map(point));
            }
        }
    }
    all
}

/// The limit is always one of them.
fn values(curve: Curve, limits: Limits) -> Vec<u64> {
    let (some, limit): (&[u64], u64) = match curve {
        Curve::Files => (&[10, 100, 1_000, 10_000, 100_000], limits.files),
        Curve::Sessions => (&[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000], u64::from(limits.sessions)),
        Curve::FileSize => (
            &[1, 1 << 10, 16 << 10, 256 << 10, 4 << 20, 16 << 20, 64 << 20, 256 << 20],
            limits.file_size_bytes,
        ),
    };
    some.iter().copied().filter(|value| *value < limit).chain([limit]).collect()
}

/// How one way's time and memory grow: y ~ x to this power, over the last two decades.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Growth {
    /// The curve.
    pub curve: Curve,
    /// The way to deliver ([`GrowthRecord::way`]).
    pub way: String,
    /// The largest value that was measured, and what it took.
    pub x: u64,
    /// The time of the delivery there.
    pub duration_us: u64,
    /// Files delivered in a second there.
    pub files_per_s: f64,
    /// Payload delivered in a second there.
    pub bytes_per_s: u64,
    /// The most memory that both ends, one process, held there; absent where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// The power for time; absent where the points span less than a decade.
    pub time_exponent: Option<f64>,
    /// The power for memory; absent where the points span less than a decade, or the system does not
    /// tell.
    pub memory_exponent: Option<f64>,
}

impl Growth {
    /// Whether time or memory grow faster than the value, beyond the noise of measuring.
    pub(crate) fn is_worse_than_linear(&self) -> bool {
        [self.time_exponent, self.memory_exponent].iter().flatten().any(|exponent| *exponent > MAX_EXPONENT)
    }
}

/// One for each way on each curve.
pub(crate) fn growths(records: &[GrowthRecord]) -> Vec<Growth> {
    let mut all: Vec<Growth> = Vec::new();
    for record in records {
        let way = record.way();
        if all.iter().any(|growth| growth.curve == record.curve && growth.way == way) {
            continue;
        }
        let same: Vec<&GrowthRecord> =
            records.iter().filter(|other| other.curve == record.curve && other.way() == way).collect();
        let Some(last) = same.iter().max_by_key(|other| other.x()) else { continue };
        let late = || same.iter().filter(|other| other.x() as f64 >= last.x() as f64 / DECADES);
        let times: Vec<(f64, f64)> = late().map(|other| (other.x() as f64, other.time_us())).collect();
        let memory: Vec<(f64, f64)> =
            late().filter_map(|other| Some((other.x() as f64, other.peak_memory_bytes? as f64))).collect();
        all.push(Growth {
            curve: record.curve,
            way,
            x: last.x(),
            duration_us: last.duration_us,
            files_per_s: last.files_per_s,
            bytes_per_s: last.bytes_per_s,
            peak_memory_bytes: last.peak_memory_bytes,
            time_exponent: exponent(&times),
            memory_exponent: exponent(&memory),
        });
    }
    all
}

/// The slope of the line of least squares through the logarithms; `None` where the points span less
/// than a decade.
pub(crate) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let (least, most) = points.iter().fold((f64::INFINITY, 0.0_f64), |(l, m), (x, _)| (x.min(l), x.max(m)));
    if most < 10.0 * least {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let n = logs.len() as f64;
    let (x_mean, y_mean) =
        (logs.iter().map(|(x, _)| x).sum::<f64>() / n, logs.iter().map(|(_, y)| y).sum::<f64>() / n);
    let above: f64 = logs.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let below: f64 = logs.iter().map(|(x, _)| (x - x_mean) * (x - x_mean)).sum();
    let slope = above / below;
    slope.is_finite().then(|| (slope * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_of_powers() {
        let power = |p: f64| [10.0, 100.0, 1000.0].map(|x: f64| (x, 3.0 * x.powf(p))).to_vec();
        for p in [0.0, 0.5, 1.0, 2.0] {
            assert_eq!(exponent(&power(p)), Some(p));
        }
        assert_eq!(exponent(&[(1.0, 1.0), (2.0, 9.0)]), None);
        assert_eq!(exponent(&[]), None);
    }

    fn record(files: u64, duration_us: u64) -> GrowthRecord {
        GrowthRecord {
            curve: Curve::Files,
            direction: Direction::Put,
            mode: TransmissionMode::Block,
            pipeline_depth: 1,
            sessions: 1,
            files,
            file_size_bytes: 1,
            repetitions: 1,
            duration_us,
            files_per_s: 0.0,
            bytes_per_s: 0,
            peak_memory_bytes: Some(10_000_000),
            cpu_user_us: None,
            cpu_system_us: None,
            version: String::new(),
            cpu: String::new(),
            cores: 1,
            system: String::new(),
            date: String::new(),
        }
    }

    #[test]
    fn what_is_quadratic_in_the_end_is_found() {
        let linear = [record(10, 500), record(1_000, 10_000), record(100_000, 1_000_000)];
        let found = growths(&linear);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].x, found[0].time_exponent), (100_000, Some(1.0)));
        assert_eq!(found[0].memory_exponent, Some(0.0));
        assert!(!found[0].is_worse_than_linear());
        let quadratic = [record(10, 500), record(1_000, 10_000), record(100_000, 100_000_000)];
        assert!(growths(&quadratic)[0].is_worse_than_linear());
    }

    #[test]
    fn each_curve_ends_at_its_limit() {
        let limits = Limits { files: 1_000_000, sessions: 2_000, file_size_bytes: 1 << 30 };
        let all = points(&Curve::ALL, limits);
        for (curve, first, last) in
            [(Curve::Files, 10, 1_000_000), (Curve::Sessions, 1, 2_000), (Curve::FileSize, 1, 1 << 30)]
        {
            let values: Vec<u64> = all.iter().filter(|point| point.curve == curve).map(Point::x).collect();
            assert_eq!((values.iter().min(), values.iter().max()), (Some(&first), Some(&last)));
            assert_eq!(values.iter().filter(|value| **value == last).count(), 6, "every way");
        }
        assert!(points(&[Curve::Files], Limits { files: 100, ..limits }).iter().all(|p| p.files <= 100));
    }
}
