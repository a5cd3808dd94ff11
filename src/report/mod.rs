//! What a comparison found, for people.

#[cfg(feature = "cli")]
pub mod advise;
mod baseline;
mod charts;
#[cfg(feature = "cli")]
pub mod check;
mod decision;
mod findings;
pub mod format;
#[cfg(feature = "cli")]
pub(crate) mod growth;
pub mod html;
pub mod terminal;
pub mod timeline;
#[cfg(all(feature = "cli", unix))]
pub mod trial;
pub mod ways;
pub mod why;
