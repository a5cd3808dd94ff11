//! Results as files, one format a file.

mod atomic;
mod csv;

pub use atomic::{AtomicFile, exit};
pub use csv::{Csv, write_rows};

use std::io;
use std::path::PathBuf;

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The system refused to make or write a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A row could not be written as CSV.
    #[error("{path}: {source}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: ::csv::Error,
    },
}
