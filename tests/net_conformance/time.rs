//! Timeouts, and what a cancelled wait leaves behind.

use ftp_endpoint::net::{Listener, Net};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) mod a_cancelled_accept_loses_nothing {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        for _ in 0..20 {
            let mut stream = net.connect(None, to).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'!');
        }
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        for _ in 0..20 {
            let mut stream = loop {
                let accept = pin!(listener.accept());
                if let Ok(accepted) = net.timeout(Duration::from_millis(3), accept).await {
                    break accepted.unwrap().0;
                }
            };
            stream.write_all(b"!").await.unwrap();
        }
    }
}

pub(crate) mod timeouts {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        let limit = Duration::from_millis(70);
        let start = net.now();
        assert!(net.timeout(limit, stream.read_u8()).await.is_err());
        let took = net.now() - start;
        assert!(took >= limit && took < 10 * limit, "{took:?}");
        stream.write_all(b"?").await.unwrap();
        let answer = net.timeout(Duration::from_secs(5), stream.read_u8()).await;
        assert_eq!(answer.unwrap().unwrap(), b'!', "the connection has survived the timeout");
        let start = net.now();
        net.sleep(limit).await;
        assert!(net.now() - start >= limit);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'?');
        stream.write_all(b"!").await.unwrap();
    }
}
