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
