//! What a file's success is taken from, beyond the reply.

use super::error::ClientError;
use super::policy::Verify;
use ftp_proto::command::Command;
use ftp_proto::mutant::{self, Mutant};

/// The command that asks for it.
pub(super) fn check(verify: Verify, remote: String) -> Option<Command> {
    match verify {
        Verify::Reply => None,
        Verify::Size => Some(Command::Size(remote)),
        Verify::Hash => Some(Command::Hash(remote)),
    }
}

pub(super) fn same_size(server_bytes: u64, moved_bytes: u64) -> Result<(), ClientError> {
    if server_bytes == moved_bytes || mutant::is(Mutant::SizeUnchecked) {
        Ok(())
    } else {
        Err(ClientError::SizeMismatch { server_bytes, moved_bytes })
    }
}

pub(super) fn same_hash(server: String, ours: Option<String>) -> Result<(), ClientError> {
    let ours = ours.unwrap_or_default();
    if server == ours || mutant::is(Mutant::HashUnchecked) {
        Ok(())
    } else {
        Err(ClientError::HashMismatch { algorithm: "SHA-256", server, ours })
    }
}
