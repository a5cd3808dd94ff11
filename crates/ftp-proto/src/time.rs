//! Times as MDTM, MFMT and MLSD write them (RFC 3659 section 2.3), and the calendar behind them.

/// A time in UTC as `YYYYMMDDHHMMSS[.sss]` in seconds and nanoseconds since 1970.
pub type Timestamp = (i64, u32);

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day is the last of its year.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month, day, hour, minute, second in UTC.
pub fn civil(seconds: i64) -> (i64, u8, u8, u8, u8, u8) {
    let (day, second) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8, (second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8)
}

/// `YYYYMMDDHHMMSS`, with milliseconds if there are any (RFC 3659 section 2.3).
pub fn timestamp((seconds, nanoseconds): Timestamp) -> String {
    match nanoseconds / 1_000_000 {
        0 => whole_seconds(seconds),
        milliseconds => format!("{}.{milliseconds:03}", whole_seconds(seconds)),
    }
}

/// With as many digits behind the point as there are.
pub fn exact_timestamp((seconds, nanoseconds): Timestamp) -> String {
    match nanoseconds {
        0 => whole_seconds(seconds),
        _ => format!("{}.{nanoseconds:09}", whole_seconds(seconds)).trim_end_matches('0').to_owned(),
    }
}

fn whole_seconds(seconds: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(seconds);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// Reads RFC 3659's time-val; a leap second counts as the second after it.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    if whole.len() != 14 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let field = |from: usize, to: usize| whole[from..to].parse::<i64>().ok();
    let (year, month, day) = (field(0, 4)?, field(4, 6)?, field(6, 8)?);
    let (hour, minute, second) = (field(8, 10)?, field(10, 12)?, field(12, 14)?);
    if hour > 23 || minute > 59 || second > 60 || !(1..=12).contains(&month) {
        return None;
    }
    let midnight = days(year, month, day);
    let (_, back_month, back_day, ..) = civil(midnight * 86_400);
    if (i64::from(back_month), i64::from(back_day)) != (month, day) {
        return None;
    }
    let nanoseconds = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let nine = format!("{digits:0<9}");
            nine[..9].parse().ok()?
        }
        Some(_) => return None,
    };
    Some((midnight * 86_400 + hour * 3600 + minute * 60 + second, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times() {
        assert_eq!(parse_timestamp("19990929003355.237"), Some((938_565_235, 237_000_000)));
        assert_eq!(parse_timestamp("19981231235960"), parse_timestamp("19990101000000"), "a leap second");
        for text in [
            "19990230000000",
            "1999",
            "19991301000000",
            "19990101240000",
            "19990101006000",
            "19990101000061",
            "19990101000000.",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_both_ways(seconds in -62_135_596_800i64..253_402_300_800, milliseconds in 0u32..1000) {
            let time = (seconds, milliseconds * 1_000_000);
            prop_assert_eq!(parse_timestamp(&timestamp(time)), Some(time));
        }
    }
}
