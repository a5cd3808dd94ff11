//! What lies at the server: listings, wildcards, whole trees. What cannot be listed or understood is told
//! and counted, and costs nothing else.

mod names;

use super::access::{self, Access};
use super::dialogue::Dialogue;
use super::glob::Pattern;
use super::out::{message, tell};
use super::round::{Rounds, Way};
use super::skipped::{Reason, Skipped};
use super::transfer::{interruptible, runtime};
use super::url::{FtpUrl, TypeCode};
use anyhow::{Context, bail};
use ftp_endpoint::client::{Client, ClientError, Entry, EntryKind, FailureKind, Listing, Login, Policy};
use ftp_endpoint::net::real::RealNet;
use ftp_proto::command::Command;
use ftp_proto::name;
use ftp_proto::time::{Timestamp, parse_timestamp};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) use names::{ancestors, join, name_of, parent};

/// Directories in directories that a tree may have.
pub(super) const MAX_DEPTH: usize = 64;
/// Files and directories that a tree may have.
pub(super) const MAX_ENTRIES: usize = 1_000_000;

/// A file to fetch.
pub(super) struct Found {
    /// As RETR names it.
    pub remote: String,
    /// Below the directory that it goes to, in components.
    pub local: Vec<String>,
    /// In type I; `None` where nobody has told.
    pub size_bytes: Option<u64>,
    pub modified: Option<Timestamp>,
}

impl Found {
    /// By its name alone.
    pub(super) fn named(remote: &str, name: &str) -> Self {
        Self { remote: remote.to_owned(), local: vec![name.to_owned()], size_bytes: None, modified: None }
    }

    fn of(remote: String, local: Vec<String>, entry: &Entry) -> Self {
        Self { remote, local, size_bytes: entry.size_bytes, modified: entry.modified }
    }
}

/// A tree at the server, or several.
#[derive(Default)]
pub(super) struct Tree {
    pub files: Vec<Found>,
    /// Each after the one that it lies in; without sizes.
    pub directories: Vec<Found>,
    /// By their names at the server.
    pub skipped: Skipped,
}

impl Tree {
    pub(super) fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.directories.extend(other.directories);
        self.skipped.extend(other.skipped);
    }

    pub(super) fn of_file(file: Found) -> Self {
        Self { files: vec![file], ..Self::default() }
    }
}

/// What a link in a listing is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// The file that it leads to; those to directories are told and left out.
    Followed,
    /// Itself, and so is whatever else is no directory.
    Themselves,
}

/// A session for listings only: stream mode, which every server has, and type A, which LIST needs.
pub(super) struct Remote {
    client: Client<RealNet>,
    server: SocketAddr,
    login: Login,
    policy: Policy,
    dialogue: Arc<Dialogue>,
    pub links: Links,
    /// What has not been found out, and was told.
    missing: u64,
    /// What of it was seen and left out, by why.
    pub skipped: Skipped,
    seen: usize,
    /// What has been listed of the trees that were asked for together.
    rounds: Rounds,
}

/// Runs `work` with a session; gives how much was missing, too.
pub(super) fn with_remote<T>(
    url: &FtpUrl,
    access: &Access,
    policy: Policy,
    work: impl AsyncFnOnce(&mut Remote) -> anyhow::Result<T>,
) -> anyhow::Result<(T, u64)> {
    let (login, policy) = access.secure(url, policy)?;
    let dialogue = Arc::new(access.dialogue(url, &login));
    let done = runtime()?.block_on(interruptible(async {
        let server = url.resolve().await?;
        let client = open(server, &login, &policy, dialogue.clone()).await?;
        let (rounds, links, skipped) = (Rounds::default(), Links::Followed, Skipped::default());
        let mut remote =
            Remote { client, server, login, policy, dialogue, links, missing: 0, skipped, seen: 0, rounds };
        let result = work(&mut remote).await;
        let missing = remote.missing;
        remote.client.quit().await;
        Ok((result?, missing))
    }));
    done.map_err(|error| access.tls.explained(url, error))
}

async fn open(
    server: SocketAddr,
    login: &Login,
    policy: &Policy,
    dialogue: Arc<Dialogue>,
) -> Result<Client<RealNet>, ClientError> {
    let mut session = access::open(server, login, policy, dialogue).await?;
    // Before anything else: the dialogue is the same whatever the work is.
    session.features().await?;
    Ok(session.into())
}

/// What a name stands for that no listing tells.
enum Probed {
    Directory,
    Other,
}

impl Remote {
    /// Before anything is made at a server whose answers are to survive the loss of power.
    pub(super) async fn must_be_durable(&mut self) -> anyhow::Result<()> {
        let announced = self.client.session().announces("DURABLE").await?;
        if announced { Ok(()) } else { Err(ClientError::NotDurable.into()) }
    }

    /// Makes a directory, unless it is there.
    pub(super) async fn make_directory(&mut self, path: &str) -> anyhow::Result<()> {
        let session = self.client.session();
        let reply = session.command(&Command::Mkd(path.to_owned())).await?;
        if reply.is_completion() {
            return Ok(());
        }
        // No code says that it exists already; that one can go there does.
        match session.enter(path).await {
            Ok(Some(entered)) => Ok(session.go_back(&entered).await?),
            Ok(None) => bail!("the server does not say where we are"),
            Err(ClientError::Refused { .. }) => {
                let command = format!("MKD {path}");
                Err(anyhow::Error::from(ClientError::Refused { command, reply })
                    .context(format!("cannot make the directory {path} at the server")))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn client(&mut self) -> &mut Client<RealNet> {
        &mut self.client
    }

    /// What has not been found out so far.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// Told, and counted.
    pub(super) fn miss(&mut self, what: impl std::fmt::Display) {
        tell(what);
        self.missing += 1;
    }

    /// What is in `directory` ("" for the current one); what is wrong with it is told. A session that
    /// breaks is opened anew, once a directory.
    pub(super) async fn list(&mut self, directory: &str) -> Result<Listing, ClientError> {
        if !self.client.session().in_step() {
            self.open_anew().await?;
        }
        let listing = match self.client.list(directory).await {
            Err(error) if self.client.session().another_may_do_better(&error) => {
                self.open_anew().await?;
                self.client.list(directory).await?
            }
            listing => listing?,
        };
        for unread in &listing.unread {
            self.miss(format_args!("{}: {}: {}", shown(directory), unread.why, one_line(&unread.line)));
        }
        let more = listing.unread_lines - listing.unread.len() as u64;
        if more > 0 {
            self.miss(format_args!(
                "{}: {more} more {} not understood",
                shown(directory),
                if more == 1 { "line is" } else { "lines are" }
            ));
        }
        if listing.is_cut {
            self.miss(format_args!("{}: the listing is too long; its end is left out", shown(directory)));
        }
        Ok(listing)
    }

    async fn open_anew(&mut self) -> Result<(), ClientError> {
        self.client = open(self.server, &self.login, &self.policy, self.dialogue.clone()).await?;
        Ok(())
    }

    /// SIZE and MDTM of what was named without a listing (RFC 3659 sections 3 and 4).
    pub(super) async fn ask_facts(&mut self, found: &mut Found) -> anyhow::Result<()> {
        let session = self.client.session();
        if found.size_bytes.is_none() {
            found.size_bytes = session.size_bytes(&found.remote).await.ok();
        }
        if found.modified.is_none() {
            let reply = session.command(&Command::Mdtm(found.remote.clone())).await?;
            found.modified = Some(reply)
                .filter(|reply| reply.code == 213)
                .and_then(|reply| parse_timestamp(reply.text().trim()));
        }
        Ok(())
    }

    /// Of what the server refuses, that is told and counted; all else is an error.
    pub(super) fn refused(&mut self, path: &str, error: ClientError) -> anyhow::Result<()> {
        match error {
            ClientError::Refused { .. } | ClientError::BadName | ClientError::BadTime => {
                self.miss(format_args!("{path}: {error}"));
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    /// What is wrong with one of several that were asked for costs no other: it is told, and counted.
    pub(super) fn goes_on(&mut self, of: usize, done: anyhow::Result<()>) -> anyhow::Result<()> {
        match done {
            Err(error) if of > 1 && is_of_the_name(&error) => {
                self.miss(message(&error));
                Ok(())
            }
            done => done,
        }
    }

    /// Told, counted, and said again in the summary.
    fn leave_out(&mut self, reason: Reason, remote: &str, why: impl std::fmt::Display) {
        self.miss(format_args!("{remote}: {why}"));
        self.skipped.add(reason, remote.to_owned());
    }

    pub(super) async fn is_directory(&mut self, path: &str) -> Result<bool, ClientError> {
        Ok(matches!(self.probe(path).await?, Probed::Directory))
    }

    async fn probe(&mut self, path: &str) -> Result<Probed, ClientError> {
        let session = self.client.session();
        match session.enter(path).await {
            Ok(Some(entered)) => session.go_back(&entered).await.map(|()| Probed::Directory),
            Ok(None) | Err(ClientError::Refused { .. }) => Ok(Probed::Other),
            Err(error) => Err(error),
        }
    }

    /// What in `directory` has a name that matches. If one has just the pattern's text for its name, that one.
    pub(super) async fn entries_matching(
        &mut self,
        directory: &str,
        pattern: &Pattern,
    ) -> anyhow::Result<Vec<Entry>> {
        let listing =
            self.list(directory).await.with_context(|| format!("cannot list {}", shown(directory)))?;
        let is_exact = listing.entries.iter().any(|entry| entry.name == pattern.as_name());
        let matches = |entry: &Entry| match is_exact {
            true => entry.name == pattern.as_name(),
            false => pattern.matches(&entry.name),
        };
        let found: Vec<Entry> = listing.entries.into_iter().filter(matches).collect();
        if found.is_empty() {
            return Err(NoMatch(join(directory, pattern.as_name())).into());
        }
        Ok(found)
    }

    /// Files in `directory` whose names match; with `recursive` directories, too.
    pub(super) async fn matching(
        &mut self,
        directory: &str,
        pattern: &Pattern,
        recursive: bool,
    ) -> anyhow::Result<Tree> {
        self.rounds = Rounds::default();
        let mut all = Tree::default();
        for entry in self.entries_matching(directory, pattern).await? {
            let remote = join(directory, &entry.name);
            let local = vec![entry.name.clone()];
            match self.kind_of(&entry, &remote).await {
                Some(EntryKind::Directory) if recursive => all.extend(self.tree(&remote, local).await),
                Some(EntryKind::File) => all.files.push(Found::of(remote, local, &entry)),
                _ => {}
            }
        }
        Ok(all)
    }

    /// File or directory; what is neither, or is not gone into, is told.
    pub(super) async fn kind_of(&mut self, entry: &Entry, remote: &str) -> Option<EntryKind> {
        match entry.kind {
            EntryKind::Directory if entry.is_linked && self.links == Links::Themselves => {
                return Some(EntryKind::File);
            }
            EntryKind::File | EntryKind::Directory => return Some(entry.kind),
            EntryKind::Link | EntryKind::Special if self.links == Links::Themselves => {
                return Some(EntryKind::File);
            }
            EntryKind::Unknown if self.links == Links::Themselves => {
                self.leave_out(Reason::Untold, remote, "the server does not tell what it is; left out");
                return None;
            }
            EntryKind::Special => {
                self.leave_out(Reason::Special, remote, "neither a file nor a directory; left out");
                return None;
            }
            EntryKind::Link | EntryKind::Unknown => {}
        }
        match self.probe(remote).await {
            Ok(Probed::Directory) if entry.kind == EntryKind::Link => {
                let target = entry.target.as_deref().unwrap_or("a directory");
                let why = format_args!("a link to {target}; directories are not followed by links");
                self.leave_out(Reason::LinkToDirectory, remote, why);
                None
            }
            Ok(Probed::Directory) => Some(EntryKind::Directory),
            Ok(Probed::Other) => Some(EntryKind::File),
            Err(error) => {
                self.miss(format_args!("{remote}: {error}"));
                None
            }
        }
    }

    /// What is named without wildcards: the files of a directory, or a file.
    pub(super) async fn whole(&mut self, remote: &str, name: &str) -> anyhow::Result<Tree> {
        self.rounds = Rounds::default();
        match self.probe(remote).await? {
            Probed::Directory => Ok(self.tree(remote, vec![name.to_owned()]).await),
            // It cannot be gone to; but where CWD does not work, MLSD and LIST may.
            Probed::Other => match self.list(remote).await {
                Ok(listing) if !is_of_a_file(&listing, name) => {
                    Ok(self.tree(remote, vec![name.to_owned()]).await)
                }
                Ok(_) | Err(ClientError::Refused { .. }) => Ok(Tree::of_file(Found::named(remote, name))),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// All files below `directory`, which go below `local`, and the directories, itself first.
    pub(super) async fn tree(&mut self, directory: &str, local: Vec<String>) -> Tree {
        let mut all = Tree::default();
        let base = local.len();
        let mut rounds = std::mem::take(&mut self.rounds);
        let mut open = VecDeque::from([(directory.to_owned(), local, Way::default())]);
        while let Some((directory, local, way)) = open.pop_front() {
            if let Some(why) = rounds.known(&way) {
                self.leave_out(Reason::LinkRound, &directory, why);
                continue;
            }
            let listing = match self.list(&directory).await {
                Ok(listing) => listing,
                Err(error) => {
                    self.miss(format_args!("cannot list {}: {error}", shown(&directory)));
                    if !lets_in(&error) {
                        self.miss("the rest of the tree is not known");
                        break;
                    }
                    continue;
                }
            };
            let way = match rounds.enter(self, way, &directory, &listing).await {
                Ok(way) => way,
                Err(why) => {
                    self.leave_out(Reason::LinkRound, &directory, why);
                    continue;
                }
            };
            let (remote, path) = (directory.clone(), local.clone());
            all.directories.push(Found { remote, local: path, size_bytes: None, modified: None });
            let is_deepest = local.len() - base >= MAX_DEPTH;
            for entry in listing.entries {
                self.seen += 1;
                if self.seen > MAX_ENTRIES {
                    self.miss(format_args!(
                        "more than {MAX_ENTRIES} files and directories; the rest is left out"
                    ));
                    open.clear();
                    break;
                }
                let remote = join(&directory, &entry.name);
                let mut local = local.clone();
                local.push(entry.name.clone());
                match self.kind_of(&entry, &remote).await {
                    Some(EntryKind::Directory) if is_deepest => {
                        self.miss(format_args!(
                            "{remote}: more than {MAX_DEPTH} directories deep; is there a loop of links?"
                        ));
                    }
                    Some(EntryKind::Directory) => open.push_back((remote, local, way.to(&entry))),
                    Some(_) => all.files.push(Found::of(remote, local, &entry)),
                    None => {}
                }
            }
        }
        self.rounds = rounds;
        all.files.sort_by(|a, b| a.remote.cmp(&b.remote));
        all.directories.sort_by(|a, b| a.remote.cmp(&b.remote));
        all
    }
}

/// Whether another try with the next directory may get as far as a listing.
fn lets_in(error: &ClientError) -> bool {
    use FailureKind::{Connect, Login, Tls, TlsRefused, Untrusted};
    !matches!(error.kind(), Connect | Login | Tls | TlsRefused | Untrusted)
}

/// Whether another name may do better: this one is refused, or no command can carry it.
pub(super) fn is_of_the_name(error: &anyhow::Error) -> bool {
    let causes = || error.chain().filter_map(|cause| cause.downcast_ref::<ClientError>());
    let is_named = |error: &ClientError| matches!(error, ClientError::Refused { .. } | ClientError::BadName);
    causes().any(is_named) || error.is::<NoMatch>()
}

/// A pattern, with its directory, that nothing in that matches.
#[derive(Debug)]
struct NoMatch(String);

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no file matches {}", self.0)
    }
}

impl std::error::Error for NoMatch {}

/// LIST of a file's name gives just that.
fn is_of_a_file(listing: &Listing, name: &str) -> bool {
    matches!(&listing.entries[..], [entry] if entry.name == name && !entry.is_directory())
        || listing.entries.is_empty()
}

/// A directory, for people.
fn shown(directory: &str) -> &str {
    if directory.is_empty() { "the directory" } else { directory }
}

/// Of a line that may be long.
fn one_line(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let mut line: String = text.chars().take(MAX_CHARS).collect();
    if line.len() < text.len() {
        line.push_str("...");
    }
    line
}

/// Paths at the server, each with its last component: those in the URL's directory, or else the URL's own.
pub(super) fn wanted(url: &FtpUrl, files: &[OsString]) -> anyhow::Result<Vec<(String, Pattern)>> {
    if url.type_code == Some(TypeCode::Directory) {
        bail!(";type=d is a list of names: see ftpsim ls");
    }
    if files.is_empty() {
        return Ok(vec![(url.path.clone(), url.pattern.clone())]);
    }
    let files = files.iter().map(|file| name::from_os(file));
    Ok(files.map(|file| (url.below(&file), Pattern::new(name_of(&file)))).collect())
}
