//! HASH and RANG (draft-ietf-ftpext2-hash-04, draft-bryan-ftp-range-09), and our own SITE HASHPARTIAL.

use crate::net::Net;
use crate::server::accounts::Accounts;
use crate::server::meanwhile::{Attended, attended};
use crate::server::negotiated::{Algorithm, AskedPartial, Restart};
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::store::{ReadFile, Store, StoreError};
use crate::transfer::limited::Limited;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use sha2::{Digest, Sha256};

/// Read and hashed at a time, between looks at the control connection.
const PIECE_BYTES: usize = 64 * 1024;

enum Sum {
    Sha256(Sha256),
    Crc32(crc32fast::Hasher),
}

impl Sum {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sum) => sum.update(bytes),
            Self::Crc32(sum) => sum.update(bytes),
        }
    }

    /// In lower-case hexadecimal.
    fn finish(self) -> String {
        match self {
            Self::Sha256(sum) => sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Crc32(sum) => format!("{:08x}", sum.finalize()),
        }
    }
}

/// The sum, and how many bytes it is of.
async fn sum(file: &mut impl ReadFile, algorithm: Algorithm) -> Result<(String, u64), StoreError> {
    let mut sum = Sum::new(algorithm);
    let mut buffer = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Ok((sum.finish(), bytes));
        }
        sum.update(&buffer[..read]);
        bytes += read as u64;
        // Others have their turn.
        tokio::task::yield_now().await;
    }
}

/// What is asked for.
struct Question {
    path: VirtualPath,
    argument: String,
    first: u64,
    last: u64,
    algorithm: Algorithm,
}

impl Question {
    async fn open<S: Store>(&self, store: &S) -> Result<Limited<S::Reader>, Refusal> {
        match store.read(&self.path, self.first).await {
            Ok(file) => Ok(Limited::new(file, (self.last - self.first).saturating_add(1))),
            Err(StoreError::BadOffset { .. }) => {
                Err(Refusal::Syntax("the range begins beyond the end of the file"))
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn answer(&self, mut file: impl ReadFile) -> Result<Reply, Refusal> {
        let Self { argument, first, algorithm, .. } = self;
        let (hash, bytes) = sum(&mut file, *algorithm).await?;
        let end = (first + bytes).saturating_sub(1).max(*first);
        Ok(Reply::new(213, format!("{} {first}-{end} {hash} {argument}", algorithm.name())))
    }
}

impl<N: Net, A: Accounts> Session<N, A> {
    /// The hash of the bytes that RETR would send in TYPE I, of the range that RANG has chosen.
    pub(in crate::server) async fn hash(&mut self, argument: &str) -> Result<Next, Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let path = self.path(argument)?;
        let (first, last) = self.negotiated.range.unwrap_or((0, u64::MAX));
        let (argument, algorithm) = (argument.to_owned(), self.negotiated.algorithm);
        let question = Question { path, argument, first, last, algorithm };
        if self.control.has_promised() {
            let path = question.path.clone();
            let work = async move { question.answer(question.open(&store).await?).await };
            return self.in_turn(path, work).await;
        }
        let work = question.answer(question.open(&store).await?);
        self.computing(work).await?.map(Next::Reply)
    }

    /// Answers meanwhile.
    async fn computing<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        let status = || Reply::new(211, "Computing a hash.");
        match attended(&mut self.control, &mut self.aborting, status, None, false, work).await {
            Attended::Done(result) => Ok(result),
            Attended::Aborted => Err(Refusal::Aborted),
            Attended::Lost(error) => Err(Refusal::ControlLost(error)),
        }
    }

    /// `SITE HASHPARTIAL marker path`: what lies before a restart marker, or an offset, in what a failed
    /// upload of the user's has left. Whether it is of this file cannot be told by its size: the same user's
    /// other client may have left it. A STOR that goes on from there finds this one, or is refused.
    pub(super) async fn hash_partial(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let expected = Refusal::Syntax("expected a restart marker and a path");
        let Some((marker, path)) = argument.split_once(' ') else { return Err(expected) };
        let offset = Restart::parse(marker).ok_or(expected)?.offset;
        let (store, path) = self.ask_of_partial(path)?;
        let (part, id) = store.read_partial(&path).await?;
        let mut part = Limited::new(part, offset);
        let (hash, size_bytes) = self.computing(sum(&mut part, Algorithm::Sha256)).await??;
        if size_bytes < offset {
            return Err(StoreError::BadOffset { offset, size_bytes }.into());
        }
        self.asked_partial = Some(AskedPartial { path, part: Some(id) });
        Ok(Reply::new(213, format!("{size_bytes} {} {hash}", Algorithm::Sha256.name())))
    }

    pub(in crate::server) fn choose_range(&mut self, first: u64, last: u64) -> Result<Reply, Refusal> {
        self.negotiated.range = None;
        match (first, last) {
            (1, 0) => Ok(Reply::new(350, "The whole file.")),
            _ if first > last => Err(Refusal::Syntax("the range ends before it begins")),
            _ => {
                self.negotiated.range = Some((first, last));
                self.negotiated.restart = None;
                Ok(Reply::new(350, format!("Bytes {first} to {last}.")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        let of = |algorithm, bytes: &[u8]| {
            let mut sum = Sum::new(algorithm);
            sum.update(bytes);
            sum.finish()
        };
        // This is FIPS 180-4's example, and CRC-32's check value.
        assert_eq!(
            of(Algorithm::Sha256, b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(of(Algorithm::Crc32, b"123456789"), "cbf43926");
    }
}
