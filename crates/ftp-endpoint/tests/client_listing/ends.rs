//! How a listing ends, and what its replies say of it.

use super::*;

/// LIST of a server without MLSD, answered by 226 in place of 150; the data connection.
async fn done_before_it_lists(s: &mut Script) -> <MemoryNet as Net>::Stream {
    s.answer("FEAT", "502 what").await;
    s.answer("TYPE A", "200 ok").await;
    let data = s.passive().await;
    s.answer("LIST", "226 done").await;
    data
}

/// 226 in place of 150: nothing is listed where nothing comes, be it that the server keeps the connection. Nobody waits
/// for it then as long as for what is promised.
#[tokio::test(start_paused = true)]
async fn a_listing_behind_its_completion_is_one() {
    for (lines, closes, wanted) in [(ONE, true, Some("one")), (b"", true, None), (b"", false, None)] {
        play(
            |mut s| async move {
                let mut data = done_before_it_lists(&mut s).await;
                data.write_all(lines).await.unwrap();
                let kept = (!closes).then_some(data);
                s.answer("TYPE I", "200 ok").await;
                drop(kept);
            },
            |mut c| async move {
                let begin = tokio::time::Instant::now();
                let listing = c.list("").await.unwrap();
                assert_eq!(names(&listing), Vec::from_iter(wanted));
                assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
            },
        )
        .await;
    }
}

/// However slowly it comes; and what breaks off has not been listed.
#[tokio::test(start_paused = true)]
async fn a_listing_behind_its_completion_is_read_to_its_end() {
    const TWO: &[u8] = b"-rw-r--r-- 1 a b 5 Jan  1 2020 two\r\n";
    for is_whole in [true, false] {
        play(
            |mut s| async move {
                let mut data = done_before_it_lists(&mut s).await;
                data.write_all(ONE).await.unwrap();
                sleep(Duration::from_secs(3)).await;
                data.write_all(TWO).await.unwrap();
                sleep(Duration::from_secs(3)).await;
                if is_whole {
                    drop(data);
                } else {
                    data.abort();
                }
                s.answer("TYPE I", "200 ok").await;
            },
            |mut c| async move {
                match c.list("").await {
                    Ok(listing) => assert!(is_whole && names(&listing) == ["one", "two"], "{listing:?}"),
                    Err(error) => assert!(!is_whole && error.kind() == FailureKind::Data, "{error}"),
                }
            },
        )
        .await;
    }
}

/// RFC 959 section 5.4: behind 421 the connection is closed, and the next command would be lost with it.
#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_at_a_listing_is_asked_no_more() {
    play(
        |mut s| async move {
            s.answer("FEAT", "211-these\r\n MLST type*;\r\n211 end").await;
            let _data = s.passive().await;
            s.answer("MLSD d", "421 good bye").await;
            s.gone().await;
        },
        |mut c| async move {
            let error = c.list("d").await.unwrap_err();
            assert!(matches!(&error, ClientError::Refused { reply, .. } if reply.code == 421), "{error}");
            assert!(!c.session().in_step());
        },
    )
    .await;
}

/// vsftpd says 226 of a directory that it could not read.
#[tokio::test(start_paused = true)]
async fn a_completion_that_tells_of_a_failure_is_one() {
    play(
        |mut s| async move {
            s.answer("FEAT", "502 what").await;
            s.answer("TYPE A", "200 ok").await;
            let data = s.passive().await;
            s.answer("LIST", "150 here it comes").await;
            drop(data);
            s.say("226 Transfer done (but failed to open directory).").await;
            s.answer("TYPE I", "200 ok").await;
        },
        |mut c| async move {
            assert!(matches!(c.list("").await, Err(ClientError::Refused { .. })));
        },
    )
    .await;
}

/// RFC 959 section 5.4: nothing is missing that LIST could go on with.
#[tokio::test(start_paused = true)]
async fn a_listing_that_asks_for_more_has_failed() {
    play(
        |mut s| async move {
            s.answer("FEAT", "502 what").await;
            s.answer("TYPE A", "200 ok").await;
            let _data = s.passive().await;
            s.answer("LIST", "350 and then?").await;
        },
        |mut c| async move {
            assert!(matches!(c.list("").await, Err(ClientError::OutOfSequence { .. })));
        },
    )
    .await;
}

/// The bound is ours: the server has done nothing wrong, and what has come of its listing is told, and that it is not all.
#[tokio::test(start_paused = true)]
async fn of_an_endless_listing_as_much_is_given_as_was_read() {
    play(
        |mut s| async move {
            s.answer("FEAT", "211-these\r\n MLST\r\n211 end").await;
            let mut data = s.passive().await;
            s.answer("MLSD", "150 here it comes").await;
            let lines = b" f\r\n".repeat(10_000);
            while data.write_all(&lines).await.is_ok() {}
            s.say("426 you have gone").await;
            s.answer("SIZE f", "213 5").await;
            // Who is done with the session says so.
            s.answer("QUIT", "221 bye").await;
        },
        |mut c| async move {
            let listing = c.list("").await.unwrap();
            assert_eq!((listing.entries.len(), listing.is_cut), (1_000_000, true));
            assert_eq!(c.size("f").await.unwrap(), 5);
            c.quit().await;
        },
    )
    .await;
}
