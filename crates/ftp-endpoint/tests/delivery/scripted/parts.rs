//! From where a delivery goes on.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_download_goes_on_at_an_offset_where_that_is_one_of_the_file() {
    use TransmissionMode::{Block, Stream};
    for (mode, representation, part, goes_on) in [
        (Stream, Representation::Image, &b"old"[..], true),
        (Stream, Representation::Local8, b"old", true),
        (Stream, Representation::Image, b"", false),
        (Stream, Representation::Ascii, b"old", false),
        (Block, Representation::Image, b"old", false),
    ] {
        let policy = Policy { mode, representation, resume: true, ..get() };
        let here = MemoryStore::new();
        leave(&here, part).await;
        let report = play(&policy, &here, None, async |server| {
            if goes_on {
                server.answer("FEAT", NOTHING).await;
            }
            send(server, &policy, goes_on.then_some("3"), b"new").await;
        });
        let case = format!("{mode:?} {representation:?} {part:?}");
        assert_eq!(report.await.files[0].result, Ok(()), "{case}");
        assert_eq!(read(&here, "f").await, if goes_on { &b"oldnew"[..] } else { b"new" }, "{case}");
    }
}

/// A part that was there a moment ago, and is gone when it is opened.
#[tokio::test(start_paused = true)]
async fn a_part_that_has_gone_meanwhile_is_no_failure() {
    let policy = Policy { resume: true, ..get() };
    let here = MemoryStore::new();
    leave(&here, b"old").await;
    let report = play(&policy, &here, None, async |server| {
        server.expect("FEAT").await;
        let _ = here.remove_file(&path("f")).await;
        server.say(NOTHING).await;
        send(server, &policy, None, b"new").await;
    });
    assert_eq!(report.await.files[0].result, Ok(()));
    assert_eq!(read(&here, "f").await, b"new");
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_from_what_the_server_tells_of_this_file() {
    let resume = || Policy { resume: true, ..put() };
    let rename = || Policy { publish: Publish::Rename, ..resume() };
    let block = |policy| Policy { mode: TransmissionMode::Block, ..policy };
    let ascii = |policy| Policy { representation: Representation::Ascii, ..policy };
    let none = ("SITE PARTIAL .f.part", "500 what?");
    for (policy, asked, rest) in [
        (put(), &[][..], None),
        (ascii(resume()), &[], None),
        (resume(), &[("SITE PARTIAL f", "213 3")], Some("3p")),
        (block(resume()), &[("SITE PARTIAL f", "213 3")], Some("3p")),
        (Policy { verify: Verify::Size, ..resume() }, &[("SITE PARTIAL f", "213 3")], Some("3p")),
        (resume(), &[("SITE PARTIAL f", "500 3")], None),
        (resume(), &[("SITE PARTIAL f", "213 0")], None),
        (resume(), &[("SITE PARTIAL f", "213 7")], None),
        (rename(), &[("SITE PARTIAL .f.part", "213 3")], Some("3p")),
        (rename(), &[none, ("SIZE .f.part", "213 3")], Some("3")),
        (rename(), &[none, ("SIZE .f.part", "550 3")], None),
        (block(rename()), &[none], None),
    ] {
        let here = MemoryStore::new();
        write(&here, "f", b"abcdef").await;
        let name = if policy.publish == Publish::Rename { ".f.part" } else { "f" };
        let mut came = Vec::new();
        let report = play(&policy, &here, None, async |server| {
            dialogue(server, asked).await;
            if let Some(rest) = rest {
                server.answer("FEAT", NOTHING).await;
                if rest.ends_with('p') {
                    server.answer(&format!("SITE HASHPARTIAL {rest} {name}"), NOTHING).await;
                }
            }
            came = receive(server, &policy, rest, name).await;
            if policy.verify == Verify::Size {
                server.answer(&format!("SIZE {name}"), "213 6").await;
            }
            if policy.publish == Publish::Rename {
                dialogue(server, &[("RNFR .f.part", "350 go on"), ("RNTO f", "250 done")]).await;
            }
        });
        let report = report.await;
        assert_eq!(report.files[0].result, Ok(()), "{policy:?} {asked:?}");
        assert_eq!(came, if rest.is_some() { &b"def"[..] } else { b"abcdef" }, "{policy:?} {asked:?}");
    }
}

/// What has come of it is of the file as it was.
#[tokio::test(start_paused = true)]
async fn an_upload_whose_file_has_changed_begins_anew() {
    for (changes, second) in [(true, &b"another"[..]), (false, b"def")] {
        let policy = Policy { resume: true, retries: 1, ..put() };
        let here = MemoryStore::new();
        here.insert_modified(&path("f"), *b"abcdef", Some((1, 0)));
        let mut came = Vec::new();
        let report = play(&policy, &here, None, async |server| {
            server.answer("SITE PARTIAL f", "550 none").await;
            let data = server.passive().await;
            server.answer("STOR f", "150 go").await;
            data.abort();
            if changes {
                here.insert_modified(&path("f"), *b"another", Some((2, 0)));
            }
            server.say("426 broken").await;
            if !changes {
                dialogue(server, &[("SITE PARTIAL f", "213 3"), ("FEAT", NOTHING)]).await;
                server.answer("SITE HASHPARTIAL 3p f", NOTHING).await;
            }
            came = receive(server, &policy, (!changes).then_some("3p"), "f").await;
        });
        let report = report.await;
        assert_eq!((&report.files[0].result, report.files[0].attempts), (&Ok(()), 2));
        assert_eq!(came, second);
    }
}

/// The size of what has gone before a marker is not known where lines are converted, so there it goes on only where
/// nobody asks for the size of the whole.
#[tokio::test(start_paused = true)]
async fn where_sizes_are_compared_a_converted_upload_begins_anew() {
    for (verify, representation, goes_on) in [
        (Verify::Reply, Representation::Ascii, true),
        (Verify::Size, Representation::Ascii, false),
        (Verify::Size, Representation::Image, true),
    ] {
        let mode = TransmissionMode::Block;
        let policy = Policy { mode, verify, representation, resume: true, retries: 1, ..put() };
        let here = MemoryStore::new();
        write(&here, "f", b"abcdef").await;
        let case = format!("{verify:?} {representation:?}");
        let mut came = Vec::new();
        let report = play(&policy, &here, None, async |server| {
            if representation == Representation::Image {
                server.answer("SITE PARTIAL f", NOTHING).await;
            }
            let mut data = server.passive().await;
            server.answer("STOR f", "150 go").await;
            server.say("110 MARK 3 = 3").await;
            take_blocks(&mut data).await;
            drop(data);
            server.say("426 broken").await;
            if goes_on {
                server.answer("FEAT", NOTHING).await;
            }
            came = receive(server, &policy, goes_on.then_some("3"), "f").await;
            if verify == Verify::Size {
                server.answer("SIZE f", "213 6").await;
            }
        });
        let result = report.await.files.remove(0).result;
        assert_eq!(result, Ok(()), "{case}");
        assert_eq!(came, if goes_on { &b"def"[..] } else { b"abcdef" }, "{case}");
    }
}

/// What files before it have moved does not make a part one that is worth keeping.
#[tokio::test(start_paused = true)]
async fn a_part_is_as_large_as_what_has_come_of_its_file() {
    let policy = Policy { resume_if_proved: true, ..get() };
    let here = MemoryStore::new();
    let report = play_all(&policy, &here, &["a", "f"], None, async |server| {
        server.answer("FEAT", HASHES).await;
        send_file(server, &policy, None, "a", &vec![b'x'; LARGE]).await;
        send_part(server, b"little").await;
    });
    let report = report.await;
    assert_eq!((report.files[0].result.is_ok(), report.files[1].result.is_ok()), (true, false));
    assert_eq!(left(&here).await, None);
}
