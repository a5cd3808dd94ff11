//! What is to be done so that one tree becomes like another. Pure: trees in, a plan out.

use super::tree::{Kind, Node, Tree, above};
use std::collections::{BTreeMap, BTreeSet};

/// What tells that a file is unchanged, if the sizes are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    /// The same time, in whole seconds.
    SameTime,
    /// The copy is not older: where its time cannot be set.
    NotOlder,
    SizeOnly,
    Checksum,
}

/// Why a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    New,
    Size,
    Time,
    Content,
    /// Its size cannot be had.
    Unknown,
}

impl Why {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Size => "another size",
            Self::Time => "another time",
            Self::Content => "another content",
            Self::Unknown => "its size is not known",
        }
    }
}

/// To be done in this order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Each after the one that it lies in.
    pub directories: Vec<String>,
    pub transfers: Vec<(String, Why)>,
    /// Of the right content, and another time.
    pub times: Vec<String>,
    /// There already, and of another time than the source's; to be set after all else.
    pub directory_times: Vec<String>,
    /// Each before the directory that it lies in.
    pub deletions: Vec<(String, Kind)>,
    /// Refused: one end has something there that is not to be replaced.
    pub conflicts: Vec<(String, &'static str)>,
    pub unchanged: u64,
    /// Of these, those whose times nobody knows.
    pub by_size_alone: u64,
}

/// `same_content`: of common files of the same size, where hashes were compared.
pub(super) fn plan(
    source: &Tree,
    target: &Tree,
    compare: Compare,
    same_content: &BTreeMap<String, bool>,
) -> Plan {
    let mut plan = Plan::default();
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    for (path, node) in &source.nodes {
        if above(path).any(|directory| refused.contains(directory)) {
            // With the directory that it lies in.
            continue;
        }
        if target.skipped.contains_key(path) {
            refused.insert(path);
            plan.conflicts.push((path.clone(), "what stands there is left alone"));
            continue;
        }
        match (node.kind, target.nodes.get(path)) {
            (Kind::Directory, None) => plan.directories.push(path.clone()),
            (_, None) => plan.transfers.push((path.clone(), Why::New)),
            (Kind::Directory, Some(there @ Node { kind: Kind::Directory, .. })) => {
                if node.modified.is_some() && there.modified.is_some_and(|time| Some(time) != node.modified) {
                    plan.directory_times.push(path.clone());
                }
            }
            (Kind::File, Some(there @ Node { kind: Kind::File, .. })) => {
                plan.compare(path, node, there, (compare, same_content.get(path).copied()));
            }
            (kind, Some(there)) => {
                refused.insert(path);
                plan.conflicts.push((path.clone(), conflict(kind, there.kind)));
            }
        }
    }
    plan.delete(source, target, &refused);
    plan
}

fn conflict(source: Kind, target: Kind) -> &'static str {
    match (source, target) {
        (_, Kind::Other) => "a link or a special file stands there, which is not written through",
        (Kind::Directory, _) => "a file stands where a directory is to be",
        _ => "a directory stands where a file is to be",
    }
}

impl Plan {
    fn compare(&mut self, path: &str, ours: &Node, theirs: &Node, by: (Compare, Option<bool>)) {
        let sizes = (ours.size_bytes, theirs.size_bytes);
        if let (Some(ours), Some(theirs)) = sizes
            && ours != theirs
        {
            return self.transfers.push((path.to_owned(), Why::Size));
        }
        let times = (ours.modified, theirs.modified);
        let same_time = matches!(times, (Some(ours), Some(theirs)) if ours == theirs);
        match by {
            (Compare::Checksum, Some(true)) => {
                if times.0.is_some() && times.1.is_some() && !same_time {
                    self.times.push(path.to_owned());
                }
            }
            (Compare::Checksum, _) => return self.transfers.push((path.to_owned(), Why::Content)),
            _ if sizes.0.is_none() || sizes.1.is_none() => {
                return self.transfers.push((path.to_owned(), Why::Unknown));
            }
            (Compare::SizeOnly, _) => {}
            (compare, _) => match times {
                _ if same_time => {}
                (Some(ours), Some(theirs)) if compare == Compare::NotOlder && theirs > ours => {}
                (Some(_), Some(_)) => return self.transfers.push((path.to_owned(), Why::Time)),
                _ => self.by_size_alone += 1,
            },
        }
        self.unchanged += 1;
    }

    /// What the source has not, and nobody has said to leave alone.
    fn delete(&mut self, source: &Tree, target: &Tree, refused: &BTreeSet<&str>) {
        // Directories in which something stays.
        let mut kept: BTreeSet<&str> = target.skipped.keys().flat_map(|path| above(path)).collect();
        for (path, node) in target.nodes.iter().rev() {
            let is_alone = |path: &str| source.skipped.contains_key(path) || refused.contains(path);
            let stays = source.nodes.contains_key(path)
                || is_alone(path)
                || above(path).any(is_alone)
                || kept.contains(path.as_str());
            if stays {
                kept.extend(above(path));
            } else {
                self.deletions.push((path.clone(), node.kind));
            }
        }
        // Of two paths, what lies in the other comes behind it.
        self.deletions.sort_by(|(a, _), (b, _)| b.cmp(a));
    }
}

#[cfg(test)]
mod tests;
