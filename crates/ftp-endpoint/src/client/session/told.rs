//! What a server tells of a file's size. In stream mode the end of a connection is the end of the file, and so is
//! one that has come too early: nothing else tells them apart.

use super::Session;
use crate::client::error::{ClientError, not_short};
use crate::net::Net;
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::reply::Reply;
use ftp_proto::repr::Representation;

impl<N: Net> Session<N> {
    fn minds_size(&self) -> bool {
        let policy = &self.policy;
        policy.minds_size
            && policy.mode == TransmissionMode::Stream
            && policy.representation == Representation::Image
            && policy.structure == Structure::File
    }

    /// SIZE before a download, where the policy minds it and the server has it. A server that does not know the
    /// command is asked once.
    pub(in crate::client) async fn told_size(&mut self, remote: &str) -> Result<Option<u64>, ClientError> {
        if !self.minds_size() || self.without_size {
            return Ok(None);
        }
        match self.size_bytes(remote).await {
            Ok(size_bytes) => Ok(Some(size_bytes)),
            Err(ClientError::Unverifiable { reply, .. }) => {
                self.without_size = matches!(reply.code, 500 | 502);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether at least as much has come as the 125 or 150 told; where it told more than there is, SIZE may say so.
    pub(super) async fn is_as_announced(
        &mut self,
        remote: &str,
        moved_bytes: u64,
    ) -> Result<(), ClientError> {
        let announced = self.announced_bytes.take().filter(|_| self.minds_size());
        if not_short(announced, moved_bytes).is_ok() {
            return Ok(());
        }
        match self.size_bytes(remote).await {
            Ok(now) if now == moved_bytes => Ok(()),
            _ => not_short(announced, moved_bytes),
        }
    }
}

/// The number of bytes that a 125 or 150 ends with, as many servers have it: `150 Opening BINARY mode data connection
/// for a (12345 bytes).` Such words in a file's name are not the end.
pub(super) fn announced_bytes(reply: &Reply) -> Option<u64> {
    let text = reply.text();
    let told = text.trim_end().trim_end_matches('.').strip_suffix(" bytes)")?;
    told.rsplit_once('(')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_servers_announce_it() {
        for (line, bytes) in [
            ("Opening BINARY mode data connection for a (12345 bytes).", Some(12345)),
            ("Opening BINARY mode data connection for (7 bytes) (0 bytes)", Some(0)),
            ("File status okay; about to open data connection.", None),
            ("Opening data connection for \"a (5 bytes)\".", None),
            ("Opening for a (99999999999999999999999 bytes).", None),
            ("97.7 kbytes to download", None),
            ("(-1 bytes)", None),
        ] {
            let reply = Reply::new(150, line);
            assert_eq!(announced_bytes(&reply), bytes, "{line}");
        }
    }
}
