//! Who may log in, what they see and what they may do.

use crate::net::canonical;
use crate::store::Store;
use ftp_proto::path::VirtualPath;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// RETR, SIZE, HASH, listings.
    pub read: bool,
    /// STOR, APPE, STOU, MKD.
    pub write: bool,
    /// DELE, RMD, and with `write` RNFR, replacing a file, and MFMT.
    pub delete: bool,
}

impl Rights {
    /// Everything.
    pub const ALL: Self = Self { read: true, write: true, delete: true };
    /// Downloads and listings only.
    pub const READ_ONLY: Self = Self { read: true, write: false, delete: false };
}

/// What a login gives: the store is the user's root.
#[derive(Clone)]
pub struct User<S> {
    /// As USER named it, or as logs shall.
    pub name: String,
    /// Nobody in particular.
    pub anonymous: bool,
    /// What the user sees.
    pub store: S,
    /// The working directory after the login.
    pub home: VirtualPath,
    /// What the user may do there.
    pub rights: Rights,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginRefusal {
    /// Name and password do not belong together; which of them was wrong is not told (RFC 2577 section 7).
    #[error("name and password do not belong together")]
    Wrong,
    /// More logins at a time than can be looked at; nothing is said about name and password.
    #[error("too many logins at a time")]
    Busy,
}

/// Who may log in, and to what.
pub trait Accounts: Send + Sync + 'static {
    /// What users are served from.
    type Store: Store;

    /// Looks a user up; dropped when the client goes meanwhile.
    fn login(
        &self,
        name: &str,
        password: &str,
        peer: SocketAddr,
    ) -> impl Future<Output = Result<User<Self::Store>, LoginRefusal>> + Send;

    /// Whether PASS is wanted after this USER.
    fn needs_password(&self, _name: &str) -> bool {
        true
    }
}

/// A fixed table of users, passwords in the clear: for tests, simulations and one-off servers.
#[derive(Clone)]
pub struct Table<S> {
    users: BTreeMap<String, (String, User<S>)>,
    anonymous: Option<User<S>>,
}

impl<S: Store> Table<S> {
    /// Nobody.
    pub fn new() -> Self {
        Self { users: BTreeMap::new(), anonymous: None }
    }

    /// One user more, or another one of that name.
    pub fn with_user(mut self, name: &str, password: &str, store: S, rights: Rights) -> Self {
        let (name, home) = (name.to_owned(), VirtualPath::root());
        let user = User { name: name.clone(), anonymous: false, store, home, rights };
        self.users.insert(name, (password.to_owned(), user));
        self
    }

    /// Lets `anonymous` and `ftp` in with any password, to read.
    pub fn with_anonymous(mut self, store: S) -> Self {
        let (name, home) = ("anonymous".to_owned(), VirtualPath::root());
        self.anonymous = Some(User { name, anonymous: true, store, home, rights: Rights::READ_ONLY });
        self
    }
}

impl<S: Store> Default for Table<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// Compares in a time that does not tell how many bytes are right.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(a.len() ^ b.len(), |sum, (x, y)| sum | usize::from(x ^ y));
    differing == 0
}

/// Whose an address is, for all that is counted by address: seats, wrong passwords, turns. An IPv6 host has a network
/// of 64 bits to itself (RFC 4291 section 2.5.1) and would else come from as many addresses as it likes; an IPv4
/// address behind an IPv6 socket is itself, for all of them lie in one network of 64 bits.
pub fn whose(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        address => address,
    }
}

impl<S: Store> Accounts for Table<S> {
    type Store = S;

    async fn login(&self, name: &str, password: &str, _peer: SocketAddr) -> Result<User<S>, LoginRefusal> {
        let found = match self.users.get(name) {
            Some((right, user)) => equal(right.as_bytes(), password.as_bytes()).then(|| user.clone()),
            None => {
                let anonymous = name.eq_ignore_ascii_case("anonymous") || name.eq_ignore_ascii_case("ftp");
                self.anonymous.clone().filter(|_| anonymous)
            }
        };
        found.ok_or(LoginRefusal::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_equal() {
        assert!(equal(b"", b"") && equal(b"secret", b"secret"));
        // Two differences that are alike, one in a byte, one in the length, and a mere beginning.
        for other in [&b"tdcret"[..], b"secreT", b"secret ", b"secre", b""] {
            assert!(!equal(b"secret", other), "{other:?}");
        }
        assert!(!equal(b"aa", b"bb"));
    }

    #[test]
    fn a_network_of_ipv6_is_one_host_and_an_address_of_ipv4_is_one_whatever_the_socket() {
        for (address, owner) in [
            ("2001:db8:0:1::5", "2001:db8:0:1::"),
            ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
            ("2001:db8:0:2::5", "2001:db8:0:2::"),
            ("::ffff:10.0.0.5", "10.0.0.5"),
            ("10.0.0.6", "10.0.0.6"),
        ] {
            assert_eq!(whose(address.parse().unwrap()).to_string(), owner, "{address}");
        }
    }
}
