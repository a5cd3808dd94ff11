//! Why a server's certificate is not taken, for people.

use ftp_proto::time::civil;
use std::fmt;
use std::str::FromStr;

/// A server's certificate that is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's certificate is not to be trusted: {why}; its SHA-256 is {fingerprint}")]
pub struct Untrusted {
    /// What is wrong.
    pub why: Distrust,
    /// By which it can be pinned.
    pub fingerprint: Fingerprint,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Nobody who is trusted vouches for it; a certificate that vouches for itself is among these.
    #[error("nobody who is trusted vouches for it")]
    UnknownIssuer,
    /// There is nobody who could vouch for any.
    #[error("there are no roots that could vouch for it")]
    NoRoots,
    /// It is another server's.
    #[error("it is for {}, not for {asked}", listed(names))]
    WrongName {
        /// Whom it should be for.
        asked: String,
        /// Whom it is for.
        names: Vec<String>,
    },
    /// It is too old.
    #[error("it expired{}", day(" on ", .0))]
    Expired(Option<u64>),
    /// Its time is still to come, in seconds since 1970; or the clock at this end is wrong.
    #[error("it is not valid{}, says the clock here", day(" before ", .0))]
    NotYetValid(Option<u64>),
    /// It is an authority's, not a server's (RFC 5280 section 4.2.1.9), as `openssl req -x509` makes them.
    #[error("it is made for an authority (CA:TRUE), not for a server")]
    OfAnAuthority,
    /// It is not the one that was asked for.
    #[error("it is not the pinned one")]
    NotPinned,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}

fn day(before: &str, seconds: &Option<u64>) -> String {
    let Some(seconds) = seconds.and_then(|seconds| i64::try_from(seconds).ok()) else { return String::new() };
    let (year, month, day, ..) = civil(seconds);
    format!("{before}{year:04}-{month:02}-{day:02}")
}

/// The SHA-256 of a certificate in DER: in hexadecimal, by pairs, as openssl writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// A text that is no [`Fingerprint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the 64 hexadecimal digits of a SHA-256, with colons or without")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// Of 64 digits in either case, with colons between pairs or without.
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let pairs: Vec<&[u8]> = match text.contains(':') {
            true => text.split(':').map(str::as_bytes).collect(),
            false => text.as_bytes().chunks(2).collect(),
        };
        let byte = |pair: &&[u8]| match pair {
            [a, b] => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16);
                u8::try_from(digit(a)? * 16 + digit(b)?).ok()
            }
            _ => None,
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(NoFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_written_and_read() {
        let fingerprint = Fingerprint(std::array::from_fn(|index| (index * 8) as u8));
        let text = fingerprint.to_string();
        assert!(text.starts_with("00:08:10:18:") && text.ends_with(":F0:F8"), "{text}");
        for text in [text.clone(), text.to_lowercase(), text.replace(':', "")] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
        }
        for text in ["", ":", &text[1..], &text[3..], &format!("{text}:00"), &text.replace("F8", "G8")] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NoFingerprint), "{text}");
        }
        assert!(text.replacen(':', "", 1).parse::<Fingerprint>().is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (why, said) in [
            (Distrust::Expired(Some(951_782_400)), "it expired on 2000-02-29"),
            (Distrust::Expired(None), "it expired"),
            (Distrust::NotYetValid(Some(0)), "it is not valid before 1970-01-01, says the clock here"),
            (Distrust::WrongName { asked: "a".into(), names: vec![] }, "it is for no name, not for a"),
            (
                Distrust::WrongName { asked: "a".into(), names: vec!["b".into(), "c".into()] },
                "it is for b, c, not for a",
            ),
        ] {
            assert_eq!(why.to_string(), said);
        }
    }
}
