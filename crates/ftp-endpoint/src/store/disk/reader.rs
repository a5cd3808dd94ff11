//! A file of a [`DiskStore`](super::DiskStore), being read: to its end, wherever that turns out to be.

use super::appends;
use super::{error, open};
use crate::store::{ReadFile, StoreError};
use cap_std::fs::{Dir, File, Metadata};
use std::io::{self, IoSliceMut, Read, Seek, SeekFrom};
use std::path::Path;

/// Looked ahead for at the end that was promised; some files of the kernel's give all of themselves to
/// one read, or nothing.
const AHEAD_BYTES: usize = 4096;
/// Of a file of unknown size so much is read to come to an offset, which it cannot be asked for.
const MAX_PASSED_BYTES: u64 = 16 * 1024 * 1024;
/// Said to remain while that is not known: more than any piece.
const UNKNOWN_BYTES: u64 = u32::MAX as u64;

/// A file of a [`DiskStore`](super::DiskStore), being read.
pub struct DiskReader {
    file: File,
    /// Of the next byte to be given.
    at: u64,
    /// Where it ends, as far as is known.
    end: u64,
    /// The end is a guess: none was promised beyond what has come.
    open_ended: bool,
    /// Read from the file beyond the end that was promised, not yet given.
    ahead: Vec<u8>,
}

impl DiskReader {
    /// Errors: [`StoreError::BadOffset`] beyond the file's end.
    pub(super) fn open(directory: &Dir, path: impl AsRef<Path>, offset: u64) -> Result<Self, StoreError> {
        let mut file = open(directory, path).map_err(error)?;
        let metadata = file.metadata().map_err(error)?;
        if metadata.is_dir() {
            return Err(StoreError::IsDirectory);
        }
        if !metadata.is_file() {
            return Err(StoreError::Denied);
        }
        let size_bytes = appends::visible_bytes(&metadata);
        // Of how much there is, no size may say nothing.
        let passes_over = size_bytes == 0 && offset > 0 && offset <= MAX_PASSED_BYTES;
        if offset > size_bytes && !passes_over {
            return Err(StoreError::BadOffset { offset, size_bytes });
        }
        let at = if passes_over { 0 } else { offset };
        if at > 0 {
            file.seek(SeekFrom::Start(at)).map_err(error)?;
        }
        let mut reader = Self { file, at, end: size_bytes, open_ended: false, ahead: Vec::new() };
        reader.look_ahead()?;
        reader.pass_over(offset)?;
        Ok(reader)
    }

    /// Reads up to there. Errors: [`StoreError::BadOffset`] where the file ends before.
    fn pass_over(&mut self, offset: u64) -> Result<(), StoreError> {
        let mut passed = [0; AHEAD_BYTES];
        while self.at < offset {
            let room = passed.len().min((offset - self.at) as usize);
            if self.give(&mut passed[..room])? == 0 {
                return Err(StoreError::BadOffset { offset, size_bytes: self.at });
            }
        }
        Ok(())
    }

    pub(super) fn metadata(&self) -> Result<Metadata, StoreError> {
        self.file.metadata().map_err(error)
    }

    /// The end of what was promised, and with the same call what is beyond it: a read that stops there has found the
    /// end, as one that finds nothing has.
    fn read_to_end(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let mut beyond = [0; AHEAD_BYTES];
        let slices = &mut [IoSliceMut::new(buffer), IoSliceMut::new(&mut beyond)];
        let read = uninterrupted(|| self.file.read_vectored(slices))?;
        let (in_buffer, beyond_bytes) = (read.min(buffer.len()), read.saturating_sub(buffer.len()));
        self.at += in_buffer as u64;
        self.came(&beyond[..beyond_bytes])?;
        Ok(in_buffer)
    }

    fn read_file(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        uninterrupted(|| self.file.read(buffer))
    }

    /// At the end that was promised: whether that is one. A file that has grown, or whose size is not
    /// known before it is read (procfs, some of FUSE), goes on.
    fn look_ahead(&mut self) -> Result<(), StoreError> {
        if self.at < self.end || !self.ahead.is_empty() {
            return Ok(());
        }
        let mut beyond = [0; AHEAD_BYTES];
        let read = self.read_file(&mut beyond)?;
        self.came(&beyond[..read])
    }

    /// Read from beyond the end that was promised, which has been reached.
    fn came(&mut self, beyond: &[u8]) -> Result<(), StoreError> {
        let read = beyond.len();
        if read == 0 {
            return Ok(());
        }
        // What is being appended is not there before all of it is.
        let metadata = self.file.metadata().map_err(error)?;
        let (visible, known) = (appends::visible_bytes(&metadata), self.at + read as u64);
        let being_appended = visible < metadata.len();
        if being_appended && visible <= self.end {
            return Ok(());
        }
        self.open_ended = !being_appended && visible < known;
        self.end = if self.open_ended { known + UNKNOWN_BYTES } else { visible };
        let ahead = (self.end - self.at).min(read as u64) as usize;
        self.ahead = beyond[..ahead].to_vec();
        if ahead < read {
            // What is seen later is read again.
            self.file.seek(SeekFrom::Start(self.at + ahead as u64)).map_err(error)?;
        }
        Ok(())
    }

    /// A prefix of `buffer`; 0 at the end.
    fn give(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let rest = self.remaining_bytes();
        let room = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let is_rest = room as u64 == rest;
        let read = if !self.ahead.is_empty() {
            let len = room.min(self.ahead.len());
            buffer[..len].copy_from_slice(&self.ahead[..len]);
            self.ahead.drain(..len);
            len
        } else if is_rest {
            match self.read_to_end(&mut buffer[..room])? {
                0 => 0,
                read => return Ok(read),
            }
        } else {
            self.read_file(&mut buffer[..room])?
        };
        self.at += read as u64;
        if read == 0 {
            let missing_bytes = self.end - self.at;
            self.end = self.at;
            return if self.open_ended { Ok(0) } else { Err(StoreError::Shrunk { missing_bytes }) };
        }
        if !self.open_ended {
            self.look_ahead()?;
        }
        Ok(read)
    }
}

/// Again and again, as long as signals come between.
fn uninterrupted(mut read: impl FnMut() -> io::Result<usize>) -> Result<usize, StoreError> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(error),
        }
    }
}

impl ReadFile for DiskReader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        self.give(buffer)
    }

    fn remaining_bytes(&self) -> u64 {
        self.end - self.at
    }

    fn marker(&self) -> Option<String> {
        Some(self.at.to_string())
    }
}

#[cfg(all(test, unix))]
mod tests;
