//! A [`MemoryStore`] made what a disk holds after a loss of power.

use super::{Directory, MemoryStore, Node, Tree};
use ftp_proto::path::VirtualPath;
use std::sync::Arc;

impl Directory {
    fn forget_files(&mut self) {
        self.entries.retain(|_, node| match node {
            Node::File { .. } => false,
            Node::Directory(inner) => {
                inner.forget_files();
                true
            }
        });
    }
}

impl MemoryStore {
    /// What a failed upload of this store's principal has left.
    pub fn partial(&self, path: &VirtualPath) -> Option<Arc<[u8]>> {
        self.tree().partials.get(&self.owned(path)).map(|partial| partial.content.as_slice().into())
    }

    /// Makes these all the files that there are, and so many bytes of what each failed upload has left, by
    /// its path and whose it is; directories stay. The hook is not told.
    pub fn restore(
        &self,
        files: impl IntoIterator<Item = (VirtualPath, Arc<[u8]>)>,
        partial_bytes: impl Fn(&VirtualPath, &str) -> Option<u64>,
    ) {
        let mut tree = self.tree();
        tree.root.forget_files();
        tree.used_bytes = 0;
        tree.partials.retain(|(path, owner), partial| match partial_bytes(path, owner) {
            Some(bytes) => {
                partial.content.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
                true
            }
            None => false,
        });
        drop(tree);
        for (path, content) in files {
            self.insert(&path, content);
        }
        let Tree { root, unfinished, .. } = &mut *self.tree();
        unfinished.retain(|path| {
            let depth = path.components().count().saturating_sub(1);
            let directory = root.walk(path.components().take(depth));
            directory.is_ok_and(|it| path.name().is_some_and(|name| it.entries.contains_key(name)))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, Write, WriteFile};

    fn path(text: &str) -> VirtualPath {
        VirtualPath::root().join(text).unwrap()
    }

    #[tokio::test]
    async fn what_is_restored_is_all_that_there_is() {
        let store = MemoryStore::new();
        for name in ["a", "d/lost", "d/e/kept"] {
            store.insert(&path(name), &b"before"[..]);
        }
        for name in ["part", "gone"] {
            let mut file = store.write(&path(name), Write::Replace).await.unwrap();
            file.write(b"0123456789").await.unwrap();
            file.keep().await.unwrap();
        }
        assert_eq!(store.partial(&path("part")).as_deref(), Some(&b"0123456789"[..]));
        let files = [(path("d/e/kept"), Arc::from(&b"safe"[..])), (path("new"), Arc::from(&b"n"[..]))];
        store.restore(files.clone(), |of, owner| {
            assert_eq!(owner, "");
            (*of == path("part")).then_some(4)
        });
        assert_eq!(store.files(), files);
        assert_eq!(store.partial(&path("part")).as_deref(), Some(&b"0123"[..]));
        assert_eq!((store.partial(&path("gone")), store.partial(&path("never"))), (None, None));
        // Directories stay, and what has gone takes no room.
        assert!(store.list(&path("d")).await.is_ok_and(|entries| entries.len() == 1));
        store.set_capacity_bytes(10);
        let mut file = store.write(&path("d/b"), Write::Replace).await.unwrap();
        file.write(b"1").await.unwrap();
        assert!(store.partial(&path("part")).is_some(), "there was room for one beside nine bytes");
        file.write(b"2").await.unwrap();
        assert_eq!(store.partial(&path("part")), None, "and for no more");
    }
}
