//! Files that change between an attempt that broke off and the one that goes on.

use super::{CutNet, MODES, World, noise, path, read, write};
use ftp_endpoint::client::{Delivery, Direction, Job, Login, Policy, Publish, Report, Verify};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::repr::Representation;
use std::num::NonZeroU64;
use testkit::memory_net::MemoryNet;
use testkit::script::Script;
use testkit::server::SERVER;
use tokio::io::AsyncReadExt;

async fn deliver(world: &World, net: impl Net, policy: &Policy) -> Report {
    let jobs = [Job { local: path("f"), remote: "f".to_owned() }];
    let login = Login::new("me", "secret");
    Delivery::new(&net, &world.here, world.address, &login).policy(policy).deliver(&jobs).await
}

/// An earlier run has left a part; the file has become another since, of the same size, a greater or a
/// smaller one. Nothing but the reply is asked for, and yet it is delivered as it is now.
#[tokio::test]
async fn what_a_part_is_of_is_found_out_before_it_is_believed() {
    let old = noise(1_000_000, 3);
    for direction in [Direction::Put, Direction::Get] {
        for mode in MODES {
            for publish in [Publish::Direct, Publish::Rename] {
                for len in [1_000_000, 1_200_000, 700_000] {
                    let world = World::new().await;
                    let (from, to) = world.ends(direction);
                    let policy = Policy {
                        direction,
                        mode,
                        publish,
                        resume: true,
                        retries: 0,
                        marker_interval_bytes: NonZeroU64::new(50_000).filter(|_| mode.is_framed()),
                        ..Policy::default()
                    };
                    write(from, "f", &old).await;
                    let broken = deliver(&world, CutNet::new(1, 400_000), &policy).await;
                    let case = format!("{direction:?} {mode:?} {publish:?} {len}");
                    assert!(broken.files[0].result.is_err(), "{case}");
                    let new = noise(len, 5);
                    write(from, "f", &new).await;
                    let report = deliver(&world, RealNet::new(), &policy).await;
                    assert_eq!(report.files[0].result, Ok(()), "{case}");
                    assert_eq!(report.files[0].attempts, 1, "{case}");
                    assert!(read(to, "f").await == new, "{case}");
                }
            }
        }
    }
}

/// A server that does not tell hashes of parts is believed, as before there was one that does; what it tells
/// counts before a byte is sent.
#[tokio::test(start_paused = true)]
async fn a_part_is_compared_before_it_is_gone_on_from_where_the_server_can() {
    let of_abc = "213 3 SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let of_others = "213 3 SHA-256 bf6aaaab7c143ca12ae448c69fb72bb4cf1b29154b9086a927a0a91ae334cdf7";
    for (told, is_resumed) in [("500 what?", true), ("550 none", true), (of_abc, true), (of_others, false)] {
        let net = MemoryNet::new(SERVER.ip());
        let listener = net.listen(SERVER).await.unwrap();
        let script = async {
            let mut server = Script::accept(net.clone(), &listener).await;
            server.log_in(None).await;
            server.answer("SITE PARTIAL f", "213 3").await;
            server.answer("FEAT", "500 what?").await;
            server.answer("SITE HASHPARTIAL 3p f", told).await;
            let mut data = server.passive().await;
            if is_resumed {
                server.answer("REST 3p", "350 go on").await;
            }
            server.answer("STOR f", "150 go").await;
            let mut came = Vec::new();
            data.read_to_end(&mut came).await.unwrap();
            drop(data);
            server.say("226 done").await;
            server.answer("QUIT", "221 bye").await;
            came
        };
        let here = MemoryStore::new();
        write(&here, "f", b"abcdef").await;
        let policy = Policy { resume: true, retries: 0, ..Policy::default() };
        let (jobs, login) = ([Job { local: path("f"), remote: "f".to_owned() }], Login::new("me", "secret"));
        let net = net.host([10, 0, 0, 2]);
        let delivery = Delivery::new(&net, &here, SERVER, &login).policy(&policy).deliver(&jobs);
        let (came, report) = tokio::join!(script, delivery);
        assert_eq!(report.files[0].result, Ok(()), "{told}");
        assert_eq!(came, if is_resumed { &b"def"[..] } else { b"abcdef" }, "{told}");
    }
}

/// TYPE A holds a CR back until it is known what follows: at the end of the file nothing does, and it is a
/// part of what is hashed.
#[tokio::test]
async fn a_file_that_ends_with_a_return_has_its_own_hash() {
    for direction in [Direction::Put, Direction::Get] {
        for (mode, pipeline_depth) in MODES.into_iter().flat_map(|mode| [(mode, 1), (mode, 4)]) {
            let world = World::new().await;
            let from = if direction == Direction::Put { &world.here } else { &world.there };
            write(from, "f", b"a line\nand a return\r").await;
            let policy = Policy {
                direction,
                mode,
                pipeline_depth,
                representation: Representation::Ascii,
                verify: Verify::Hash,
                retries: 0,
                ..Policy::default()
            };
            let report = deliver(&world, RealNet::new(), &policy).await;
            assert_eq!(report.files[0].result, Ok(()), "{direction:?} {mode:?} {pipeline_depth}");
        }
    }
}
