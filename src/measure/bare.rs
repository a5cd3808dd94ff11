//! The limit: one TCP connection on loopback that carries the same bytes between the same stores, and
//! nothing else. Its sockets are those of client and server ([`ftp_endpoint::net::real`]): with plain blocking
//! ones, whose readers sleep whenever they have caught up, it took longer than they do.

use super::fixture::{Check, Fixture};
use ftp_endpoint::net::real::{RealNet, RealStream, runtime};
use ftp_endpoint::net::{Listener, Net, Stream};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// One end, for a thread of its own.
struct End {
    runtime: Runtime,
    stream: RealStream,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.read(buffer))
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.stream.flush())
    }
}

fn give(fixture: &impl Fixture, to: SocketAddr, runtime: Runtime) -> io::Result<()> {
    let stream = runtime.block_on(RealNet::new().connect(None, to))?;
    stream.prompt()?;
    fixture.give(&mut End { runtime, stream })
}

/// The time from the connection to the last byte stored.
pub fn carry(fixture: &impl Fixture, check: Check) -> io::Result<Duration> {
    let (net, runtime, senders) = (RealNet::new(), runtime()?, runtime()?);
    let listener = runtime.block_on(net.listen((Ipv4Addr::LOCALHOST, 0).into()))?;
    let address = listener.local_addr()?;
    let begun = net.now();
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || give(fixture, address, senders));
        let (stream, _) = runtime.block_on(listener.accept())?;
        let taken = fixture.take(&mut End { runtime, stream }, check);
        let given = sender.join().map_err(|_| io::Error::other("the sender panicked"))?;
        taken.and(given)
    })?;
    Ok(net.now() - begun)
}
