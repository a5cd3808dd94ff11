//! Addresses, ports and connections that are refused.

use ftp_endpoint::net::{Listener, Net, Stream};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) mod connections_have_addresses {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), to);
        let local = stream.local_addr().unwrap();
        stream.write_all(local.to_string().as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let other = net.connect(Some(local.ip()), to).await.unwrap();
        assert_eq!(other.local_addr().unwrap().ip(), local.ip());
        assert_ne!(other.local_addr().unwrap(), local);
        // Nobody's, in either family (RFC 5737, RFC 3849).
        let foreign = if to.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
        let error = net.connect(Some(foreign.parse().unwrap()), to).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, from) = listener.accept().await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), listener.local_addr().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), from);
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, from.to_string());
        listener.accept().await.unwrap();
    }
}

pub(crate) mod refused {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        // The listener is gone when this comes.
        stream.read_u8().await.unwrap();
        let error = net.connect(None, to).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        stream.write_all(b"established ones go on").await.unwrap();
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        stream.write_all(b"!").await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "established ones go on");
    }
}

pub(crate) mod ports {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        net.connect(None, to).await.unwrap();
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        let taken = listener.local_addr().unwrap();
        assert_eq!(net.listen(taken).await.err().unwrap().kind(), ErrorKind::AddrInUse);
        let any = net.listen(SocketAddr::new(taken.ip(), 0)).await.unwrap();
        let port = any.local_addr().unwrap().port();
        assert!(port != 0 && port != taken.port());
        let elsewhere = net.listen("192.0.2.1:7777".parse().unwrap()).await.err().unwrap();
        assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
        listener.accept().await.unwrap();
        drop(listener);
        drop(net.listen(taken).await.unwrap());
    }
}
