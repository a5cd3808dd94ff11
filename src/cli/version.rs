//! What `--version` tells. Nothing of it but the version's number goes into results: they belong to a version, not to
//! a build. `build.rs` finds out the rest.

/// `-V`: the number, and the commit where it is known.
pub(super) const SHORT: &str = env!("FTPSIM_VERSION");

/// `--version`: a line for each that a report of a defect should have.
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("FTPSIM_COMMIT"),
    "\nfeatures: ",
    env!("FTPSIM_FEATURES"),
    "\ntarget: ",
    env!("FTPSIM_TARGET"),
    "\nprofile: ",
    env!("FTPSIM_PROFILE"),
);
