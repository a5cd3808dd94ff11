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
        // Files sent ahead of a reply that is lost go again, and only the first of them has tried in vain.
        let ahead = end.case.policy.pipeline_depth > 1 && end.outcome.fault_fired;
        let once = |file: &FileFate| file.attempts <= 1 && !ahead;
        let twice = |file: &&FileFate| file.verdict == Verdict::Duplicated && once(file);
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
        end.case.policy.pipeline_depth = 1;
        assert_eq!(Once.conclude(&end.borrow()), None);
        end.outcome.files[0].verdict = Verdict::Duplicated;
        assert!(Once.conclude(&end.borrow()).is_some());
        end.outcome.files[0].attempts = 2;
        assert_eq!(Once.conclude(&end.borrow()), None);
        end.astray.push("file.1".to_owned());
        assert!(Once.conclude(&end.borrow()).unwrap().starts_with("file.1"));
    }
}
