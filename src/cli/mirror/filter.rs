//! `--include` and `--exclude`: in the order in which they are given, the first that matches decides.

use crate::cli::glob::Pattern;
use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use ftp_proto::name;
use std::ffi::OsString;

/// All that the command line says of what is to be left alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    takes: bool,
    /// Begins with `/`: counted from the tree's top, and not from anywhere in it.
    is_anchored: bool,
    /// Ends with `/`.
    directories_only: bool,
    /// None is `**`: any number of components.
    parts: Vec<Option<Pattern>>,
}

impl Rule {
    fn new(takes: bool, text: &str) -> Self {
        let is_anchored = text.starts_with('/');
        let directories_only = text.ends_with('/');
        let parts = text.split('/').filter(|part| !part.is_empty());
        let mut parts: Vec<_> = parts.map(|part| (part != "**").then(|| Pattern::new(part))).collect();
        if parts.last().is_some_and(Option::is_none) {
            // What is in a directory, not the directory itself.
            parts.push(Some(Pattern::new("*")));
        }
        Self { takes, is_anchored, directories_only, parts }
    }

    fn matches(&self, components: &[&str], is_directory: bool) -> bool {
        if self.parts.is_empty() || self.directories_only && !is_directory {
            return false;
        }
        let begins = if self.is_anchored { 1 } else { components.len() };
        (0..begins).any(|begin| is_match(&self.parts, &components[begin..]))
    }
}

/// Whether the parts say all of the components. Of many `**` each place is tried once.
fn is_match(parts: &[Option<Pattern>], components: &[&str]) -> bool {
    // From the back: whether the parts from here on say the components from there on.
    let mut says = vec![false; components.len() + 1];
    says[components.len()] = true;
    for part in parts.iter().rev() {
        let mut before = vec![false; components.len() + 1];
        match part {
            Some(pattern) => {
                for (at, name) in components.iter().enumerate() {
                    before[at] = says[at + 1] && pattern.matches_any_name(name);
                }
            }
            None => {
                let mut any = false;
                for at in (0..=components.len()).rev() {
                    any |= says[at];
                    before[at] = any;
                }
            }
        }
        says = before;
    }
    says[0]
}

impl Filter {
    /// Whether a name is to be left alone, with all beneath it.
    pub(super) fn leaves_out(&self, path: &str, is_directory: bool) -> bool {
        let components: Vec<&str> = path.split('/').collect();
        match self.rules.iter().find(|rule| rule.matches(&components, is_directory)) {
            Some(rule) => !rule.takes,
            // Who only says what to include means nothing else; to get there, directories are gone into.
            None => !is_directory && !self.rules.is_empty() && self.rules.iter().all(|rule| rule.takes),
        }
    }

    #[cfg(test)]
    pub(super) fn of(rules: &[(bool, &str)]) -> Self {
        Self { rules: rules.iter().map(|(takes, text)| Rule::new(*takes, text)).collect() }
    }
}

const OPTIONS: [(&str, bool, &str); 2] = [
    (
        "exclude",
        false,
        "Leave alone, at both ends, what matches: nothing of it is copied, replaced or deleted. A GLOB \
         without / is for names at any depth; one that begins with / counts from the top; one that ends \
         with / is for directories. * ? [a-z] do not match /, ** does. May be given several times; of \
         --include and --exclude the first that matches decides",
    ),
    (
        "include",
        true,
        "Take what matches, whatever a later --exclude says. With --include only, files that match none \
         are left alone",
    ),
];

impl Args for Filter {
    fn augment_args(command: Command) -> Command {
        OPTIONS.iter().fold(command, |command, (name, _, help)| {
            command.arg(
                Arg::new(*name)
                    .long(*name)
                    .value_name("GLOB")
                    .action(ArgAction::Append)
                    .value_parser(OsStringValueParser::new())
                    .help(*help),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Filter {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut all = Vec::new();
        for (name, takes, _) in OPTIONS {
            let places = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<OsString>(name).into_iter().flatten();
            all.extend(places.zip(values).map(|(at, text)| (at, Rule::new(takes, &name::from_os(text)))));
        }
        all.sort_by_key(|(at, _)| *at);
        Ok(Self { rules: all.into_iter().map(|(_, rule)| rule).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_rsyncs_do() {
        for (glob, yes, no) in [
            ("*.tmp", &["a.tmp", "d/b.tmp", ".tmp"][..], &["a.tmp2", "a.tmp/x"][..]),
            ("/a", &["a"], &["b/a"]),
            ("d/a", &["d/a", "e/d/a"], &["d/e/a", "a"]),
            ("/d/*", &["d/a"], &["d/e/a", "e/d/a"]),
            ("/d/**", &["d/a", "d/e/a"], &["e/d/a", "d"]),
            ("/d/**/x", &["d/x", "d/a/b/x"], &["d/x/y"]),
            ("**/x", &["x", "a/x", "a/b/x"], &["xx"]),
            (".*", &[".git", "a/.hidden"], &["git"]),
        ] {
            let filter = Filter::of(&[(false, glob)]);
            for path in yes {
                assert!(filter.leaves_out(path, false), "{glob} {path}");
            }
            for path in no {
                assert!(!filter.leaves_out(path, false), "{glob} {path}");
            }
        }
        let directories = Filter::of(&[(false, "cache/")]);
        assert!(directories.leaves_out("a/cache", true) && !directories.leaves_out("a/cache", false));
    }

    #[test]
    fn the_first_that_matches_decides() {
        let filter = Filter::of(&[(true, "keep.tmp"), (false, "*.tmp")]);
        assert!(!filter.leaves_out("a/keep.tmp", false) && filter.leaves_out("a/b.tmp", false));
        assert!(!filter.leaves_out("other", false));
        let only = Filter::of(&[(true, "*.txt")]);
        assert!(only.leaves_out("a.bin", false) && !only.leaves_out("a.txt", false));
        assert!(!only.leaves_out("directory", true));
        let bytes = name::decode(b"gr\xfcn");
        assert!(Filter::of(&[(false, "gr?n")]).leaves_out(&bytes, false), "a byte that is no text is one");
    }

    /// Many `**` take no exponential time.
    #[test]
    fn many_stars_end_soon() {
        let glob = "**/a/".repeat(60) + "b";
        let path = "a/".repeat(200) + "c";
        assert!(!Filter::of(&[(false, &glob)]).leaves_out(&path, false));
    }
}
