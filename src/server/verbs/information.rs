//! FEAT.

use crate::net::Net;
use crate::proto::reply::Reply;
use crate::server::accounts::Accounts;
use crate::server::session::Session;

impl<N: Net, A: Accounts> Session<N, A> {
    /// RFC 2389 section 3.2: each line begins with one space.
    pub(in crate::server) fn features(&self) -> Reply {
        let mut lines = vec!["Extensions supported:".to_owned()];
        lines.extend(["EPRT", "EPSV", "REST STREAM", "SIZE", "UTF8"].map(|feature| format!(" {feature}")));
        lines.push("End".to_owned());
        Reply::multi(211, lines)
    }
}
