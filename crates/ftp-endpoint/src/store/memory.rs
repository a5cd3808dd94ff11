//! A store in memory: a tree of names, deterministic, shared by its clones.

mod restore;
mod writer;

use super::{Entry, Kind, Metadata, PartId, Principal, ReadFile, Store, StoreError, Write};
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::path::VirtualPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
pub use writer::MemoryWriter;

/// Told of each publication, in order, while the store is locked: the path and the whole content.
pub type PublicationHook = Arc<dyn Fn(&VirtualPath, &Arc<[u8]>) + Send + Sync>;

/// Files in memory. Clones are the same store. Nothing has a time of modification but what was given one.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Tree>>,
    hook: Option<PublicationHook>,
    in_place: bool,
    principal: Arc<Principal>,
}

/// What a failed upload has left.
struct Partial {
    content: Vec<u8>,
    /// Counts up: the smallest is the oldest.
    number: u64,
    note: Option<String>,
}

impl Partial {
    fn id(&self) -> PartId {
        PartId::new([self.number, 0, 0])
    }
}

struct Tree {
    root: Directory,
    /// What failed uploads have left, by the path they were for and whose they were.
    partials: BTreeMap<(VirtualPath, String), Partial>,
    next_partial: u64,
    /// Being appended to.
    appending: BTreeSet<VirtualPath>,
    /// Written in place, and not yet whole: being written, or left so.
    unfinished: BTreeSet<VirtualPath>,
    /// Counts files: who writes in place writes into the one that it has opened.
    next_inode: u64,
    /// The temporary files that uploads share, in a run with [`Mutant::UploadsInterleave`].
    shared: BTreeMap<VirtualPath, Vec<u8>>,
    /// Of published files.
    used_bytes: u64,
    capacity_bytes: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            root: Directory::default(),
            partials: BTreeMap::new(),
            next_partial: 0,
            appending: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            next_inode: 0,
            shared: BTreeMap::new(),
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
    File { content: Arc<[u8]>, modified: Option<(i64, u32)>, inode: u64 },
    Directory(Directory),
}

impl Node {
    fn metadata(&self) -> Metadata {
        match self {
            Node::File { content, modified, inode } => Metadata {
                kind: Kind::File,
                size_bytes: content.len() as u64,
                modified: *modified,
                identity: Some((0, *inode)),
                is_link: false,
            },
            Node::Directory(directory) => directory.metadata(),
        }
    }
}

impl Directory {
    fn metadata(&self) -> Metadata {
        Metadata { modified: self.modified, ..Metadata::new(Kind::Directory, 0) }
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
    fn put(&mut self, path: &VirtualPath, content: Arc<[u8]>, inode: u64) -> Result<(), StoreError> {
        let (directory, name) = self.parent(path)?;
        if let Some(Node::Directory(_)) = directory.entries.get(name) {
            return Err(StoreError::IsDirectory);
        }
        let new_bytes = content.len() as u64;
        let node = Node::File { content, modified: None, inode };
        let old = directory.entries.insert(name.to_owned(), node);
        // It has changed, nobody knows when.
        directory.modified = None;
        let old_bytes = old.map_or(0, |old| old.metadata().size_bytes);
        self.used_bytes = self.used_bytes - old_bytes + new_bytes;
        Ok(())
    }

    fn inode(&mut self) -> u64 {
        self.next_inode += 1;
        self.next_inode
    }

    /// The file that stands there now.
    fn inode_at(&mut self, path: &VirtualPath) -> Option<u64> {
        let (directory, name) = self.parent(path).ok()?;
        match directory.entries.get(name) {
            Some(Node::File { inode, .. }) => Some(*inode),
            _ => None,
        }
    }

    /// Removes a file from sight; whoever has it open keeps it.
    fn remove(&mut self, path: &VirtualPath) -> Result<(), StoreError> {
        let old = self.file(path)?.ok_or(StoreError::NotFound)?;
        let (directory, name) = self.parent(path)?;
        directory.entries.remove(name);
        self.forget_partials(|of| of == path);
        self.used_bytes -= old.len() as u64;
        self.unfinished.remove(path);
        Ok(())
    }

    /// What failed uploads have left takes room, too.
    fn free_bytes(&self) -> u64 {
        let left: u64 = self.partials.values().map(|partial| partial.content.len() as u64).sum();
        self.capacity_bytes.saturating_sub(self.used_bytes + left)
    }

    /// Whether so much can be had: before there is none, what failed uploads have left goes. Nobody goes on from it
    /// now, for that is taken out of there.
    fn has_room(&mut self, bytes: u64) -> bool {
        if bytes > self.free_bytes() {
            self.partials.clear();
        }
        bytes <= self.free_bytes()
    }

    /// Keeps a failed upload; beyond its owner's limit the oldest goes.
    fn keep(&mut self, path: VirtualPath, content: Vec<u8>, principal: &Principal) {
        let owner = owner(principal);
        self.next_partial += 1;
        self.partials
            .insert((path, owner.to_owned()), Partial { content, number: self.next_partial, note: None });
        while self.partials.keys().filter(|(_, whose)| whose == owner).count() > principal.max_partials {
            let owned = self.partials.iter().filter(|((_, whose), _)| whose == owner);
            let Some(oldest) = owned.min_by_key(|(_, partial)| partial.number).map(|(key, _)| key.clone())
            else {
                return;
            };
            self.partials.remove(&oldest);
        }
    }

    /// The name is no more what uploads of it were meant for.
    fn forget_partials(&mut self, at: impl Fn(&VirtualPath) -> bool) {
        self.partials.retain(|(path, _), _| !at(path));
    }
}

/// Whose the leavings of an upload are.
fn owner(principal: &Principal) -> &str {
    if mutant::is(Mutant::OthersPartJoined) { "" } else { &principal.name }
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

    /// Published files and the upload under way may hold so much; then what failed uploads have left goes, and then
    /// [`StoreError::Full`].
    pub fn set_capacity_bytes(&self, bytes: u64) {
        self.tree().capacity_bytes = bytes;
    }

    fn owned(&self, path: &VirtualPath) -> (VirtualPath, String) {
        (path.clone(), owner(&self.principal).to_owned())
    }

    /// Puts a file there, with its directories; the hook is not told.
    pub fn insert(&self, path: &VirtualPath, content: impl Into<Arc<[u8]>>) {
        self.insert_modified(path, content, None);
    }

    /// [`Self::insert`], with a time of modification.
    pub fn insert_modified(
        &self,
        path: &VirtualPath,
        content: impl Into<Arc<[u8]>>,
        modified: Option<(i64, u32)>,
    ) {
        let Some(name) = path.name() else { return };
        let content = content.into();
        let mut tree = self.tree();
        let inode = tree.inode();
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
        let old = here.entries.insert(name.to_owned(), Node::File { content, modified, inode });
        tree.used_bytes -= old.map_or(0, |old| old.metadata().size_bytes);
    }

    /// Removes a file, whoever may; what has been there of it.
    pub fn take(&self, path: &VirtualPath) -> Option<Arc<[u8]>> {
        let mut tree = self.tree();
        let content = tree.file(path).ok().flatten()?;
        tree.remove(path).ok()?;
        Some(content)
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

    fn acting_for(&self, principal: &Principal) -> Self {
        Self { principal: Arc::new(principal.clone()), ..self.clone() }
    }

    async fn write(&self, path: &VirtualPath, how: Write) -> Result<MemoryWriter, StoreError> {
        MemoryWriter::open(self, path, how)
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
        if tree.file(path)?.is_none() {
            // Nothing to be seen; but whose upload has failed here may want the room back.
            tree.partials.remove(&self.owned(path));
        }
        tree.remove(path)
    }

    async fn create_directory(&self, path: &VirtualPath) -> Result<(), StoreError> {
        let mut tree = self.tree();
        if path.name().is_none() {
            return Err(StoreError::Exists);
        }
        let (directory, name) = tree.parent(path)?;
        if directory.entries.contains_key(name) {
            return Err(StoreError::Exists);
        }
        let new = Directory { entries: BTreeMap::new(), modified: None };
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
                tree.forget_partials(|of| of.parent() == *path);
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
        tree.forget_partials(|of| of == from || of == to);
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
        let partial = |tree: &Tree| Some(tree.partials.get(&self.owned(path))?.content.len() as u64);
        Ok(partial(&self.tree()))
    }

    async fn note_partial(&self, path: &VirtualPath, note: &str) -> Result<(), StoreError> {
        if let Some(partial) = self.tree().partials.get_mut(&self.owned(path)) {
            partial.note = Some(note.to_owned());
        }
        Ok(())
    }

    async fn partial_note(&self, path: &VirtualPath) -> Result<Option<String>, StoreError> {
        let note = |tree: &Tree| tree.partials.get(&self.owned(path))?.note.clone();
        Ok(note(&self.tree()))
    }

    async fn read_partial(&self, path: &VirtualPath) -> Result<(MemoryReader, PartId), StoreError> {
        let tree = self.tree();
        // Not by `owned`: the mutant that joins others' parts is not to let them be read as well.
        let key = (path.clone(), self.principal.name.clone());
        let partial = tree.partials.get(&key).ok_or(StoreError::NotFound)?;
        Ok((MemoryReader { content: Arc::from(partial.content.as_slice()), at: 0 }, partial.id()))
    }
}
