//! LIST NLST MLSD: text lines over the data connection, in the current mode and implied TYPE A (RFC
//! 1123 section 4.1.2.7); MLST: one over the control connection.

use super::lines::LineReader;
use crate::net::Net;
use crate::server::accounts::{Accounts, Rights};
use crate::server::replies::Refusal;
use crate::server::session::Session;
use crate::store::listing::Listing;
use crate::store::{Entry, Kind, Metadata, ReadFile, Store, StoreError};
use ftp_proto::listing::{EntryKind, Listed, long_line, one_line};
use ftp_proto::name;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;

pub(super) fn listed(name: &str, metadata: &Metadata) -> Listed {
    Listed {
        name: name.to_owned(),
        kind: match metadata.kind {
            Kind::File => EntryKind::File,
            Kind::Directory => EntryKind::Directory,
            Kind::Special => EntryKind::Special,
        },
        size_bytes: metadata.size_bytes,
        modified: metadata.modified,
        unique: metadata.identity.map(|(device, inode)| format!("{device:x}g{inode:x}")),
    }
}

/// What a pathname of LIST or NLST stands for.
pub(super) struct Group<S> {
    store: S,
    /// Where the entries are.
    directory: VirtualPath,
    /// What the entries' names must be preceded by, to be pathnames from the working directory.
    prefix: String,
    listing: Listing,
    /// Only names that match it.
    pattern: Option<String>,
    pub(super) is_directory: bool,
    /// Since others have had their turn.
    work: usize,
}

/// Of an entry's work, in comparisons of bytes.
const ENTRY_WORK: usize = 1_000;
/// After so much others have their turn: well below a millisecond.
const TURN_WORK: usize = 100_000;

/// Other names that are tried for one that cannot be shown.
const MAX_TRIED: usize = 16;
/// Longer than a file's name can be on most systems (NAME_MAX).
const NOBODYS_BYTES: usize = 256;

impl<S: Store> Group<S> {
    pub(super) fn directory(store: S, directory: VirtualPath, listing: Listing) -> Self {
        let prefix = String::new();
        Self { store, directory, prefix, listing, pattern: None, is_directory: true, work: 0 }
    }

    /// `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        while let Some(mut entry) = self.listing.next().await? {
            let pattern = self.pattern.as_deref();
            self.work += ENTRY_WORK + pattern.map_or(0, |pattern| pattern.len() * entry.name.len());
            let is_wanted = pattern.is_none_or(|pattern| matches(pattern.as_bytes(), entry.name.as_bytes()));
            if self.work > TURN_WORK {
                self.work = 0;
                tokio::task::yield_now().await;
            }
            if is_wanted {
                if entry.name.contains(['\r', '\n']) {
                    entry.name = shown(&self.store, &self.directory, &entry.name).await;
                }
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

/// A line end cannot be shown, and what is shown instead is to be nobody's name: who asks for it must not get, or
/// remove, another file.
async fn shown<S: Store>(store: &S, directory: &VirtualPath, name: &str) -> String {
    let mut shown = one_line(name).into_owned();
    for _ in 0..MAX_TRIED {
        let found = match directory.join(&shown) {
            Ok(path) => store.metadata(&path).await,
            Err(_) => return shown,
        };
        if matches!(found, Err(StoreError::NotFound)) {
            return shown;
        }
        shown.push('~');
    }
    let missing = NOBODYS_BYTES.saturating_sub(shown.len());
    shown + &"~".repeat(missing)
}

/// The directory part of an argument without what leads nowhere: `./` and the like would make each line
/// longer. `..` stops at the root, which is `depth` directories up.
fn prefix_of(directory: &str, depth: usize) -> String {
    let is_absolute = directory.starts_with('/');
    let (mut ups, mut names) = (0, Vec::new());
    for part in directory.split('/') {
        match part {
            "" | "." => {}
            ".." if names.pop().is_none() && !is_absolute => ups = depth.min(ups + 1),
            ".." => {}
            name => names.push(name),
        }
    }
    let mut prefix = if is_absolute { "/".to_owned() } else { "../".repeat(ups) };
    for name in names {
        prefix.push_str(name);
        prefix.push('/');
    }
    prefix
}

/// Options as of `ls` are taken and ignored: many clients send `-a` or `-l`.
fn without_options(argument: &str) -> &str {
    let mut rest = argument;
    while let Some(option) = rest.strip_prefix('-') {
        rest = option.split_once(' ').map_or("", |(_, rest)| rest.trim_start_matches(' '));
    }
    rest
}

/// `*` and `?`, in one name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // On a mismatch, the last star takes one byte more; so the work is bounded by the product.
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, seen));
            }
            Some(&byte) if byte == b'?' || byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((after, begun)) => {
                    (at, seen) = (after, begun + 1);
                    star = Some((at, seen));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How a listing names an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Lines {
    /// LIST: a line for people.
    Long,
    /// NLST: the name alone.
    Names,
}

impl<N: Net, A: Accounts> Session<N, A> {
    pub(in crate::server) async fn list(
        &mut self,
        argument: Option<String>,
        lines: Lines,
    ) -> Result<Reply, Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let group = self.group(&store, argument.as_deref().unwrap_or_default()).await?;
        let now = self.config.calendar.as_ref().map(|calendar| calendar().0);
        let prefix = name::encode(&one_line(&group.prefix)).into_owned();
        let reader = LineReader::new(group, Vec::new(), move |entry: &Entry, text: &mut Vec<u8>| {
            if lines == Lines::Long {
                let line = long_line(&listed(&entry.name, &entry.metadata), rights.write, now);
                text.extend_from_slice(&name::encode(&line));
            } else {
                text.extend_from_slice(&prefix);
                text.extend_from_slice(&name::encode(&entry.name));
            }
            text.extend_from_slice(b"\r\n");
        });
        let reader = reader.await.map_err(not_listed)?;
        self.send_text("(listing)", reader).await
    }

    /// A directory's entries, one file, or the names that match a pattern.
    pub(super) async fn group(
        &mut self,
        store: &A::Store,
        argument: &str,
    ) -> Result<Group<A::Store>, Refusal> {
        let argument = without_options(argument);
        let path = self.path(argument)?;
        let depth = self.working.components().count();
        let prefix = prefix_of(argument.rfind('/').map_or("", |slash| &argument[..=slash]), depth);
        match store.metadata(&path).await {
            Ok(metadata) if metadata.kind == Kind::Directory => {
                let listing = store.list_in_pieces(&path).await.map_err(not_listed)?;
                let prefix = prefix_of(argument, depth);
                Ok(Group { prefix, ..Group::directory(store.clone(), path, listing) })
            }
            Ok(metadata) => {
                let name = path.name().unwrap_or_default().to_owned();
                let listing = vec![Entry { name, metadata }].into();
                let group = Group::directory(store.clone(), path.parent(), listing);
                Ok(Group { prefix, is_directory: false, ..group })
            }
            Err(StoreError::NotFound) => {
                let pattern = path.name().unwrap_or_default().to_owned();
                if !pattern.contains(['*', '?']) {
                    return Err(Refusal::NotListed);
                }
                let listing = store.list_in_pieces(&path.parent()).await.map_err(not_listed)?;
                let pattern = Some(pattern);
                let group = Group::directory(store.clone(), path.parent(), listing);
                Ok(Group { prefix, pattern, is_directory: false, ..group })
            }
            Err(other) => Err(not_listed(other)),
        }
    }
}

fn not_listed(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound | StoreError::NotDirectory => Refusal::NotListed,
        other => Refusal::Store(other),
    }
}

/// The type fact (RFC 3659 section 7.5.1).
fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "dir",
        Kind::Special => "OS.unix=special",
        Kind::File => "file",
    }
}

/// The perm fact (RFC 3659 section 7.5.5).
fn permissions(of: &Metadata, rights: &Rights) -> String {
    let mut out = String::new();
    let letters = match of.kind {
        Kind::Directory => {
            // RMD takes no link: `d` would be a promise to remove a directory.
            let removal = if of.is_link { "fp" } else { "dfp" };
            [("e", true), ("l", rights.read), ("cm", rights.write), (removal, rights.delete)]
        }
        Kind::Special => [("df", rights.delete), ("", false), ("", false), ("", false)],
        Kind::File => {
            [("r", rights.read), ("aw", rights.write && rights.delete), ("df", rights.delete), ("", false)]
        }
    };
    for (letter, has) in letters {
        if has {
            out.push_str(letter);
        }
    }
    out
}

impl<N: Net, A: Accounts> Session<N, A> {
    /// RFC 3659 section 7: a directory's entries, no less and no more than that.
    /// What MLSD and MLST are about: by default the working directory.
    async fn looked_up(
        &mut self,
        argument: Option<String>,
    ) -> Result<(A::Store, Rights, VirtualPath, Metadata), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let path = self.path(argument.as_deref().unwrap_or_default())?;
        let metadata = store.metadata(&path).await?;
        Ok((store, rights, path, metadata))
    }

    pub(in crate::server) async fn machine_list(
        &mut self,
        argument: Option<String>,
    ) -> Result<Reply, Refusal> {
        let (store, rights, path, itself) = self.looked_up(argument).await?;
        if itself.kind != Kind::Directory {
            return Err(Refusal::Syntax("MLSD needs a directory"));
        }
        let facts = self.negotiated.facts;
        let line = move |kind: &str, name: &str, metadata: &Metadata, text: &mut Vec<u8>| {
            let line = facts.line(kind, &listed(name, metadata), &permissions(metadata, &rights));
            text.extend_from_slice(&name::encode(&line));
            text.extend_from_slice(b"\r\n");
        };
        let mut first = Vec::new();
        // Without the type fact, nobody could tell them from entries.
        if facts.kind {
            line("cdir", ".", &itself, &mut first);
        }
        let listing = store.list_in_pieces(&path).await?;
        let group = Group::directory(store, path, listing);
        let reader = LineReader::new(group, first, move |entry: &Entry, text: &mut Vec<u8>| {
            line(type_of(entry.metadata.kind), &entry.name, &entry.metadata, text);
        });
        let reader = reader.await?;
        self.send_text("(listing)", reader).await
    }

    pub(in crate::server) async fn machine_list_one(
        &mut self,
        argument: Option<String>,
    ) -> Result<Reply, Refusal> {
        let (store, rights, path, metadata) = self.looked_up(argument).await?;
        let mut facts = self.negotiated.facts;
        if metadata.kind == Kind::File && metadata.size_bytes == 0 {
            // A file of the kernel's may have more than it says; SIZE finds out.
            let file = store.read(&path, 0).await;
            facts.size &= file.is_ok_and(|file| file.remaining_bytes() == 0);
        }
        let entry = listed(&path.to_string(), &metadata);
        // Only a listing has a directory that is listed, cdir (RFC 3659 section 7.5.1.2).
        let permissions = permissions(&metadata, &rights);
        let line = facts.line(type_of(metadata.kind), &entry, &permissions);
        let lines = vec![format!("Listing {path}"), format!(" {line}"), "End".to_owned()];
        Ok(Reply::multi(250, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    #[test]
    fn patterns() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a?c*", "abcd", true),
            ("a?c", "ac", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_in_no_line() {
        for (argument, depth, wanted) in [
            ("", 0, ""),
            ("dir", 0, "dir/"),
            ("dir/", 3, "dir/"),
            ("a/b", 0, "a/b/"),
            ("./././.", 0, ""),
            (".//./dir//./", 0, "dir/"),
            ("a/../a/../a", 0, "a/"),
            ("../x", 1, "../x/"),
            ("a/../x", 1, "x/"),
            ("../../../../x", 2, "../../x/"),
            ("a/../../x", 1, "../x/"),
            ("/", 1, "/"),
            ("//../.././d/.", 1, "/d/"),
        ] {
            assert_eq!(prefix_of(argument, depth), wanted, "{argument}");
        }
    }

    /// How often others have their turn while a directory of 1000 entries is listed.
    fn turns(name_bytes: usize, pattern: Option<String>) -> usize {
        let entry = Entry { name: "n".repeat(name_bytes), metadata: Metadata::new(Kind::File, 0) };
        let (store, root) = (MemoryStore::new(), VirtualPath::root());
        let group = Group { pattern, ..Group::directory(store, root, vec![entry; 1000].into()) };
        let mut listing = std::pin::pin!(async {
            let mut group = group;
            while group.next().await.unwrap().is_some() {}
        });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        (0..).find(|_| listing.as_mut().poll(&mut context).is_ready()).unwrap()
    }

    /// A large directory keeps nobody else waiting, least of all where a long pattern is looked for in it.
    #[test]
    fn others_have_their_turn_while_a_directory_is_listed() {
        assert_eq!(turns(100, None), 9);
        assert_eq!(turns(1, Some("?".to_owned())), 10);
        assert_eq!(turns(100, Some("n".repeat(100))), 100);
    }

    /// RFC 3659 section 7.5.5: what is told is what would be done. STOR replaces, which takes both rights.
    #[test]
    fn permissions_are_those_that_the_user_has() {
        let of = |write, delete| {
            let rights = Rights { read: true, write, delete };
            [(Kind::File, false), (Kind::Directory, false), (Kind::Directory, true)]
                .map(|(kind, is_link)| permissions(&Metadata { is_link, ..Metadata::new(kind, 0) }, &rights))
        };
        for (write, delete, file, directory, link) in [
            (true, true, "rawdf", "elcmdfp", "elcmfp"),
            (true, false, "r", "elcm", "elcm"),
            (false, true, "rdf", "eldfp", "elfp"),
            (false, false, "r", "el", "el"),
        ] {
            assert_eq!(of(write, delete), [file, directory, link], "{write} {delete}");
        }
    }

    /// It can be removed, and nothing else.
    #[test]
    fn permissions_of_what_is_neither() {
        let of = |delete| {
            permissions(&Metadata::new(Kind::Special, 0), &Rights { read: true, write: true, delete })
        };
        assert_eq!([of(true), of(false)], ["df", ""]);
    }

    #[test]
    fn options_are_dropped() {
        assert_eq!(without_options("-la  dir x"), "dir x");
        assert_eq!(without_options("-a -l"), "");
        assert_eq!(without_options("a -l"), "a -l");
    }
}
