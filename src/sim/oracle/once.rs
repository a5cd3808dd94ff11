//! Once: whoever takes files as they appear gets each of them once, unless it had to be sent again: FTP
//! cannot tell a reply that was lost from a file that was not stored, so who tries again sends twice.

use super::{End, Oracle};
use crate::sim::outcome::{FileFate, Verdict};

/// See the module.
pub struct Once;

impl Oracle for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn conclude(&mut self, end: &End<'_>) -> Option<String> {
        // It would be taken twice at least if its name were its own.
        if let Some(name) = end.astray.first() {
            return Some(format!("{name} was taken, a name under which nobody sent anything"));
        }
        let twice = |file: &&FileFate| file.verdict == Verdict::Duplicated && file.attempts <= 1;
        let file = end.outcome.files.iter().find(twice)?;
        Some(format!("{} was sent once and taken twice", file.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::tests::ended;

    #[test]
    fn twice_is_for_who_tried_twice() {
        let mut end = ended();
        assert_eq!(Once.conclude(&end.borrow()), None);
        end.outcome.files[0].verdict = Verdict::Duplicated;
        assert!(Once.conclude(&end.borrow()).is_some());
        end.outcome.files[0].attempts = 2;
        assert_eq!(Once.conclude(&end.borrow()), None);
        end.astray.push("file.1".to_owned());
        assert!(Once.conclude(&end.borrow()).unwrap().starts_with("file.1"));
    }
}
