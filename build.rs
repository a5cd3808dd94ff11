//! Tells the program which commit it is built from. No failure here fails the build: a tarball, a vendored copy and
//! a machine without git have no commit to tell, or have it in the file that `cargo package` leaves.

use std::path::Path;
use std::process::Command;

/// What goes into the program: if git knows a change of it, the commit alone is not what is built.
const BUILT_FROM: [&str; 6] = ["Cargo.toml", "Cargo.lock", "build.rs", "crates", "sims", "src"];

fn main() {
    for path in BUILT_FROM {
        println!("cargo::rerun-if-changed={path}");
    }
    // A commit leaves HEAD as it is where that names a branch, and writes a line to its log.
    for path in ["HEAD", "logs/HEAD"].iter().filter_map(|name| git(&["rev-parse", "--git-path", name])) {
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let given = |variable| std::env::var(variable).unwrap_or_default();
    let commit = from_git().or_else(from_package);
    let number = given("CARGO_PKG_VERSION");
    let short = commit.as_ref().map_or_else(|| number.clone(), |commit| format!("{number} ({commit})"));
    let features = given("CARGO_CFG_FEATURE");
    let features: Vec<&str> = features.split(',').filter(|name| *name != "default").collect();
    for (name, value) in [
        ("FTPSIM_VERSION", short),
        ("FTPSIM_COMMIT", commit.unwrap_or_else(|| "unknown".to_owned())),
        ("FTPSIM_FEATURES", features.join(", ")),
        ("FTPSIM_TARGET", given("TARGET")),
        ("FTPSIM_PROFILE", given("PROFILE")),
    ] {
        println!("cargo::rustc-env={name}={value}");
    }
}

/// What git prints, if it can answer.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn from_git() -> Option<String> {
    // A tarball that was unpacked inside of another project's repository is not of its commit.
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let here = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    if Path::new(&top).canonicalize().ok()? != Path::new(&here).canonicalize().ok()? {
        return None;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let mut status = vec!["--no-optional-locks", "status", "--porcelain", "--"];
    status.extend(BUILT_FROM);
    let changed = git(&status).is_none_or(|changes| !changes.is_empty());
    Some(if changed { format!("{commit}, changed") } else { commit })
}

/// `cargo package` writes the commit into `.cargo_vcs_info.json`.
fn from_package() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    let is_hash = commit.len() >= 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| commit[..12].to_owned())
}
