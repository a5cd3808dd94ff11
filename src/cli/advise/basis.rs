//! How figures were had, in sentences: they stand with the advice, and in the line that repeats it.

use super::Args;
use crate::cli::out::tell;

/// Sentences, and those of them that nobody should overlook.
pub(super) struct Basis {
    pub sentences: Vec<String>,
    loud: Vec<String>,
}

impl Basis {
    pub(super) fn new(args: &Args) -> Self {
        Self { sentences: args.basis.clone(), loud: Vec::new() }
    }

    pub(super) fn say(&mut self, sentence: String) {
        self.sentences.push(sentence);
    }

    /// An assumption.
    pub(super) fn assume(&mut self, sentence: String) {
        self.loud.push(sentence.clone());
        self.sentences.push(sentence);
    }

    pub(super) fn warn(&self, quiet: bool) {
        if !quiet {
            self.loud.iter().for_each(tell);
        }
    }
}
