//! Names: CWD CDUP PWD MKD RMD DELE RNFR RNTO SIZE MDTM MFMT.

use crate::net::Net;
use crate::net::canonical;
use crate::server::accounts::{Accounts, Rights};
use crate::server::log::{Change, ChangeRecord, LogRecord};
use crate::server::promises::Promise;
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::store::{Kind, ReadFile, Store, StoreError};
use crate::transfer::TransferError;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use ftp_proto::repr::{Conversion, Converted, Outgoing};
use ftp_proto::time::{Timestamp, timestamp};

/// SIZE of what is not sent byte for byte has to read the file; beyond this size it does not.
const MAX_CONVERTED_BYTES: u64 = 16 * 1024 * 1024;

/// A path between quotes, those inside doubled (RFC 959 appendix II).
pub(super) fn quoted(path: &VirtualPath) -> String {
    format!("\"{}\"", path.to_string().replace('"', "\"\""))
}

impl<N: Net, A: Accounts> Session<N, A> {
    fn right(&self, has: impl Fn(&Rights) -> bool) -> Result<A::Store, Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if has(&rights) { Ok(store) } else { Err(Refusal::NoRight) }
    }

    pub(in crate::server) async fn change_directory(
        &mut self,
        argument: &str,
        code: u16,
    ) -> Result<Reply, Refusal> {
        let (store, rights) = self.store_and_rights()?;
        let path = self.path(argument)?;
        match store.metadata(&path).await {
            Ok(found) if found.kind == Kind::Directory => {}
            // Whoever may not read is not told what there is.
            _ if !rights.read => return Err(Refusal::NoRight),
            Ok(_) => return Err(StoreError::NotDirectory.into()),
            Err(error) => return Err(error.into()),
        }
        self.working = path;
        Ok(Reply::new(code, format!("{} is the working directory.", quoted(&self.working))))
    }

    pub(in crate::server) fn working_directory(&self) -> Reply {
        Reply::new(257, format!("{} is the working directory.", quoted(&self.working)))
    }

    pub(in crate::server) async fn make_directory(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let store = self.right(|rights| rights.write)?;
        let path = self.path(argument)?;
        store.create_directory(&path).await?;
        self.log_change(Change::MakeDirectory, &path, None);
        Ok(Reply::new(257, format!("{} created.", quoted(&path))))
    }

    pub(in crate::server) async fn remove_directory(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let store = self.right(|rights| rights.delete)?;
        let path = self.path(argument)?;
        store.remove_directory(&path).await?;
        self.log_change(Change::RemoveDirectory, &path, None);
        Ok(Reply::new(250, "Directory removed."))
    }

    pub(in crate::server) async fn delete(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let store = self.right(|rights| rights.delete)?;
        let path = self.path(argument)?;
        // A log has to know what a name that nobody sees has stood for.
        let is_partial =
            self.config.transfer_log.is_some() && matches!(store.partial_bytes(&path).await, Ok(Some(_)));
        let removed = store.remove_file(&path).await;
        match &removed {
            Ok(()) => self.log_change(Change::Delete, &path, None),
            Err(StoreError::NotFound) if is_partial => self.log_change(Change::DeletePartial, &path, None),
            Err(_) => {}
        }
        removed?;
        Ok(Reply::new(250, "File deleted."))
    }

    fn log_change(&self, event: Change, path: &VirtualPath, new_path: Option<&VirtualPath>) {
        let (Some(log), Some(user)) = (&self.config.transfer_log, &self.user) else { return };
        log(LogRecord::Change(&ChangeRecord {
            event,
            ended_s: self.config.calendar.as_ref().map(|calendar| calendar().0),
            session: self.number,
            peer: canonical(self.peer.ip()),
            user: user.name.clone(),
            anonymous: user.anonymous,
            path: path.to_string(),
            new_path: new_path.map(ToString::to_string),
        }));
    }

    pub(in crate::server) async fn rename_from(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let store = self.right(|rights| rights.delete && rights.write)?;
        let path = self.path(argument)?;
        store.metadata(&path).await?;
        self.rename_from = Some(path);
        Ok(Reply::new(350, "Requested file action pending further information."))
    }

    pub(in crate::server) async fn rename_to(
        &mut self,
        from: Option<VirtualPath>,
        argument: &str,
    ) -> Result<Reply, Refusal> {
        let from = from.ok_or(Refusal::Sequence("RNTO must follow RNFR"))?;
        let (store, _) = self.store_and_rights()?;
        let to = self.path(argument)?;
        store.rename(&from, &to).await.map_err(Refusal::Storing)?;
        self.log_change(Change::Rename, &from, Some(&to));
        Ok(Reply::new(250, "File renamed."))
    }

    /// RFC 3659 section 3.
    pub(in crate::server) async fn modified(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let store = self.right(|rights| rights.read)?;
        let metadata = store.metadata(&self.path(argument)?).await?;
        if metadata.kind != Kind::File {
            return Err(StoreError::IsDirectory.into());
        }
        match metadata.modified {
            Some(modified) => Ok(Reply::new(213, timestamp(modified))),
            None => Ok(Reply::new(550, "The time of modification is not known.")),
        }
    }

    /// draft-somers-ftp-mfxx section 3.
    pub(in crate::server) async fn set_modified(
        &mut self,
        time: Timestamp,
        argument: &str,
    ) -> Result<Reply, Refusal> {
        // As replacing it takes: whoever decides by times what to fetch is told by them that a file is another.
        let store = self.right(|rights| rights.write && rights.delete)?;
        let path = self.path(argument)?;
        store.set_modified(&path, time).await?;
        self.log_change(Change::SetModified, &path, None);
        // What is kept: a file system may know less of time than was asked for.
        let kept = store.metadata(&path).await?.modified.unwrap_or(time);
        Ok(Reply::new(213, format!("Modify={}; {argument}", timestamp(kept))))
    }

    /// The bytes that a RETR would send now (RFC 3659 section 4), as TYPE and STRU represent the
    /// file; what the mode adds to frame them is left out, as REST's offsets leave it out.
    pub(in crate::server) async fn size(&mut self, argument: &str) -> Result<Next, Refusal> {
        let store = self.right(|rights| rights.read)?;
        let path = self.path(argument)?;
        let work = size_of(store, path.clone(), self.conversion());
        self.in_turn(path, work).await
    }

    /// The reply that `work` gives: after those that are promised, if there are any.
    pub(super) async fn in_turn(
        &mut self,
        path: VirtualPath,
        work: impl Future<Output = Result<Reply, Refusal>> + Send + 'static,
    ) -> Result<Next, Refusal> {
        if !self.control.has_promised() {
            return work.await.map(Next::Reply);
        }
        let reply = Box::pin(async move { work.await.unwrap_or_else(|refusal| refusal.reply()) });
        self.control.promise(Promise { path, file_bytes: 0, reply });
        Ok(Next::Later)
    }
}

async fn size_of<S: Store>(store: S, path: VirtualPath, conversion: Conversion) -> Result<Reply, Refusal> {
    let metadata = store.metadata(&path).await?;
    if metadata.kind != Kind::File {
        return Err(StoreError::IsDirectory.into());
    }
    if conversion.keeps_size() && metadata.size_bytes > 0 {
        return Ok(Reply::new(213, metadata.size_bytes.to_string()));
    }
    if metadata.size_bytes > MAX_CONVERTED_BYTES {
        return Ok(Reply::new(550, "The file is too large for SIZE in this TYPE and STRU, use TYPE I."));
    }
    let mut file = store.read(&path, 0).await?;
    // Some files say that they are empty and are not: procfs, FUSE.
    if conversion.keeps_size() && file.remaining_bytes() == 0 {
        return Ok(Reply::new(213, "0"));
    }
    match converted_bytes(&mut file, conversion).await? {
        Some(bytes) => Ok(Reply::new(213, bytes.to_string())),
        None => Ok(Reply::new(550, "The file is too large for SIZE.")),
    }
}

/// `None`: more is read than a SIZE is worth.
async fn converted_bytes(file: &mut impl ReadFile, conversion: Conversion) -> Result<Option<u64>, Refusal> {
    let mut outgoing = Outgoing::new(conversion);
    let mut converted = Converted::default();
    let mut buffer = vec![0; 64 * 1024];
    let (mut bytes, mut all_read) = (0, 0);
    loop {
        let read = file.read(&mut buffer).await?;
        all_read += read as u64;
        if all_read > MAX_CONVERTED_BYTES {
            return Ok(None);
        }
        converted.clear();
        outgoing.convert(&buffer[..read], read == 0, &mut converted).map_err(TransferError::Convert)?;
        bytes += converted.bytes.len() as u64;
        if read == 0 {
            return Ok(Some(bytes));
        }
        // Others have their turn.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ftp_proto::mode::Structure;
    use ftp_proto::repr::{RecordForm, Representation};

    /// A file that has so many bytes, whatever is known of it.
    struct Zeros(u64);

    impl ReadFile for Zeros {
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
            let read = self.0.min(buffer.len() as u64);
            self.0 -= read;
            Ok(read as usize)
        }
        fn remaining_bytes(&self) -> u64 {
            0
        }
    }

    /// What a file of unknown size has is found out by reading it, which a client cannot ask for without end.
    #[tokio::test]
    async fn no_more_is_read_than_a_size_is_worth() {
        let (representation, structure) = (Representation::Image, Structure::File);
        let conversion = Conversion { representation, structure, record_form: RecordForm::Plain };
        for (bytes, told) in [
            (0, Some(0)),
            (100_000, Some(100_000)),
            (MAX_CONVERTED_BYTES, Some(MAX_CONVERTED_BYTES)),
            (MAX_CONVERTED_BYTES + 1, None),
        ] {
            let found = converted_bytes(&mut Zeros(bytes), conversion).await;
            assert!(matches!(found, Ok(found) if found == told), "{bytes}");
        }
    }
}
