//! What becomes of local files that a download would replace.

use super::out::tell;
use super::remote::{Found, with_remote};
use super::skipped::{Reason, Skipped};
use super::transfer::{TransferArgs, runtime};
use super::url::FtpUrl;
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::{Metadata, Store};
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;

#[derive(clap::Args)]
pub(super) struct Existing {
    /// Replace local files, each at once when its successor has come whole: the default, as with curl
    /// -O, rclone copy and cp
    #[arg(long, overrides_with_all = ["no_clobber", "update"])]
    overwrite: bool,
    /// Leave local files as they are, and say so
    #[arg(long, overrides_with = "update")]
    no_clobber: bool,
    /// Leave local files that have the server's size and are not older than the server's
    #[arg(long)]
    update: bool,
}

impl Existing {
    /// Takes out of `found` what is to stay as it is at this end, and gives its names by why.
    pub(super) fn leave(
        &self,
        url: &FtpUrl,
        args: &TransferArgs,
        store: &DiskStore,
        found: &mut Vec<Found>,
    ) -> anyhow::Result<Skipped> {
        let mut skipped = Skipped::default();
        if !self.no_clobber && !self.update {
            return Ok(skipped);
        }
        let mut here = runtime()?.block_on(look(store, std::mem::take(found)));
        let is_unknown = |(found, local): &(Found, Option<Metadata>)| {
            local.is_some() && (found.size_bytes.is_none() || found.modified.is_none())
        };
        if self.update && here.iter().any(is_unknown) {
            // SIZE counts as the type transfers (RFC 3659 section 4).
            with_remote(url, &args.access, args.listing_policy(Representation::Image), async |server| {
                for file in here.iter_mut().filter(|file| is_unknown(file)) {
                    server.ask_facts(&mut file.0).await?;
                }
                Ok(())
            })?;
        }
        for (file, local) in here {
            match local {
                Some(_) if self.no_clobber => {
                    let name = file.local.join("/");
                    tell(format_args!("{name}: is here already; left as it is"));
                    skipped.add(Reason::Here, name);
                }
                Some(local) if is_current(&file, &local) => {
                    skipped.add(Reason::Unchanged, file.local.join("/"));
                }
                _ => found.push(file),
            }
        }
        Ok(skipped)
    }
}

fn is_current(theirs: &Found, ours: &Metadata) -> bool {
    let is_as_new =
        matches!((ours.modified, theirs.modified), (Some(ours), Some(theirs)) if ours.0 >= theirs.0);
    is_as_new && theirs.size_bytes == Some(ours.size_bytes)
}

/// What is here under each one's name.
async fn look(store: &DiskStore, found: Vec<Found>) -> Vec<(Found, Option<Metadata>)> {
    let mut all = Vec::with_capacity(found.len());
    for file in found {
        let local = match place(&file.local) {
            Ok(path) => store.metadata(&path).await.ok(),
            Err(_) => None,
        };
        all.push((file, local));
    }
    all
}

/// Below the directory of downloads. Names have no `/` in them and are not `..`.
pub(super) fn place(local: &[String]) -> anyhow::Result<VirtualPath> {
    Ok(VirtualPath::root().join(&local.join("/"))?)
}
