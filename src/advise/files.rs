//! The user's own files: how many, how large, and what modes that compress would make of them.

use super::plan::Plan;
use crate::sim::workload::Content;
use ftp_endpoint::store::disk::is_hidden;
use ftp_proto::mode::{Coding, Encoder, End, Structure, TransmissionMode};
use ftp_proto::name;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files and directories that are looked at, at most.
const MOST_ENTRIES: usize = 1_000_000;
/// Of each file that is read, its beginning.
const READ_BYTES: u64 = 64 << 10;
/// What is left of a file that a mode helps.
const HELPED: f64 = 0.8;

/// A file that is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    /// Its size.
    pub size_bytes: u64,
    /// Where it can be read; not of what a log or a listing names.
    pub path: Option<PathBuf>,
}

/// All that is to be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The smallest first, those of one size by their paths.
    pub files: Vec<OwnFile>,
    /// Directories that the delivery has to make, or to list.
    pub directories: u64,
    /// What could not be looked at, with the reason.
    pub left_out: Vec<String>,
}

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The directory cannot be read.
    #[error("{path}: {error}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is nothing to deliver.
    #[error(
        "{path}: there is no file in it that could be read; name a directory with the files that are to be \
         delivered, or with ones like them, or give --from-log FILE",
        path = .path.display()
    )]
    Empty {
        /// Which.
        path: PathBuf,
    },
}

impl Own {
    /// All files below a directory, or the one file.
    pub fn of_directory(path: &Path) -> Result<Self, FilesError> {
        let unreadable = |error| FilesError::Unreadable { path: path.to_owned(), error };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        let mut own = Self::default();
        if metadata.is_dir() {
            std::fs::read_dir(path).map_err(unreadable)?;
            own.walk(path);
        } else {
            own.files.push(OwnFile { size_bytes: metadata.len(), path: Some(path.to_owned()) });
        }
        if own.files.is_empty() {
            return Err(FilesError::Empty { path: path.to_owned() });
        }
        own.files.sort_by(|a, b| (a.size_bytes, &a.path).cmp(&(b.size_bytes, &b.path)));
        Ok(own)
    }

    /// Of sizes alone.
    pub fn of_sizes(sizes_bytes: impl IntoIterator<Item = u64>, directories: u64) -> Self {
        let mut files: Vec<OwnFile> =
            sizes_bytes.into_iter().map(|size_bytes| OwnFile { size_bytes, path: None }).collect();
        files.sort_by_key(|file| file.size_bytes);
        Self { files, directories, left_out: Vec::new() }
    }

    /// As `ftpsim put -r` goes: links to directories are not followed.
    fn walk(&mut self, top: &Path) {
        let mut open = vec![top.to_owned()];
        let mut seen = 0;
        while let Some(directory) = open.pop() {
            self.directories += 1;
            let entries = match std::fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    self.left_out.push(format!("{}: {error}", directory.display()));
                    continue;
                }
            };
            for entry in entries.flatten() {
                seen += 1;
                if seen > MOST_ENTRIES {
                    self.left_out.push(format!("more than {MOST_ENTRIES} files and directories"));
                    return;
                }
                let path = entry.path();
                if is_hidden(&name::from_os(&entry.file_name())) {
                    continue;
                }
                match (entry.file_type(), std::fs::metadata(&path)) {
                    (Ok(kind), _) if kind.is_dir() => open.push(path),
                    (Ok(_), Ok(metadata)) if metadata.is_file() => {
                        self.files.push(OwnFile { size_bytes: metadata.len(), path: Some(path) });
                    }
                    (Ok(_), Ok(_)) => self.left_out.push(format!("{}: no file", path.display())),
                    (Err(error), _) | (_, Err(error)) => {
                        self.left_out.push(format!("{}: {error}", path.display()));
                    }
                }
            }
        }
    }

    /// The sizes, the smallest first.
    pub fn sizes_bytes(&self) -> Vec<u64> {
        self.files.iter().map(|file| file.size_bytes).collect()
    }

    /// What those files are full of for which the simulated ones stand, and what of them was read.
    pub fn contents(&self, plan: &Plan) -> (Vec<Content>, Compressibility) {
        let mut all = Compressibility::default();
        let mut contents = Vec::new();
        for index in &plan.stands_for {
            let read = self.files[*index].path.as_deref().and_then(|path| beginning(path).ok());
            // Of what nobody can read, the worst is assumed: that nothing makes it smaller.
            contents.push(read.map_or(Content::Random, |bytes| all.add(&bytes)));
        }
        (contents, all)
    }
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(READ_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the modes that compress make of the files, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compressibility {
    /// Files of which the beginning was read.
    pub files_read: u64,
    /// What was read.
    pub read_bytes: u64,
    /// In deflate mode.
    pub deflated_bytes: u64,
    /// In compressed mode.
    pub compressed_bytes: u64,
}

impl Compressibility {
    fn add(&mut self, bytes: &[u8]) -> Content {
        let deflated = encoded(bytes, TransmissionMode::Deflate);
        let compressed = encoded(bytes, TransmissionMode::Compressed);
        self.files_read += 1;
        self.read_bytes += bytes.len() as u64;
        self.deflated_bytes += deflated;
        self.compressed_bytes += compressed;
        let helped = |left: u64| (left as f64) < bytes.len() as f64 * HELPED;
        match (helped(compressed), helped(deflated)) {
            (true, _) => Content::Runs,
            (false, true) => Content::Text,
            (false, false) => Content::Random,
        }
    }

    /// What is left of a byte, in deflate mode and in compressed mode; `None` where nothing was read.
    pub fn shares(&self) -> Option<(f64, f64)> {
        let share = |bytes: u64| bytes as f64 / self.read_bytes as f64;
        (self.read_bytes > 0).then(|| (share(self.deflated_bytes), share(self.compressed_bytes)))
    }
}

fn encoded(bytes: &[u8], mode: TransmissionMode) -> u64 {
    let mut out = Vec::new();
    let end = End { record: false, file: true };
    Encoder::new(Coding { mode, structure: Structure::File, filler: 0 }).encode(bytes, end, &mut out);
    out.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::workload::FileSpec;

    /// What stands for a kind of content is taken for that kind.
    #[test]
    fn contents_are_known_again() {
        for content in [Content::Random, Content::Text, Content::Runs] {
            let file = FileSpec { name: "f".into(), size_bytes: 20_000, content, content_seed: 3 };
            let mut all = Compressibility::default();
            assert_eq!(all.add(&file.bytes()), content);
            let (deflated, compressed) = all.shares().unwrap();
            assert!(deflated < 1.01 && compressed < 1.02, "{content:?}: {deflated} {compressed}");
        }
        assert_eq!(Compressibility::default().shares(), None);
        assert_eq!(Compressibility::default().add(b""), Content::Random);
    }

    #[test]
    fn a_tree_is_walked_and_sorted() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join("a/b")).unwrap();
        for (name, len) in [("z", 5), ("a/y", 300), ("a/b/x", 0)] {
            std::fs::write(top.path().join(name), vec![b'a'; len]).unwrap();
        }
        let own = Own::of_directory(top.path()).unwrap();
        assert_eq!((own.sizes_bytes(), own.directories), (vec![0, 5, 300], 3));
        let plan = Plan::of(&own.sizes_bytes(), 10, 1 << 20);
        let (contents, read) = own.contents(&plan);
        assert_eq!((contents[2], read.files_read, read.read_bytes), (Content::Runs, 3, 305));
        let one = Own::of_directory(&top.path().join("z")).unwrap();
        assert_eq!((one.files.len(), one.directories), (1, 0));
    }

    #[test]
    fn an_empty_directory_and_a_missing_one_are_told_with_a_remedy() {
        let top = tempfile::tempdir().unwrap();
        let error = Own::of_directory(top.path()).unwrap_err().to_string();
        assert!(error.contains("--from-log"), "{error}");
        let error = Own::of_directory(&top.path().join("none")).unwrap_err();
        assert!(matches!(error, FilesError::Unreadable { .. }), "{error}");
    }
}
