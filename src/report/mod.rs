//! What a comparison found, for people.

mod findings;
mod format;
pub mod terminal;
pub mod timeline;
