//! A server that ends downloads by FIN without close_notify, and the client that asks SIZE then.

use ftp_endpoint::client::{ClientError, Login, Policy, Session, TlsWhen};
use ftp_endpoint::net::{Channel, Listener, Net};
use ftp_endpoint::observe::{Nobody, Watch, Who};
use ftp_endpoint::transfer::{TlsEnd, TransferError};
use std::sync::Arc;
use testkit::files::Sink;
use testkit::memory_net::{MemoryListener, MemoryNet, MemoryStream};
use testkit::server::{SERVER, soon};
use testkit::tls::{Identity, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Server<'i> {
    net: MemoryNet,
    identity: &'i Identity,
    control: Channel<MemoryStream>,
    passive: Option<MemoryListener>,
}

impl Server<'_> {
    async fn say(&mut self, reply: &str) {
        self.control.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
        self.control.flush().await.unwrap();
    }

    async fn command(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.control.read_u8().await.unwrap());
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    /// Until QUIT; gives what was asked for SIZE and REST.
    async fn serve(mut self, size: &str) -> Vec<String> {
        let mut asked = Vec::new();
        let tls = Arc::new(self.identity.rustls_server(TLS13));
        self.say("220 ready").await;
        loop {
            let line = self.command().await;
            let verb = line.split(' ').next().unwrap();
            if matches!(verb, "SIZE" | "REST") {
                asked.push(line.clone());
            }
            match verb {
                "AUTH" => {
                    self.say("234 go on").await;
                    self.control.accept_tls(tls.clone()).await.unwrap();
                }
                "USER" => self.say("230 in").await,
                "REST" => self.say("350 go on").await,
                "SIZE" => self.say(size).await,
                "EPSV" => {
                    let listener = self.net.listen((SERVER.ip(), 0).into()).await.unwrap();
                    let port = listener.local_addr().unwrap().port();
                    self.passive = Some(listener);
                    self.say(&format!("229 here (|||{port}|)")).await;
                }
                "RETR" => {
                    self.say("150 go").await;
                    let (stream, _) = self.passive.take().unwrap().accept().await.unwrap();
                    let mut data = Channel::Clear(stream);
                    data.accept_tls(tls.clone()).await.unwrap();
                    data.write_all(b"nine byte").await.unwrap();
                    data.flush().await.unwrap();
                    drop(data);
                    self.say("226 done").await;
                }
                "QUIT" => {
                    self.say("221 bye").await;
                    return asked;
                }
                _ => self.say("200 ok").await,
            }
        }
    }
}

/// What will do, REST's argument, SIZE's reply, what is asked, and what becomes of it.
type Case = (TlsEnd, Option<&'static str>, &'static str, &'static [&'static str], Result<u64, &'static str>);

/// RFC 8446 section 6.1: without close_notify nobody has vouched for the end. RFC 3659 section 4: SIZE is of the whole
/// file, wherever what was sent of it began.
#[tokio::test(start_paused = true)]
async fn an_end_without_close_notify_is_one_where_size_says_the_same() {
    let identity = Identity::new();
    let cases: [Case; 8] = [
        (TlsEnd::Lax, None, "213 9", &["SIZE f"], Ok(9)),
        (TlsEnd::Lax, None, "213 10", &["SIZE f"], Err("10, not 9")),
        (TlsEnd::Lax, None, "550 none", &["SIZE f"], Err("unmarked")),
        (TlsEnd::Lax, Some("4"), "213 13", &["REST 4", "SIZE f"], Ok(9)),
        (TlsEnd::Lax, Some("4"), "213 9", &["REST 4", "SIZE f"], Err("9, not 13")),
        // Of what is before it nothing is known.
        (TlsEnd::Lax, Some("x4"), "213 13", &["REST x4"], Err("unmarked")),
        (TlsEnd::Strict, None, "213 9", &[], Err("no close_notify")),
        (TlsEnd::Unasked, None, "213 10", &[], Ok(9)),
    ];
    for (tls_end, restart, size, asked, verdict) in cases {
        let net = MemoryNet::new(SERVER.ip());
        let listener = net.listen(SERVER).await.unwrap();
        let serve = async {
            let control = Channel::Clear(listener.accept().await.unwrap().0);
            Server { net: net.clone(), identity: &identity, control, passive: None }.serve(size).await
        };
        let fetch = async {
            let login = Login { tls: Some(identity.client(TLS13)), ..Login::new("me", "secret") };
            let policy = Policy { tls: TlsWhen::Required, tls_end, ..Policy::default() };
            let watch = || Watch::new(Arc::new(Nobody), Who::Client, 1);
            let host = net.host([10, 0, 0, 2]);
            let mut session = Session::open(host, SERVER, &login, &policy, watch).await.unwrap();
            let result = session.get_file("f", restart, &mut Sink::default()).await;
            session.quit().await;
            result.map(|moved| moved.payload_bytes)
        };
        let (found, result) = soon(async { tokio::join!(serve, fetch) }).await;
        let case = format!("{tls_end:?} {restart:?} {size}: {result:?}");
        assert_eq!(found, asked, "{case}");
        assert_eq!(
            result.as_ref().map(|bytes| *bytes).map_err(in_short),
            verdict.map_err(str::to_owned),
            "{case}"
        );
    }
}

fn in_short(error: &ClientError) -> String {
    match error {
        ClientError::SizeMismatch { server_bytes, moved_bytes } => {
            format!("{server_bytes}, not {moved_bytes}")
        }
        ClientError::UnmarkedEnd => "unmarked".to_owned(),
        ClientError::Transfer { error: TransferError::NoCloseNotify, .. } => "no close_notify".to_owned(),
        other => other.to_string(),
    }
}
