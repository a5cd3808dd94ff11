//! Much data and many connections.

use super::pattern;
use ftp_endpoint::net::{Listener, Net, Stream};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;

pub(crate) mod large_both_ways {
    use super::*;
    const LEN: usize = 5_000_000;
    async fn exchange(stream: impl Stream) {
        let (mut read, mut write) = tokio::io::split(stream);
        let send = async {
            for chunk in pattern(LEN).chunks(77_777) {
                write.write_all(chunk).await.unwrap();
            }
            write.shutdown().await.unwrap();
        };
        let receive = async {
            let mut all = Vec::new();
            read.read_to_end(&mut all).await.unwrap();
            assert!(all == pattern(LEN));
        };
        tokio::join!(send, receive);
    }
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        exchange(net.connect(None, to).await.unwrap()).await;
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        exchange(listener.accept().await.unwrap().0).await;
    }
}

pub(crate) mod vectored_writes_keep_their_order {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert!(stream.is_write_vectored());
        assert_eq!(stream.write(&[]).await.unwrap(), 0);
        for block in pattern(300_000).chunks(3_000) {
            let header = (block.len() as u32).to_be_bytes();
            let mut written = 0;
            while written < header.len() + block.len() {
                let head = &header[written.min(header.len())..];
                let body = &block[written.saturating_sub(header.len())..];
                let n = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await.unwrap();
                assert!(n > 0);
                written += n;
            }
        }
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        for block in pattern(300_000).chunks(3_000) {
            let mut got = vec![0; stream.read_u32().await.unwrap() as usize];
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(got, block);
        }
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }
}

pub(crate) mod backpressure {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        let data = vec![9; 1 << 16];
        let mut written = 0u64;
        while let Ok(n) = net.timeout(Duration::from_millis(500), stream.write(&data)).await {
            written += n.unwrap() as u64;
            assert!(written < 64 << 20, "the writer is never held back");
        }
        // Only now does the other side read; then the writer goes on.
        let _go = net.connect(None, to).await.unwrap();
        stream.write_all(&data).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read_u64().await.unwrap(), written + data.len() as u64);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _go = listener.accept().await.unwrap();
        let mut count = 0u64;
        let mut buf = vec![0; 10_000];
        loop {
            match stream.read(&mut buf).await.unwrap() {
                0 => break,
                n => count += n as u64,
            }
        }
        stream.write_u64(count).await.unwrap();
    }
}

pub(crate) mod many_connections {
    use super::*;
    const COUNT: usize = 200;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut tasks = JoinSet::new();
        for i in 0..COUNT {
            let net = net.clone();
            tasks.spawn(async move {
                let mut stream = net.connect(None, to).await.unwrap();
                stream.write_all(&pattern(i * 50)).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut back = Vec::new();
                stream.read_to_end(&mut back).await.unwrap();
                assert_eq!(back, pattern(i * 50));
            });
        }
        assert_eq!(tasks.join_all().await.len(), COUNT);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let mut tasks = JoinSet::new();
        for _ in 0..COUNT {
            let (mut stream, _) = listener.accept().await.unwrap();
            tasks.spawn(async move {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                stream.write_all(&all).await.unwrap();
            });
        }
        tasks.join_all().await;
    }
}

pub(crate) mod backlog {
    use super::*;
    pub(super) const COUNT: u8 = 30;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut streams = Vec::new();
        for i in 0..COUNT {
            let mut stream = net.connect(None, to).await.unwrap();
            stream.write_all(&[i]).await.unwrap();
            streams.push(stream);
        }
        // All are established and nobody has accepted one.
        for (i, stream) in streams.iter_mut().enumerate() {
            assert_eq!(stream.read_u8().await.unwrap() as usize, i);
        }
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        net.sleep(Duration::from_millis(1000)).await;
        for i in 0..COUNT {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), i, "accepted in the order of arrival");
            stream.write_all(&[i]).await.unwrap();
        }
    }
}

/// Where packets are lost a handshake may end, for the server, after that of a later connection.
pub(crate) mod backlog_in_any_order {
    use super::*;
    pub(crate) use backlog::client;
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        net.sleep(Duration::from_millis(1000)).await;
        let mut accepted = std::collections::BTreeSet::new();
        for _ in 0..backlog::COUNT {
            let (mut stream, _) = listener.accept().await.unwrap();
            let which = stream.read_u8().await.unwrap();
            assert!(accepted.insert(which), "accepted twice");
            stream.write_all(&[which]).await.unwrap();
        }
    }
}
