//! What is to be delivered: a directory here, a log, sizes, or what the server lists.

use super::Args;
use crate::advise::files::Own;
use crate::advise::log;
use crate::cli::out::{printable_line, tell};
use crate::cli::url::FtpUrl;
use crate::sim::scenario::Direction;
use anyhow::{Context, bail, ensure};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Names that are told of what is left out.
const TOLD: usize = 5;

pub(super) enum Source {
    Directory(PathBuf),
    Log(PathBuf),
    Sizes(Sizes, u64),
    /// With --direction get: what the URL names.
    Listing,
}

/// `1024x500,70000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sizes(Vec<(u64, u64)>);

/// No more files in all.
const MOST_FILES: u64 = 10_000_000;

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |word: &str| {
            let (size, times) = word.split_once('x').unwrap_or((word, "1"));
            Some((size.trim().parse().ok()?, times.trim().parse().ok().filter(|times| *times > 0)?))
        };
        let all: Option<Vec<(u64, u64)>> = text.split(',').map(one).collect();
        let all = all.ok_or("expected sizes in bytes, for instance 1024x500,70000")?;
        match all.iter().map(|(_, times)| times).try_fold(0u64, |sum, times| sum.checked_add(*times)) {
            Some(..=MOST_FILES) => Ok(Self(all)),
            _ => Err(format!("more than {MOST_FILES} files")),
        }
    }
}

impl Sizes {
    /// Of sorted sizes.
    pub(super) fn of(sorted: &[u64]) -> Self {
        Self(sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect())
    }

    fn own(&self, directories: u64) -> Own {
        let each = self.0.iter().flat_map(|(size, times)| std::iter::repeat_n(*size, *times as usize));
        Own::of_sizes(each, directories)
    }
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (size, times)) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            match times {
                1 => write!(f, "{size}")?,
                times => write!(f, "{size}x{times}")?,
            }
        }
        Ok(())
    }
}

impl Source {
    pub(super) fn choose(
        args: &Args,
        url: Option<&FtpUrl>,
        directory: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let given = [directory.is_some(), args.from_log.is_some(), args.sizes.is_some()];
        ensure!(
            given.iter().filter(|given| **given).count() < 2,
            "the files are given twice: a directory, --from-log and --sizes each tell what is delivered"
        );
        if let Some(directory) = directory {
            return Ok(Self::Directory(directory));
        }
        if let Some(log) = &args.from_log {
            return Ok(Self::Log(log.clone()));
        }
        if let Some(sizes) = &args.sizes {
            return Ok(Self::Sizes(sizes.clone(), args.directories.unwrap_or(0)));
        }
        match (args.direction, url) {
            (Direction::Get, Some(_)) => Ok(Self::Listing),
            _ => bail!(
                "what is to be delivered? Name a directory with the files, or ones like them, or give --from-log \
                 FILE or --sizes SIZES"
            ),
        }
    }

    /// Without the network; `None` where the server has to be asked.
    pub(super) fn local(&self, direction: Direction, quiet: bool) -> anyhow::Result<Option<Own>> {
        let own = match self {
            Self::Directory(path) => Own::of_directory(path)?,
            Self::Log(path) => from_log(path, direction, quiet)?,
            Self::Sizes(sizes, directories) => sizes.own(*directories),
            Self::Listing => return Ok(None),
        };
        if !quiet {
            for left in own.left_out.iter().take(TOLD) {
                tell(format_args!("{left}; left out"));
            }
            if own.left_out.len() > TOLD {
                tell(format_args!("{} more left out", own.left_out.len() - TOLD));
            }
        }
        Ok(Some(own))
    }

    /// As a command names it.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Self::Directory(path) => Some(quoted(&path.display().to_string())),
            _ => None,
        }
    }

    /// The part of a command line that repeats the advice; sizes where that is a listing.
    pub(super) fn again(&self, own: &Own) -> String {
        match self {
            Self::Directory(path) => quoted(&path.display().to_string()),
            Self::Log(path) => format!("--from-log {}", quoted(&path.display().to_string())),
            Self::Sizes(..) | Self::Listing => {
                let directories = match own.directories {
                    0 => String::new(),
                    n => format!(" --directories {n}"),
                };
                format!("--sizes {}{directories}", Sizes::of(&own.sizes_bytes()))
            }
        }
    }
}

fn from_log(path: &Path, direction: Direction, quiet: bool) -> anyhow::Result<Own> {
    let name = path.display();
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read stdin")?;
    } else {
        bytes = std::fs::read(path).with_context(|| format!("--from-log {name}"))?;
    }
    let logged = log::parse(&String::from_utf8_lossy(&bytes));
    let sizes = logged.of(direction);
    if sizes.is_empty() {
        let other = match direction {
            Direction::Put if !logged.get_bytes.is_empty() => "; it has downloads: --direction get",
            Direction::Get if !logged.put_bytes.is_empty() => "; it has uploads: --direction put",
            _ => {
                "; expected xferlog, the JSON of ftpsim serve, vsftpd's log, or a listing with sizes in bytes (ls -l, \
                 without -h)"
            }
        };
        let first = logged
            .first_unread
            .as_ref()
            .map_or(String::new(), |line| format!(" (its first line that is not understood: {line:?})"));
        bail!("--from-log {name}: there is no {} of a file in it{other}{first}", direction.as_str());
    }
    if logged.unread_lines > 0 && !quiet {
        let first = logged.first_unread.as_deref().unwrap_or_default();
        tell(format_args!(
            "--from-log {name}: {} not understood and left out, the first: {}",
            if logged.unread_lines == 1 {
                "a line is".to_owned()
            } else {
                format!("{} lines are", logged.unread_lines)
            },
            printable_line(first)
        ));
    }
    Ok(Own::of_sizes(sizes.iter().copied(), 0))
}

/// For a shell.
pub(super) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |word| word.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back() {
        let sizes: Sizes = "1024x500,70000,0".parse().unwrap();
        let own = sizes.own(3);
        assert_eq!((own.files.len(), own.directories, own.files[0].size_bytes), (502, 3, 0));
        assert_eq!(Sizes::of(&own.sizes_bytes()).to_string(), "0,1024x500,70000");
        for wrong in ["", "1x", "x2", "1x0", "-1", "1,,2", "1x99999999999"] {
            assert!(wrong.parse::<Sizes>().is_err(), "{wrong}");
        }
    }
}
