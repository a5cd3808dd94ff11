//! The client for programs against our server in this process, over real sockets.

use ftp_endpoint::client::{
    Client, ClientError, Entry, EntryKind, FailureKind, Login, Misread, Options, Unread,
};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

const MODES: [TransmissionMode; 4] = TransmissionMode::ALL;

fn at(name: &str) -> VirtualPath {
    VirtualPath::root().join(name).unwrap()
}

async fn server() -> (SocketAddr, MemoryStore) {
    let store = MemoryStore::new();
    let listener = RealNet::new().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let users = Table::new().with_user("me", "secret", store.clone(), Rights::ALL);
    tokio::spawn(serve(RealNet::new(), listener, Arc::new(Config::new(users)), Arc::new(Nobody)));
    (address, store)
}

async fn connect(server: SocketAddr, options: &Options) -> Client<RealNet> {
    Client::connect(RealNet::new(), server, &Login::new("me", "secret"), options).await.unwrap()
}

fn in_mode(mode: TransmissionMode) -> Options {
    Options { mode, ..Options::default() }
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[tokio::test]
async fn a_session_from_making_a_directory_to_removing_it() {
    let content: Vec<u8> = (0..200_000u32).map(|n| if n % 300 < 100 { b' ' } else { n as u8 }).collect();
    for mode in MODES {
        let (address, store) = server().await;
        let mut client = connect(address, &in_mode(mode)).await;
        client.make_dir("dir").await.unwrap();
        assert_eq!(client.store("dir/a b", &content[..]).await.unwrap(), content.len() as u64);
        assert_eq!(client.store("dir/empty", &b""[..]).await.unwrap(), 0);
        assert_eq!(store.get(&at("dir/a b")).unwrap()[..], content);
        assert_eq!(client.size("dir/a b").await.unwrap(), content.len() as u64);

        let entries = client.list("dir").await.unwrap().entries;
        assert_eq!(names(&entries), ["a b", "empty"], "{mode:?}");
        assert_eq!((entries[0].size_bytes, entries[0].kind), (Some(content.len() as u64), EntryKind::File));
        let root = client.list("").await.unwrap().entries;
        assert_eq!(names(&root), ["dir"]);
        assert!(root[0].is_directory());

        client.rename("dir/a b", "dir/c").await.unwrap();
        let mut fetched = Vec::new();
        assert_eq!(client.fetch("dir/c", &mut fetched).await.unwrap(), content.len() as u64);
        assert!(fetched == content, "{mode:?}");
        assert_eq!(client.fetch("dir/empty", &mut fetched).await.unwrap(), 0);

        client.remove_file("dir/c").await.unwrap();
        client.remove_file("dir/empty").await.unwrap();
        client.remove_dir("dir").await.unwrap();
        assert!(client.list("").await.unwrap().entries.is_empty());
        client.quit().await;
    }
}

#[tokio::test]
async fn what_is_missing_is_a_typed_error_and_the_session_goes_on() {
    for mode in MODES {
        let (address, _) = server().await;
        let mut client = connect(address, &in_mode(mode)).await;
        let mut nothing = Vec::new();
        let errors = [
            client.fetch("missing", &mut nothing).await.unwrap_err(),
            client.size("missing").await.unwrap_err(),
            client.remove_file("missing").await.unwrap_err(),
            client.rename("missing", "x").await.unwrap_err(),
            client.list("missing").await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), FailureKind::Refused);
            assert!(matches!(&error, ClientError::Refused { reply, .. } if reply.code == 550), "{error}");
            assert_eq!(error.reply().map(|reply| reply.code), Some(550));
        }
        client.store("x", &b"x"[..]).await.unwrap();
        client.quit().await;
    }
}

#[tokio::test]
async fn types_and_structures_hold_for_files_not_for_listings() {
    for mode in MODES {
        for representation in [Representation::Ascii, Representation::Ebcdic, Representation::Image] {
            for structure in [Structure::File, Structure::Record] {
                let (address, store) = server().await;
                let options = Options { representation, structure, ..in_mode(mode) };
                let mut client = connect(address, &options).await;
                let text = "one\ntwo   three\n".repeat(3);
                client.store("text", text.as_bytes()).await.unwrap();
                assert_eq!(&store.get(&at("text")).unwrap()[..], text.as_bytes(), "{options:?}");
                // Blanks in a name are a run of fillers in compressed mode.
                client.rename("text", "a     b").await.unwrap();
                assert_eq!(names(&client.list("").await.unwrap().entries), ["a     b"], "{options:?}");
                let mut fetched = Vec::new();
                client.fetch("a     b", &mut fetched).await.unwrap();
                assert_eq!(fetched, text.as_bytes(), "{options:?}");
                client.quit().await;
            }
        }
    }
}

/// A server that speaks only LIST.
#[tokio::test]
async fn without_mlsd_the_lines_of_list_are_read() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let data = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut control, _) = listener.accept().await.unwrap();
        control.write_all(b"220 Hello.\r\n").await.unwrap();
        let mut line = Vec::new();
        while let Ok(byte) = control.read_u8().await {
            line.push(byte);
            if byte != b'\n' {
                continue;
            }
            let command = String::from_utf8(std::mem::take(&mut line)).unwrap();
            let reply = match command.split_whitespace().next().unwrap() {
                "USER" => "230 In.\r\n".to_owned(),
                "TYPE" => "200 So be it.\r\n".to_owned(),
                "EPSV" => format!("229 Here (|||{}|)\r\n", data.local_addr().unwrap().port()),
                "LIST" => {
                    control.write_all(b"150 Coming.\r\n").await.unwrap();
                    let (mut stream, _) = data.accept().await.unwrap();
                    let lines = "total 3\r\n\
                        drwxr-xr-x 2 ftp ftp 4096 Jan  1 2020 sub\r\n\
                        -rw-r--r-- 1 ftp ftp 12 Jan  1 2020 a file\r\n\
                        -rw-r--r-- 1 ftp ftp 12 Jan  1 2020 ../evil\r\n";
                    stream.write_all(lines.as_bytes()).await.unwrap();
                    "226 Done.\r\n".to_owned()
                }
                _ => "502 What?\r\n".to_owned(),
            };
            control.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    let mut client = connect(address, &Options::default()).await;
    let listing = client.list("").await.unwrap();
    let entries = &listing.entries;
    assert_eq!(names(entries), ["sub", "a file"]);
    assert_eq!((entries[0].is_directory(), entries[1].size_bytes), (true, Some(12)));
    let [Unread { line, why: Misread::Path }] = &listing.unread[..] else { panic!("{listing:?}") };
    assert!(line.ends_with("../evil") && listing.unread_lines == 1);
}

/// Fails after some bytes.
struct Broken(usize);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::ErrorKind::Other.into()));
        }
        let len = self.0.min(buffer.remaining());
        buffer.put_slice(&vec![7; len]);
        self.0 -= len;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_source_that_fails_leaves_no_file() {
    for mode in MODES {
        let (address, store) = server().await;
        let mut client = connect(address, &in_mode(mode)).await;
        let error = client.store("half", Broken(100_000)).await.unwrap_err();
        assert!(matches!(error, ClientError::Transfer { .. }), "{error}");
        assert_eq!(error.kind(), FailureKind::Local);
        assert!(store.get(&at("half")).is_none(), "{mode:?}");
        client.store("whole", &b"x"[..]).await.unwrap();
        client.quit().await;
    }
}

#[tokio::test]
async fn a_transfer_given_up_leaves_the_session_out_of_step() {
    let (address, _) = server().await;
    let mut client = connect(address, &in_mode(TransmissionMode::Block)).await;
    let (source, _open) = tokio::io::duplex(64);
    let given_up = RealNet::new().timeout(Duration::from_millis(100), client.store("never", source)).await;
    assert!(given_up.is_err());
    assert!(matches!(client.size("never").await, Err(ClientError::OutOfStep)));
}

#[tokio::test]
async fn a_login_refused_and_a_server_that_is_not_there() {
    let (address, _) = server().await;
    let wrong = Login::new("me", "wrong");
    let refused = Client::connect(RealNet::new(), address, &wrong, &Options::default()).await;
    assert!(matches!(refused, Err(ClientError::LoginRefused(reply)) if reply.code == 530));
    let listener = RealNet::new().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let options = Options { connect_timeout: Duration::from_secs(5), ..Options::default() };
    let alone = Client::connect(RealNet::new(), nobody, &Login::new("me", "secret"), &options).await;
    assert!(matches!(alone, Err(ClientError::Connect { .. })));
}
