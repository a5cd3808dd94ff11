//! `ftpsim rm`: deletes files and trees at the server. Links are deleted, not what they lead to.

mod entering;

use super::access::Access;
use super::credentials::warn_of_password;
use super::glob::Pattern;
use super::mirror::directories;
use super::out::{printable_line, stdout};
use super::remote::{Links, MAX_DEPTH, Remote, join, name_of, parent, wanted, with_remote};
use super::url::{FtpUrl, UrlParser};
use crate::report::format::counted;
use anyhow::bail;
use entering::{Entering, entering, is_no_directory, listed_as};
use ftp_endpoint::client::{ClientError, EntryKind, Policy};
use ftp_proto::repr::Representation;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// ftp[s]://USER@HOST:PORT/PATH of a file, or of the directory that FILES lie in; the last component
    /// may have wildcards (* ? [a-z]), but not as %2A, %3F, %5B
    #[arg(value_parser = UrlParser)]
    url: FtpUrl,
    /// Files in the URL's directory, or patterns; a file that has just that name goes before a pattern
    files: Vec<OsString>,
    /// Directories, too, with all that is in them
    #[arg(long, short)]
    recursive: bool,
    /// Only say what would be deleted
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Say nothing but what could not be deleted
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    access: Access,
}

/// The work, and what has been deleted.
struct Deletion<'a> {
    remote: &'a mut Remote,
    recursive: bool,
    dry_run: bool,
    files: u64,
    directories: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    warn_of_password(&args.url);
    let wanted = wanted(&args.url, &args.files)?;
    for (path, _) in &wanted {
        if matches!(name_of(path.trim_end_matches('/')), "" | "." | "..") {
            bail!("{path:?}: that would be all that is there; name what is to be deleted");
        }
    }
    let policy = Policy { representation: Representation::Ascii, pasv_after_epsv: true, ..Policy::default() };
    let ((files, directories), missing) = with_remote(&args.url, &args.access, policy, async |remote| {
        remote.links = Links::Themselves;
        let Args { recursive, dry_run, .. } = *args;
        let mut deletion = Deletion { remote, recursive, dry_run, files: 0, directories: 0 };
        for (path, pattern) in &wanted {
            let done = deletion.wanted(path.trim_end_matches('/'), pattern).await;
            deletion.remote.goes_on(wanted.len(), done)?;
        }
        Ok((deletion.files, deletion.directories))
    })?;
    if !args.quiet {
        let would = if args.dry_run { "would be " } else { "" };
        writeln!(
            stdout(),
            "{} and {} {would}deleted",
            counted(files, "file"),
            self::directories(directories)
        )?;
    }
    Ok(ExitCode::from(u8::from(missing > 0)))
}

impl Deletion<'_> {
    async fn wanted(&mut self, path: &str, pattern: &Pattern) -> anyhow::Result<()> {
        if !pattern.has_wildcards() {
            return self.named(path).await;
        }
        let directory = parent(path);
        for entry in self.remote.entries_matching(directory, pattern).await? {
            let path = join(directory, &entry.name);
            match self.remote.kind_of(&entry, &path).await {
                Some(EntryKind::Directory) if self.recursive => {
                    self.tree(&path, Some(entry.kind)).await?;
                }
                Some(EntryKind::Directory) => {
                    self.remote.miss(format_args!("{path}: a directory; -r deletes it"))
                }
                Some(_) => self.file(&path).await?,
                None => {}
            }
        }
        Ok(())
    }

    /// What DELE takes is no directory, and a link to one is not gone through.
    async fn named(&mut self, path: &str) -> anyhow::Result<()> {
        if self.dry_run {
            let is_directory = self.remote.is_directory(path).await?
                && !listed_as(self.remote, path).await?.is_some_and(is_no_directory);
            return match is_directory {
                true if self.recursive => self.tree(path, None).await,
                true => {
                    self.remote.miss(format_args!("{path}: a directory; -r deletes it"));
                    Ok(())
                }
                false => self.file(path).await,
            };
        }
        match self.remote.client().remove_file(path).await {
            Ok(()) => {
                self.files += 1;
                Ok(())
            }
            Err(error @ ClientError::Refused { .. }) if self.remote.is_directory(path).await? => {
                if self.recursive {
                    return self.tree(path, None).await;
                }
                self.remote.miss(format_args!("{path}: a directory; -r deletes it ({error})"));
                Ok(())
            }
            Err(error) => self.remote.refused(path, error),
        }
    }

    /// Whether the directory is to be emptied. Some servers list a link to a directory as a directory: DELE, which
    /// takes links and no directories, is tried before one is gone into.
    async fn enters(&mut self, path: &str, listed: Option<EntryKind>) -> anyhow::Result<bool> {
        let error = match self.remote.client().remove_file(path).await {
            Ok(()) => {
                self.files += 1;
                return Ok(false);
            }
            Err(error) => error,
        };
        let ClientError::Refused { reply, .. } = &error else { return Err(error.into()) };
        match entering(self.remote, path, listed, reply).await? {
            Entering::In => return Ok(true),
            Entering::Gone => self.directories += 1,
            Entering::Stays(why) => self.remote.miss(format_args!("{path}: {why} ({error})")),
        }
        Ok(false)
    }

    /// Depth first. `listed`: as what a listing has `path`, where there was one.
    async fn tree(&mut self, path: &str, listed: Option<EntryKind>) -> anyhow::Result<()> {
        if self.dry_run {
            let tree = self.remote.tree(path, Vec::new()).await;
            tree.files
                .iter()
                .chain(tree.directories.iter().rev())
                .try_for_each(|found| say(&found.remote))?;
            self.files += tree.files.len() as u64;
            self.directories += tree.directories.len() as u64;
            return Ok(());
        }
        // Whether what was in it is gone; and how deep it lies.
        let mut open = vec![(path.to_owned(), false, 0)];
        while let Some((path, is_emptied, depth)) = open.pop() {
            if is_emptied {
                match self.remote.client().remove_dir(&path).await {
                    Ok(()) => self.directories += 1,
                    Err(error) => self.remote.refused(&path, error)?,
                }
                continue;
            }
            // Of what is in a tree, only directories are kept for later.
            let listed = if depth > 0 { Some(EntryKind::Directory) } else { listed };
            if !self.enters(&path, listed).await? {
                continue;
            }
            if depth > MAX_DEPTH {
                self.remote.miss(format_args!("{path}: more than {MAX_DEPTH} directories deep; left out"));
                continue;
            }
            let entries = match self.remote.list(&path).await {
                Ok(listing) => listing.entries,
                Err(error) => {
                    self.remote.refused(&path, error)?;
                    continue;
                }
            };
            open.push((path.clone(), true, depth));
            for entry in entries {
                let path = join(&path, &entry.name);
                match self.remote.kind_of(&entry, &path).await {
                    Some(EntryKind::Directory) => open.push((path, false, depth + 1)),
                    Some(_) => self.file(&path).await?,
                    None => {}
                }
            }
        }
        Ok(())
    }

    async fn file(&mut self, path: &str) -> anyhow::Result<()> {
        if self.dry_run {
            say(path)?;
        } else if let Err(error) = self.remote.client().remove_file(path).await {
            return self.remote.refused(path, error);
        }
        self.files += 1;
        Ok(())
    }
}

fn say(path: &str) -> anyhow::Result<()> {
    Ok(writeln!(stdout(), "{}", printable_line(path))?)
}
