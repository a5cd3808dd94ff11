//! Results as files, one format a file.

mod atomic;
mod csv;

pub use atomic::AtomicFile;
pub use csv::{Csv, write_rows};

use std::io;
use std::path::PathBuf;

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    Csv { path: PathBuf, source: ::csv::Error },
}
