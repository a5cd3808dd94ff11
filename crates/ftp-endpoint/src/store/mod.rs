//! What a server serves and a client keeps: files under a root, published only when whole.

use ftp_proto::path::VirtualPath;
use std::future::Future;
use std::io;

#[cfg(test)]
mod contract;
#[cfg(feature = "disk")]
pub mod disk;
pub mod memory;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has bytes.
    File,
    /// Has names.
    Directory,
}

/// What a store knows of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// File or directory.
    pub kind: Kind,
    /// Of a file as it is stored.
    pub size_bytes: u64,
    /// Seconds since 1970-01-01 00:00 UTC, and nanoseconds of that second; `None` if unknown.
    pub modified: Option<(i64, u32)>,
}

/// One line of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Without the directory's.
    pub name: String,
    /// What the name stands for.
    pub metadata: Metadata,
}

/// Every kind maps to its reply code in one place: `server::replies`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing has this name.
    #[error("no such file or directory")]
    NotFound,
    /// A file was wanted.
    #[error("is a directory")]
    IsDirectory,
    /// A directory was wanted.
    #[error("not a directory")]
    NotDirectory,
    /// The name is taken.
    #[error("already exists")]
    Exists,
    /// Only empty directories go.
    #[error("directory not empty")]
    NotEmpty,
    /// The store, or the machine, says no.
    #[error("permission denied")]
    Denied,
    /// No file can have this name here.
    #[error("file name not allowed")]
    BadName,
    /// No room.
    #[error("no space left")]
    Full,
    /// There is nothing to go on from.
    #[error("restart offset {offset} lies beyond the file's {size_bytes} bytes")]
    BadOffset {
        /// What was asked for.
        offset: u64,
        /// What there is.
        size_bytes: u64,
    },
    /// Anything else that the machine says.
    #[error(transparent)]
    Io(io::Error),
}

/// How an upload treats what stands under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new file, or in place of the old one (STOR).
    Replace,
    /// At the end of the old one, or a new one (APPE).
    Append,
    /// From this offset (REST + STOR) of what a failed upload has left ([`WriteFile::keep`]), or
    /// else of the old file.
    From(u64),
}

/// An open file, read from front to back.
pub trait ReadFile: Send {
    /// Fills a prefix of `buffer`; 0 is the end of the file.
    fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, StoreError>> + Send;
    /// Bytes from here to the end, as far as known now.
    fn remaining_bytes(&self) -> u64;
    /// A restart marker for here (RFC 959 section 3.5), which REST takes; `None` where reading
    /// could not go on from here.
    fn marker(&self) -> Option<String> {
        None
    }
}

/// A file being written, out of sight until `publish`; dropped without it, nothing has happened
/// to the name.
pub trait WriteFile: Send {
    /// Appends all of `bytes`.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Makes what was written appear under its name, atomically.
    fn publish(self) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The receiver's restart marker for here: what REST needs to go on after a [`Self::keep`].
    fn marker(&self) -> Option<String> {
        None
    }
    /// Forces what was written to stable storage (RFC 1123 section 4.1.3.4: at a restart marker).
    fn checkpoint(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }
    /// Gives up publishing, but keeps what was written, out of sight, for [`Write::From`]. A store
    /// that cannot do so drops it.
    fn keep(self) -> impl Future<Output = Result<(), StoreError>> + Send
    where
        Self: Sized,
    {
        async move {
            drop(self);
            Ok(())
        }
    }
}

/// Files under a root. Clones are the same store.
pub trait Store: Clone + Send + Sync + 'static {
    /// Its files, being read.
    type Reader: ReadFile + 'static;
    /// Its files, being written.
    type Writer: WriteFile + 'static;

    /// Opens a file from an offset on. Errors: [`StoreError::BadOffset`] beyond its end.
    fn read(
        &self,
        path: &VirtualPath,
        offset: u64,
    ) -> impl Future<Output = Result<Self::Reader, StoreError>> + Send;
    /// Opens a file to be written, out of sight.
    fn write(
        &self,
        path: &VirtualPath,
        how: Write,
    ) -> impl Future<Output = Result<Self::Writer, StoreError>> + Send;
    /// What the name stands for.
    fn metadata(&self, path: &VirtualPath) -> impl Future<Output = Result<Metadata, StoreError>> + Send;
    /// In order of name.
    fn list(&self, path: &VirtualPath) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send;
    /// Removes a file.
    fn remove_file(&self, path: &VirtualPath) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Makes a directory in one that is there.
    fn create_directory(&self, path: &VirtualPath) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Removes an empty directory.
    fn remove_directory(&self, path: &VirtualPath) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Gives a file or directory another name, in place of a file that has it.
    fn rename(
        &self,
        from: &VirtualPath,
        to: &VirtualPath,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Sets the time of modification, in seconds and nanoseconds since 1970 (MFMT).
    fn set_modified(
        &self,
        _path: &VirtualPath,
        _modified: (i64, u32),
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Err(StoreError::Denied) }
    }
    /// Bytes that a failed upload of this name has left for [`Write::From`].
    fn partial_bytes(
        &self,
        _path: &VirtualPath,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        async { Ok(None) }
    }
    /// To read that, from its beginning.
    fn read_partial(
        &self,
        _path: &VirtualPath,
    ) -> impl Future<Output = Result<Self::Reader, StoreError>> + Send {
        async { Err(StoreError::NotFound) }
    }
}
