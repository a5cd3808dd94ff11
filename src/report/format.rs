//! Numbers as people read them, the same on every platform.

use crate::lab::plural::plural;
use crate::lab::records::SummaryRecord;
use crate::lab::stats;

/// `40.3 s`, `152 ms`, `1 h 02 min`: three digits or so.
pub fn duration(us: u64) -> String {
    let s = us as f64 / 1e6;
    match us {
        0..1_000 => format!("{us} us"),
        1_000..9_995 => format!("{:.2} ms", us as f64 / 1e3),
        9_995..99_950 => format!("{:.1} ms", us as f64 / 1e3),
        99_950..999_500 => format!("{:.0} ms", us as f64 / 1e3),
        999_500..9_995_000 => format!("{s:.2} s"),
        9_995_000..99_950_000 => format!("{s:.1} s"),
        99_950_000..600_000_000 => format!("{s:.0} s"),
        _ => {
            let minutes = (us + 30_000_000) / 60_000_000;
            if minutes < 60 {
                format!("{minutes} min")
            } else {
                format!("{} h {:02} min", minutes / 60, minutes % 60)
            }
        }
    }
}

/// A duration that somebody chose, exactly: `50 ms`, `2.5 s`.
pub fn setting(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{} ms", us as f64 / 1e3),
        _ => format!("{} s", us as f64 / 1e6),
    }
}

/// `16 KiB`, `100 B`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let (mut value, mut unit) = (n as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `1,920`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 run`, `1,920 runs`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {}", thousands(n), plural(n, noun))
}

/// A share as per cent: `43 %`, `4.2 %`, `0.08 %`, `0 %`.
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    match p.abs() {
        0.0 => "0 %".to_owned(),
        a if a < 0.095 => format!("{p:.2} %"),
        a if a < 9.95 => format!("{p:.1} %"),
        _ => format!("{p:.0} %"),
    }
}

/// How certain a share is, at 95 %: `61 % to 85 %` by Wilson's interval, where none was lost `at most 3.2 %` by the
/// exact one-sided bound. `None` without runs.
pub fn certainty(lost: u64, runs: u64) -> Option<String> {
    if lost == 0 {
        return Some(format!("at most {}", percent(stats::bound_of_none(runs)?)));
    }
    let interval = stats::wilson(lost, runs)?;
    Some(format!("{} to {}", percent(interval.low), percent(interval.high)))
}

/// A ratio: `0.26`, `12.3`, `0.0041`.
pub fn ratio(r: f64) -> String {
    match r.abs() {
        a if a >= 99.5 => format!("{r:.0}"),
        a if a >= 9.95 => format!("{r:.1}"),
        a if a >= 0.0995 => format!("{r:.2}"),
        _ => format!("{r:.3}"),
    }
}

/// A median of paired ratios with the ends of its interval: `0.26 [0.25, 0.27]`.
pub fn ratio_of_pairs(median: f64, ends: Option<(f64, f64)>) -> String {
    match ends {
        Some((low, high)) => format!("{} [{}, {}]", ratio(median), ratio(low), ratio(high)),
        None => format!("{} [{TOO_FEW}]", ratio(median)),
    }
}

/// In place of an interval.
const TOO_FEW: &str = "too few";

/// What `TOO_FEW` means, if it is in any of the rows.
pub fn too_few_pairs<'a>(rows: impl IntoIterator<Item = &'a SummaryRecord>) -> Option<String> {
    let has_none = |row: &SummaryRecord| {
        row.variant != row.baseline && row.duration_ratio.is_some() && row.duration_ratio_low.is_none()
    };
    rows.into_iter().any(has_none).then(too_few)
}

/// What `TOO_FEW` means.
pub fn too_few() -> String {
    format!(
        "{TOO_FEW}: fewer than {} pairs of runs, of which there is no interval of 95 %.",
        stats::MIN_PAIRS
    )
}

/// `100 Mbit/s`.
pub fn bit_rate(bits_per_s: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1_000, "kbit/s")];
    for (scale, unit) in UNITS {
        if bits_per_s >= scale {
            let value = bits_per_s as f64 / scale as f64;
            return if value.fract() == 0.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
    }
    format!("{bits_per_s} bit/s")
}

/// A value by the name it has in the CSV files.
pub fn lower(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let durations = [0, 999, 1_234, 12_345, 99_949, 123_456, 999_499, 999_500, 40_312_345, 123_456_789];
        let expected = [
            "0 us", "999 us", "1.23 ms", "12.3 ms", "99.9 ms", "123 ms", "999 ms", "1.00 s", "40.3 s",
            "123 s",
        ];
        assert_eq!(durations.map(duration), expected);
        assert_eq!([900_000_000, 3_720_000_000].map(duration), ["15 min", "1 h 02 min"]);
        assert_eq!(
            [0, 100, 1024, 1536, 16_384, 5 << 20].map(bytes),
            ["0 B", "100 B", "1 KiB", "1.5 KiB", "16 KiB", "5 MiB"]
        );
        assert_eq!([7, 1_920, 1_234_567].map(thousands), ["7", "1,920", "1,234,567"]);
        assert_eq!([0, 1, 1_920].map(|n| counted(n, "run")), ["0 runs", "1 run", "1,920 runs"]);
        assert_eq!([0.0, 0.0008, 0.042, 0.43].map(percent), ["0 %", "0.08 %", "4.2 %", "43 %"]);
        assert_eq!([0.0041, 0.26, 12.34].map(ratio), ["0.004", "0.26", "12.3"]);
        assert_eq!([100_000_000, 1_500, 64].map(bit_rate), ["100 Mbit/s", "1.5 kbit/s", "64 bit/s"]);
        assert_eq!([200, 50_000, 62_500, 2_500_000].map(setting), ["200 us", "50 ms", "62.5 ms", "2.5 s"]);
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn what_was_never_lost_is_bounded_exactly() {
        let known =
            [(0, 1), (0, 8), (0, 58), (0, 59), (0, 92), (24, 92)].map(|(k, n)| certainty(k, n).unwrap());
        let words = [
            "at most 95 %",
            "at most 31 %",
            "at most 5.0 %",
            "at most 5.0 %",
            "at most 3.2 %",
            "18 % to 36 %",
        ];
        assert_eq!(known, words);
        assert_eq!(certainty(0, 0), None);
    }
}
