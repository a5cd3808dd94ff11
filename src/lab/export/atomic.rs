//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that appears under its name when it is whole: written beside it, then renamed.
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Makes the directory if there is none.
    pub fn create(directory: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let temporary = directory.join(format!(".{name}.{}.part", std::process::id()));
        let file = Some(BufWriter::new(File::create(&temporary)?));
        Ok(Self { path: directory.join(name), temporary, file })
    }

    /// Gives the file its final name, and returns the path; without this call no file is left.
    pub fn publish(mut self) -> io::Result<PathBuf> {
        if let Some(file) = self.file.take() {
            file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
            fs::rename(&self.temporary, &self.path)?;
        }
        Ok(self.path.clone())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Nobody will miss what was never published.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
