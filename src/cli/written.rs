//! Files that a command writes where it was told to.

use super::out::note;
use crate::lab::export::AtomicFile;
use anyhow::Context;
use std::io::Write;
use std::path::Path;

/// Whole or not at all.
pub(super) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    write_with(file, |out| Ok(out.write_all(text.as_bytes())?))
}

/// The same, of what `write` writes, and says so.
pub(super) fn write_noted(
    file: &Path,
    write: impl FnOnce(&mut AtomicFile) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    write_with(file, write)?;
    note(format_args!("Written: {}.", file.display()));
    Ok(())
}

fn write_with(file: &Path, write: impl FnOnce(&mut AtomicFile) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", file.display());
    let name = file.file_name().and_then(|name| name.to_str()).with_context(cannot)?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut out = AtomicFile::create(directory.unwrap_or(Path::new(".")), name).with_context(cannot)?;
    write(&mut out).with_context(cannot)?;
    out.publish().map(drop).with_context(cannot)
}
