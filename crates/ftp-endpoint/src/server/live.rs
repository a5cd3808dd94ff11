//! A configuration that may be replaced while the server runs.

use super::config::Config;
use std::sync::{Arc, Mutex, PoisonError};

/// The configuration of a running server. Clones are the same one.
pub struct LiveConfig<A>(Arc<Mutex<Arc<Config<A>>>>);

impl<A> Clone for LiveConfig<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> From<Arc<Config<A>>> for LiveConfig<A> {
    fn from(config: Arc<Config<A>>) -> Self {
        Self(Arc::new(Mutex::new(config)))
    }
}

impl<A> LiveConfig<A> {
    /// As it is now.
    pub fn current(&self) -> Arc<Config<A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For sessions to come, and for the next login of those under way; transfers and users who are logged
    /// in go on as they are. What ends the server (`Config::shutdown`) stays.
    pub fn replace(&self, mut config: Config<A>) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        config.shutdown = current.shutdown.clone();
        *current = Arc::new(config);
    }
}
