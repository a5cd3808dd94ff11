//! `ftpsim man`: the manual pages, made of the same words as `--help`.

use super::out::stdout;
use anyhow::{Context as _, bail};
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Command whose page is printed; the program's own without one
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write every page into this directory instead: ftpsim.1, ftpsim-compare.1 and so on
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let program = program();
    if let Some(dir) = &args.dir {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
        for command in pages(&program) {
            let path = dir.join(format!("{}.1", title(command)));
            fs::write(&path, page(command)?).with_context(|| format!("cannot write {}", path.display()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut command = &program;
    for word in &args.command {
        let Some(next) = command.find_subcommand(word) else {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let near = crate::sim::scenario::hint(word, known.iter().copied());
            bail!("{} has no command `{word}`{near}; there are: {}", title(command), known.join(", "));
        };
        command = next;
    }
    stdout().write_all(&page(command)?)?;
    Ok(ExitCode::SUCCESS)
}

/// With the names of all commands filled in.
fn program() -> clap::Command {
    let mut program = without_help(super::Cli::command());
    program.build();
    program
}

/// `help` has no page of its own.
fn without_help(command: clap::Command) -> clap::Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

/// The program and, below it, each command that has help of its own.
fn pages(command: &clap::Command) -> Vec<&clap::Command> {
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    std::iter::once(command).chain(below.flat_map(pages)).collect()
}

/// `ftpsim-trial-client`.
fn title(command: &clap::Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The page as troff with the man macros reads it.
fn page(command: &clap::Command) -> anyhow::Result<Vec<u8>> {
    let name = title(command);
    let man = Man::new(command.clone())
        .title(&name)
        .source(concat!("ftpsim ", env!("CARGO_PKG_VERSION")))
        .manual("ftpsim");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if command.get_after_long_help().or(command.get_after_help()).is_some() {
        man.render_extra_section(&mut text)?;
    }
    let mut more = Roff::new();
    for section in SECTIONS.iter().filter(|section| section.is_for(&name)) {
        more.control("SH", [section.heading]);
        for (term, what) in section.entries {
            more.control("TP", []);
            more.text([bold(*term)]);
            more.text([roman(*what)]);
        }
    }
    see_also(command, &mut more);
    more.to_writer(&mut text)?;
    Ok(once(&String::from_utf8(text)?).into_bytes())
}

/// Each part begins with the same definition of an apostrophe; the first one will do.
fn once(page: &str) -> String {
    let mut lines = page.split_inclusive('\n');
    let preamble: String = lines.by_ref().take_while(|line| !line.starts_with(".TH ")).collect();
    match page[preamble.len()..].replace(&preamble, "") {
        rest if preamble.is_empty() => rest,
        rest => preamble + &rest,
    }
}

/// The command above, and those below.
fn see_also(command: &clap::Command, page: &mut Roff) {
    // `ftpsim bench growth`.
    let words = command.get_bin_name().unwrap_or("");
    let above = words.rsplit_once(' ').map(|(above, _)| above.replace(' ', "-"));
    let below = pages(command).into_iter().skip(1).map(title);
    let others: Vec<String> = above.into_iter().chain(below).collect();
    page.control("SH", ["SEE ALSO"]);
    let last = others.len().saturating_sub(1);
    for (at, other) in others.iter().enumerate() {
        let comma = if at == last { "" } else { "," };
        page.text([bold(other.as_str()), roman(format!("(1){comma}"))]);
    }
}

/// What `--help` does not have, of one command or, where `of` is empty, of all.
struct Section {
    heading: &'static str,
    of: &'static [&'static str],
    entries: &'static [(&'static str, &'static str)],
}

impl Section {
    fn is_for(&self, name: &str) -> bool {
        self.of.is_empty() || self.of.contains(&name)
    }
}

const TRANSFERS: &[&str] = &[
    "ftpsim",
    "ftpsim-put",
    "ftpsim-get",
    "ftpsim-ls",
    "ftpsim-cat",
    "ftpsim-rm",
    "ftpsim-mkdir",
    "ftpsim-mv",
    "ftpsim-quote",
    "ftpsim-check",
];

const SECTIONS: &[Section] = &[
    Section {
        heading: "EXIT STATUS",
        of: &[],
        entries: &[
            ("0", "All is well."),
            (
                "1",
                "Something failed or is missing, a property was violated, or standard output could not be written.",
            ),
            ("2", "Wrong usage or input."),
            ("130", "Interrupted (SIGINT)."),
            ("143", "Terminated (SIGTERM)."),
        ],
    },
    Section {
        heading: "FILES",
        of: TRANSFERS,
        entries: &[("~/.netrc", "Names and passwords by host; --no-netrc does without.")],
    },
    Section {
        heading: "FILES",
        of: &["ftpsim-serve"],
        entries: &[
            (
                "/etc/ftpsim/server.toml",
                "The configuration that the Debian package's service reads (--config).",
            ),
            (
                ".ftpsim-*",
                "What an upload that is under way, or has failed, has in its directory; not listed, and removed \
                 when it is old (--keep-partials).",
            ),
        ],
    },
    Section {
        heading: "FILES",
        of: &["ftpsim-compare", "ftpsim-replay"],
        entries: &[
            ("SCENARIO.toml", "A scenario of one's own; ftpsim scenarios --schema describes its keys."),
            ("runs.csv", "A row for each run, of which replay runs any again."),
            ("summary.csv, report.html", "What compare has found, for programs and for people."),
        ],
    },
    Section {
        heading: "ENVIRONMENT",
        of: TRANSFERS,
        entries: &[("FTPSIM_PASSWORD", "The password, where no option and no file gives one.")],
    },
    Section {
        heading: "ENVIRONMENT",
        of: &["ftpsim-serve"],
        entries: &[(
            "RUST_LOG",
            "What goes to the log on standard error: error, warn, info (the default), debug.",
        )],
    },
];
