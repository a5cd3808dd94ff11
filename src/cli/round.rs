//! Links that lead round in a tree at a server. Servers list them as directories, so a directory is listed
//! once, whatever paths lead there, as far as the server tells it from others: by the `unique` fact (RFC 3659
//! section 7.5.2), or by PWD. Where neither knows links, what lists the same over and over is taken for one.

use super::remote::{MAX_DEPTH, Remote, join};
use ftp_endpoint::client::{ClientError, Entry, Listing};
use std::collections::btree_map;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What still lists the same, gone round so often, has no end. Fewer than the links that a system follows in
/// one path (Solaris 20, BSD 32, Linux 40).
const ROUNDS: usize = 12;

/// What tells a directory from all others, whatever path leads there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Unique(String),
    /// As PWD names it.
    Place(String),
}

/// To a directory that is to be listed.
#[derive(Clone, Default)]
pub(super) struct Way {
    /// As the listing of the directory in which it lies has it.
    unique: Option<String>,
    /// By digests: what is listed in the directories in which it lies, the walk's first one first.
    above: Vec<u64>,
}

impl Way {
    /// To a directory in the one to which this leads.
    pub(super) fn to(&self, entry: &Entry) -> Self {
        Self { unique: entry.unique.clone(), above: self.above.clone() }
    }

    /// How many directories it lies in.
    pub(super) fn depth(&self) -> usize {
        self.above.len()
    }
}

/// The directories of a walk, which goes by depth: so that a way without links comes before one round by them.
#[derive(Default)]
pub(super) struct Rounds {
    /// With the path by which each was listed.
    listed: BTreeMap<Identity, String>,
    /// What is listed over and over, and how deep that was found.
    repeated: BTreeSet<(u64, usize)>,
    /// What is listed over and over in more than one directory at once.
    endless: BTreeSet<u64>,
    /// By paths of directories that list the same as one above: by which way from there, and where that ends.
    judged: BTreeMap<String, (String, End)>,
}

impl Rounds {
    /// Why a directory need not be listed.
    pub(super) fn known(&self, way: &Way) -> Option<String> {
        let unique = way.unique.clone()?;
        self.listed.get(&Identity::Unique(unique)).map(|first| has_been_listed(first))
    }

    /// What leads on from a directory, now that it is listed; or why nothing does.
    pub(super) async fn enter(
        &mut self,
        remote: &mut Remote,
        way: Way,
        path: &str,
        listing: &Listing,
    ) -> Result<Way, String> {
        let identity = identity(remote, &way, path, listing).await;
        let is_certain = matches!(identity, Some(Identity::Unique(_)));
        if let Some(identity) = identity {
            match self.listed.entry(identity) {
                btree_map::Entry::Occupied(first) => return Err(has_been_listed(first.get())),
                btree_map::Entry::Vacant(place) => _ = place.insert(path.to_owned()),
            }
        }
        if !is_certain && self.leads_round(remote, &way, path, listing).await {
            return Err("lists what a directory in which it lies does; a link leads round".into());
        }
        let mut above = way.above;
        above.push(digest(listing));
        Ok(Way { unique: None, above })
    }

    /// Where the same is listed as in a directory in which `path` lies: whether a link has led round. A tree may
    /// have the same names there, but over and over, until the server will go no farther, it has them only by a
    /// link. Where it goes on and on, it may be a chain, which is cheap, and has an end by its depth; but two at
    /// one depth are no chain, and each level would have twice as many as the one above it.
    async fn leads_round(&mut self, remote: &mut Remote, way: &Way, path: &str, listing: &Listing) -> bool {
        let digest = digest(listing);
        let Some(above) = way.above.iter().rposition(|one| *one == digest) else { return false };
        if self.endless.contains(&digest) {
            return true;
        }
        let circle = Circle::of(path, way.depth() - above);
        if listing.directory.is_none() && is_one_place(remote, circle.above, path).await {
            return true;
        }
        // What is gone once more by the same way ends where it did.
        let end = match self.judged.get(circle.above) {
            Some((way, end)) if way == circle.way => *end,
            _ => circle.end(remote, digest).await,
        };
        self.judged.insert(path.to_owned(), (circle.way.to_owned(), end));
        let is_endless = match end {
            End::Near => false,
            End::Refused => true,
            End::Far => !self.repeated.insert((digest, way.depth())),
        };
        if is_endless {
            self.endless.insert(digest);
        }
        is_endless
    }
}

/// By PWD, which nobody asked yet where MLSD has listed.
async fn is_one_place(remote: &mut Remote, above: &str, path: &str) -> bool {
    let session = remote.client().session();
    let mut places = Vec::new();
    for path in [above, path] {
        let place = match path {
            "" => session.working_directory().await,
            path => match session.enter(path).await {
                Ok(Some(entered)) => session.go_back(&entered).await.map(|()| Some(entered.there)),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
        };
        // What breaks here is told at the next directory, if it is still broken.
        let Ok(Some(place)) = place else { return false };
        places.push(place);
    }
    places[0] == places[1]
}

/// From a directory to one in it that lists the same.
struct Circle<'a> {
    above: &'a str,
    way: &'a str,
}

/// What comes where a circle is gone round often.
#[derive(Clone, Copy)]
enum End {
    /// Something else, or nothing, as in a tree.
    Near,
    /// The server goes no farther, although there is more to go to: it has followed too many links, or the path
    /// has become too long.
    Refused,
    /// More than a tree may be deep.
    Far,
}

impl<'a> Circle<'a> {
    /// `up`: so many levels above `path` the other directory lies.
    fn of(path: &'a str, up: usize) -> Self {
        match path.rmatch_indices('/').nth(up - 1) {
            Some((at, _)) => Self { above: &path[..at.max(1)], way: &path[at + 1..] },
            None => Self { above: "", way: path },
        }
    }

    fn times(&self, times: usize) -> String {
        join(self.above, &vec![self.way; times].join("/"))
    }

    async fn end(&self, remote: &mut Remote, digest: u64) -> End {
        if !self.is_same(remote, ROUNDS, digest).await {
            return End::Near;
        }
        let (mut same, mut other) = (ROUNDS, MAX_DEPTH + 1);
        if self.is_same(remote, other, digest).await {
            return End::Far;
        }
        while other - same > 1 {
            let between = usize::midpoint(same, other);
            let end = if self.is_same(remote, between, digest).await { &mut same } else { &mut other };
            *end = between;
        }
        self.last_round(remote, self.times(same)).await
    }

    async fn is_same(&self, remote: &mut Remote, times: usize, digest: u64) -> bool {
        let listing = remote.client().list(&self.times(times)).await;
        listing.is_ok_and(|listing| self::digest(&listing) == digest)
    }

    /// From `path`, which is the last that lists the same.
    async fn last_round(&self, remote: &mut Remote, mut path: String) -> End {
        let mut names = self.way.split('/');
        loop {
            let listing = match remote.client().list(&path).await {
                Ok(listing) => listing,
                Err(ClientError::Refused { .. }) => return End::Refused,
                Err(_) => return End::Near,
            };
            let Some(name) = names.next() else { return End::Near };
            if !listing.entries.iter().any(|entry| entry.name == name) {
                return End::Near;
            }
            path = join(&path, name);
        }
    }
}

fn has_been_listed(first: &str) -> String {
    let first = if first.is_empty() { "the directory" } else { first };
    format!("is {first}, which has been listed; a link leads round")
}

/// Of a directory that has been listed. What the listing tells of itself goes before what the one above it told
/// of it, and that before PWD, which many servers answer by the path that was gone. The first of a walk is
/// asked after where its listing does not tell.
async fn identity(remote: &mut Remote, way: &Way, path: &str, listing: &Listing) -> Option<Identity> {
    if let Some(unique) = listing.unique.as_ref().or(way.unique.as_ref()) {
        return Some(Identity::Unique(unique.clone()));
    }
    let session = remote.client().session();
    if way.above.is_empty() && listing.entries.iter().any(|entry| entry.unique.is_some()) {
        let unique = session.unique(path).await.ok().flatten();
        return unique.map(Identity::Unique);
    }
    if let Some(place) = &listing.directory {
        return Some(Identity::Place(place.clone()));
    }
    if !way.above.is_empty() || !path.is_empty() || session.announces("MLST").await.unwrap_or(true) {
        return None;
    }
    session.working_directory().await.ok().flatten().map(Identity::Place)
}

/// The names that a directory has, whatever their order.
fn digest(listing: &Listing) -> u64 {
    let mut names: Vec<_> = listing.entries.iter().map(|entry| (&entry.name, entry.kind)).collect();
    names.sort_unstable();
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_round_is_gone_again() {
        for (path, up, twice) in [
            ("a", 1, "a/a"),
            ("/a", 1, "/a/a"),
            ("x/a/b", 2, "x/a/b/a/b"),
            ("/x/a/b", 1, "/x/a/b/b"),
            ("/a/b", 2, "/a/b/a/b"),
        ] {
            assert_eq!(Circle::of(path, up).times(2), twice);
        }
    }
}
