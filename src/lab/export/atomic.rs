//! Files that are there whole or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The temporary files of this process.
static UNDER_WAY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn under_way() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the process at once, as on a signal, when nothing is dropped that would remove what is not whole.
pub fn exit(code: i32) -> ! {
    // Held to the end: none is begun meanwhile, and none published.
    let temporary = under_way();
    for file in temporary.iter() {
        // There is nobody left who could do something about it.
        let _ = fs::remove_file(file);
    }
    std::process::exit(code)
}

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
        let mut under_way = under_way();
        let file = Some(BufWriter::new(File::create(&temporary)?));
        under_way.insert(temporary.clone());
        Ok(Self { path: directory.join(name), temporary, file })
    }

    /// Gives the file its final name, and returns the path; without this call no file is left.
    pub fn publish(mut self) -> io::Result<PathBuf> {
        if let Some(file) = self.file.take() {
            file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
            let mut under_way = under_way();
            fs::rename(&self.temporary, &self.path)?;
            under_way.remove(&self.temporary);
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
        if under_way().remove(&self.temporary) {
            // Nobody will miss what was never published.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_published_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        // A name that no file can have: something is in the directory of that name.
        fs::create_dir_all(directory.path().join("taken/inside")).unwrap();
        let mut file = AtomicFile::create(directory.path(), "taken").unwrap();
        file.write_all(b"x").unwrap();
        assert!(file.publish().is_err());
        drop(AtomicFile::create(directory.path(), "dropped").unwrap());
        let names: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["taken"]);
    }
}
