//! AUTH, PBSZ and PROT at a server that is built without TLS.

use crate::net::Net;
use crate::server::accounts::Accounts;
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use ftp_proto::command::ProtectionLevel;
use ftp_proto::reply::Reply;

impl<N: Net, A: Accounts> Session<N, A> {
    pub(super) async fn authenticate(&mut self, _mechanism: &str) -> Result<Next, Refusal> {
        Err(Refusal::NotImplemented("AUTH"))
    }

    pub(super) fn protection_buffer(&mut self) -> Result<Reply, Refusal> {
        Err(Refusal::Sequence("send AUTH TLS first"))
    }

    pub(super) async fn protect(&mut self, _level: ProtectionLevel) -> Result<Reply, Refusal> {
        Err(Refusal::Sequence("send AUTH TLS first"))
    }

    pub(in crate::server) fn may_move_data(&self) -> Result<(), Refusal> {
        Ok(())
    }

    pub(in crate::server) fn may_log_in(&self) -> Result<(), Refusal> {
        Ok(())
    }

    pub(in crate::server) fn is_under_tls(&self) -> bool {
        false
    }

    pub(super) fn tls_version(&self) -> Option<&'static str> {
        None
    }

    pub(super) fn security(&self) -> String {
        "clear".to_owned()
    }
}
