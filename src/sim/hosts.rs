//! What there is one of for the client's host and one for the server's.

use ftp_endpoint::observe::Who;

/// One value for each of the two hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerHost<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

impl<T> PerHost<T> {
    /// The value of one host.
    pub fn of(&self, who: Who) -> &T {
        match who {
            Who::Client => &self.client,
            Who::Server => &self.server,
        }
    }

    /// The value of one host, to change it.
    pub fn of_mut(&mut self, who: Who) -> &mut T {
        match who {
            Who::Client => &mut self.client,
            Who::Server => &mut self.server,
        }
    }
}
