//! Where an attempt goes on (RFC 959 section 3.5, RFC 1123 section 4.1.3.4, RFC 3659 section 5).
//!
//! In block and compressed mode both ends name places in the file by restart markers. In stream and
//! deflate mode a marker is an offset in what is sent, before it is compressed. What a failed upload has
//! left is asked for by `SITE PARTIAL`, and compared by `SITE HASHPARTIAL` (our extensions), or asked for
//! under a temporary name by SIZE. Of a failed download the store keeps which version of the file it is of.

use super::error::ClientError;
use super::hash::{PartHash, parse_part_hash};
use super::marker::Start;
use super::policy::{Direction, Policy, Publish, RESUMED_FROM_BYTES, Verify, part_name};
use super::queue::{Pending, Source};
use super::session::Session;
use super::worker::Worker;
use crate::net::Net;
use crate::store::Store;
use crate::transfer::{OF_PARTIAL, RestartMarker};
use ftp_proto::command::Command;
use ftp_proto::mode::Structure;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::repr::Representation;
use ftp_proto::time::parse_timestamp;

/// Whether bytes at this end are those on the wire, so that an offset means the same at both.
fn is_transparent(policy: &Policy) -> bool {
    matches!(policy.representation, Representation::Image | Representation::Local8)
        && policy.structure == Structure::File
}

/// Whether a download may go on at an offset: there are no markers, and one means the same at both ends.
fn goes_on_at_offset(policy: &Policy) -> bool {
    is_transparent(policy) && !policy.mode.is_framed()
}

impl<N: Net, S: Store> Worker<N, S> {
    pub(super) async fn start(&mut self, pending: &mut Pending) -> Result<Start, ClientError> {
        // What was sent before of a file that is not sent byte for byte is not known any more.
        let uncounted = self.policy.verify == Verify::Size && !self.policy.conversion().keeps_size();
        let resumes =
            self.policy.resume || self.may_prove(pending).await? || self.is_of_same_source(pending).await?;
        if !resumes || uncounted {
            return Ok(Start::default());
        }
        if self.policy.direction == Direction::Put && self.has_changed(pending).await? {
            pending.mark = None;
            return Ok(Start::default());
        }
        let start = match self.policy.direction {
            Direction::Put => self.start_of_upload(pending).await?,
            Direction::Get => self.start_of_download(pending).await?,
        };
        Ok(start.unwrap_or_default())
    }

    /// Whether [`Policy::resume_if_proved`] goes on with this file, if there is something to go on from.
    async fn may_prove(&mut self, pending: &Pending) -> Result<bool, ClientError> {
        if !self.policy.resume_if_proved || !is_transparent(&self.policy) {
            return Ok(false);
        }
        let is_worth_it = match self.policy.direction {
            Direction::Put => {
                let metadata = self.store.metadata(&pending.job.local).await;
                metadata.map_err(ClientError::Local)?.size_bytes >= RESUMED_FROM_BYTES
            }
            Direction::Get => self.is_worth_going_on(pending),
        };
        Ok(is_worth_it && self.session().await?.announces_sha256().await?)
    }

    /// Of a download, as far as is known before it is asked for.
    fn is_worth_going_on(&self, pending: &Pending) -> bool {
        let listed_bytes = self.listed_bytes(&pending.job.remote);
        goes_on_at_offset(&self.policy) && listed_bytes.is_none_or(|bytes| bytes >= RESUMED_FROM_BYTES)
    }

    /// Whether what has come of a failed download is kept for another attempt.
    pub(super) fn keeps_part(&self, pending: &Pending, moved_bytes: u64) -> bool {
        let proves = self.session.as_ref().is_some_and(Session::is_known_to_hash);
        let will_be_known = proves || pending.source.version.is_some();
        self.policy.resume
            || self.policy.resume_if_proved
                && will_be_known
                && goes_on_at_offset(&self.policy)
                && moved_bytes >= RESUMED_FROM_BYTES
    }

    /// Without HASH: whether what a failed download has left is of the file that is at the server now, going by
    /// the size and time that were noted with it. What is there now is noted in `pending`.
    async fn is_of_same_source(&mut self, pending: &mut Pending) -> Result<bool, ClientError> {
        pending.source = Source::default();
        let is_download = self.policy.direction == Direction::Get;
        if !self.policy.resume_if_proved || !is_download || !self.is_worth_going_on(pending) {
            return Ok(false);
        }
        pending.source = self.source_of(&pending.job.remote).await?;
        let Some(version) = &pending.source.version else { return Ok(false) };
        let noted = self.store.partial_note(&pending.job.local).await.map_err(ClientError::Local)?;
        Ok(noted.as_ref() == Some(version))
    }

    /// By SIZE and MDTM (RFC 3659 sections 3 and 4), if the server announces both and has no HASH.
    async fn source_of(&mut self, remote: &str) -> Result<Source, ClientError> {
        let whose = format!("{} {}", self.server, self.login.user);
        let session = self.session().await?;
        if session.announces_sha256().await?
            || !session.announces("SIZE").await?
            || !session.announces("MDTM").await?
        {
            return Ok(Source::default());
        }
        let size_bytes = match session.size_bytes(remote).await {
            Ok(size_bytes) => size_bytes,
            Err(ClientError::Unverifiable { .. }) => return Ok(Source::default()),
            Err(error) => return Err(error),
        };
        let unversioned = Source { size_bytes: Some(size_bytes), version: None };
        if size_bytes < RESUMED_FROM_BYTES {
            return Ok(unversioned);
        }
        let reply = session.command(&Command::Mdtm(remote.to_owned())).await?;
        let time = reply.text().trim().to_owned();
        if reply.code != 213 || parse_timestamp(&time).is_none() {
            return Ok(unversioned);
        }
        Ok(Source { version: Some(format!("{size_bytes} {time} {whose} {remote}")), ..unversioned })
    }

    /// After a download that has gone on where another one ended, before it is published: whether the file at the
    /// server is still the one that it was then. Errors: [`ClientError::SourceChanged`].
    pub(super) async fn is_unchanged(&mut self, pending: &Pending) -> Result<(), ClientError> {
        let source = self.source_of(&pending.job.remote).await?;
        if source == pending.source { Ok(()) } else { Err(ClientError::SourceChanged) }
    }

    /// Whether the file to be sent is another one than at the last attempt, as far as its size and time of
    /// modification tell.
    async fn has_changed(&mut self, pending: &mut Pending) -> Result<bool, ClientError> {
        let now = self.store.metadata(&pending.job.local).await.map_err(ClientError::Local)?;
        let before = pending.version.replace((now.size_bytes, now.modified));
        let changed = before.is_some() && before != pending.version;
        Ok(changed && !mutant::is(Mutant::SourceChangeUnseen))
    }

    /// The policy of an attempt that begins there. What it goes on from may be of another version of the
    /// file, or of another upload of the name: the whole is compared with the sender's by HASH wherever
    /// the server knows it, whatever the policy takes success from.
    pub(super) async fn policy_from(&mut self, start: &Start) -> Result<Policy, ClientError> {
        let mut policy = self.policy.clone();
        if start.marker.is_some()
            && !mutant::is(Mutant::SourceChangeUnseen)
            && self.session().await?.announces_sha256().await?
        {
            policy.verify = Verify::Hash;
        }
        Ok(policy)
    }

    /// What the server has before an upload's `start`, if it tells: a part may be another client's of the same
    /// user, which no size shows, and once the whole stands under its name it is too late to find out.
    pub(super) async fn part_hash(
        &mut self,
        start: &Start,
        stored_as: &str,
    ) -> Result<Option<PartHash>, ClientError> {
        // Others' servers would not know the question.
        let marker = start.marker.as_ref().filter(|marker| marker.ends_with(OF_PARTIAL));
        let is_believed = mutant::is(Mutant::PartBelieved) || mutant::is(Mutant::SourceChangeUnseen);
        let Some(marker) = marker.filter(|_| !is_believed) else { return Ok(None) };
        let question = Command::Site(format!("HASHPARTIAL {marker} {stored_as}"));
        let reply = self.session().await?.command(&question).await?;
        Ok(parse_part_hash(&reply))
    }

    async fn start_of_upload(&mut self, pending: &Pending) -> Result<Option<Start>, ClientError> {
        if let Some(RestartMarker { sender, receiver }) = &pending.mark {
            return Ok(Start::at(sender, receiver.clone()));
        }
        if !is_transparent(&self.policy) {
            return Ok(None);
        }
        let size_bytes =
            self.store.metadata(&pending.job.local).await.map_err(ClientError::Local)?.size_bytes;
        let policy = self.policy.clone();
        let left = left_bytes(self.session().await?, &policy, &pending.job.remote).await?;
        // There is more than the file has: it was left by another file of this name.
        let left = left.filter(|(left, _)| *left <= size_bytes);
        Ok(left.and_then(|(left, marker)| Start::at(&left.to_string(), marker)))
    }

    async fn start_of_download(&mut self, pending: &Pending) -> Result<Option<Start>, ClientError> {
        if let Some(RestartMarker { sender, receiver }) = &pending.mark {
            return Ok(Start::at(receiver, sender.clone()));
        }
        if !goes_on_at_offset(&self.policy) {
            return Ok(None);
        }
        let left = self.store.partial_bytes(&pending.job.local).await.map_err(ClientError::Local)?;
        let left = left.filter(|left| *left > 0);
        Ok(left.and_then(|left| Start::at(&left.to_string(), left.to_string())))
    }
}

/// What a failed upload has left at the server, and REST's argument to go on from there.
async fn left_bytes<N: Net>(
    session: &mut Session<N>,
    policy: &Policy,
    remote: &str,
) -> Result<Option<(u64, String)>, ClientError> {
    let part = part_name(remote);
    let stored_as = if policy.publish == Publish::Rename { &part } else { remote };
    let mut reply = session.command(&Command::Site(format!("PARTIAL {stored_as}"))).await?;
    // Says of what it is an offset, in whatever session it is used.
    let mut letter = OF_PARTIAL.to_string();
    if mutant::is(Mutant::ResumedOntoVisible) {
        reply = session.command(&Command::Size(remote.to_owned())).await?;
        letter.clear();
    }
    // Elsewhere the part lies under its temporary name; under the final one it might be another file.
    if reply.code != 213 && policy.publish == Publish::Rename && !policy.mode.is_framed() {
        reply = session.command(&Command::Size(part)).await?;
        letter.clear();
    }
    let left = reply.text().trim().parse().ok().filter(|bytes| reply.code == 213 && *bytes > 0);
    Ok(left.map(|bytes: u64| (bytes, format!("{bytes}{letter}"))))
}
