//! A file at this end: converted as the representation type says, hashed if that is to be verified.

use super::error::ClientError;
use super::hash::{Hashing, PartHash};
use super::marker::Start;
use super::policy::{Policy, Verify};
use super::verify::same_hash;
use crate::store::{ReadFile, Store, StoreError, Write, WriteFile};
use crate::transfer::ascii::{AsciiReader, AsciiWriter};
use ftp_proto::path::VirtualPath;

/// The hash is that of the file's own bytes, not of their representation.
pub(super) enum LocalReader<R> {
    Image(Hashing<R>),
    Ascii(AsciiReader<Hashing<R>>),
}

impl<R: ReadFile> LocalReader<R> {
    pub(super) fn new(file: R, policy: &Policy) -> Self {
        Self::of(Hashing::new(file, policy.verify == Verify::Hash), policy)
    }

    fn of(file: Hashing<R>, policy: &Policy) -> Self {
        // All else is converted by the data connection.
        match policy.conversion().is_lines_only() {
            true => Self::Ascii(AsciiReader::new(file)),
            false => Self::Image(file),
        }
    }

    /// The file from an offset on. For a hash its beginning has to be read, too; so it has where it is to be
    /// that of `part`, from which the receiver goes on. Errors: [`ClientError::HashMismatch`] if it is not.
    pub(super) async fn open<S: Store<Reader = R>>(
        store: &S,
        path: &VirtualPath,
        offset_bytes: u64,
        policy: &Policy,
        part: Option<PartHash>,
    ) -> Result<Self, ClientError> {
        if policy.verify != Verify::Hash && part.is_none() {
            let file = store.read(path, offset_bytes).await.map_err(ClientError::Local)?;
            return Ok(Self::new(file, policy));
        }
        let mut file = Hashing::new(store.read(path, 0).await.map_err(ClientError::Local)?, true);
        // A place in the file may be another one in what is stored of it: a CR of TYPE A is held back.
        let compared_bytes = part.as_ref().map_or(0, |part| part.bytes.min(offset_bytes));
        file.skip(compared_bytes).await.map_err(ClientError::Local)?;
        if let Some(part) = part {
            same_hash(part.hash, file.hash())?;
        }
        file.skip(offset_bytes - compared_bytes).await.map_err(ClientError::Local)?;
        Ok(Self::of(file, policy))
    }

    pub(super) fn hash(&self) -> Option<String> {
        match self {
            Self::Image(file) => file.hash(),
            Self::Ascii(file) => file.inner().hash(),
        }
    }
}

impl<R: ReadFile> ReadFile for LocalReader<R> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        match self {
            Self::Image(file) => file.read(buffer).await,
            Self::Ascii(file) => file.read(buffer).await,
        }
    }
    fn remaining_bytes(&self) -> u64 {
        match self {
            Self::Image(file) => file.remaining_bytes(),
            Self::Ascii(file) => file.remaining_bytes(),
        }
    }
    fn marker(&self) -> Option<String> {
        match self {
            Self::Image(file) => file.marker(),
            Self::Ascii(file) => file.marker(),
        }
    }
}

pub(super) enum LocalWriter<W> {
    Image(Hashing<W>),
    Ascii(AsciiWriter<Hashing<W>>),
}

impl<W: WriteFile> LocalWriter<W> {
    pub(super) fn new(file: W, policy: &Policy) -> Self {
        Self::resumed(file, policy, false)
    }

    /// `after_return`: TYPE A goes on behind a CR that has been held back.
    pub(super) fn resumed(file: W, policy: &Policy, after_return: bool) -> Self {
        Self::of(Hashing::new(file, policy.verify == Verify::Hash), policy, after_return)
    }

    /// To go on from `start`, in what a failed download has left. For a hash that has to be read.
    pub(super) async fn open<S: Store<Writer = W>>(
        store: &S,
        path: &VirtualPath,
        start: &Start,
        policy: &Policy,
    ) -> Result<Self, StoreError> {
        let how = if start.marker.is_some() { Write::resume(start.offset_bytes) } else { Write::Replace };
        // It is opened first: who goes on from it takes it away.
        let part = match policy.verify == Verify::Hash && start.offset_bytes > 0 {
            true => Some(store.read_partial(path).await?.0),
            false => None,
        };
        let mut file = Hashing::new(store.write(path, how).await?, policy.verify == Verify::Hash);
        if let Some(part) = part {
            file.begin_with(part, start.offset_bytes).await?;
        }
        Ok(Self::of(file, policy, start.after_return))
    }

    fn of(file: Hashing<W>, policy: &Policy, after_return: bool) -> Self {
        // All else is converted by the data connection.
        match policy.conversion().is_lines_only() {
            true if after_return => Self::Ascii(AsciiWriter::after_return(file)),
            true => Self::Ascii(AsciiWriter::new(file)),
            false => Self::Image(file),
        }
    }

    /// Of the file, if it ends here.
    pub(super) fn hash(&self) -> Option<String> {
        match self {
            Self::Image(file) => file.hash(),
            Self::Ascii(file) => file.inner().hash_with(file.held_back()),
        }
    }
}

impl<W: WriteFile> WriteFile for LocalWriter<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_together(&[bytes]).await
    }
    async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        match self {
            Self::Image(file) => file.write_together(pieces).await,
            Self::Ascii(file) => file.write_together(pieces).await,
        }
    }
    async fn publish(self) -> Result<(), StoreError> {
        match self {
            Self::Image(file) => file.publish().await,
            Self::Ascii(file) => file.publish().await,
        }
    }
    fn marker(&self) -> Option<String> {
        match self {
            Self::Image(file) => file.marker(),
            Self::Ascii(file) => file.marker(),
        }
    }
    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Image(file) => file.checkpoint().await,
            Self::Ascii(file) => file.checkpoint().await,
        }
    }
    async fn keep(self) -> Result<(), StoreError> {
        match self {
            Self::Image(file) => file.keep().await,
            Self::Ascii(file) => file.keep().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use ftp_proto::repr::Representation;
    use sha2::{Digest, Sha256};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    /// Bytes and lines, hashed and not.
    fn policies() -> Vec<Policy> {
        let mut policies = Vec::new();
        for representation in [Representation::Image, Representation::Ascii] {
            for verify in [Verify::Reply, Verify::Hash] {
                policies.push(Policy { representation, verify, ..Policy::default() });
            }
        }
        policies
    }

    fn sha256(bytes: &[u8]) -> Option<String> {
        Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The hash is of the whole, wherever what is sent begins.
    #[tokio::test]
    async fn a_reader_tells_where_it_is_and_hashes_what_it_passed_over() {
        let (store, path) = (MemoryStore::new(), VirtualPath::root().join("f").unwrap());
        store.insert(&path, *b"0123456789");
        for policy in policies() {
            let mut reader = LocalReader::open(&store, &path, 4, &policy, None).await.unwrap();
            assert_eq!((reader.marker().as_deref(), reader.remaining_bytes()), (Some("4"), 6), "{policy:?}");
            let mut piece = [0; 100];
            let read = reader.read(&mut piece).await.unwrap();
            assert_eq!(&piece[..read], b"456789", "{policy:?}");
            while reader.read(&mut piece).await.unwrap() > 0 {}
            let hash = (policy.verify == Verify::Hash).then(|| sha256(b"0123456789")).flatten();
            assert_eq!(reader.hash(), hash, "{policy:?}");
        }
    }

    /// A file that counts how often it was forced to the disk.
    #[derive(Default)]
    struct Counting {
        checkpoints: Arc<AtomicUsize>,
        content: Arc<Mutex<Vec<u8>>>,
    }

    impl WriteFile for Counting {
        async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
            self.content.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        }
        async fn publish(self) -> Result<(), StoreError> {
            Ok(())
        }
        async fn checkpoint(&mut self) -> Result<(), StoreError> {
            self.checkpoints.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    /// What stands at a marker stands on the disk, however the file is written.
    #[tokio::test]
    async fn a_checkpoint_is_one_of_the_file() {
        for policy in policies() {
            let file = Counting::default();
            let checkpoints = file.checkpoints.clone();
            LocalWriter::new(file, &policy).checkpoint().await.unwrap();
            assert_eq!(checkpoints.load(Ordering::Relaxed), 1, "{policy:?}");
        }
    }

    /// The last byte of what a failed attempt has left was a CR: what comes tells what it is.
    #[tokio::test]
    async fn lines_go_on_behind_a_return_that_was_held_back() {
        for (after_return, came, stands) in
            [(true, &b"\nb"[..], &b"\nb"[..]), (true, b"b", b"\rb"), (false, b"b", b"b")]
        {
            let policy = Policy { representation: Representation::Ascii, ..Policy::default() };
            let file = Counting::default();
            let content = file.content.clone();
            let mut writer = LocalWriter::resumed(file, &policy, after_return);
            writer.write(came).await.unwrap();
            writer.publish().await.unwrap();
            assert_eq!(*content.lock().unwrap(), stands, "{after_return}");
        }
    }
}
