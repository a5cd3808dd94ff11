//! USER, PASS and REIN.

use crate::net::Net;
use crate::server::accounts::{Accounts, LoginRefusal, User};
use crate::server::negotiated::Negotiated;
use crate::server::replies::Refusal;
use crate::server::session::{Next, Session};
use crate::store::{Principal, Store};
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use std::time::Duration;

impl<N: Net, A: Accounts> Session<N, A> {
    /// Begins the login again (RFC 959 section 4.1.1). The reply is the same for every name
    /// (RFC 2577 section 7).
    pub(in crate::server) async fn user(&mut self, name: String) -> Result<Next, Refusal> {
        self.may_log_in()?;
        self.log_out();
        self.config = self.live.current();
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
        let Some(wait) = self.slot.wait_to_guess(&name, self.net.now(), &config.limits) else {
            tracing::warn!(session = self.number, user = %name, peer = %self.peer, "too many guesses");
            self.delay(config.timeouts.login_failure).await?;
            let reply =
                Reply::new(421, "Too many failed logins, try again later; closing control connection.");
            return Ok(Next::End(reply, "failed logins"));
        };
        // Guessing takes its time (RFC 2577 section 5), and nobody's work is done who has gone.
        let attempt = async {
            if !wait.is_zero() {
                self.net.sleep(wait).await;
            }
            config.accounts.login(&name, &password, self.peer).await
        };
        let login = tokio::select! {
            biased;
            login = attempt => login,
            gone = self.control.gone() => return Err(Refusal::ControlLost(gone)),
        };
        match login {
            Ok(user) => {
                let tls_version = self.tls_version();
                tracing::info!(session = self.number, user = %user.name, peer = %self.peer, tls_version, "logged in");
                self.working = user.home.clone();
                self.user = Some(acting(user, config.limits.partials_per_user));
                self.login_failures = 0;
                self.slot.known();
                Ok(Reply::new(230, "User logged in, proceed.").into())
            }
            Err(LoginRefusal::Busy) => {
                let reply = Reply::new(
                    421,
                    "Too many logins at a time, try again later; closing control connection.",
                );
                Ok(Next::End(reply, "too many logins"))
            }
            Err(LoginRefusal::Wrong) => {
                self.slot.guessed_wrong(&name, self.net.now(), &config.limits);
                tracing::warn!(session = self.number, user = %name, peer = %self.peer, "login failed");
                self.login_failures += 1;
                self.delay(config.timeouts.login_failure).await?;
                if self.login_failures >= config.limits.login_failures {
                    let reply = Reply::new(421, "Too many failed logins, closing control connection.");
                    return Ok(Next::End(reply, "failed logins"));
                }
                Ok(Reply::new(530, "Login incorrect.").into())
            }
        }
    }

    /// An answer that takes its time, unless nobody waits for it any more.
    async fn delay(&mut self, time: Duration) -> Result<(), Refusal> {
        tokio::select! {
            biased;
            () = self.net.sleep(time) => Ok(()),
            gone = self.control.gone() => Err(Refusal::ControlLost(gone)),
        }
    }

    /// REIN: everything as after the greeting (RFC 959 section 4.1.1). Under TLS that would be a clear
    /// connection (RFC 4217 section 13), on which the next login would be for all to read.
    pub(super) async fn reinitialize(&mut self) -> Result<Reply, Refusal> {
        if self.is_under_tls() {
            return Err(Refusal::NotImplemented("REIN under TLS"));
        }
        self.log_out();
        self.negotiated = Negotiated::default();
        self.data.reset().await;
        Ok(Reply::new(220, self.config.greeting.clone()))
    }

    pub(super) fn log_out(&mut self) {
        if self.user.take().is_some() {
            // Whoever logs in next has as long as the first.
            self.unknown_since = self.net.now();
        }
        self.asked_partial = None;
        self.user_name = None;
        // What another user has asked for is nobody's place in this one's files.
        (self.negotiated.restart, self.negotiated.range) = (None, None);
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
