//! What a delivery asks of a server before it goes on from a part, word for word, in memory with virtual time.

#[path = "scripted/broken_ahead.rs"]
mod broken_ahead;
#[path = "scripted/compared.rs"]
mod compared;
#[path = "scripted/one_by_one.rs"]
mod one_by_one;
#[path = "scripted/parts.rs"]
mod parts;
#[path = "scripted/pipelined.rs"]
mod pipelined;
#[path = "scripted/proof.rs"]
mod proof;
#[path = "scripted/said_twice.rs"]
mod said_twice;

use super::{Arc, Event, Nobody, Observer, path, read, write};
use ftp_endpoint::client::{
    Delivery, Direction, FailureKind, Job, Login, Policy, Publish, RESUMED_FROM_BYTES, Report, Verify,
};
use ftp_endpoint::net::{Net, Stream};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{Store, Write, WriteFile};
use ftp_proto::mode::TransmissionMode;
use ftp_proto::repr::Representation;
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::script::Script;
use testkit::server::SERVER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LARGE: usize = RESUMED_FROM_BYTES as usize;
const HASHES: &str = "211-these\r\n HASH SHA-256\r\n211 end";
const TELLS_TIMES: &str = "211-these\r\n SIZE\r\n MDTM\r\n211 end";
const NOTHING: &str = "500 what?";

fn get() -> Policy {
    Policy { direction: Direction::Get, retries: 0, ..Policy::default() }
}

fn put() -> Policy {
    Policy { direction: Direction::Put, ..get() }
}

/// Delivers `f`, of which a listing may have told the size, with a server that does as `script` says.
async fn play(
    policy: &Policy,
    here: &MemoryStore,
    listed: Option<u64>,
    script: impl AsyncFnOnce(&mut Script),
) -> Report {
    play_all(policy, here, &["f"], listed, script).await
}

async fn play_all(
    policy: &Policy,
    here: &impl Store,
    names: &[&str],
    listed: Option<u64>,
    script: impl AsyncFnOnce(&mut Script),
) -> Report {
    play_watched(policy, here, names, listed, Arc::new(Nobody), script).await
}

async fn play_watched(
    policy: &Policy,
    here: &impl Store,
    names: &[&str],
    listed: Option<u64>,
    observer: Arc<dyn Observer>,
    script: impl AsyncFnOnce(&mut Script),
) -> Report {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async {
        let mut server = Script::accept(net.clone(), &listener).await;
        server.say("220 ready").await;
        server.answer("USER me", "230 in").await;
        match policy.representation {
            Representation::Ascii => {}
            Representation::Local8 => server.answer("TYPE L 8", "200 ok").await,
            _ => server.answer("TYPE I", "200 ok").await,
        }
        if policy.mode == TransmissionMode::Block {
            server.answer("MODE B", "200 ok").await;
        }
        script(&mut server).await;
        server.answer("QUIT", "221 bye").await;
    };
    let job = |name: &&str| Job { local: path(name), remote: (*name).to_owned() };
    let (jobs, login): (Vec<Job>, _) = (names.iter().map(job).collect(), Login::new("me", "secret"));
    let host = net.host([10, 0, 0, 2]);
    let listed = listed.map(|bytes| ("f".to_owned(), bytes)).into_iter().collect();
    let delivery =
        Delivery::new(&host, here, SERVER, &login).policy(policy).listed_bytes(listed).observer(observer);
    tokio::join!(serve, delivery.deliver(&jobs)).1
}

async fn dialogue(server: &mut Script, lines: &[(&str, &str)]) {
    for (command, reply) in lines {
        server.answer(command, reply).await;
    }
}

/// RETR of `f`, after REST if it goes on somewhere.
async fn send(server: &mut Script, policy: &Policy, rest: Option<&str>, content: &[u8]) {
    send_file(server, policy, rest, "f", content).await;
}

async fn send_file(server: &mut Script, policy: &Policy, rest: Option<&str>, name: &str, content: &[u8]) {
    let mut data = server.passive().await;
    if let Some(rest) = rest {
        server.answer(&format!("REST {rest}"), "350 go on").await;
    }
    server.answer(&format!("RETR {name}"), "150 go").await;
    if policy.mode == TransmissionMode::Block {
        data.write_all(&[64, 0, content.len() as u8]).await.unwrap();
    }
    data.write_all(content).await.unwrap();
    if policy.mode == TransmissionMode::Block {
        server.say("250 done").await;
        // It stays open until the client leaves.
        std::mem::forget(data);
    } else {
        drop(data);
        server.say("226 done").await;
    }
}

/// RETR that breaks off behind `content`.
async fn send_part(server: &mut Script, content: &[u8]) {
    let mut data = server.passive().await;
    server.answer("RETR f", "150 go").await;
    data.write_all(content).await.unwrap();
    // A reset takes away what has not been read.
    testkit::server::settle().await;
    data.abort();
    server.say("426 broken").await;
}

/// STOR, after REST if it goes on somewhere.
async fn receive(server: &mut Script, policy: &Policy, rest: Option<&str>, name: &str) -> Vec<u8> {
    let mut data = server.passive().await;
    if let Some(rest) = rest {
        server.answer(&format!("REST {rest}"), "350 go on").await;
    }
    server.answer(&format!("STOR {name}"), "150 go").await;
    let mut came = Vec::new();
    if policy.mode == TransmissionMode::Block {
        came = take_blocks(&mut data).await;
        server.say("250 done").await;
        std::mem::forget(data);
    } else {
        data.read_to_end(&mut came).await.unwrap();
        drop(data);
        server.say("226 done").await;
    }
    came
}

/// A file of blocks, to its end.
async fn take_blocks(data: &mut MemoryStream) -> Vec<u8> {
    let (mut came, mut frame) = (Vec::new(), [0; 3]);
    while frame[0] & 64 == 0 {
        data.read_exact(&mut frame).await.unwrap();
        let begin = came.len();
        came.resize(begin + usize::from(u16::from_be_bytes([frame[1], frame[2]])), 0);
        data.read_exact(&mut came[begin..]).await.unwrap();
    }
    came
}

/// Leaves a download that has failed after `content`.
async fn leave(here: &MemoryStore, content: &[u8]) {
    let mut file = here.write(&path("f"), Write::Replace).await.unwrap();
    file.write(content).await.unwrap();
    file.keep().await.unwrap();
}

async fn left(here: &MemoryStore) -> Option<u64> {
    here.partial_bytes(&path("f")).await.unwrap()
}
