//! Files that a command writes where it was told to.

use crate::lab::export::AtomicFile;
use anyhow::Context;
use std::io::Write;
use std::path::Path;

/// Whole or not at all.
pub(super) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", file.display());
    let name = file.file_name().and_then(|name| name.to_str()).with_context(cannot)?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut out = AtomicFile::create(directory.unwrap_or(Path::new(".")), name).with_context(cannot)?;
    out.write_all(text.as_bytes()).with_context(cannot)?;
    out.publish().map(drop).with_context(cannot)
}
