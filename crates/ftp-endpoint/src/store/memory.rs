//! A store in memory: a tree of names, deterministic, shared by its clones.

use super::{Entry, Kind, Metadata, ReadFile, Store, StoreError, Write, WriteFile};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// Told of each publication, in order, while the store is locked: the path and the whole content.
pub type PublicationHook = Arc<dyn Fn(&VirtualPath, &Arc<[u8]>) + Send + Sync>;
/// Seconds and nanoseconds since 1970, for times of modification.
pub type Clock = Arc<dyn Fn() -> (i64, u32) + Send + Sync>;

/// Files in memory. Clones are the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Tree>>,
    hook: Option<PublicationHook>,
    clock: Option<Clock>,
    in_place: bool,
}

struct Tree {
    root: Directory,
    /// What failed uploads have left, by the path they were for.
    partials: BTreeMap<VirtualPath, Vec<u8>>,
    /// Written in place, and not yet whole: being written, or left so.
    unfinished: BTreeSet<VirtualPath>,
    /// Of published files.
    used_bytes: u64,
    capacity_bytes: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            root: Directory::default(),
            partials: BTreeMap::new(),
            unfinished: BTreeSet::new(),
            used_bytes: 0,
            capacity_bytes: u64::MAX,
        }
    }
}

#[derive(Default)]
struct Directory {
    entries: BTreeMap<String, Node>,
    modified: Option<(i64, u32)>,
}

enum Node {
    File { content: Arc<[u8]>, modified: Option<(i64, u32)> },
    Directory(Directory),
}

impl Node {
    fn metadata(&self) -> Metadata {
        match self {
            Node::File { content, modified } => {
                Metadata { kind: Kind::File, size_bytes: content.len() as u64, modified: *modified }
            }
            Node::Directory(directory) => directory.metadata(),
        }
    }
}

impl Directory {
    fn metadata(&self) -> Metadata {
        Metadata { kind: Kind::Directory, size_bytes: 0, modified: self.modified }
    }

    /// The directory at the end of `names`.
    fn walk<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<&mut Directory, StoreError> {
        let mut here = self;
        for name in names {
            here = match here.entries.get_mut(name) {
                Some(Node::Directory(directory)) => directory,
                Some(Node::File { .. }) => return Err(StoreError::NotDirectory),
                None => return Err(StoreError::NotFound),
            };
        }
        Ok(here)
    }
}

impl Tree {
    /// The directory that holds `path`'s last name, and that name; the root has none.
    fn parent<'a>(&mut self, path: &'a VirtualPath) -> Result<(&mut Directory, &'a str), StoreError> {
        let name = path.name().ok_or(StoreError::Denied)?;
        let depth = path.components().count() - 1;
        Ok((self.root.walk(path.components().take(depth))?, name))
    }

    fn file(&mut self, path: &VirtualPath) -> Result<Option<Arc<[u8]>>, StoreError> {
        if path.name().is_none() {
            return Err(StoreError::IsDirectory);
        }
        let (directory, name) = self.parent(path)?;
        match directory.entries.get(name) {
            Some(Node::File { content, .. }) => Ok(Some(content.clone())),
            Some(Node::Directory(_)) => Err(StoreError::IsDirectory),
            None => Ok(None),
        }
    }

    /// Puts `content` under `path`, in place of the file that was there.
    fn put(
        &mut self,
        path: &VirtualPath,
        content: Arc<[u8]>,
        modified: Option<(i64, u32)>,
    ) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        if let Some(Node::Directory(_)) = directory.entries.get(name) {
            return Err(StoreError::IsDirectory);
        }
        let new_bytes = content.len() as u64;
        let old = directory.entries.insert(name.to_owned(), Node::File { content, modified });
        directory.modified = modified;
        let old_bytes = old.map_or(0, |old| old.metadata().size_bytes);
        self.used_bytes = self.used_bytes - old_bytes + new_bytes;
        Ok(())
    }

    fn free_bytes(&self) -> u64 {
        self.capacity_bytes.saturating_sub(self.used_bytes)
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// `hook` is told of each publication.
    pub fn with_hook(mut self, hook: PublicationHook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Without a clock, files have no time of modification.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Files stand under their final names while they are written, and what a failed upload leaves
    /// stays there, as with most servers in use; the hook is told of every write. Not this store's
    /// habit by itself.
    pub fn writing_in_place(mut self) -> Self {
        self.in_place = true;
        self
    }

    /// Whether what stands there was written in place and its end has not come.
    pub fn is_unfinished(&self, path: &VirtualPath) -> bool {
        self.tree().unfinished.contains(path)
    }

    /// Published files and the upload under way may hold so much; then [`StoreError::Full`].
    pub fn set_capacity_bytes(&self, bytes: u64) {
        self.tree().capacity_bytes = bytes;
    }

    /// Puts a file there, with its directories; the hook is not told.
    pub fn insert(&self, path: &VirtualPath, content: impl Into<Arc<[u8]>>) {
        let Some(name) = path.name() else { return };
        let content = content.into();
        let mut tree = self.tree();
        tree.used_bytes += content.len() as u64;
        let mut here = &mut tree.root;
        for part in path.parent().components() {
            let node =
                here.entries.entry(part.to_owned()).or_insert_with(|| Node::Directory(Directory::default()));
            if let Node::File { .. } = node {
                *node = Node::Directory(Directory::default());
            }
            let Node::Directory(directory) = node else { return };
            here = directory;
        }
        here.entries.insert(name.to_owned(), Node::File { content, modified: self.now() });
    }

    /// A file's content, if it is there.
    pub fn get(&self, path: &VirtualPath) -> Option<Arc<[u8]>> {
        self.tree().file(path).ok().flatten()
    }

    /// Every file with its content, in order of path.
    pub fn files(&self) -> Vec<(VirtualPath, Arc<[u8]>)> {
        fn collect(at: &VirtualPath, directory: &Directory, out: &mut Vec<(VirtualPath, Arc<[u8]>)>) {
            for (name, node) in &directory.entries {
                // Names come from virtual paths, so that joining them cannot fail or go elsewhere.
                let Ok(path) = at.join(name) else { continue };
                match node {
                    Node::File { content, .. } => out.push((path, content.clone())),
                    Node::Directory(inner) => collect(&path, inner, out),
                }
            }
        }
        let mut out = Vec::new();
        collect(&VirtualPath::root(), &self.tree().root, &mut out);
        out
    }

    fn now(&self) -> Option<(i64, u32)> {
        self.clock.as_ref().map(|clock| clock())
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        // The tree is whole between any two statements that can panic.
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A file of a [`MemoryStore`], being read.
#[derive(Debug)]
pub struct MemoryReader {
    content: Arc<[u8]>,
    at: usize,
}

impl ReadFile for MemoryReader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let rest = &self.content[self.at..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }

    fn remaining_bytes(&self) -> u64 {
        (self.content.len() - self.at) as u64
    }

    fn marker(&self) -> Option<String> {
        Some(self.at.to_string())
    }
}

/// A file of a [`MemoryStore`], being written.
pub struct MemoryWriter {
    store: MemoryStore,
    path: VirtualPath,
    content: Vec<u8>,
}

impl WriteFile for MemoryWriter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let free = self.store.tree().free_bytes();
        let needed = if self.store.in_place { bytes.len() } else { self.content.len() + bytes.len() };
        if needed as u64 > free {
            return Err(StoreError::Full);
        }
        self.content.extend_from_slice(bytes);
        if mutant::is(Mutant::WrittenInPlace) {
            let so_far =
                Self { store: self.store.clone(), path: self.path.clone(), content: self.content.clone() };
            so_far.publish().await?;
        }
        if self.store.in_place {
            self.show()?;
        }
        Ok(())
    }

    async fn publish(self) -> Result<(), StoreError> {
        let content: Arc<[u8]> = self.content.into();
        let modified = self.store.now();
        let mut tree = self.store.tree();
        tree.put(&self.path, content.clone(), modified)?;
        tree.partials.remove(&self.path);
        tree.unfinished.remove(&self.path);
        if let Some(hook) = &self.store.hook {
            hook(&self.path, &content);
        }
        Ok(())
    }

    fn marker(&self) -> Option<String> {
        Some(self.content.len().to_string())
    }

    async fn keep(self) -> Result<(), StoreError> {
        // Written in place, it is kept where it is.
        if !self.store.in_place {
            self.store.tree().partials.insert(self.path, self.content);
        }
        Ok(())
    }
}

impl MemoryWriter {
    /// In place: what has been written so far appears under the name.
    fn show(&self) -> Result<(), StoreError> {
        let content: Arc<[u8]> = self.content.as_slice().into();
        let modified = self.store.now();
        let mut tree = self.store.tree();
        tree.put(&self.path, content.clone(), modified)?;
        tree.unfinished.insert(self.path.clone());
        if let Some(hook) = &self.store.hook {
            hook(&self.path, &content);
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    type Reader = MemoryReader;
    type Writer = MemoryWriter;

    async fn read(&self, path: &VirtualPath, offset: u64) -> Result<MemoryReader, StoreError> {
        let content = self.tree().file(path)?.ok_or(StoreError::NotFound)?;
        let size_bytes = content.len() as u64;
        if offset > size_bytes {
            return Err(StoreError::BadOffset { offset, size_bytes });
        }
        Ok(MemoryReader { content, at: offset as usize })
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<MemoryWriter, StoreError> {
        let mut tree = self.tree();
        let old = tree.file(path)?;
        let content = match how {
            Write::Replace => Vec::new(),
            Write::Append => old.map_or(Vec::new(), |old| old.to_vec()),
            Write::From(offset) => {
                let partial = tree.partials.get(path).filter(|partial| partial.len() as u64 >= offset);
                let base = partial.map(Vec::as_slice).or(old.as_deref()).unwrap_or_default();
                let size_bytes = base.len() as u64;
                if offset > size_bytes {
                    return Err(StoreError::BadOffset { offset, size_bytes });
                }
                base[..offset as usize].to_vec()
            }
        };
        drop(tree);
        let writer = MemoryWriter { store: self.clone(), path: path.clone(), content };
        if self.in_place {
            writer.show()?;
        }
        Ok(writer)
    }

    async fn metadata(&self, path: &VirtualPath) -> Result<Metadata, StoreError> {
        let mut tree = self.tree();
        if path.name().is_none() {
            return Ok(tree.root.metadata());
        }
        let (directory, name) = tree.parent(path)?;
        directory.entries.get(name).map(Node::metadata).ok_or(StoreError::NotFound)
    }

    async fn list(&self, path: &VirtualPath) -> Result<Vec<Entry>, StoreError> {
        let mut tree = self.tree();
        let directory = tree.root.walk(path.components())?;
        let entry = |(name, node): (&String, &Node)| Entry { name: name.clone(), metadata: node.metadata() };
        Ok(directory.entries.iter().map(entry).collect())
    }

    async fn remove_file(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let mut tree = self.tree();
        let size_bytes = tree.file(path)?.ok_or(StoreError::NotFound)?.len() as u64;
        let (directory, name) = tree.parent(path)?;
        directory.entries.remove(name);
        tree.used_bytes -= size_bytes;
        tree.unfinished.remove(path);
        Ok(())
    }

    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let modified = self.now();
        let mut tree = self.tree();
        if path.name().is_none() {
            return Err(StoreError::Exists);
        }
        let (directory, name) = tree.parent(path)?;
        if directory.entries.contains_key(name) {
            return Err(StoreError::Exists);
        }
        let new = Directory { entries: BTreeMap::new(), modified };
        directory.entries.insert(name.to_owned(), Node::Directory(new));
        Ok(())
    }

    async fn remove_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let mut tree = self.tree();
        let (directory, name) = tree.parent(path)?;
        match directory.entries.get(name) {
            None => Err(StoreError::NotFound),
            Some(Node::File { .. }) => Err(StoreError::NotDirectory),
            Some(Node::Directory(inner)) if !inner.entries.is_empty() => Err(StoreError::NotEmpty),
            Some(Node::Directory(_)) => {
                directory.entries.remove(name);
                Ok(())
            }
        }
    }

    async fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> Result<(), StoreError> {
        let mut tree = self.tree();
        let inside = to.components().count() > from.components().count()
            && to.components().zip(from.components()).all(|(a, b)| a == b);
        if inside {
            return Err(StoreError::BadName);
        }
        let (directory, name) = tree.parent(from)?;
        let moved_is_file = match directory.entries.get(name) {
            None => return Err(StoreError::NotFound),
            Some(node) => matches!(node, Node::File { .. }),
        };
        let (directory, name) = tree.parent(to)?;
        let replaced_bytes = match directory.entries.get(name) {
            None => 0,
            _ if from == to => return Ok(()),
            Some(Node::File { content, .. }) if moved_is_file => content.len() as u64,
            Some(Node::File { .. }) => return Err(StoreError::NotDirectory),
            Some(Node::Directory(_)) if moved_is_file => return Err(StoreError::IsDirectory),
            Some(Node::Directory(inner)) if inner.entries.is_empty() => 0,
            Some(Node::Directory(_)) => return Err(StoreError::NotEmpty),
        };
        let (directory, name) = tree.parent(from)?;
        let Some(node) = directory.entries.remove(name) else { return Err(StoreError::NotFound) };
        let published = match &node {
            Node::File { content, .. } => Some(content.clone()),
            Node::Directory(_) => None,
        };
        let (directory, name) = tree.parent(to)?;
        directory.entries.insert(name.to_owned(), node);
        tree.used_bytes -= replaced_bytes;
        let unfinished = tree.unfinished.remove(from);
        tree.unfinished.remove(to);
        if unfinished {
            tree.unfinished.insert(to.clone());
        }
        if let (Some(hook), Some(content)) = (&self.hook, published) {
            hook(to, &content);
        }
        Ok(())
    }

    async fn set_modified(&self, path: &VirtualPath, time: (i64, u32)) -> Result<(), StoreError> {
        let mut tree = self.tree();
        let (directory, name) = tree.parent(path)?;
        match directory.entries.get_mut(name).ok_or(StoreError::NotFound)? {
            Node::File { modified, .. } => *modified = Some(time),
            Node::Directory(inner) => inner.modified = Some(time),
        }
        Ok(())
    }

    async fn partial_bytes(&self, path: &VirtualPath) -> Result<Option<u64>, StoreError> {
        Ok(self.tree().partials.get(path).map(|partial| partial.len() as u64))
    }

    async fn read_partial(&self, path: &VirtualPath) -> Result<MemoryReader, StoreError> {
        let content = self.tree().partials.get(path).map(|partial| Arc::from(partial.as_slice()));
        Ok(MemoryReader { content: content.ok_or(StoreError::NotFound)?, at: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut writer = store.write(&path, Write::From(2)).await.unwrap();
        writer.write(b"cd").await.unwrap();
        assert!(matches!(writer.write(b"e").await, Err(StoreError::Full)));
        writer.publish().await.unwrap();
        assert_eq!((&store.get(&path).unwrap()[..], store.is_unfinished(&path)), (&b"abcd"[..], false));
        assert_eq!(*seen.lock().unwrap(), [0, 2, 2, 4, 4]);
        // A new upload empties it at once.
        store.write(&path, Write::Replace).await.unwrap();
        assert_eq!((store.get(&path).unwrap().len(), store.is_unfinished(&path)), (0, true));
    }
}
