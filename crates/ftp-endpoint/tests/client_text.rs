//! Listings as text, as `ls` shows them, from a server that follows a script.

#![cfg(feature = "client")]

use ftp_endpoint::client::session::Session;
use ftp_endpoint::client::{Login, Policy};
use ftp_endpoint::net::Net;
use ftp_endpoint::observe::{Nobody, Watch, Who};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{Store, Write, WriteFile};
use ftp_proto::path::VirtualPath;
use ftp_proto::repr::Representation;
use std::sync::Arc;
use testkit::memory_net::MemoryNet;
use testkit::script::Script;
use testkit::server::SERVER;
use tokio::io::AsyncWriteExt;

/// What is shown of `path`, where `entering` says what PWD, CWD and PWD are answered, and `listing` what LIST is, all
/// in one (`150`, lines, `226`) or at once; `None` where it fails.
async fn shown(
    path: &str,
    entering: &[(&str, &str)],
    list: &str,
    began: bool,
    ended: &str,
) -> Option<Vec<u8>> {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async {
        let mut server = Script::accept(net.clone(), &listener).await;
        server.say("220 ready").await;
        server.answer("USER me", "230 in").await;
        for (command, reply) in entering {
            server.answer(command, reply).await;
        }
        let mut data = server.passive().await;
        server.expect(list).await;
        if began {
            server.say("150 here").await;
            data.write_all(b"a line\r\n").await.unwrap();
            drop(data);
        }
        server.say(ended).await;
    };
    let asks = async {
        let policy = Policy { representation: Representation::Ascii, ..Policy::default() };
        let (login, watch) = (Login::new("me", "secret"), || Watch::new(Arc::new(Nobody), Who::Client, 1));
        let host = net.host([10, 0, 0, 2]);
        let mut session = Session::open(host, SERVER, &login, &policy, watch).await.unwrap();
        let (store, name) = (MemoryStore::new(), VirtualPath::root().join("shown").unwrap());
        let mut lines = store.write(&name, Write::Replace).await.unwrap();
        session.list_text(path, false, &mut lines).await.ok()?;
        lines.publish().await.unwrap();
        store.get(&name).map(|lines| lines.to_vec())
    };
    tokio::join!(serve, asks).1
}

const GOES: [(&str, &str); 3] = [("PWD", "257 \"/\""), ("CWD x", "250 ok"), ("PWD", "257 \"/x\"")];
const STAYS: [(&str, &str); 2] = [("PWD", "257 \"/\""), ("CWD x", "550 no directory")];

/// Of a directory in which we are; of a name the same answer says that it is not there.
#[tokio::test(start_paused = true)]
async fn only_a_directory_can_be_empty() {
    let none = "550 No such file or directory";
    assert_eq!(shown("", &[], "LIST", false, none).await, Some(Vec::new()));
    assert_eq!(shown("x", &GOES, "LIST", false, none).await, Some(Vec::new()));
    assert_eq!(shown("x", &STAYS, "LIST x", false, none).await, None);
    assert_eq!(shown("", &[], "LIST", false, "550 Permission denied").await, None);
}

/// vsftpd says 226 of a directory that it could not read.
#[tokio::test(start_paused = true)]
async fn what_is_listed_is_shown_unless_the_server_says_that_it_failed() {
    let line = Some(b"a line\r\n".to_vec());
    assert_eq!(shown("", &[], "LIST", true, "226 done").await, line);
    assert_eq!(shown("x", &STAYS, "LIST x", true, "226 done").await, line);
    let failed = "226 Transfer done (but failed to open directory).";
    assert_eq!(shown("", &[], "LIST", true, failed).await, None);
}
