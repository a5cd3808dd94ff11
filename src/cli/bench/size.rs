//! Sizes as people write them.

/// `1 KiB`, `64KiB`, `1GiB`, `10MB`, `100`: binary and decimal units, bytes without one.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("", 1),
        ("B", 1),
        ("KIB", 1 << 10),
        ("MIB", 1 << 20),
        ("GIB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim().to_ascii_uppercase();
    let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
    let size = digits.parse::<u64>().ok().zip(scale).and_then(|(n, scale)| n.checked_mul(scale));
    size.ok_or_else(|| "expected a size, for instance 100, 1KiB, 64KiB, 10MB or 1GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn with_units_and_without() {
        for (text, size) in [
            ("0", 0),
            ("100", 100),
            ("1B", 1),
            ("1KiB", 1024),
            ("64 kib", 65_536),
            ("10MB", 10_000_000),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(parse(text), Ok(size), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5KiB", "1 KiB 2", "1 TB", "99999999999999999999", "99999999999GiB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
