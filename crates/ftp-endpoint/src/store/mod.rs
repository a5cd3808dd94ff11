//! What a server serves and a client keeps: files under a root, published only when whole.
//!
//! What every store promises, and the tests hold each to:
//! 1. Nothing stands under its final name before it is published, and readers see none of it.
//! 2. A failed upload leaves the old file as it was, a failed append cuts off what it had added.
//! 3. [`Write::From`] and [`Write::Append`] go on from the file that is visible. What a failed upload has
//!    left ([`WriteFile::keep`]) is its [`Principal`]'s: nobody else is told of it or can go on from it. It
//!    is counted, the oldest goes first, and it goes with the name (removed, renamed, replaced).
//! 4. Of two uploads of a name one stands there, whole; of two appends one is refused
//!    ([`StoreError::Busy`]), or fails when the file has been replaced under it ([`StoreError::Changed`]).
//! 5. A file is read to its end: one that grows is read on, one that has become shorter than it was when
//!    it was opened is an error ([`StoreError::Shrunk`]).
//! 6. What a durable store ([`Store::is_durable`]) has answered survives the loss of power.

use ftp_proto::path::VirtualPath;
use ftp_proto::time::timestamp;
use std::future::Future;
use std::io;

#[cfg(all(test, feature = "disk"))]
mod contract;
#[cfg(feature = "disk")]
pub mod disk;
pub mod listing;
pub mod memory;

use listing::Listing;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has bytes.
    File,
    /// Has names.
    Directory,
    /// In listings: there, but neither of them, as a pipe, a device, or a link that leads nowhere or out of the
    /// store. It can be removed and renamed.
    Special,
}

/// What a store knows of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Of a file as it is stored.
    pub size_bytes: u64,
    /// Seconds since 1970-01-01 00:00 UTC, and nanoseconds of that second; `None` if unknown.
    pub modified: Option<(i64, u32)>,
    /// What tells it from every other, whatever its name: device and inode, or the like.
    pub identity: Option<(u64, u64)>,
    /// Of a directory: whether the name is a link to it. It is removed as a file is, and the directory stays.
    pub is_link: bool,
}

impl Metadata {
    /// Of what has no time, and nothing that tells it from others.
    pub fn new(kind: Kind, size_bytes: u64) -> Self {
        Self { kind, size_bytes, modified: None, identity: None, is_link: false }
    }
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
    /// No room, and nothing that failed uploads have left could go for it.
    #[error("no space left")]
    Full,
    /// Longer than a file may be here.
    #[error("file too large")]
    TooLarge,
    /// The file system has set another time of modification, as near as it comes.
    #[error("kept here as {}", timestamp((*kept_s, 0)))]
    OtherTime {
        /// In seconds since 1970.
        kept_s: i64,
    },
    /// Another upload has it.
    #[error("in use by another upload")]
    Busy,
    /// It has been replaced or removed while it was added to.
    #[error("replaced or removed meanwhile")]
    Changed,
    /// It was longer when it was opened.
    #[error("the file has ended {missing_bytes} bytes before its end")]
    Shrunk {
        /// What did not come.
        missing_bytes: u64,
    },
    /// There is nothing to go on from.
    #[error("restart offset {offset} lies beyond the file's {size_bytes} bytes")]
    BadOffset {
        /// What was asked for.
        offset: u64,
        /// What there is.
        size_bytes: u64,
    },
    /// It could not be brought to stable storage, as a durable store promises.
    #[error("not safe on the disk: {0}")]
    NotDurable(io::Error),
    /// Anything else that the machine says.
    #[error(transparent)]
    Io(io::Error),
}

/// How an upload treats what stands under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new file, or in place of the old one (STOR).
    Replace,
    /// At the end of the old one, or a new one (APPE): as it is when the first byte comes, so that who
    /// has opened it and waits keeps out nobody. Errors of that moment: [`StoreError::Busy`].
    Append,
    /// From this offset of the old file (REST + STOR), the file that SIZE tells of. At its very end this
    /// is an append; errors then, if it has got another end before the first byte: [`StoreError::Changed`].
    From(u64),
    /// From an offset of what a failed upload of the same [`Principal`] has left ([`WriteFile::keep`]), and
    /// of nothing else.
    Resume {
        /// In bytes.
        offset: u64,
        /// Only if it is this one still; else [`StoreError::Changed`].
        part: Option<PartId>,
    },
}

impl Write {
    /// From this offset of whichever part is there.
    pub fn resume(offset: u64) -> Self {
        Self::Resume { offset, part: None }
    }
}

/// Tells the parts apart that a name has had, one after the other: a store gives none to two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartId([u64; 3]);

impl PartId {
    /// Of numbers in which a store's parts differ.
    pub fn new(numbers: [u64; 3]) -> Self {
        Self(numbers)
    }

    /// In words.
    #[cfg(feature = "disk")]
    fn line(self) -> String {
        let [a, b, c] = self.0;
        format!("{a} {b} {c}")
    }
}

/// On whose behalf a store is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose failed uploads are kept; others neither hear of them nor go on from them.
    pub name: String,
    /// Whether uploads may take the place of files; else they end with [`StoreError::Exists`], even if
    /// the file has come meanwhile.
    pub may_replace: bool,
    /// Failed uploads kept at a time; beyond that the oldest goes.
    pub max_partials: usize,
}

/// Failed uploads kept for one user at a time.
pub const MAX_PARTIALS: usize = 100;

impl Default for Principal {
    /// Nobody in particular, who may do everything.
    fn default() -> Self {
        Self { name: String::new(), may_replace: true, max_partials: MAX_PARTIALS }
    }
}

/// An open file, read from front to back.
pub trait ReadFile: Send {
    /// Fills a prefix of `buffer`; 0 is the end of the file. Errors: [`StoreError::Shrunk`] where less
    /// has come than there was.
    fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, StoreError>> + Send;
    /// Bytes from here to the end, as far as known now; zero at the end only.
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
    /// Appends all of each, one after the other: where that costs less than to do so one by one.
    fn write_together(&mut self, pieces: &[&[u8]]) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            for piece in pieces {
                self.write(piece).await?;
            }
            Ok(())
        }
    }
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
    /// Gives up publishing, but keeps what was written, out of sight, for [`Write::Resume`]. A store
    /// that cannot do so drops it; so it does after a write that has failed, for there may be no room,
    /// and after an append.
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

    /// The same store, used on behalf of `principal`. One that keeps no failed uploads and can replace
    /// nothing need not know of it.
    fn acting_for(&self, _principal: &Principal) -> Self {
        self.clone()
    }
    /// Whether what has been published, made, renamed and removed survives the loss of power when that has
    /// been answered.
    fn is_durable(&self) -> bool {
        false
    }
    /// Whether publications that are waited for together cost less time than one after the other: who has
    /// more to do had better begin it meanwhile. May change from one moment to the next.
    fn publishes_together(&self) -> bool {
        false
    }
    /// Nothing is to be done for now: what is held open for the next file may be closed.
    fn rest(&self) {}
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
    /// The same, read while it is used: a large directory need be in no order then, and nobody holds all
    /// of it.
    fn list_in_pieces(&self, path: &VirtualPath) -> impl Future<Output = Result<Listing, StoreError>> + Send {
        async { self.list(path).await.map(Listing::from) }
    }
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
    /// The same, and makes sure that it is kept to the second: where a file system's years end, it may set its last
    /// one without a word. Errors: [`StoreError::OtherTime`] where it is not.
    fn keep_modified(
        &self,
        path: &VirtualPath,
        modified: (i64, u32),
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            self.set_modified(path, modified).await?;
            match self.metadata(path).await?.modified {
                Some((kept_s, _)) if kept_s != modified.0 => Err(StoreError::OtherTime { kept_s }),
                _ => Ok(()),
            }
        }
    }
    /// Bytes that a failed upload of this name has left for [`Write::Resume`] by the same principal.
    fn partial_bytes(
        &self,
        _path: &VirtualPath,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        async { Ok(None) }
    }
    /// Keeps with that, as it is now, of what it is a part. A store that cannot do so keeps nothing.
    fn note_partial(
        &self,
        _path: &VirtualPath,
        _note: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }
    /// What [`Self::note_partial`] has kept; `None` if nothing, or of another part than the one that is there.
    fn partial_note(
        &self,
        _path: &VirtualPath,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send {
        async { Ok(None) }
    }
    /// To read that, from its beginning; and which it is.
    fn read_partial(
        &self,
        _path: &VirtualPath,
    ) -> impl Future<Output = Result<(Self::Reader, PartId), StoreError>> + Send {
        async { Err(StoreError::NotFound) }
    }
}
