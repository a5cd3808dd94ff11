//! Restart markers at the client: where an attempt begins, and what 110 replies say.

use crate::transfer::RestartMarker;
use crate::transfer::ascii::RETURN_SEEN;

/// Where an attempt begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// In the file at this end.
    pub offset_bytes: u64,
    /// REST's argument.
    pub marker: Option<String>,
    /// Of a download of TYPE A: a CR before it is held back.
    pub after_return: bool,
}

impl Start {
    /// From our own marker, an offset as our stores give them.
    pub(super) fn at(ours: &str, theirs: String) -> Option<Self> {
        let digits = ours.strip_suffix(RETURN_SEEN);
        let offset_bytes = digits.unwrap_or(ours).parse().ok()?;
        Some(Self { offset_bytes, marker: Some(theirs), after_return: digits.is_some() })
    }
}

/// `MARK sender = receiver`, the text of a 110 reply.
pub(super) fn parse_mark(text: &str) -> Option<RestartMarker> {
    let (sender, receiver) = text.trim().strip_prefix("MARK ")?.split_once(" = ")?;
    Some(RestartMarker { sender: sender.trim().to_owned(), receiver: receiver.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_110_replies() {
        let mark = parse_mark("MARK 100 = 77r").unwrap();
        assert_eq!((mark.sender.as_str(), mark.receiver.as_str()), ("100", "77r"));
        assert_eq!(parse_mark("no mark"), None);
        assert_eq!(parse_mark("MARK 100"), None);
        let start = Start::at(&mark.receiver, mark.sender).unwrap();
        assert_eq!((start.offset_bytes, start.after_return), (77, true));
        assert_eq!(Start::at("not ours", "x".into()), None);
    }
}
