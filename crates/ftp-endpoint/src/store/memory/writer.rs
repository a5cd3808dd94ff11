//! A file of a [`MemoryStore`], being written.

use super::{MemoryStore, Partial, Tree};
use crate::store::{StoreError, Write, WriteFile};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use std::sync::Arc;

/// A file of a [`MemoryStore`], being written.
pub struct MemoryWriter {
    store: MemoryStore,
    path: VirtualPath,
    content: Vec<u8>,
    end: End,
    /// Of a resumed upload that has not come to its end: what is put back.
    resumed: bool,
    /// A write has failed.
    spoilt: bool,
    /// In place: the file that it writes into, and how much of [`Self::content`] stands in it.
    shown: Option<(u64, usize)>,
}

/// What an upload finds; `None`: no file.
type Old = Option<Arc<[u8]>>;

/// What an upload does to the old file.
enum End {
    /// It takes its place.
    Replaces,
    /// It will be added to it, as soon as there is something to add: it is claimed then. REST has said
    /// how long it is.
    Follows(Option<u64>),
    /// It is added to this one, to which nobody else adds meanwhile.
    Claimed(Old),
}

/// Whether an append finds the file that it has claimed.
fn is_same(found: &Old, now: &Old) -> bool {
    match (found, now) {
        (Some(found), Some(now)) => Arc::ptr_eq(found, now),
        (None, None) => true,
        _ => false,
    }
}

impl MemoryWriter {
    pub(super) fn open(store: &MemoryStore, path: &VirtualPath, how: Write) -> Result<Self, StoreError> {
        let mut tree = store.tree();
        let old = tree.file(path)?;
        if old.is_some() && !store.principal.may_replace {
            return Err(StoreError::Exists);
        }
        let (mut end, mut resumed) = (End::Replaces, false);
        let content = match how {
            Write::Replace | Write::From(0) => Vec::new(),
            Write::Append => {
                end = End::Follows(None);
                Vec::new()
            }
            Write::From(offset) => {
                let old = old.unwrap_or_default();
                if offset == old.len() as u64 {
                    end = End::Follows(Some(offset));
                }
                up_to(&old, offset)?
            }
            // Written in place, what is left stands under the name.
            Write::Resume { offset, .. } if store.in_place && tree.unfinished.contains(path) => {
                up_to(&old.unwrap_or_default(), offset)?
            }
            Write::Resume { offset, part } => {
                let key = store.owned(path);
                let left = tree.partials.get(&key);
                if part.is_some() && part != left.map(Partial::id) {
                    return Err(StoreError::Changed);
                }
                let content = up_to(left.map_or(&[][..], |partial| &partial.content), offset)?;
                resumed = tree.partials.remove(&key).is_some();
                content
            }
        };
        if mutant::is(Mutant::OldFileEmptied) && tree.inode_at(path).is_some() {
            let inode = tree.inode();
            tree.put(path, Arc::from(&content[..]), inode)?;
        }
        if mutant::is(Mutant::UploadsInterleave) {
            tree.shared.insert(path.clone(), content.clone());
        }
        drop(tree);
        let (store, path) = (store.clone(), path.clone());
        let mut writer = Self { store, path, content, end, resumed, spoilt: false, shown: None };
        if writer.store.in_place && !matches!(writer.end, End::Follows(_)) {
            writer.show()?;
        }
        Ok(writer)
    }

    /// Before the first byte of an append.
    fn claim(&mut self) -> Result<(), StoreError> {
        if let End::Follows(wanted_bytes) = self.end {
            let mut tree = self.store.tree();
            let old = tree.file(&self.path)?;
            let old_bytes = old.as_ref().map(|old| old.len() as u64);
            if wanted_bytes.is_some() && wanted_bytes != old_bytes {
                return Err(StoreError::Changed);
            }
            if !tree.appending.insert(self.path.clone()) {
                return Err(StoreError::Busy);
            }
            self.content = old.as_ref().map_or(Vec::new(), |old| old.to_vec());
            self.end = End::Claimed(old);
        }
        Ok(())
    }

    /// In place: what has been written so far appears under the name, in the file that stood there when
    /// this writer opened it. Two write into one file, each where it is; what has been removed or replaced
    /// meanwhile is out of sight.
    fn show(&mut self) -> Result<(), StoreError> {
        let mut tree = self.store.tree();
        let now = tree.inode_at(&self.path);
        let (inode, content) = match self.shown {
            None => (now.unwrap_or_else(|| tree.inode()), self.content.clone()),
            Some((inode, _)) if now != Some(inode) => return Ok(()),
            Some((inode, shown)) => {
                let mut content = tree.file(&self.path)?.unwrap_or_default().to_vec();
                content.resize(content.len().max(self.content.len()), 0);
                content[shown..self.content.len()].copy_from_slice(&self.content[shown..]);
                (inode, content)
            }
        };
        self.put(&mut tree, &content, inode)?;
        tree.unfinished.insert(self.path.clone());
        drop(tree);
        self.shown = Some((inode, self.content.len()));
        Ok(())
    }

    fn put(&self, tree: &mut Tree, content: &[u8], inode: u64) -> Result<(), StoreError> {
        let content: Arc<[u8]> = content.into();
        tree.put(&self.path, content.clone(), inode)?;
        if let Some(hook) = &self.store.hook {
            hook(&self.path, &content);
        }
        Ok(())
    }

    /// With [`Mutant::UploadsInterleave`]: `bytes` stand where they belong in the file that all share.
    fn share(&mut self, bytes: usize) {
        let mut tree = self.store.tree();
        let at = self.content.len() - bytes;
        let shared = tree.shared.entry(self.path.clone()).or_default();
        shared.resize(shared.len().max(self.content.len()), 0);
        shared[at..self.content.len()].copy_from_slice(&self.content[at..]);
    }
}

/// The beginning of what an upload goes on from.
fn up_to(content: &[u8], offset: u64) -> Result<Vec<u8>, StoreError> {
    let size_bytes = content.len() as u64;
    if offset > size_bytes {
        return Err(StoreError::BadOffset { offset, size_bytes });
    }
    Ok(content[..offset as usize].to_vec())
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        let mut tree = self.store.tree();
        if let End::Claimed(_) = self.end {
            tree.appending.remove(&self.path);
        }
        if self.resumed {
            tree.keep(self.path.clone(), std::mem::take(&mut self.content), &self.store.principal);
        }
    }
}

impl WriteFile for MemoryWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.claim()?;
        let needed = if self.store.in_place { bytes.len() } else { self.content.len() + bytes.len() };
        if !self.store.tree().has_room(needed as u64) {
            self.spoilt = true;
            self.resumed = false;
            return Err(StoreError::Full);
        }
        self.content.extend_from_slice(bytes);
        if mutant::is(Mutant::UploadsInterleave) {
            self.share(bytes.len());
        }
        if mutant::is(Mutant::WrittenInPlace) {
            let mut tree = self.store.tree();
            let inode = tree.inode();
            self.put(&mut tree, &self.content, inode)?;
        }
        if self.store.in_place {
            self.show()?;
        }
        Ok(())
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        self.claim()?;
        let mut tree = self.store.tree();
        let now = tree.file(&self.path)?;
        if now.is_some() && !self.store.principal.may_replace {
            return Err(StoreError::Exists);
        }
        if let End::Claimed(old) = &self.end
            && !self.store.in_place
            && !is_same(old, &now)
            && !mutant::is(Mutant::AppendLosesOther)
        {
            return Err(StoreError::Changed);
        }
        if self.store.in_place && self.shown.is_some() {
            // All of it stands where it belongs already, or nowhere.
            if self.shown.map(|(inode, _)| inode) == tree.inode_at(&self.path) {
                tree.unfinished.remove(&self.path);
            }
        } else {
            let inode = tree.inode();
            let shared = tree.shared.get(&self.path).cloned();
            self.put(&mut tree, shared.as_deref().unwrap_or(&self.content), inode)?;
            tree.unfinished.remove(&self.path);
        }
        tree.partials.remove(&self.store.owned(&self.path));
        drop(tree);
        self.resumed = false;
        Ok(())
    }

    fn marker(&self) -> Option<String> {
        // Of a failed append nothing is left to go on from.
        let off = usize::from(mutant::is(Mutant::MarkerOneOff));
        matches!(self.end, End::Replaces).then(|| self.content.len().saturating_sub(off).to_string())
    }

    async fn keep(mut self) -> Result<(), StoreError> {
        self.resumed = false;
        // Written in place, it is kept where it is; a part of an append would go on from nothing.
        if !self.store.in_place && !self.spoilt && matches!(self.end, End::Replaces) {
            let content = std::mem::take(&mut self.content);
            self.store.tree().keep(self.path.clone(), content, &self.store.principal);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::store::Store;
    use std::sync::Mutex;

    /// What a reader of the directory sees while a file is written in place, and afterwards.
    #[tokio::test]
    async fn in_place_every_part_is_seen_and_stays() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let hook: PublicationHook = {
            let seen = seen.clone();
            Arc::new(move |_, content| seen.lock().unwrap().push(content.len()))
        };
        let store = MemoryStore::new().with_hook(hook).writing_in_place();
        store.set_capacity_bytes(4);
        let path = VirtualPath::root().join("f").unwrap();
        let mut writer = store.write(&path, Write::Replace).await.unwrap();
        writer.write(b"ab").await.unwrap();
        drop(writer);
        assert_eq!((&store.get(&path).unwrap()[..], store.is_unfinished(&path)), (&b"ab"[..], true));
        let mut writer = store.write(&path, Write::resume(2)).await.unwrap();
        writer.write(b"cd").await.unwrap();
        assert!(matches!(writer.write(b"e").await, Err(StoreError::Full)));
        writer.publish().await.unwrap();
        assert_eq!((&store.get(&path).unwrap()[..], store.is_unfinished(&path)), (&b"abcd"[..], false));
        assert_eq!(*seen.lock().unwrap(), [0, 2, 2, 4]);
        // A new upload empties it at once.
        store.write(&path, Write::Replace).await.unwrap();
        assert_eq!((store.get(&path).unwrap().len(), store.is_unfinished(&path)), (0, true));
    }

    /// Two write where each of them is; what is removed or replaced meanwhile is written on out of sight.
    #[tokio::test]
    async fn in_place_two_write_into_one_file() {
        let store = MemoryStore::new().writing_in_place();
        let path = VirtualPath::root().join("f").unwrap();
        let mut one = store.write(&path, Write::Replace).await.unwrap();
        one.write(b"abcd").await.unwrap();
        let mut other = store.write(&path, Write::Replace).await.unwrap();
        other.write(b"12").await.unwrap();
        one.write(b"ef").await.unwrap();
        assert_eq!(&store.get(&path).unwrap()[..], b"12\0\0ef");
        assert_eq!(&store.take(&path).unwrap()[..], b"12\0\0ef");
        one.write(b"gh").await.unwrap();
        one.publish().await.unwrap();
        assert_eq!(store.get(&path), None);
        store.insert(&path, &b"new"[..]);
        other.write(b"34").await.unwrap();
        other.publish().await.unwrap();
        assert_eq!(&store.get(&path).unwrap()[..], b"new");
    }

    /// An append of nothing makes the file, and what is whole is not resumed.
    #[tokio::test]
    async fn in_place_an_empty_append_makes_a_file_that_is_whole() {
        let store = MemoryStore::new().writing_in_place();
        let path = VirtualPath::root().join("f").unwrap();
        store.write(&path, Write::Append).await.unwrap().publish().await.unwrap();
        assert_eq!(store.get(&path).as_deref(), Some(&b""[..]));
        store.insert(&path, &b"whole"[..]);
        let resumed = store.write(&path, Write::resume(2)).await.err();
        assert!(matches!(resumed, Some(StoreError::BadOffset { offset: 2, size_bytes: 0 })), "{resumed:?}");
    }

    /// Neither what stands under the name already, nor what has a hole.
    #[tokio::test]
    async fn nothing_is_kept_aside_of_what_is_in_place_or_did_not_fit() {
        let path = VirtualPath::root().join("f").unwrap();
        let store = MemoryStore::new().writing_in_place();
        let mut file = store.write(&path, Write::Replace).await.unwrap();
        file.write(b"half").await.unwrap();
        file.keep().await.unwrap();
        assert_eq!((store.get(&path).unwrap().len(), store.partial(&path)), (4, None));
        let store = MemoryStore::new();
        store.set_capacity_bytes(4);
        let mut file = store.write(&path, Write::Replace).await.unwrap();
        file.write(b"half").await.unwrap();
        assert!(matches!(file.write(b"more").await, Err(StoreError::Full)));
        file.keep().await.unwrap();
        assert_eq!(store.partial(&path), None);
    }
}
