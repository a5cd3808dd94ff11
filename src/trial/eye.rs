//! Who looks at what stands at the server, beside the run: in its directory, or by a session of its own.

use super::verdict::{Content, lies_beside};
use ftp_endpoint::client::{Client, ClientError, Login, Options};
use ftp_endpoint::net::real::RealNet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::AsyncReadExt;

#[derive(Clone)]
pub(super) enum Eye {
    /// The directory that the login leads to.
    Directory(PathBuf),
    /// Another session of the same user, not by way of the proxy.
    Session(SocketAddr, Login),
}

async fn open(address: SocketAddr, login: &Login) -> io::Result<Client<RealNet>> {
    let opened = Client::connect(RealNet::new(), address, login, &Options::default()).await;
    opened.map_err(io::Error::other)
}

impl Eye {
    /// Puts the file there, for a download.
    pub(super) async fn place(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Directory(directory) => fs::write(directory.join(name), bytes),
            Self::Session(address, login) => {
                let mut client = open(*address, login).await?;
                let stored = client.store(name, bytes).await;
                client.quit().await;
                stored.map(drop).map_err(io::Error::other)
            }
        }
    }

    /// What stands there under its name, held against `expected`.
    pub(super) async fn content(&self, name: &str, expected: &[u8]) -> io::Result<Content> {
        let (address, login) = match self {
            Self::Directory(directory) => return Ok(Content::of(&directory.join(name), expected)),
            Self::Session(address, login) => (*address, login),
        };
        let mut client = open(address, login).await?;
        let most = expected.len() as u64 + 1;
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let mut found = Vec::new();
        // Who sends more than was ever sent is not read to the end.
        let (fetched, read) =
            tokio::join!(client.fetch(name, theirs), async { ours.take(most).read_to_end(&mut found).await });
        read?;
        match fetched {
            Err(ClientError::Refused { .. }) => Ok(Content::Absent),
            Err(error) if (found.len() as u64) < most => Err(io::Error::other(error)),
            _ => Ok(Content::held_against(&found, expected)),
        }
    }

    /// Whether the whole file lies there under another name. A session does not look for it.
    pub(super) fn is_misfiled(&self, name: &str, expected: &[u8], shared: &str) -> bool {
        match self {
            Self::Directory(directory) => lies_beside(&directory.join(name), expected, shared),
            Self::Session(..) => false,
        }
    }

    /// Takes it away; it may never have come to be.
    pub(super) async fn remove(&self, name: &str) {
        match self {
            Self::Directory(directory) => drop(fs::remove_file(directory.join(name))),
            Self::Session(address, login) => {
                if let Ok(mut client) = open(*address, login).await {
                    let _ = client.remove_file(name).await;
                    client.quit().await;
                }
            }
        }
    }
}
