//! What both trees are, as far as the plan needs to know.

use super::Args;
use super::here;
use super::plan::Compare;
use super::there::{self, Asking, below};
use super::tree::{Kind, Node, Tree};
use crate::cli::out::tell;
use crate::cli::remote::Remote;
use anyhow::ensure;
use ftp_endpoint::client::{ClientError, Direction};
use std::collections::BTreeMap;
use std::path::Path;

/// By what files are compared at this server.
pub(super) async fn rule(remote: &mut Remote, args: &Args, direction: Direction) -> anyhow::Result<Compare> {
    if args.size_only {
        return Ok(Compare::SizeOnly);
    }
    let session = remote.client().session();
    if args.checksum {
        ensure!(
            session.announces_sha256().await?,
            "--checksum: this server has no HASH by SHA-256; without it size and time are compared"
        );
        return Ok(Compare::Checksum);
    }
    let sets_times = direction == Direction::Get || session.announces("MFMT").await?;
    Ok(if sets_times { Compare::SameTime } else { Compare::NotOlder })
}

/// Some servers leave names with a dot at their beginning out of LIST: of these each is asked for.
pub(super) async fn unlisted(
    remote: &mut Remote,
    base: &str,
    source: &Tree,
    target: &mut Tree,
) -> Result<(), ClientError> {
    if remote.client().session().announces("MLST").await? {
        return Ok(());
    }
    let mut asking = Asking { size: true, time: false };
    for (path, ours) in &source.nodes {
        let is_dotted = path.split('/').any(|name| name.starts_with('.'));
        let may_be = is_dotted && ours.kind == Kind::File && !path.contains('\n');
        if may_be && !target.nodes.contains_key(path) {
            let mut node = Node::new(Kind::File);
            there::ask_facts(remote, &below(base, path), &mut node, &mut asking).await?;
            if node.size_bytes.is_some() {
                target.nodes.insert(path.clone(), node);
            }
        }
    }
    Ok(())
}

/// Asks the server for sizes and times that are needed and that no listing has told.
pub(super) async fn complete(
    remote: &mut Remote,
    base: &str,
    theirs: &mut Tree,
    ours: Option<&Tree>,
    compare: Compare,
) -> Result<(), ClientError> {
    let mut asking = Asking::default();
    let needs_time = matches!(compare, Compare::SameTime | Compare::NotOlder | Compare::Checksum);
    asking.time &= needs_time;
    for (path, node) in &mut theirs.nodes {
        // Of a copy only what both have is compared; of a source the time is kept.
        let is_needed = ours.is_none_or(|ours| {
            let bytes = ours.nodes.get(path).and_then(|ours| ours.size_bytes);
            bytes.is_some() && (node.size_bytes.is_none() || node.size_bytes == bytes)
        });
        if node.kind == Kind::File && is_needed {
            there::ask_facts(remote, &below(base, path), node, &mut asking).await?;
        }
    }
    Ok(())
}

/// Files of the same size, by whether their content is. What cannot be compared is told, and another one.
pub(super) async fn compare_content(
    remote: &mut Remote,
    base: &str,
    (root, ours): (&Path, &Tree),
    theirs: &Tree,
) -> Result<BTreeMap<String, bool>, ClientError> {
    let mut same = BTreeMap::new();
    for (path, node) in &ours.nodes {
        let Some(there) = theirs.nodes.get(path) else { continue };
        let is_file = node.kind == Kind::File && there.kind == Kind::File;
        if !is_file || there.size_bytes.is_some_and(|bytes| Some(bytes) != node.size_bytes) {
            continue;
        }
        let local = here::place(root, path, node);
        let is_same = match here::hash(&local) {
            Ok(hash) => match remote.client().session().hash(&below(base, path)).await {
                Ok(theirs) => theirs == hash,
                Err(ClientError::Unverifiable { .. }) => false,
                Err(error) => return Err(error),
            },
            Err(error) => {
                tell(format_args!("{}: {error}", local.display()));
                false
            }
        };
        same.insert(path.clone(), is_same);
    }
    Ok(same)
}
