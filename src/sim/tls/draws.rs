//! What TLS draws in a run.

use super::noted::{self, Plain, Tag};
use rand::Rng;
use rand_chacha::ChaCha12Rng;
use rustls::crypto::{GetRandomFailed, SecureRandom};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use turmoil_tcp::seeds;

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawer {
    Client,
    Server,
    /// Who has no part in the delivery.
    Stranger,
}

/// One a drawer, so that what one draws does not move what the others draw.
struct Streams {
    client: ChaCha12Rng,
    server: ChaCha12Rng,
    stranger: ChaCha12Rng,
}

impl Streams {
    fn of_mut(&mut self, drawer: Drawer) -> &mut ChaCha12Rng {
        match drawer {
            Drawer::Client => &mut self.client,
            Drawer::Server => &mut self.server,
            Drawer::Stranger => &mut self.stranger,
        }
    }
}

thread_local! {
    /// rustls asks a `'static` source, and a run lives on one thread.
    static STREAMS: RefCell<Option<Streams>> = const { RefCell::new(None) };
}

/// While this lives, TLS on this thread draws from streams of the run's seed: one a host, so that what a
/// server draws (a ticket more) does not move what clients draw. Dropped, it leaves what was before.
#[must_use = "TLS draws from the seed for as long as this lives"]
pub struct Seeded {
    before: Option<Streams>,
    records_before: BTreeMap<Tag, Plain>,
    /// It stays on its thread.
    thread: PhantomData<*const ()>,
}

impl Seeded {
    /// Begins the draws of the run named `seed` from their start.
    pub fn begin(seed: u64) -> Self {
        let streams = Streams {
            client: seeds::stream(seed, "tls client"),
            server: seeds::stream(seed, "tls server"),
            stranger: seeds::stream(seed, "tls stranger"),
        };
        let (before, records_before) = (STREAMS.replace(Some(streams)), noted::forget());
        Self { before, records_before, thread: PhantomData }
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        STREAMS.set(self.before.take());
        noted::restore(std::mem::take(&mut self.records_before));
    }
}

/// What one of them draws. Outside of a run it fails, and never asks the system instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws(pub(super) Drawer);

impl SecureRandom for Draws {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        STREAMS.with_borrow_mut(|streams| {
            streams.as_mut().ok_or(GetRandomFailed)?.of_mut(self.0).fill_bytes(buf);
            Ok(())
        })
    }
}
