//! Times, rates and shares as people write them, and exactly so: what is printed reads back as the same number.

use serde::Serialize;
use std::fmt;

/// A figure of the path, with the range in which it was measured; without one, both ends are the figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The figure.
    pub value: u64,
    /// The least that was measured.
    pub low: u64,
    /// The most.
    pub high: u64,
}

impl Amount {
    /// A figure that is known, or taken for known.
    pub fn exactly(value: u64) -> Self {
        Self { value, low: value, high: value }
    }

    /// Rounded to three digits, which is more than a measurement knows; the range holds the figure.
    pub fn measured(value: u64, low: u64, high: u64) -> Self {
        let value = rounded(value);
        Self { value, low: rounded(low).min(value), high: rounded(high).max(value) }
    }

    /// Whether a range is known.
    pub fn has_range(&self) -> bool {
        self.low < self.high
    }
}

/// To three digits.
fn rounded(value: u64) -> u64 {
    let mut scale = 1;
    while value / scale >= 1_000 {
        scale *= 10;
    }
    (value.saturating_add(scale / 2) / scale).saturating_mul(scale)
}

/// What an [`Amount`] is an amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds, written `50ms`.
    Time,
    /// Bits a second, written `100M`.
    Rate,
    /// Parts per million, written `0.1%`.
    Share,
}

impl Unit {
    /// Of a written number: what follows its digits, how many of ours it is.
    fn suffixes(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Time => &[("us", 1), ("ms", 1_000), ("s", 1_000_000)],
            Self::Rate => &[
                ("", 1),
                ("k", 1_000),
                ("m", 1_000_000),
                ("g", 1_000_000_000),
                ("bit/s", 1),
                ("kbit/s", 1_000),
                ("mbit/s", 1_000_000),
                ("gbit/s", 1_000_000_000),
            ],
            Self::Share => &[("%", 10_000), ("ppm", 1)],
        }
    }

    /// In which numbers are written, the largest first.
    fn written(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Time => &[("s", 1_000_000), ("ms", 1_000), ("us", 1)],
            Self::Rate => &[("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000), ("", 1)],
            Self::Share => &[("%", 10_000)],
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Time => {
                "expected a time, for instance 50ms, 1.5s or 800us; or with its range, 50ms,48ms..55ms"
            }
            Self::Rate => {
                "expected bits a second, for instance 100M, 1.5G or 64k; or with its range, 100M,90M..105M"
            }
            Self::Share => "expected a share, for instance 0.1% or 1000ppm; or with its range, 0.1%,0%..0.3%",
        }
    }

    /// `50ms`, or `50ms,48ms..55ms` with a range.
    pub fn parse(self, text: &str) -> Result<Amount, String> {
        let wrong = || self.expected().to_owned();
        let (value, range) = match text.split_once(',') {
            Some((value, range)) => (value, Some(range.split_once("..").ok_or_else(wrong)?)),
            None => (text, None),
        };
        let value = self.one(value).ok_or_else(wrong)?;
        let (low, high) = match range {
            Some((low, high)) => (self.one(low).ok_or_else(wrong)?, self.one(high).ok_or_else(wrong)?),
            None => (value, value),
        };
        if low > value || value > high {
            return Err("the range does not hold the figure".to_owned());
        }
        Ok(Amount { value, low, high })
    }

    /// A number without a unit is one only of bits, and of nothing.
    fn one(self, text: &str) -> Option<u64> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (digits, suffix) = text.split_at(end);
        let suffix = suffix.trim().to_ascii_lowercase();
        if suffix.is_empty() && digits == "0" {
            return Some(0);
        }
        let (_, scale) = self.suffixes().iter().find(|(name, _)| *name == suffix)?;
        scaled(digits, *scale)
    }

    /// As [`Self::parse`] reads it.
    pub fn show(self, amount: &Amount) -> String {
        let value = self.exact(amount.value);
        match amount.has_range() {
            true => format!("{value},{}..{}", self.exact(amount.low), self.exact(amount.high)),
            false => value,
        }
    }

    /// One number in the largest unit of which there is at least one.
    pub fn exact(self, value: u64) -> String {
        let written = self.written();
        let (suffix, scale) =
            written.iter().find(|(_, scale)| value >= *scale).unwrap_or(&written[written.len() - 1]);
        let mut text = (value / scale).to_string();
        let rest = value % scale;
        if rest > 0 {
            let places = scale.ilog10() as usize;
            text += format!(".{rest:0places$}").trim_end_matches('0');
        }
        text + suffix
    }
}

/// A decimal number times `scale`; `None` where that is no whole number.
fn scaled(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.len() > 9 {
        return None;
    }
    let part = match fraction {
        "" => 0,
        digits => digits.parse::<u64>().ok()?.checked_mul(scale)? / 10u64.pow(digits.len() as u32),
    };
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(part)
}

/// What lies between two ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Path {
    /// The round trip, in microseconds.
    pub rtt_us: Amount,
    /// The rate of the bottleneck, in bits a second.
    pub rate_bits_per_s: Amount,
    /// The share of packets that is lost each way, in parts per million.
    pub loss_ppm: Amount,
    /// How long the server takes to log somebody in, beyond the round trips, in microseconds.
    pub login_us: u64,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "--rtt {} --rate {} --loss {}",
            Unit::Time.show(&self.rtt_us),
            Unit::Rate.show(&self.rate_bits_per_s),
            Unit::Share.show(&self.loss_ppm)
        )?;
        if self.login_us > 0 {
            write!(f, " --login {}", Unit::Time.exact(self.login_us))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for (unit, text, value) in [
            (Unit::Time, "50ms", 50_000),
            (Unit::Time, "1.5s", 1_500_000),
            (Unit::Time, "800us", 800),
            (Unit::Time, "50.213ms", 50_213),
            (Unit::Rate, "100M", 100_000_000),
            (Unit::Rate, "93.412345M", 93_412_345),
            (Unit::Rate, "64k", 64_000),
            (Unit::Rate, "7", 7),
            (Unit::Share, "0.1%", 1_000),
            (Unit::Share, "0.0001%", 1),
            (Unit::Share, "0%", 0),
        ] {
            assert_eq!(unit.parse(text), Ok(Amount::exactly(value)), "{text}");
            assert_eq!(unit.exact(value), text);
        }
        let ranged = "50ms,48.1ms..1.2s";
        let amount = Unit::Time.parse(ranged).unwrap();
        assert_eq!((amount.low, amount.high), (48_100, 1_200_000));
        assert_eq!(Unit::Time.show(&amount), ranged);
    }

    #[test]
    fn other_ways_to_write_it() {
        assert_eq!(Unit::Rate.parse("1.5 Gbit/s").unwrap().value, 1_500_000_000);
        assert_eq!(Unit::Share.parse("1000ppm").unwrap().value, 1_000);
        assert_eq!(Unit::Share.parse("0").unwrap().value, 0);
        for text in [
            "",
            "ms",
            "-1ms",
            "50",
            "1e3ms",
            "1.2.3s",
            "50ms,48ms",
            "50ms,51ms..60ms",
            "9999999999999999999s",
        ] {
            assert!(Unit::Time.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_measurement_has_three_digits_and_lies_in_its_range() {
        let amount = Amount::measured(50_268, 50_251, 61_949);
        assert_eq!(amount, Amount { value: 50_300, low: 50_300, high: 61_900 });
        assert_eq!(Amount::measured(999, 998, 999), Amount { value: 999, low: 998, high: 999 });
        assert!(!Amount::exactly(5).has_range());
    }
}
