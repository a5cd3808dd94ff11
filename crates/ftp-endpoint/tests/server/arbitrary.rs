//! Arbitrary dialogues: whatever comes, each line is answered by a well-formed reply, the session
//! ends when the client does, and nothing is left behind.

use ftp_proto::command::VERBS;
use ftp_proto::reply::{Class, ReplyParser};
use proptest::prelude::*;
use testkit::server::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn line() -> impl Strategy<Value = Vec<u8>> {
    let verb = proptest::sample::select(VERBS);
    let argument = prop_oneof![
        Just(String::new()),
        proptest::sample::select(
            &[
                "f", "d", "/d/x", "..", "I", "A", "B", "C", "S", "R", "F", "3", "1 0", "2 5", "XPIPE ON",
                "ALL"
            ][..]
        )
        .prop_map(|word| format!(" {word}")),
        "[ -~]{0,12}".prop_map(|text| format!(" {text}")),
    ];
    prop_oneof![
        8 => (verb, argument).prop_map(|(verb, argument)| format!("{verb}{argument}\r\n").into_bytes()),
        1 => Just(b"EPSV\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => Just(b"\xff\xf4\xff\xf2ABOR\r\n".to_vec()),
    ]
}

/// Runs the lines; after each EPSV a connection is made, some bytes are sent and it is closed.
async fn dialogue(lines: Vec<Vec<u8>>, data: Vec<u8>, logged_in: bool) {
    let world = world().await;
    world.put("/f", b"0123456789");
    world.put("/d/x", b"");
    let client = if logged_in { world.client().await } else { world.connect().await };
    let net = client.net.clone();
    let (mut reading, mut writing) = tokio::io::split(client.stream);
    let sending = async move {
        for line in lines {
            if writing.write_all(&line).await.is_err() {
                break;
            }
            settle().await;
        }
        let _ = writing.shutdown().await;
    };
    let receiving = async move {
        let (mut parser, mut replies) = (ReplyParser::new(), 0);
        let mut buffer = vec![0; 4096];
        loop {
            let read = match reading.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            let mut input = &buffer[..read];
            while let Some(reply) = parser.parse(&mut input).expect("a well-formed reply") {
                assert!((100..600).contains(&reply.code));
                replies += usize::from(reply.class() != Class::Preliminary);
                if let Ok(port) = ftp_proto::address::parse_extended_passive(&reply.text()) {
                    let to = std::net::SocketAddr::new(SERVER.ip(), port);
                    if let Ok(mut stream) = net.connect_from_port(40_000, to).await {
                        let data = data.clone();
                        tokio::spawn(async move {
                            let _ = stream.write_all(&data).await;
                            let mut rest = Vec::new();
                            let _ = stream.shutdown().await;
                            let _ = stream.read_to_end(&mut rest).await;
                        });
                    }
                }
            }
        }
        assert!(!parser.in_reply(), "the last reply is whole");
        replies
    };
    soon(async { tokio::join!(sending, receiving) }).await;
    settle().await;
    assert_eq!(world.notes.count("begin"), world.notes.count("end"), "{:?}", world.notes.all());
    assert_eq!(world.notes.count("data opens"), world.notes.count("data ") - world.notes.count("data opens"));
    assert_eq!(world.net.listening(), 1, "no passive port is left open");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_dialogue_ends_well(
        lines in proptest::collection::vec(line(), 0..25),
        data in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..30),
            Just(b"\x40\x00\x03abc\x40\x00\x01d".to_vec()),
        ],
        logged_in in proptest::bool::weighted(0.9),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
        runtime.block_on(dialogue(lines, data, logged_in));
    }
}
