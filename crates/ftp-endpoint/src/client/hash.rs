//! SHA-256 of a file while it passes through, for comparison with the server's HASH.

use super::error::ClientError;
use crate::store::{ReadFile, StoreError, WriteFile};
use ftp_proto::reply::Reply;
use sha2::{Digest, Sha256};

/// A file's reader or writer, and the hash of what went through it, if wanted.
pub(super) struct Hashing<F> {
    file: F,
    hash: Option<Sha256>,
}

impl<F> Hashing<F> {
    pub(super) fn new(file: F, wanted: bool) -> Self {
        Self { file, hash: wanted.then(Sha256::new) }
    }

    /// Reads and hashes so many bytes, which are not to be sent.
    pub(super) async fn skip(&mut self, mut bytes: u64) -> Result<(), StoreError>
    where
        F: ReadFile,
    {
        let mut piece = vec![0; 64 * 1024];
        while bytes > 0 {
            let room = bytes.min(piece.len() as u64) as usize;
            let read = self.read(&mut piece[..room]).await?;
            if read == 0 {
                return Ok(());
            }
            bytes -= read as u64;
        }
        Ok(())
    }

    /// Hashes what is already there: the first `bytes` of `part`, or all if it has fewer.
    pub(super) async fn begin_with(&mut self, part: impl ReadFile, bytes: u64) -> Result<(), StoreError> {
        let mut part = Hashing { file: part, hash: self.hash.take() };
        part.skip(bytes).await?;
        self.hash = part.hash;
        Ok(())
    }

    /// The hash so far, in lower-case hexadecimal.
    pub(super) fn hash(&self) -> Option<String> {
        self.hash_with(b"")
    }

    /// The same, as if `rest` had come, too.
    pub(super) fn hash_with(&self, rest: &[u8]) -> Option<String> {
        let mut hash = self.hash.clone()?;
        hash.update(rest);
        Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl<F: ReadFile> ReadFile for Hashing<F> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let read = self.file.read(buffer).await?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..read]);
        }
        Ok(read)
    }
    fn remaining_bytes(&self) -> u64 {
        self.file.remaining_bytes()
    }
    fn marker(&self) -> Option<String> {
        self.file.marker()
    }
}

impl<F: WriteFile> WriteFile for Hashing<F> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_together(&[bytes]).await
    }
    async fn write_together(&mut self, pieces: &[&[u8]]) -> Result<(), StoreError> {
        if let Some(hash) = &mut self.hash {
            pieces.iter().for_each(|piece| hash.update(piece));
        }
        self.file.write_together(pieces).await
    }
    async fn publish(self) -> Result<(), StoreError> {
        self.file.publish().await
    }
    fn marker(&self) -> Option<String> {
        self.file.marker()
    }
    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.file.checkpoint().await
    }
    async fn keep(self) -> Result<(), StoreError> {
        self.file.keep().await
    }
}

/// The hash in `213 SHA-256 0-49 HEX NAME` (draft-ietf-ftpext2-hash-04 section 3.1), the reply's
/// last line: proftpd puts one before it that says that it is computing.
pub(super) fn parse_hash(reply: Reply) -> Result<String, ClientError> {
    let mut words = reply.lines.last().map_or("", String::as_str).split_ascii_whitespace();
    let (algorithm, _range, hash) = (words.next(), words.next(), words.next());
    match (algorithm, hash) {
        (Some("SHA-256"), Some(hash)) if reply.code == 213 && hash.len() == 64 => {
            Ok(hash.to_ascii_lowercase())
        }
        _ => Err(ClientError::Unverifiable { command: "HASH", reply }),
    }
}

/// The beginning of what a failed upload has left at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartHash {
    /// How many bytes it is of.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub hash: String,
}

/// `213 BYTES SHA-256 HEX`, the reply to SITE HASHPARTIAL (our extension); `None` is any other.
pub(super) fn parse_part_hash(reply: &Reply) -> Option<PartHash> {
    let text = reply.text();
    let mut words = text.split_ascii_whitespace();
    let (bytes, algorithm, hash) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
    let is_told = reply.code == 213 && algorithm == "SHA-256" && hash.len() == 64;
    is_told.then(|| PartHash { bytes, hash: hash.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_with_its_length() {
        let hash = "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89";
        let told = parse_part_hash(&Reply::new(213, format!("300 SHA-256 {}", hash.to_uppercase())));
        assert_eq!(told, Some(PartHash { bytes: 300, hash: hash.to_owned() }));
        for (code, text) in [
            (500, format!("300 SHA-256 {hash}")),
            (213, "300".to_owned()),
            (213, format!("300 SHA-1 {hash}")),
            (213, format!("-1 SHA-256 {hash}")),
            (213, "300 SHA-256 a810".to_owned()),
        ] {
            assert_eq!(parse_part_hash(&Reply::new(code, &text)), None, "{text}");
        }
    }

    #[test]
    fn hash_is_in_the_last_line() {
        let hash = "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89";
        let line = format!("SHA-256 0-1 {} one.bin", hash.to_uppercase());
        assert_eq!(parse_hash(Reply::new(213, &line)).unwrap(), hash);
        let proftpd = Reply::multi(213, vec!["Computing SHA-256 digest".to_owned(), line]);
        assert_eq!(parse_hash(proftpd).unwrap(), hash);
        assert!(parse_hash(Reply::new(213, format!("SHA-1 0-1 {hash} one.bin"))).is_err());
        assert!(parse_hash(Reply::new(550, format!("SHA-256 0-1 {hash} one.bin"))).is_err());
    }
}
