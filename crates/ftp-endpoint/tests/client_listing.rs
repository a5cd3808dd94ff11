//! Listings and data connections of servers as they are met, against a server that follows a script.
#![allow(clippy::disallowed_methods, reason = "the test network stands on tokio's paused clock")]
#![cfg(feature = "client")]

#[path = "client_listing/ends.rs"]
mod ends;
#[path = "client_listing/passive.rs"]
mod passive;

use ftp_endpoint::client::{Client, ClientError, Entry, FailureKind, Listing, Login, Options};
use ftp_endpoint::net::{Listener, Net, Stream};
use std::time::Duration;
use testkit::memory_net::MemoryNet;
use testkit::script::Script;
use testkit::server::SERVER;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

/// Runs `script`, with the login done, as the server and `client` with a session to it.
async fn play<S, C>(script: impl FnOnce(Script) -> S, client: impl FnOnce(Client<MemoryNet>) -> C)
where
    S: Future<Output = ()>,
    C: Future<Output = ()>,
{
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let serve = async {
        let mut accepted = Script::accept(net.clone(), &listener).await;
        accepted.log_in(None).await;
        script(accepted).await;
    };
    let use_it = async {
        let (host, login) = (net.host([10, 0, 0, 2]), Login::new("me", "secret"));
        client(Client::connect(host, SERVER, &login, &Options::default()).await.unwrap()).await;
    };
    tokio::join!(serve, use_it);
}

/// Answers LIST in type A, between the two TYPEs.
async fn list(s: &mut Script, command: &str, lines: &[u8]) {
    s.answer("TYPE A", "200 ok").await;
    let mut data = s.passive().await;
    s.answer(command, "150 here it comes").await;
    data.write_all(lines).await.unwrap();
    drop(data);
    s.say("226 done").await;
    s.answer("TYPE I", "200 ok").await;
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.entries.iter().map(|entry: &Entry| entry.name.as_str()).collect()
}

const ONE: &[u8] = b"-rw-r--r-- 1 a b 5 Jan  1 2020 one\r\n";

/// RFC 959 section 4.1.3: in type A; and no argument that a server could split, or take for options.
#[tokio::test(start_paused = true)]
async fn list_is_asked_for_in_the_directory() {
    for path in ["a b", "-la", "x/*"] {
        play(
            |mut s| async move {
                s.answer("FEAT", "502 what").await;
                s.answer("PWD", "257 \"/home\" is it").await;
                s.answer(&format!("CWD {path}"), "250 ok").await;
                s.answer("PWD", &format!("257 \"/home/{path}\"")).await;
                list(&mut s, "LIST", ONE).await;
                s.answer("CWD /home", "250 ok").await;
            },
            |mut c| async move {
                let listing = c.list(path).await.unwrap();
                assert_eq!(names(&listing), ["one"]);
                assert_eq!(listing.directory, Some(format!("/home/{path}")));
            },
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_told_without_quotes_is_gone_back_to() {
    play(
        |mut s| async move {
            s.answer("FEAT", "502 what").await;
            s.answer("PWD", "257 /home/a b is the current directory").await;
            s.answer("CWD sub", "250 ok").await;
            s.answer("PWD", "257 /home/a b/sub is the current directory").await;
            list(&mut s, "LIST", ONE).await;
            s.answer("CWD /home/a b", "250 ok").await;
        },
        |mut c| async move { assert_eq!(names(&c.list("sub").await.unwrap()), ["one"]) },
    )
    .await;
}

/// Without PWD nobody would find back; with a CWD that goes nowhere, the listing would be another's.
#[tokio::test(start_paused = true)]
async fn where_cwd_does_not_help_list_has_an_argument() {
    for pwd in ["502 what", "257 \"/\" always"] {
        play(
            |mut s| async move {
                s.answer("FEAT", "502 what").await;
                s.answer("PWD", pwd).await;
                if pwd.starts_with("257") {
                    s.answer("CWD -d", "250 ok").await;
                    s.answer("PWD", pwd).await;
                    s.answer("CWD /", "250 ok").await;
                }
                list(&mut s, "LIST ./-d", ONE).await;
            },
            |mut c| async move { assert_eq!(names(&c.list("-d").await.unwrap()), ["one"]) },
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_directory_is_no_failure_and_an_unreadable_one_is() {
    for (answer, is_empty) in [
        ("450 No files found", true),
        ("550 No files found", true),
        ("550 No members found.", true),
        ("550 No data sets found.", true),
        ("550 Directory is empty", true),
        ("550 File not found", false),
        ("550 No such file or directory", false),
        ("226 Transfer complete", true),
        ("550 Permission denied", false),
        ("425 later", false),
    ] {
        play(
            |mut s| async move {
                s.answer("FEAT", "502 what").await;
                s.answer("TYPE A", "200 ok").await;
                let data = s.passive().await;
                s.answer("LIST", answer).await;
                s.answer("TYPE I", "200 ok").await;
                drop(data);
            },
            |mut c| async move {
                match c.list("").await {
                    Ok(listing) => assert!(is_empty && listing == Listing::default(), "{answer}"),
                    Err(error) => {
                        assert!(
                            !is_empty && matches!(error, ClientError::Refused { .. }),
                            "{answer}: {error}"
                        );
                    }
                }
            },
        )
        .await;
    }
}

/// Its server has facts, but they do not tell links from what they lead to.
#[tokio::test(start_paused = true)]
async fn lines_are_had_without_asking_for_facts() {
    play(
        |mut s| async move { list(&mut s, "LIST", ONE).await },
        |mut c| async move { assert_eq!(names(&c.list_lines("").await.unwrap()), ["one"]) },
    )
    .await;
}

/// RFC 3659 sections 7.5.2, 7.8 and 7.9: once a session; and a server that does not take it is asked all the same.
#[tokio::test(start_paused = true)]
async fn what_directories_differ_by_is_asked_for() {
    for (facts, opts, answer) in [
        ("type*;size*;perm;unique;", Some("OPTS MLST type;size;unique;"), "200 MLST OPTS type;size;unique;"),
        ("Type*;Unique;", Some("OPTS MLST Type;unique;"), "501 no"),
        ("type*;unique*;", None, ""),
        ("type*;size;", None, ""),
    ] {
        play(
            |mut s| async move {
                s.answer("FEAT", &format!("211-these\r\n MLST {facts}\r\n211 end")).await;
                if let Some(opts) = opts {
                    s.answer(opts, answer).await;
                }
                for _ in 0..2 {
                    let mut data = s.passive().await;
                    s.answer("MLSD d", "150 here it comes").await;
                    let lines =
                        b"type=dir;unique=3; sub\r\ntype=cdir;unique=2; .\r\ntype=pdir;unique=1; ..\r\n";
                    data.write_all(lines).await.unwrap();
                    drop(data);
                    s.say("226 done").await;
                }
                s.answer("MLST d", "250-this\r\n type=dir;unique=2; d\r\n250 end").await;
                s.answer("MLST", "550 no").await;
            },
            |mut c| async move {
                for _ in 0..2 {
                    let listing = c.list("d").await.unwrap();
                    assert_eq!((names(&listing), listing.unique.as_deref()), (vec!["sub"], Some("2")));
                    assert_eq!(listing.entries[0].unique.as_deref(), Some("3"));
                }
                assert_eq!(c.session().unique("d").await.unwrap().as_deref(), Some("2"));
                assert_eq!(c.session().unique("").await.unwrap(), None);
            },
        )
        .await;
    }
}

/// Nothing is missing where a directory is empty, whichever way its server says so.
#[tokio::test(start_paused = true)]
async fn what_is_empty_by_mlsd_is_no_failure() {
    for (answer, is_empty) in [
        ("450 No files found", true),
        ("550 Directory is empty", true),
        ("550 File not found", false),
        ("550 No such file or directory", false),
    ] {
        play(
            |mut s| async move {
                s.answer("FEAT", "211-these\r\n MLST type*;\r\n211 end").await;
                let data = s.passive().await;
                s.answer("MLSD d", answer).await;
                drop(data);
            },
            |mut c| async move {
                match c.list("d").await {
                    Ok(listing) => assert!(is_empty && listing == Listing::default(), "{answer}"),
                    Err(error) => assert!(!is_empty, "{answer}: {error}"),
                }
            },
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_names_mlsd_is_asked_by_list() {
    play(
        |mut s| async move {
            s.answer("FEAT", "211-Extensions\r\n MLST type*;\r\n211 End").await;
            let data = s.passive().await;
            s.answer("MLSD", "502 not yet").await;
            drop(data);
            list(&mut s, "LIST", ONE).await;
        },
        |mut c| async move { assert_eq!(names(&c.list("").await.unwrap()), ["one"]) },
    )
    .await;
}

/// A type that cannot be set back would spoil the files to come.
#[tokio::test(start_paused = true)]
async fn a_type_that_is_not_taken_back_ends_the_session() {
    play(
        |mut s| async move {
            s.answer("FEAT", "502 what").await;
            s.answer("TYPE A", "200 ok").await;
            let data = s.passive().await;
            s.answer("LIST", "150 go").await;
            drop(data);
            s.say("226 done").await;
            s.answer("TYPE I", "451 not now").await;
        },
        |mut c| async move {
            c.list("").await.unwrap_err();
            assert!(matches!(c.size("x").await, Err(ClientError::OutOfStep)));
        },
    )
    .await;
}

/// Whoever knows MLSD and refuses it has spoken about the directory.
#[tokio::test(start_paused = true)]
async fn list_does_not_go_where_mlsd_was_refused() {
    for (refusal, is_unknown) in [("550 no", false), ("450 busy", false), ("502 what", true)] {
        play(
            |mut s| async move {
                s.answer("FEAT", "211-these\r\n MLST type*;\r\n211 end").await;
                let data = s.passive().await;
                s.answer("MLSD", refusal).await;
                drop(data);
                if is_unknown {
                    list(&mut s, "LIST", ONE).await;
                }
                s.answer("NOOP", "200 ok").await;
            },
            |mut c| async move {
                let listing = c.list("").await;
                match is_unknown {
                    true => assert_eq!(names(&listing.unwrap()), ["one"]),
                    false => assert!(matches!(listing, Err(ClientError::Refused { .. }))),
                }
                c.session().must(ftp_proto::command::Command::Noop).await.unwrap();
            },
        )
        .await;
    }
}

/// RFC 2640 section 3.1: what is no UTF-8 is listed, fetched, deleted by its bytes.
#[tokio::test(start_paused = true)]
async fn a_name_is_bytes() {
    use ftp_proto::name::encode;
    let net = MemoryNet::new(SERVER.ip());
    let store = ftp_endpoint::store::memory::MemoryStore::new();
    let users = ftp_endpoint::server::Table::new().with_user(
        "me",
        "secret",
        store.clone(),
        ftp_endpoint::server::Rights::ALL,
    );
    let config = std::sync::Arc::new(ftp_endpoint::server::Config::new(users));
    let nobody = std::sync::Arc::new(ftp_endpoint::observe::Nobody);
    let listener = net.listen(SERVER).await.unwrap();
    tokio::spawn(ftp_endpoint::server::serve(net.clone(), listener, config, nobody));
    let (host, login) = (net.host([10, 0, 0, 2]), Login::new("me", "secret"));
    let mut c = Client::connect(host, SERVER, &login, &Options::default()).await.unwrap();
    let name = ftp_proto::name::decode(b"gr\xfcn \xff\xf4\x8f\xba\x80");
    c.make_dir(&name).await.unwrap();
    c.store(&format!("{name}/{name}"), &b"hello"[..]).await.unwrap();
    for path in ["", &name] {
        let listing = c.list(path).await.unwrap();
        assert_eq!(encode(&listing.entries[0].name), encode(&name));
    }
    let mut file = Vec::new();
    c.fetch(&format!("{name}/{name}"), &mut file).await.unwrap();
    assert_eq!(file, b"hello");
    c.remove_file(&format!("{name}/{name}")).await.unwrap();
    c.remove_dir(&name).await.unwrap();
    assert!(c.list("").await.unwrap().entries.is_empty());
    for name in ["a\nDELE b", "a\0b"] {
        assert!(matches!(c.remove_file(name).await, Err(ClientError::BadName)));
    }
}
