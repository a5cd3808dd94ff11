//! What there is one of for the client's host and one for the server's.

use ftp_endpoint::observe::Who;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerHost<T> {
    pub client: T,
    pub server: T,
}

impl<T> PerHost<T> {
    pub fn of(&self, who: Who) -> &T {
        match who {
            Who::Client => &self.client,
            Who::Server => &self.server,
        }
    }

    pub fn of_mut(&mut self, who: Who) -> &mut T {
        match who {
            Who::Client => &mut self.client,
            Who::Server => &mut self.server,
        }
    }
}
