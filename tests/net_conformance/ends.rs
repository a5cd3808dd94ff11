//! How a connection ends, and what either side sees of it.

use super::pattern;
use ftp_endpoint::net::{Listener, Net, Stream};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) mod clean_end_of_file_on_drop {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(&pattern(10_000)).await.unwrap();
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, pattern(10_000));
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the end stays the end");
    }
}

pub(crate) mod half_close {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, pattern(100_000));
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = Vec::new();
        stream.read_to_end(&mut question).await.unwrap();
        assert_eq!(question, b"question");
        net.sleep(Duration::from_millis(50)).await;
        stream.write_all(&pattern(100_000)).await.unwrap();
    }
}

pub(crate) mod reset_by_abort {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.write_all(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.abort();
    }
}

pub(crate) mod reset_by_drop_with_unread_data {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"0123456789").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
    }
}

pub(crate) mod read_before_a_reset {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        net.sleep(Duration::from_millis(200)).await;
        let mut got = [0; 5];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"early");
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.read(&mut got).await.unwrap(), 0, "an error is reported once");
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"early").await.unwrap();
        net.sleep(Duration::from_millis(50)).await;
        stream.abort();
    }
}

pub(crate) mod writing_to_the_gone {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        let mut error = None;
        for _ in 0..100 {
            if let Err(e) = stream.write_all(b"anybody there?").await {
                error = Some(e.kind());
                break;
            }
            net.sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(error, Some(ErrorKind::BrokenPipe));
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        listener.accept().await.unwrap();
    }
}

pub(crate) mod writing_after_shutdown {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        stream.write_all(b"all").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(stream.read_u8().await.unwrap(), b'!');
    }
    pub(crate) async fn server<N: Net>(_: N, listener: N::Listener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "all");
        stream.write_all(b"!").await.unwrap();
    }
}

pub(crate) mod unaccepted_connections_are_reset {
    use super::*;
    pub(crate) async fn client<N: Net>(net: N, to: SocketAddr) {
        let mut stream = net.connect(None, to).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    pub(crate) async fn server<N: Net>(net: N, listener: N::Listener) {
        net.sleep(Duration::from_millis(200)).await;
        drop(listener);
    }
}
