//! USER, PASS and REIN.

use crate::net::Net;
use crate::server::accounts::{Accounts, User};
use crate::server::negotiated::Negotiated;
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::store::{Principal, Store};
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;

impl<N: Net, A: Accounts> Session<N, A> {
    /// Begins the login again (RFC 959 section 4.1.1). The reply is the same for every name
    /// (RFC 2577 section 7).
    pub(in crate::server) async fn user(&mut self, name: String) -> Result<Next, Refusal> {
        self.log_out();
        if !self.config.accounts.needs_password(&name) {
            self.user_name = Some(name);
            return self.pass(String::new()).await;
        }
        self.user_name = Some(name);
        Ok(Reply::new(331, "User name okay, need password.").into())
    }

    pub(in crate::server) async fn pass(&mut self, password: String) -> Result<Next, Refusal> {
        if self.user.is_some() {
            return Ok(Reply::new(202, "Already logged in.").into());
        }
        let name = self.user_name.take().ok_or(Refusal::Sequence("send USER first"))?;
        let config = self.config.clone();
        if let Some(user) = config.accounts.login(&name, &password, self.peer).await {
            tracing::info!(session = self.number, user = %user.name, peer = %self.peer, "logged in");
            self.working = user.home.clone();
            self.user = Some(acting(user, config.limits.partials_per_user));
            self.login_failures = 0;
            return Ok(Reply::new(230, "User logged in, proceed.").into());
        }
        tracing::warn!(session = self.number, user = %name, peer = %self.peer, "login failed");
        self.login_failures += 1;
        // Guessing takes its time (RFC 2577 section 5).
        self.net.sleep(config.timeouts.login_failure).await;
        if self.login_failures >= config.limits.login_failures {
            let reply = Reply::new(421, "Too many failed logins, closing control connection.");
            return Ok(Next::End(reply, "failed logins"));
        }
        Ok(Reply::new(530, "Login incorrect.").into())
    }

    /// REIN: everything as after the greeting (RFC 959 section 4.1.1).
    pub(super) async fn reinitialize(&mut self) -> Reply {
        self.log_out();
        self.negotiated = Negotiated::default();
        self.data.reset().await;
        Reply::new(220, self.config.greeting.clone())
    }

    fn log_out(&mut self) {
        self.user = None;
        self.asked_partial = None;
        self.user_name = None;
        self.working = VirtualPath::root();
    }
}

/// The store knows for whom it works: who may replace, and go on from what.
fn acting<S: Store>(user: User<S>, partials_per_user: usize) -> User<S> {
    let principal = Principal {
        name: user.name.clone(),
        may_replace: user.rights.delete,
        max_partials: if user.anonymous { 0 } else { partials_per_user },
    };
    User { store: user.store.acting_for(&principal), ..user }
}
