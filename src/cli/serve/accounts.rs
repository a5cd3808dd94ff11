//! Users with salted password hashes (Argon2id, RFC 9106), each with a root and rights.

use super::hashing::{Busy, Hashing};
use super::settings::{Settings, UserSettings};
use anyhow::{Context, bail};
use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, SaltString};
use ftp_endpoint::server::accounts::equal;
use ftp_endpoint::server::{Accounts, LoginRefusal, Rights, User};
use ftp_endpoint::store::disk::DiskStore;
use ftp_proto::path::VirtualPath;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

enum Secret {
    Clear(String),
    Hash(String),
}

pub(super) struct Users {
    users: BTreeMap<String, (Secret, User<DiskStore>)>,
    anonymous: Option<User<DiskStore>>,
    /// Where any password is hashed, this is checked in vain for the names that are unknown and for those
    /// whose password is in the clear, so that all take the same time (RFC 2577 section 7).
    decoy: Option<String>,
    hashing: Arc<Hashing>,
}

/// A PHC string for `password-hash`.
pub(super) fn hash(password: &str) -> anyhow::Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    match Argon2::default().hash_password(password.as_bytes(), &salt) {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => bail!("cannot hash the password: {error}"),
    }
}

fn open(root: &Path, durable: bool) -> anyhow::Result<DiskStore> {
    let store =
        DiskStore::open(root).with_context(|| format!("cannot serve the directory {}", root.display()))?;
    if !durable {
        return Ok(store);
    }
    store.durable().with_context(|| format!("{} cannot be synced, as --durable wants", root.display()))
}

impl Users {
    pub(super) fn of(settings: &Settings) -> anyhow::Result<Self> {
        Self::new(settings.root.as_deref(), &settings.users, settings.anonymous, settings.durable)
    }

    /// Hashes are computed as a few at a time as before, whoever asks.
    pub(super) fn instead_of(mut self, old: &Self) -> Self {
        self.hashing = old.hashing.clone();
        self
    }

    /// `root`: of users that name none, and of anonymous.
    fn new(
        root: Option<&Path>,
        settings: &[UserSettings],
        anonymous: bool,
        durable: bool,
    ) -> anyhow::Result<Self> {
        let shared = root.map(|root| open(root, durable)).transpose()?;
        let mut users = BTreeMap::new();
        for user in settings {
            if user.name.is_empty() {
                bail!("a user's name is empty, by which nobody can log in: give [[user]] another name");
            }
            let secret = match (&user.password, &user.password_hash) {
                (Some(password), None) => Secret::Clear(password.clone()),
                (None, Some(hash)) => {
                    if let Err(error) = PasswordHash::new(hash) {
                        bail!("user {}: password-hash is not a PHC string: {error}", user.name);
                    }
                    Secret::Hash(hash.clone())
                }
                _ => bail!("user {}: give either password or password-hash", user.name),
            };
            let store = match (&user.root, &shared) {
                (Some(root), _) => open(root, durable)?,
                (None, Some(shared)) => shared.clone(),
                (None, None) => bail!("user {}: give root, here or for all", user.name),
            };
            let entry = User {
                name: user.name.clone(),
                anonymous: false,
                store,
                home: VirtualPath::root(),
                rights: user.rights(),
            };
            if users.insert(user.name.clone(), (secret, entry)).is_some() {
                bail!("user {} is given twice", user.name);
            }
        }
        let anonymous = match (anonymous, shared) {
            (false, _) => None,
            (true, None) => bail!("anonymous needs root"),
            (true, Some(store)) => Some(User {
                name: "anonymous".to_owned(),
                anonymous: true,
                store,
                home: VirtualPath::root(),
                rights: Rights::READ_ONLY,
            }),
        };
        if users.is_empty() && anonymous.is_none() {
            bail!("nobody could log in: give --user NAME:PASSWORD, --anonymous, or a config with users");
        }
        // As dear as the hashes there are.
        let hashed = users.values().find_map(|(secret, _)| match secret {
            Secret::Hash(phc) => Some(phc.clone()),
            Secret::Clear(_) => None,
        });
        Ok(Self { users, anonymous, decoy: hashed, hashing: Arc::default() })
    }

    /// Each once, of those that have the shared root.
    pub(super) fn stores(&self) -> Vec<DiskStore> {
        let mut stores: Vec<DiskStore> = Vec::new();
        let all = self.users.values().map(|(_, user)| user).chain(&self.anonymous);
        for store in all.map(|user| &user.store) {
            if !stores.iter().any(|known| known.is_same(store)) {
                stores.push(store.clone());
            }
        }
        stores
    }

    /// Whether it is the password of `secret`, or of nobody's if there is none: the same work.
    async fn matches(&self, secret: Option<&Secret>, password: &str, peer: IpAddr) -> Result<bool, Busy> {
        let (phc, clear) = match secret {
            Some(Secret::Hash(phc)) => (Some(phc), None),
            Some(Secret::Clear(right)) => (self.decoy.as_ref(), Some(right)),
            None => (self.decoy.as_ref(), None),
        };
        let hashed = match phc {
            Some(phc) => self.hashing.matches(peer, phc, password).await?,
            None => false,
        };
        // Somebody's hash must let nobody else in.
        Ok(match secret {
            Some(Secret::Hash(_)) => hashed,
            _ => clear.is_some_and(|right| equal(right.as_bytes(), password.as_bytes())),
        })
    }
}

impl Accounts for Users {
    type Store = DiskStore;

    async fn login(
        &self,
        name: &str,
        password: &str,
        peer: SocketAddr,
    ) -> Result<User<DiskStore>, LoginRefusal> {
        let is_anonymous = name.eq_ignore_ascii_case("anonymous") || name.eq_ignore_ascii_case("ftp");
        let known = self.users.get(name);
        if let (None, true, Some(user)) = (known, is_anonymous, &self.anonymous) {
            return Ok(user.clone());
        }
        match self.matches(known.map(|(secret, _)| secret), password, peer.ip()).await {
            Ok(right) => {
                let user =
                    known.filter(|_| right).map(|(_, user)| user.clone()).ok_or(LoginRefusal::Wrong)?;
                self.hashing.remember(peer.ip());
                Ok(user)
            }
            Err(Busy) => Err(LoginRefusal::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserSettings {
        UserSettings { name: name.into(), ..UserSettings::default() }
    }

    #[tokio::test]
    async fn hashed_and_clear_passwords() {
        let root = tempfile::tempdir().unwrap();
        let hashed = UserSettings { password_hash: Some(hash("secret").unwrap()), ..user("h") };
        let clear = UserSettings { password: Some("plain".into()), ..user("c") };
        let users = Users::new(Some(root.path()), &[hashed, clear], true, false).unwrap();
        let peer = "127.0.0.1:1".parse().unwrap();
        for (name, password, wanted) in [
            ("h", "secret", true),
            ("h", "Secret", false),
            ("h", "", false),
            ("c", "plain", true),
            ("c", "plain2", false),
            ("nobody", "secret", false),
            ("anonymous", "", true),
        ] {
            assert_eq!(users.login(name, password, peer).await.is_ok(), wanted, "{name} {password}");
        }
        assert_ne!(hash("secret").unwrap(), hash("secret").unwrap(), "salted");
    }

    /// Who measures how long a refusal takes does not learn by it which names there are (RFC 2577 section 7). Counted,
    /// not timed: one hash is computed for everybody, whatever their own password is kept as.
    #[tokio::test]
    async fn whoever_logs_in_costs_one_hash() {
        use super::super::hashing::tests::{held, waiting};
        let root = tempfile::tempdir().unwrap();
        let hashed = UserSettings { password_hash: Some(hash("secret").unwrap()), ..user("h") };
        let clear = UserSettings { password: Some("plain".into()), ..user("c") };
        let users = Users::new(Some(root.path()), &[hashed, clear], false, false).unwrap();
        let peer = "127.0.0.1:1".parse().unwrap();
        for (name, password, wanted) in [
            ("h", "secret", true),
            ("h", "wrong", false),
            ("c", "plain", true),
            ("c", "wrong", false),
            ("nobody", "secret", false),
            ("anonymous", "secret", false),
        ] {
            let turns = held(&users.hashing).await;
            let mut login = std::pin::pin!(users.login(name, password, peer));
            tokio::select! {
                biased;
                _ = &mut login => panic!("{name} {password}: nothing was computed"),
                () = tokio::task::yield_now() => {}
            }
            assert_eq!(waiting(&users.hashing), 1, "{name} {password}");
            drop(turns);
            assert_eq!(login.await.is_ok(), wanted, "{name} {password}");
            assert_eq!(waiting(&users.hashing), 0, "{name} {password}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let root = tempfile::tempdir().unwrap();
        let both = UserSettings { password: Some("p".into()), password_hash: Some("h".into()), ..user("x") };
        let rootless = UserSettings { password: Some("p".into()), ..user("x") };
        let malformed = UserSettings { password_hash: Some("h".into()), ..user("x") };
        for (root, settings, word) in [
            (Some(root.path()), vec![both], "either"),
            (Some(root.path()), vec![user("x")], "either"),
            (None, vec![rootless.clone()], "root"),
            (Some(root.path()), vec![malformed], "PHC"),
            (Some(root.path()), vec![rootless.clone(), rootless], "twice"),
            (
                Some(root.path()),
                vec![UserSettings { password: Some("p".into()), ..user("") }],
                "name is empty",
            ),
            (Some(root.path()), vec![], "nobody"),
        ] {
            let error = Users::new(root, &settings, false, false).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
