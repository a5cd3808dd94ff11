//! CSV: a row a record, the columns of its fields.

use super::{AtomicFile, ExportError};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Writes all rows to the file `name` in `out`.
pub fn write_rows(out: &Path, name: &str, rows: &[impl Serialize]) -> Result<PathBuf, ExportError> {
    let mut csv = Csv::create(out, name)?;
    rows.iter().try_for_each(|row| csv.row(row))?;
    csv.publish()
}

/// A CSV file that appears when it is whole.
pub struct Csv {
    path: PathBuf,
    writer: ::csv::Writer<AtomicFile>,
}

impl Csv {
    /// Begins the file `name` in the directory `out`.
    pub fn create(out: &Path, name: &str) -> Result<Self, ExportError> {
        let path = out.join(name);
        match AtomicFile::create(out, name) {
            Ok(file) => Ok(Self { path, writer: ::csv::Writer::from_writer(file) }),
            Err(source) => Err(ExportError::Io { path, source }),
        }
    }

    /// Writes one row; the first one writes the header before itself.
    pub fn row(&mut self, row: &impl Serialize) -> Result<(), ExportError> {
        let path = &self.path;
        self.writer.serialize(row).map_err(|source| ExportError::Csv { path: path.clone(), source })
    }

    /// Gives the file its final name, and returns the path; without this call no file is left.
    pub fn publish(self) -> Result<PathBuf, ExportError> {
        let path = self.path;
        let file = self.writer.into_inner().map_err(|error| error.into_error());
        file.and_then(AtomicFile::publish).map_err(|source| ExportError::Io { path, source })
    }
}
