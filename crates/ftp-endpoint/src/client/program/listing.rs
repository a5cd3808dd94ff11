//! A directory's entries, by MLSD or LIST.

use super::Entry;
use crate::client::error::ClientError;
use crate::client::session::Session;
use crate::net::Net;
use crate::store::{StoreError, WriteFile};
use ftp_proto::command::Command;
use ftp_proto::listing::{parse_facts, parse_long_line};

/// Of one directory's listing.
const MAX_LISTING_BYTES: usize = 256 << 20;

pub(super) async fn list<N: Net>(session: &mut Session<N>, path: &str) -> Result<Vec<Entry>, ClientError> {
    let argument = Some(path.to_owned()).filter(|path| !path.is_empty());
    // FEAT names MLSD by MLST, which stands for both (RFC 3659 section 7.8).
    let has_mlsd = session.announces("MLST").await?;
    let command = if has_mlsd { Command::Mlsd(argument) } else { Command::List(argument) };
    let mut text = Text::default();
    session.receive_text(command, path, &mut text).await?;
    let text = String::from_utf8(text.0).map_err(|_| ClientError::ListingNotUtf8)?;
    let parse = if has_mlsd { parse_facts } else { parse_long_line };
    let mut found: Vec<Entry> = text.lines().filter_map(|line| parse(line.trim_end_matches('\r'))).collect();
    // A name with a path in it would lead out of where its reader puts it.
    found.retain(|entry| !entry.name.contains('/') && entry.name != "." && entry.name != "..");
    Ok(found)
}

#[derive(Default)]
struct Text(Vec<u8>);

impl WriteFile for Text {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.0.len() + bytes.len() > MAX_LISTING_BYTES {
            return Err(StoreError::Full);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
}
