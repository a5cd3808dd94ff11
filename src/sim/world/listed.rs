//! A client that is told no names: it lists the server's directory by the code with which `get -r` and `mirror` do,
//! and fetches what is in it.

use super::{World, control};
use crate::sim::net::ProcessNet;
use crate::sim::recorder::Listed;
use crate::sim::trace::Place;
use ftp_endpoint::client::{
    Client, ClientError, Cost, EntryKind, Failure, FailureKind, FileReport, Job, Listing, Login, Report,
    Session,
};
use ftp_endpoint::net::Net;
use ftp_endpoint::observe::{Watch, Who};
use ftp_proto::mode::Structure;
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use std::collections::BTreeMap;

/// What listing has come to, all attempts together.
#[derive(Default)]
struct Asked {
    cost: Cost,
    sessions: u64,
    /// What the last attempt gave.
    listing: Option<Listing>,
}

impl World {
    /// Lists, and delivers what is listed; the report is of the case's files, in their order.
    pub(super) async fn fetch_listed(&self, net: &ProcessNet) -> Report {
        let login = self.login();
        let Asked { cost, sessions, listing } = self.ask(net, &login).await;
        let told = !listing.as_ref().is_some_and(is_whole);
        let mut listed = Listed { told, ..Listed::default() };
        let (mut jobs, mut sizes) = (Vec::new(), BTreeMap::new());
        for entry in listing.into_iter().flat_map(|listing| listing.entries) {
            let Ok(local) = VirtualPath::root().join(&entry.name) else {
                listed.told = true;
                continue;
            };
            if entry.kind != EntryKind::Directory && listed.names.insert(entry.name.clone()) {
                sizes.extend(entry.size_bytes.map(|size_bytes| (entry.name.clone(), size_bytes)));
                jobs.push(Job { local, remote: entry.name });
            }
        }
        let what = if listed.told { "perhaps not all" } else { "and no others" };
        let count = jobs.len();
        let line = format_args!("has learned {count} names, {what}");
        self.recorder.trace.add(net.now(), Place::Client, line);
        self.recorder.notes().listed = Some(listed);
        // As they lie there is how they come only in type I and file structure.
        let policy = &self.case.policy;
        if (policy.representation, policy.structure) != (Representation::Image, Structure::File) {
            sizes.clear();
        }
        let delivery = self.delivery(net, &login).listed_bytes(sizes).after_sessions(sessions);
        let mut report = delivery.deliver(&jobs).await;
        report.files = self.of_all_files(report.files);
        report.control_round_trips += cost.control_round_trips;
        report
    }

    /// A listing that fails, or is not understood, is asked for again as often as a file would be.
    async fn ask(&self, net: &ProcessNet, login: &Login) -> Asked {
        let mut asked = Asked::default();
        for attempt in 0..=self.case.policy.retries {
            if attempt > 0 {
                net.sleep(self.case.policy.retry_delay).await;
            }
            match self.list_once(net, login, &mut asked).await {
                Ok(listing) => asked.listing = Some(listing),
                Err(error) => {
                    asked.listing = None;
                    let line = format_args!("cannot list: {error}");
                    self.recorder.trace.add(net.now(), Place::Client, line);
                }
            }
            if asked.listing.as_ref().is_some_and(is_whole) {
                break;
            }
        }
        asked
    }

    /// In a session of its own.
    async fn list_once(
        &self,
        net: &ProcessNet,
        login: &Login,
        asked: &mut Asked,
    ) -> Result<Listing, ClientError> {
        let observer = self.recorder.clone();
        let watch = || {
            asked.sessions += 1;
            Watch::new(observer, Who::Client, asked.sessions)
        };
        let session = Session::open(net.clone(), control(), login, &self.case.policy, watch).await?;
        let mut client = Client::from(session);
        let listing = client.list("").await;
        asked.cost = asked.cost.plus(client.session().cost());
        client.quit().await;
        listing
    }

    fn of_all_files(&self, files: Vec<FileReport>) -> Vec<FileReport> {
        let mut by_name: BTreeMap<String, FileReport> =
            files.into_iter().map(|file| (file.name.clone(), file)).collect();
        let names = self.case.files.iter().map(|file| &file.name);
        names.map(|name| by_name.remove(name).unwrap_or_else(|| not_asked_for(name))).collect()
    }
}

/// Whether the client has nothing to say against it.
fn is_whole(listing: &Listing) -> bool {
    listing.unread_lines == 0 && !listing.is_cut
}

fn not_asked_for(name: &str) -> FileReport {
    let failure = Failure { kind: FailureKind::NotAttempted, message: "not in the listing".to_owned() };
    FileReport {
        name: name.to_owned(),
        attempts: 0,
        started_us: 0,
        ended_us: 0,
        payload_bytes: 0,
        wire_bytes: 0,
        untimed: None,
        result: Err(failure),
    }
}
