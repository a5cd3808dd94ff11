//! What this machine's kernel says of a connection: whether what was sent has been read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Nobody is waited for any longer.
const LIMIT: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// Where the receiver is on another machine, or this one does not say: so long after all was acknowledged.
const BLIND: Duration = Duration::from_millis(150);

/// Waits until the process at the other end of `stream` has read all that was written on it: an RST would take
/// the rest away. Bounded: a receiver that does not read is not waited for.
pub(super) async fn until_read(stream: &TcpStream) {
    let (Ok(ours), Ok(theirs)) = (stream.local_addr(), stream.peer_addr()) else { return };
    let read = async {
        loop {
            let sent = queues(ours, theirs).map(|(sending, _)| sending);
            match (sent, queues(theirs, ours)) {
                (Some(0), Some((_, 0))) => return,
                // On another machine, or gone.
                (Some(0) | None, None) => return sleep(BLIND).await,
                _ => sleep(LOOK).await,
            }
        }
    };
    // Who has not read by now has been given the time to.
    let _ = timeout(LIMIT, read).await;
}

/// Waits until the other end's kernel has acknowledged all of `stream`, a FIN with it. Bounded likewise.
pub(super) async fn until_acknowledged(stream: &TcpStream) {
    let (Ok(ours), Ok(theirs)) = (stream.local_addr(), stream.peer_addr()) else { return };
    let acknowledged = async {
        while queues(ours, theirs).is_some_and(|(sending, _)| sending > 0) {
            sleep(LOOK).await;
        }
    };
    let _ = timeout(LIMIT, acknowledged).await;
}

/// Bytes of the socket at `local` that are not acknowledged, and that are not read, by `/proc/net/tcp`; `None`
/// where there is no such socket here.
fn queues(local: SocketAddr, remote: SocketAddr) -> Option<(u64, u64)> {
    // A socket of IPv6 may carry IPv4.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    tables.iter().find_map(|table| of_table(&std::fs::read_to_string(table).ok()?, local, remote))
}

fn of_table(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<(u64, u64)> {
    table.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (here, there) = (address(words.next()?)?, address(words.next()?)?);
        let (sending, unread) = words.nth(1)?.split_once(':')?;
        let is_it = here == canonical(local) && there == canonical(remote);
        let number = |hex| u64::from_str_radix(hex, 16).ok();
        is_it.then_some((number(sending)?, number(unread)?))
    })
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// `0100007F:1F90`: words of the address as this machine stores them, so that their bytes are in order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut bytes = [0; 16];
            for (at, four) in bytes.chunks_exact_mut(4).enumerate() {
                four.copy_from_slice(&word(at)?);
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(canonical(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair(ip: IpAddr) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (one, listener.accept().await.unwrap().0)
    }

    /// The kernel's own words about sockets of both families.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_not_read_is_known() {
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            let (mut one, mut other) = pair(ip).await;
            let (ours, theirs) = (one.local_addr().unwrap(), one.peer_addr().unwrap());
            one.write_all(&[7; 1000]).await.unwrap();
            until_acknowledged(&one).await;
            assert_eq!(queues(theirs, ours), Some((0, 1000)), "{ip}");
            other.read_exact(&mut [0; 1000]).await.unwrap();
            until_read(&one).await;
            assert_eq!((queues(ours, theirs), queues(theirs, ours)), (Some((0, 0)), Some((0, 0))), "{ip}");
        }
    }

    #[test]
    fn tables_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n\
            0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000\n\
            1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C350 01 00000002:0000000A\n";
        let at = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        if cfg!(target_endian = "little") {
            assert_eq!(of_table(table, at(8080), at(50000)), Some((2, 10)));
        }
        assert_eq!(of_table(table, at(50000), at(8080)), None);
    }
}
