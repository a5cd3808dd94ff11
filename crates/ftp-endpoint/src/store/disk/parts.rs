//! What failed uploads have left, in a hidden directory of the store's root: who may go on from it is in
//! its name, and counting a user's reads no more than that directory.

use super::recent::changed;
use super::temporary::id_of;
use super::{Locked, PARTIAL_END, PARTS, TEMPORARY_START, error, is_hidden, lock, open_to_change};
use crate::store::{PartId, Principal, StoreError};
use cap_std::fs::Dir;
use ftp_proto::path::VirtualPath;
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;

/// Hexadecimal digits of a hash in a name: nobody finds two that are the same.
const HASH_DIGITS: usize = 32;
/// Ends as parts do, so that it is hidden and goes with age as they do.
const NOTE_END: &str = ".of.part";
/// Tries to move a part there.
const MOVE_ATTEMPTS: u32 = 3;

fn hash(text: &str) -> String {
    let sum = Sha256::digest(text.as_bytes());
    sum.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(HASH_DIGITS).map(digit).collect()
}

fn digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value)])
}

/// `.ftpsim-DIRECTORY-NAME-OWNER.part`, each hashed: short enough for every name.
pub(super) fn name_of(path: &VirtualPath, principal: &Principal) -> String {
    format!("{}{}{}", of_path(path), hash(&principal.name), PARTIAL_END)
}

/// Of what the part of that name is one, beside it. It goes when the part does, or with age.
fn note_name_of(path: &VirtualPath, principal: &Principal) -> String {
    note_name(&name_of(path, principal))
}

fn note_name(part: &str) -> String {
    format!("{}{NOTE_END}", part.trim_end_matches(PARTIAL_END))
}

/// Notes of what there is a part, as it is now. The note says which part it is of: one that has come since is another.
pub(super) fn note(
    root: &Dir,
    path: &VirtualPath,
    principal: &Principal,
    note: &str,
) -> Result<(), StoreError> {
    let Some(parts) = directory(root)? else { return Ok(()) };
    let Some(part) = id(&parts, path, principal)? else { return Ok(()) };
    parts.write(note_name_of(path, principal), format!("{}\n{note}", part.line())).map_err(error)
}

/// What has been noted of the part that is there.
pub(super) fn noted(
    root: &Dir,
    path: &VirtualPath,
    principal: &Principal,
) -> Result<Option<String>, StoreError> {
    let Some(parts) = directory(root)? else { return Ok(None) };
    let Some(part) = id(&parts, path, principal)? else { return Ok(None) };
    // Whatever is wrong with a note, it says nothing then.
    let Ok(text) = parts.read_to_string(note_name_of(path, principal)) else { return Ok(None) };
    let note = text.split_once('\n').filter(|(line, _)| *line == part.line());
    Ok(note.map(|(_, note)| note.to_owned()))
}

fn id(parts: &Dir, path: &VirtualPath, principal: &Principal) -> Result<Option<PartId>, StoreError> {
    match parts.symlink_metadata(name_of(path, principal)) {
        Ok(metadata) => Ok(Some(id_of(&metadata))),
        Err(other) if other.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(other) => Err(error(other)),
    }
}

/// The part is gone, or is about to be another one.
pub(super) fn forget_note(parts: &Dir, path: &VirtualPath, principal: &Principal) {
    // One that stays is of no part that there is.
    let _ = parts.remove_file(note_name_of(path, principal));
}

fn of_directory(path: &VirtualPath) -> String {
    format!("{TEMPORARY_START}{}-", hash(&path.to_string()))
}

fn of_path(path: &VirtualPath) -> String {
    let name = hash(path.name().unwrap_or_default());
    format!("{}{name}-", of_directory(&path.parent()))
}

/// The directory of the parts, if there are any.
pub(super) fn directory(root: &Dir) -> Result<Option<Dir>, StoreError> {
    match root.open_dir(PARTS) {
        Ok(parts) => Ok(Some(parts)),
        Err(other) if other.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(other) => Err(error(other)),
    }
}

/// Moves a failed upload there; beyond its owner's limit the oldest goes. Gives the directory of parts.
pub(super) fn keep(
    root: &Dir,
    from: &Dir,
    temporary: &str,
    path: &VirtualPath,
    principal: &Principal,
) -> Result<Option<Dir>, StoreError> {
    // Another upload may find it empty and remove it meanwhile.
    for attempts_left in (0..MOVE_ATTEMPTS).rev() {
        match root.create_dir(PARTS) {
            Err(other) if other.kind() != io::ErrorKind::AlreadyExists => return Err(error(other)),
            _ => {}
        }
        let moved = root
            .open_dir(PARTS)
            .and_then(|parts| from.rename(temporary, &parts, name_of(path, principal)).map(|()| parts));
        changed();
        match moved {
            Ok(parts) => {
                drop_oldest(&parts, principal);
                return Ok(Some(parts));
            }
            Err(other) if attempts_left == 0 || other.kind() != io::ErrorKind::NotFound => {
                return Err(error(other));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

fn drop_oldest(parts: &Dir, principal: &Principal) {
    let end = format!("-{}{PARTIAL_END}", hash(&principal.name));
    let mut owned: Vec<_> = names(parts, |name| name.ends_with(&end))
        .filter_map(|name| Some((parts.symlink_metadata(&name).ok()?.modified().ok()?.into_std(), name)))
        .collect();
    owned.sort();
    let surplus = owned.len().saturating_sub(principal.max_partials);
    for (_, name) in &owned[..surplus] {
        // It is gone, or another one will try.
        let _ = parts.remove_file(name);
        let _ = parts.remove_file(note_name(name));
    }
}

fn names(parts: &Dir, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let entries = parts.entries().into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(move |name| wanted(name))
}

/// A name has been removed or renamed: whatever uploads of it have left goes, whosever it is. Gives the
/// directory that has changed.
pub(super) fn forget(root: &Arc<Dir>, path: &VirtualPath) -> Option<Arc<Dir>> {
    forget_all(root, &of_path(path))
}

/// A directory has been removed.
pub(super) fn forget_below(root: &Arc<Dir>, path: &VirtualPath) -> Option<Arc<Dir>> {
    forget_all(root, &of_directory(path))
}

fn forget_all(root: &Arc<Dir>, start: &str) -> Option<Arc<Dir>> {
    let parts = directory(root).ok()??;
    let mut removed = 0;
    for name in names(&parts, |name| name.starts_with(start)).collect::<Vec<_>>() {
        // What cannot be removed is removed when it is old.
        removed += usize::from(parts.remove_file(name).is_ok());
    }
    let changed = tidied(root, parts);
    (removed > 0).then_some(changed)
}

/// Removes those that nobody goes on from, whosever they are. Gives how many files went.
pub(super) fn remove_unused(root: &Dir) -> usize {
    let Ok(Some(parts)) = directory(root) else { return 0 };
    let removed = |name: &String| {
        // It stays open until it is gone: its lock keeps off who would go on from it.
        let Ok(file) = open_to_change(&parts, name) else { return false };
        lock(&file) != Locked::Elsewhere && parts.remove_file(name).is_ok()
    };
    let hidden: Vec<_> = names(&parts, is_hidden).collect();
    let removed = hidden.iter().filter(|name| removed(name)).count();
    tidy(root);
    removed
}

/// The user's own has been used, or is not wanted any more.
pub(super) fn forget_own(root: &Arc<Dir>, path: &VirtualPath, principal: &Principal) -> Option<Arc<Dir>> {
    let parts = directory(root).ok()??;
    forget_note(&parts, path, principal);
    parts.remove_file(name_of(path, principal)).ok()?;
    Some(tidied(root, parts))
}

/// Removes the directory if nothing is left in it. Gives whether it did.
pub(super) fn tidy(root: &Dir) -> bool {
    root.remove_dir(PARTS).is_ok()
}

/// The directory that has changed last.
fn tidied(root: &Arc<Dir>, parts: Dir) -> Arc<Dir> {
    if tidy(root) { root.clone() } else { Arc::new(parts) }
}

#[cfg(all(test, unix))]
mod tests;
