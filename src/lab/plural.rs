//! Nouns behind the numbers that are printed.

/// The noun as it stands behind `n`: `run`, or `runs`. Only nouns whose plural ends in an added s.
pub fn plural(n: impl TryInto<u64>, noun: &str) -> String {
    match n.try_into() {
        Ok(1) => noun.to_owned(),
        _ => format!("{noun}s"),
    }
}

/// A number with its noun: `1 run`, `0 runs`, `1920 runs`.
pub fn counted(n: impl TryInto<u64> + Copy + std::fmt::Display, noun: &str) -> String {
    format!("{n} {}", plural(n, noun))
}

/// `there is 1`, `there are 2`.
pub fn there_are(n: u64) -> String {
    format!("there {} {n}", if n == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_stands_without_an_s() {
        assert_eq!([0, 1, 2, 21].map(|n: u64| counted(n, "run")), ["0 runs", "1 run", "2 runs", "21 runs"]);
        assert_eq!(counted(1_usize, "data connection"), "1 data connection");
        assert_eq!([0, 1, 2].map(there_are), ["there are 0", "there is 1", "there are 2"]);
        assert_eq!(plural(u128::MAX, "file"), "files");
    }
}
