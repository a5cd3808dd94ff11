//! libunftp over a directory: serve_libunftp HOST:PORT ROOT USER PASSWORD FIRST LAST [CERTIFICATE KEY]
//!
//! Passive ports are FIRST to LAST. With a certificate it does nothing in clear.

use async_trait::async_trait;
use libunftp::ServerBuilder;
use libunftp::options::{ActivePassiveMode, FtpsRequired};
use std::error::Error;
use std::sync::Arc;
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal};
use unftp_sbe_fs::Filesystem;

/// One user.
#[derive(Debug)]
struct Known {
    user: String,
    password: String,
}

#[async_trait]
impl Authenticator for Known {
    async fn authenticate(&self, user: &str, with: &Credentials) -> Result<Principal, AuthenticationError> {
        if user == self.user && with.password.as_deref() == Some(&*self.password) {
            return Ok(Principal { username: user.to_owned() });
        }
        Err(AuthenticationError::BadPassword)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, root, user, password, first, last, tls @ ..] = &arguments[..] else {
        return Err("HOST:PORT ROOT USER PASSWORD FIRST LAST [CERTIFICATE KEY]".into());
    };
    let known = Known { user: user.clone(), password: password.clone() };
    let root = root.clone();
    let mut builder = ServerBuilder::new(Box::new(move || Filesystem::new(root.clone()).expect("the root")))
        .authenticator(Arc::new(known))
        .passive_ports(first.parse()?..=last.parse()?)
        .active_passive_mode(ActivePassiveMode::ActiveAndPassive);
    if let [certificate, key] = tls {
        builder = builder.ftps(certificate, key).ftps_required(FtpsRequired::All, FtpsRequired::All);
    }
    builder.build()?.listen(address).await?;
    Ok(())
}
