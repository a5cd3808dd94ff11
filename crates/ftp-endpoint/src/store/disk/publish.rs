//! How a whole file gets its name, and what is left of one that will not get it.

use super::appends::InPlace;
use super::commit::{Change, Touched, not_durable};
use super::error;
use super::temporary::{Temporary, copy_over, is_named, rename_new, rename_over};
use super::writer::{DiskWriter, Publication, Target, remove};
use crate::store::{Store, StoreError};
use cap_std::fs::File;
use std::sync::Arc;

/// The file appears under its name.
pub(super) struct Publish(pub DiskWriter);

impl Change for Publish {
    fn file(&self) -> Option<&File> {
        match &self.0.target {
            Target::Temporary { file, .. } => Some(&file.file),
            Target::Append(append) => Some(&append.file),
            Target::Follow(_) | Target::Nothing => None,
        }
    }

    fn make(self: Box<Self>) -> Result<Touched, StoreError> {
        self.0.take_name()
    }
}

/// A failed upload is kept: a restart marker may have been told of it.
pub(super) struct Keep(pub DiskWriter);

impl Change for Keep {
    fn file(&self) -> Option<&File> {
        if let Target::Temporary { file, .. } = &self.0.target { Some(&file.file) } else { None }
    }

    fn make(self: Box<Self>) -> Result<Touched, StoreError> {
        self.0.be_kept()
    }
}

impl DiskWriter {
    /// Whether publishing copies all of it.
    pub(super) fn is_copied(&self) -> bool {
        matches!(self.target, Target::Temporary { publication: Publication::Copy, .. })
    }

    pub(super) fn take_name(mut self) -> Result<Touched, StoreError> {
        let mut touched = Touched::default();
        match std::mem::replace(&mut self.target, Target::Nothing) {
            Target::Temporary { mut file, publication, resumed } => {
                match self.name_it(&mut file, publication) {
                    Ok(copied) => touched.files.extend(copied),
                    Err(failed) => {
                        // What becomes of it is said where writers are dropped.
                        self.target = Target::Temporary { file, publication, resumed };
                        return Err(failed);
                    }
                }
            }
            Target::Append(append) if !append.stands_under(&self.directory, &self.name) => {
                return Err(StoreError::Changed);
            }
            Target::Append(append) => append.commit(),
            Target::Follow(_) | Target::Nothing => {}
        }
        let parts = self.store.forget_part(&self.path);
        Ok(touched.and([self.directory.clone()]).and(parts))
    }

    /// Gives a file that has been copied to.
    fn name_it(&self, file: &mut Temporary, publication: Publication) -> Result<Option<File>, StoreError> {
        match self.give_name(file, publication) {
            Err(StoreError::NotFound) if !is_named(&file.file)? => {
                file.come_back(&self.directory)?;
                if self.store.is_durable() {
                    file.file.sync_all().map_err(not_durable)?;
                }
                self.give_name(file, publication)
            }
            named => named,
        }
    }

    fn give_name(&self, file: &Temporary, publication: Publication) -> Result<Option<File>, StoreError> {
        let (directory, name) = (&*self.directory, self.name.as_str());
        match publication {
            Publication::Rename => rename_over(directory, &file.name, name)?,
            Publication::New => rename_new(directory, &file.name, directory, name)?,
            Publication::Append => match rename_new(directory, &file.name, directory, name) {
                Err(StoreError::Exists) => return Err(StoreError::Changed),
                other => other?,
            },
            Publication::Copy => match InPlace::claim(directory, name)? {
                Some(old) => {
                    let copied = old.file.try_clone().map_err(error)?;
                    copy_over(file.file.try_clone().map_err(error)?, old)?;
                    remove(directory, &file.name);
                    return Ok(Some(copied));
                }
                None => rename_over(directory, &file.name, name)?,
            },
        }
        Ok(None)
    }

    pub(super) fn be_kept(mut self) -> Result<Touched, StoreError> {
        let Target::Temporary { file, .. } = &self.target else { return Ok(Touched::default()) };
        let parts = self.put_aside(&file.name)?;
        self.target = Target::Nothing;
        Ok(Touched::directories(parts.map(Arc::new)).and([self.store.root.clone()]))
    }
}
