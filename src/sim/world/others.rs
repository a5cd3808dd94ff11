//! What else acts in a world beside client, server and fault.

use super::{World, path};
use crate::sim::others::{Deed, Rival, RivalUser};
use crate::sim::trace::Place;
use crate::sim::truth::Contents;
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{Principal, Store, StoreError, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use turmoil_tcp::network::SimNet;

/// Replaces the file at the sender by its last version, as an editor does: whoever reads it goes on
/// reading what it was. Who looks at its time of modification sees it.
pub(super) fn change(
    sending: MemoryStore,
    path: VirtualPath,
    contents: &Contents,
) -> Box<dyn FnOnce() + Send> {
    let changed: Option<Arc<[u8]>> = contents.versions.last().cloned();
    Box::new(move || {
        if let Some(changed) = changed {
            sending.insert_modified(&path, changed, Some((1, 0)));
        }
    })
}

impl World {
    /// Takes what stands at the receiver, again and again, if the case says so. Does not return.
    pub(super) async fn watch_arrivals(&self, net: &SimNet) {
        let Some(ingest) = self.case.ingest else { return pending().await };
        loop {
            net.outside_sleep(Duration::from_micros(ingest.poll_us)).await;
            self.ingest_once();
        }
    }

    /// Takes what stands at the receiver now, and removes it.
    pub(super) fn ingest_once(&self) {
        if self.case.ingest.is_none() {
            return;
        }
        let store = self.receiving_store();
        for (path, content) in store.files() {
            let name = path.to_string().trim_start_matches('/').to_owned();
            if name.starts_with('.') {
                continue;
            }
            self.receiving_host().take(&path);
            self.recorder.notes().taken.push((name, content));
        }
    }

    /// Has the case's other session at the server do what it does, if there is one. Does not return.
    pub(super) async fn compete(&self, net: &SimNet) {
        if let Some(rival) = self.case.rival {
            let ended = self.rival(net, rival).await;
            let said = ended.map_or_else(|error| error.to_string(), |()| "has done".to_owned());
            self.recorder.trace.add(net.now(), Place::Server, format_args!("another session: {said}"));
        }
        pending().await
    }

    async fn rival(&self, net: &SimNet, rival: Rival) -> Result<(), StoreError> {
        let target = self.case.fault.target as usize;
        let Some((_, content)) = self.truth.get(target).and_then(|contents| contents.rival.clone()) else {
            return Ok(());
        };
        let name = match rival.user {
            RivalUser::Same => "user",
            RivalUser::Other => "another",
        };
        let principal = Principal { name: name.to_owned(), ..Principal::default() };
        let store = self.server_store.memory().acting_for(&principal);
        let how = if rival.deed == Deed::Appends { Write::Append } else { Write::Replace };
        net.outside_sleep(Duration::from_micros(rival.at_us)).await;
        let mut file = store.write(&path(&self.case.files[target].name), how).await?;
        let (first, second) = content.split_at(content.len() / 2);
        file.write(first).await?;
        net.outside_sleep(Duration::from_micros(rival.lasts_us)).await;
        if rival.deed == Deed::LeavesPart {
            return file.keep().await;
        }
        file.write(second).await?;
        file.publish().await
    }
}
