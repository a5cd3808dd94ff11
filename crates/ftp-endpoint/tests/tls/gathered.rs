//! What TLS makes of a connection's reads and writes, where pace is heeded.

use super::dialogue;
use ftp_endpoint::net::{Channel, Listener, Net, Pace, Stream};
use proptest::prelude::*;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::server::SERVER;
use testkit::tls::{Identity, NAME, TLS12, TLS13, Versions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// A connection in memory, whose writes are counted.
pub(super) struct Counted {
    stream: MemoryStream,
    writes: Arc<AtomicUsize>,
    pub(super) seen: Arc<Seen>,
}

/// What else is done with it.
#[derive(Default)]
pub(super) struct Seen {
    /// Room for what is read, whenever that is another than the last time.
    pub(super) rooms: Mutex<Vec<usize>>,
    pub(super) hints: Mutex<Vec<String>>,
    pub(super) written_bytes: AtomicUsize,
    /// Of what is written together it takes the first only.
    pub(super) takes_one: AtomicBool,
}

impl Counted {
    fn hint(&self, text: impl Into<String>) {
        self.seen.hints.lock().unwrap().push(text.into());
    }
}

impl Stream for Counted {
    const HEEDS_PACE: bool = true;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
    fn abort(self) {
        self.stream.abort();
    }
    fn prompt(&self) -> io::Result<()> {
        self.hint("prompt");
        Ok(())
    }
    fn acknowledge(&self) {
        self.hint("acknowledge");
    }
    fn control(&self) -> io::Result<()> {
        self.hint("control");
        Ok(())
    }
    fn pace(&mut self, pace: Pace) {
        self.hint(format!("{pace:?}"));
    }
    async fn finish(&mut self) -> io::Result<()> {
        self.hint("finish");
        self.shutdown().await
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut rooms = self.seen.rooms.lock().unwrap();
        if rooms.last() != Some(&buffer.remaining()) {
            rooms.push(buffer.remaining());
        }
        drop(rooms);
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.seen.written_bytes.fetch_add(*bytes, Ordering::Relaxed);
        }
        written
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slices = if self.seen.takes_one.load(Ordering::Relaxed) { &slices[..1] } else { slices };
        self.poll_write(cx, &slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>())
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Client's and server's ends, in clear, and the writes of each.
pub(super) async fn connected() -> [(Channel<Counted>, Arc<AtomicUsize>); 2] {
    seen().await.map(|(channel, writes, _)| (channel, writes))
}

/// The same, and what else is done with each.
pub(super) async fn seen() -> [(Channel<Counted>, Arc<AtomicUsize>, Arc<Seen>); 2] {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let (near, far) = tokio::join!(net.connect(None, SERVER), listener.accept());
    [near.unwrap(), far.unwrap().0].map(|stream| {
        let writes = Arc::new(AtomicUsize::new(0));
        let seen = Arc::<Seen>::default();
        (Channel::Clear(Counted { stream, writes: writes.clone(), seen: seen.clone() }), writes, seen)
    })
}

pub(super) async fn connect(client: &mut Channel<Counted>, identity: &Identity, versions: Versions) {
    client.connect_tls(dialogue::config(identity, versions), NAME.try_into().unwrap()).await.unwrap();
}

pub(super) async fn accept(server: &mut Channel<Counted>, identity: &Identity, versions: Versions) {
    server.accept_tls(Arc::new(identity.rustls_server(versions))).await.unwrap();
}

async fn send(channel: &mut Channel<Counted>, file: &[u8]) {
    channel.pace(Pace::WithClose);
    channel.write_all(file).await.unwrap();
    channel.settle().await.unwrap();
    channel.shutdown().await.unwrap();
}

async fn read_all(channel: &mut Channel<Counted>) -> Vec<u8> {
    let mut all = Vec::new();
    channel.read_to_end(&mut all).await.unwrap();
    all
}

/// The end of the handshake, the session's tickets, the file and close_notify are one write at either side.
#[tokio::test]
async fn a_small_file_leaves_in_one_write() {
    let identity = Identity::new();
    for file in [&[b'x'; 1000][..], &[]] {
        // Upload: ClientHello, then Finished and the rest; the server's flight, then tickets and close_notify.
        let [(mut client, of_client), (mut server, of_server)] = connected().await;
        let sends = async {
            connect(&mut client, &identity, TLS13).await;
            send(&mut client, file).await;
            assert_eq!(read_all(&mut client).await, b"");
        };
        let receives = async {
            accept(&mut server, &identity, TLS13).await;
            let got = read_all(&mut server).await;
            server.shutdown().await.unwrap();
            got
        };
        let ((), got) = tokio::join!(sends, receives);
        assert_eq!(got, file);
        assert_eq!([of_client, of_server].map(|writes| writes.load(Ordering::Relaxed)), [2, 2]);

        // Download: the client's Finished, which the server waits for, leaves when the client waits.
        let [(mut client, of_client), (mut server, of_server)] = connected().await;
        let sends = async {
            accept(&mut server, &identity, TLS13).await;
            send(&mut server, file).await;
            assert_eq!(read_all(&mut server).await, b"");
        };
        let receives = async {
            connect(&mut client, &identity, TLS13).await;
            let got = read_all(&mut client).await;
            client.shutdown().await.unwrap();
            got
        };
        let ((), got) = tokio::join!(sends, receives);
        assert_eq!(got, file);
        assert_eq!([of_client, of_server].map(|writes| writes.load(Ordering::Relaxed)), [3, 2]);
    }
}

/// A refusal is told by an alert (RFC 8446 section 6.2), though writes are held back in handshakes.
#[tokio::test]
async fn an_alert_leaves_before_the_connection_goes() {
    let identity = Identity::new();
    let [(mut near, _), (mut far, _)] = connected().await;
    let client = dialogue::config(&identity, TLS12);
    let server = Arc::new(identity.rustls_server(TLS13));
    let (one, other) =
        tokio::join!(near.connect_tls(client, NAME.try_into().unwrap()), far.accept_tls(server));
    assert_eq!(other.unwrap_err().kind(), io::ErrorKind::InvalidData);
    let told = one.unwrap_err();
    assert!(told.to_string().contains("ProtocolVersion"), "{told}");
}

fn pace() -> impl Strategy<Value = Pace> {
    prop_oneof![Just(Pace::Now), Just(Pace::Together), Just(Pace::WithClose)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However it is written and read, the same comes out, and its end.
    #[test]
    fn bytes_come_as_they_went(
        writes in prop::collection::vec((prop_oneof![0..100usize, 16_000..17_000usize, 0..300_000usize], pace(), any::<bool>()), 0..8),
        read_bytes in prop_oneof![1..100usize, 1_000..300_000usize],
        tls13 in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let identity = Identity::new();
            let versions = if tls13 { TLS13 } else { TLS12 };
            let [(mut client, _), (mut server, _)] = connected().await;
            let total = writes.iter().map(|(bytes, ..)| bytes).sum::<usize>();
            let expected: Vec<u8> = (0..total).map(|at| (at * 7 % 251) as u8).collect();
            let sends = async {
                connect(&mut client, &identity, versions).await;
                let mut left = &expected[..];
                for &(bytes, pace, flushes) in &writes {
                    let (now, rest) = left.split_at(bytes);
                    left = rest;
                    client.pace(pace);
                    client.write_all(now).await.unwrap();
                    if flushes {
                        client.flush().await.unwrap();
                    }
                }
                client.shutdown().await.unwrap();
            };
            let receives = async {
                accept(&mut server, &identity, versions).await;
                let (mut got, mut piece) = (Vec::new(), vec![0; read_bytes]);
                loop {
                    match server.read(&mut piece).await.unwrap() {
                        0 => return got,
                        read => got.extend_from_slice(&piece[..read]),
                    }
                    server.rest();
                }
            };
            let ((), got) = tokio::join!(sends, receives);
            assert!(got == expected, "{} of {total}", got.len());
        });
    }
}
