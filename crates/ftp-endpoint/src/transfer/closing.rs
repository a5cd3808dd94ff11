//! The ways in which a data connection ends.

use super::DataConnection;
use crate::net::{Net, Stream};
use crate::observe::Event as Seen;

impl<N: Net> DataConnection<N> {
    /// Sends FIN and lets the stack deliver what is queued.
    pub async fn close(mut self) {
        // The peer may be gone already; there is nothing left to do about it.
        let _ = self.stream.finish().await;
        self.told_close("closed");
    }

    /// Ends the connection with RST, so that the peer cannot take it for an end of file.
    pub fn abort(self) {
        self.told_close("aborted");
        self.stream.abort();
    }

    fn told_close(&self, how: &str) {
        let (local, peer) = (self.local, self.peer);
        self.watch.tell(self.net.now(), Seen::DataCloses { local, peer, how });
    }
}
