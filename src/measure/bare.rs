//! The limit: one TCP connection on loopback that carries the same bytes between the same stores,
//! and nothing else.

use super::bed::Bed;
use crate::net::Net;
use crate::net::real::RealNet;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// The time from the connection to the last byte stored.
pub fn carry(bed: &impl Bed, checking: bool) -> io::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let net = RealNet::new();
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let mut connection = TcpStream::connect(address)?;
            connection.set_nodelay(true)?;
            bed.give(&mut connection)
        });
        let (mut connection, _) = listener.accept()?;
        let taken = bed.take(&mut connection, checking);
        drop(connection);
        let given = sender.join().map_err(|_| io::Error::other("the sender panicked"))?;
        taken.and(given)
    })?;
    Ok(net.now())
}
