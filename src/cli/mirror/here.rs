//! The tree at this end.

use super::filter::Filter;
use super::tree::{Kind, Node, Tree};
use crate::cli::out::tell;
use crate::cli::remote::join;
use crate::cli::skipped::Reason;
use crate::sim::trace::hex;
use ftp_endpoint::store::disk::is_hidden;
use ftp_proto::name;
use ftp_proto::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// All below `root`, which is resolved. `is_source`: links to files in the tree are those files, and other
/// links are left alone; else a link is something that nobody writes through.
pub(super) fn walk(root: &Path, filter: &Filter, is_source: bool) -> Tree {
    let mut tree = Tree::default();
    let mut open = vec![(root.to_owned(), String::new())];
    while let Some((directory, path)) = open.pop() {
        let entries = match fs::read_dir(&directory).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => {
                miss(&mut tree, &directory, &error);
                continue;
            }
        };
        for entry in entries {
            let name = name::from_os(&entry.file_name()).into_owned();
            if is_hidden(&name) {
                // What downloads to here, broken off or under way, have left.
                tree.skip(join(&path, &name), Reason::Own);
                continue;
            }
            let (path, at) = (join(&path, &name), entry.path());
            // Of the entry itself, whatever a link leads to.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Gone since: then it is not there.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    miss(&mut tree, &at, &error);
                    continue;
                }
            };
            if filter.leaves_out(&path, metadata.is_dir()) {
                tree.skip(path, Reason::Excluded);
                continue;
            }
            match node(root, &at, &metadata, is_source) {
                Ok(node) => {
                    if node.kind == Kind::Directory {
                        open.push((at, path.clone()));
                    }
                    tree.nodes.insert(path, node);
                }
                Err(reason) => tree.skip(path, reason),
            }
        }
    }
    tree
}

fn miss(tree: &mut Tree, path: &Path, error: &io::Error) {
    tell(format_args!("{}: {error}", path.display()));
    tree.unknown += 1;
}

fn node(root: &Path, at: &Path, metadata: &Metadata, is_source: bool) -> Result<Node, Reason> {
    if metadata.is_dir() {
        return Ok(Node { modified: seconds(metadata), ..Node::new(Kind::Directory) });
    }
    if metadata.is_file() {
        return Ok(file(metadata));
    }
    if !is_source {
        return Ok(Node::new(Kind::Other));
    }
    if !metadata.is_symlink() {
        return Err(Reason::Special);
    }
    let target = fs::canonicalize(at).map_err(|_| Reason::LinkOut)?;
    let metadata = fs::metadata(&target).map_err(|_| Reason::LinkOut)?;
    let inside = target.strip_prefix(root).map_err(|_| Reason::LinkOut)?;
    if metadata.is_dir() {
        return Err(Reason::LinkToDirectory);
    }
    if !metadata.is_file() {
        return Err(Reason::Special);
    }
    Ok(Node { read_as: Some(name::from_os(inside.as_os_str()).into_owned()), ..file(&metadata) })
}

fn file(metadata: &Metadata) -> Node {
    Node { size_bytes: Some(metadata.len()), modified: seconds(metadata), ..Node::new(Kind::File) }
}

fn seconds(metadata: &Metadata) -> Option<Timestamp> {
    metadata.modified().ok().map(whole_seconds)
}

/// Whole ones since 1970: no more goes over FTP everywhere.
pub(in crate::cli) fn whole_seconds(time: SystemTime) -> Timestamp {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => {
            let before = before.duration();
            -(before.as_secs() as i64) - i64::from(before.subsec_nanos() > 0)
        }
    };
    (seconds, 0)
}

/// Where a node lies, and what it is by now.
pub(super) fn look(root: &Path, path: &str, node: &Node) -> io::Result<Node> {
    Ok(file(&fs::metadata(place(root, path, node))?))
}

pub(super) fn place(root: &Path, path: &str, node: &Node) -> PathBuf {
    root.join(name::to_os(node.read_as.as_deref().unwrap_or(path)))
}

/// What stands in a directory, as paths of a tree name it.
pub(super) fn names(directory: &Path) -> io::Result<BTreeSet<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(name::from_os(&entry?.file_name()).into_owned());
    fs::read_dir(directory)?.map(name).collect()
}

/// SHA-256 of a file in lower-case hexadecimal.
pub(super) fn hash(file: &Path) -> io::Result<String> {
    let mut file = fs::File::open(file)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&piece[..read]);
    }
}
