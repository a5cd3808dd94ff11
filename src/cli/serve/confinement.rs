//! landlock: the kernel confines the process to what it serves, whatever a mistake of ours would let
//! somebody ask for.

use anyhow::Context;
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus,
};
use std::path::{Path, PathBuf};

/// The rights known to us; of these the kernel takes those that it knows.
const KNOWN: ABI = ABI::V6;

/// What may be reached from now on.
pub(super) struct Reach<'a> {
    /// Everything beneath may be read, made, changed and removed.
    pub roots: Vec<&'a Path>,
    /// In its directory files may be made and written to: the log is opened again after it was put aside.
    pub log: Option<&'a Path>,
    /// In their directories files may be read: whoever edits one may put a new one in its place. Where one is
    /// a link, as certbot has it, that is true of the directory that it leads to as well.
    pub read_again: Vec<&'a Path>,
}

/// How much of it the kernel sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Fully,
    Partially,
    Not,
}

/// Confines this thread, and all that it starts from now on: to be called before there are others.
pub(super) fn confine(reach: &Reach<'_>) -> anyhow::Result<Held> {
    let all = AccessFs::from_all(KNOWN);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .context("landlock")?
        .create()
        .context("landlock")?;
    // Nothing that is served is ever executed, and no device is made or talked to. What else lies there may
    // be renamed, which takes the right to make it.
    let served = all & !(AccessFs::Execute | AccessFs::IoctlDev | AccessFs::MakeChar | AccessFs::MakeBlock);
    for root in &reach.roots {
        rules = beneath(rules, root, served)?;
    }
    if let Some(log) = reach.log {
        rules = beneath(rules, &directory(log), AccessFs::MakeReg | AccessFs::WriteFile)?;
    }
    for path in &reach.read_again {
        rules = beneath(rules, &directory(path), AccessFs::ReadFile.into())?;
        if let Ok(real) = path.canonicalize() {
            rules = beneath(rules, &directory(&real), AccessFs::ReadFile.into())?;
        }
    }
    let status = rules.restrict_self().context("landlock")?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Held::Fully,
        RulesetStatus::PartiallyEnforced => Held::Partially,
        _ => Held::Not,
    })
}

fn beneath(
    rules: RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> anyhow::Result<RulesetCreated> {
    let opened = PathFd::new(path).with_context(|| format!("landlock: {}", path.display()))?;
    rules.add_rule(PathBeneath::new(opened, access)).context("landlock")
}

/// Of a file.
fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
