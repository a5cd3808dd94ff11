//! Key exchange whose secrets are the run's: ring's own always asks the system for them.

use super::Draws;
#[cfg(test)]
use super::draws::Drawer;
use rustls::crypto::{ActiveKeyExchange, SecureRandom, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{PublicKey, StaticSecret};

/// X25519 (RFC 7748) of one of the hosts.
#[derive(Debug)]
pub(super) struct X25519(pub(super) Draws);

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut drawn = [0; 32];
        self.0.fill(&mut drawn)?;
        let secret = StaticSecret::from(drawn);
        Ok(Box::new(Started { public: PublicKey::from(&secret), secret }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Started {
    secret: StaticSecret,
    public: PublicKey,
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, peer_pub_key: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer_pub_key.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(peer));
        // A point of small order would make the secret the same for all (RFC 8446, section 7.4.2).
        if !shared.was_contributory() {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(&shared.as_bytes()[..]))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::tls::Seeded;
    use rustls::crypto::ring::kx_group;

    #[test]
    fn agrees_with_rings_key_exchange() {
        let _run = Seeded::begin(3);
        let ours = X25519(Draws(Drawer::Client)).start().unwrap();
        let rings = kx_group::X25519.start().unwrap();
        let (our_key, their_key) = (ours.pub_key().to_vec(), rings.pub_key().to_vec());
        let (here, there) = (ours.complete(&their_key).unwrap(), rings.complete(&our_key).unwrap());
        assert_eq!(here.secret_bytes(), there.secret_bytes());
    }

    #[test]
    fn starts_in_a_run_only() {
        for drawer in [Drawer::Client, Drawer::Server, Drawer::Stranger] {
            assert_eq!(X25519(Draws(drawer)).start().err(), Some(Error::FailedToGetRandomBytes));
        }
    }

    #[test]
    fn refuses_keys_that_are_none() {
        let _run = Seeded::begin(3);
        // Of no order, of order four, too short, too long.
        let one = [&[1][..], &[0; 31]].concat();
        for key in [&[0; 32][..], &one, &[9; 31], &[9; 33]] {
            let started = X25519(Draws(Drawer::Server)).start().unwrap();
            let error = started.complete(key).err();
            assert_eq!(error, Some(PeerMisbehaved::InvalidKeyShare.into()), "{key:?}");
        }
    }
}
