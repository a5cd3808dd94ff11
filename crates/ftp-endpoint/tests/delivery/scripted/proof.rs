//! What proves that a part is of the file that is there now.

use super::*;

/// Below what can be saved, and where nothing is proved, nothing is asked.
#[tokio::test(start_paused = true)]
async fn what_proof_there_is_is_asked_for_where_it_is_worth_it() {
    let proved = |policy| Policy { resume_if_proved: true, ..policy };
    let ascii = |policy| Policy { representation: Representation::Ascii, ..policy };
    let none = [("FEAT", HASHES), ("SITE PARTIAL f", "550 none")];
    for (policy, bytes, asked) in [
        (proved(put()), LARGE, &none[..]),
        (proved(put()), LARGE - 1, &[]),
        (proved(ascii(put())), LARGE, &[]),
        (proved(put()), LARGE, &[("FEAT", TELLS_TIMES)]),
        (put(), LARGE, &[]),
    ] {
        let here = MemoryStore::new();
        write(&here, "f", &vec![b'x'; bytes]).await;
        let report = play(&policy, &here, None, async |server| {
            dialogue(server, asked).await;
            assert_eq!(receive(server, &policy, None, "f").await.len(), bytes);
        });
        assert_eq!(report.await.files[0].result, Ok(()), "{policy:?} {bytes}");
    }
    let block = Policy { mode: TransmissionMode::Block, ..get() };
    for (policy, listed, asks) in [
        (proved(get()), None, true),
        (proved(get()), Some(LARGE), true),
        (proved(get()), Some(LARGE - 1), false),
        (proved(ascii(get())), None, false),
        (proved(block), None, false),
        (get(), None, false),
    ] {
        let here = MemoryStore::new();
        let report = play(&policy, &here, listed.map(|bytes| bytes as u64), async |server| {
            if asks {
                server.answer("FEAT", NOTHING).await;
            }
            send(server, &policy, None, &vec![b'x'; listed.unwrap_or(5)]).await;
        });
        assert_eq!(report.await.files[0].result, Ok(()), "{policy:?} {listed:?}");
    }
}

/// Others are not to pay for a part from which nobody will go on.
#[tokio::test(start_paused = true)]
async fn a_part_is_kept_where_another_attempt_will_go_on_from_it() {
    let resumed = Policy { resume: true, ..get() };
    let proved = Policy { resume_if_proved: true, ..get() };
    for (policy, features, bytes, is_kept) in [
        (&resumed, None, 10, true),
        (&get(), None, LARGE, false),
        (&proved, Some(HASHES), LARGE, true),
        (&proved, Some(HASHES), LARGE - 1, false),
        (&proved, Some(TELLS_TIMES), LARGE, true),
        (&proved, Some(TELLS_TIMES), LARGE - 1, false),
        (&proved, Some(NOTHING), LARGE, false),
    ] {
        let here = MemoryStore::new();
        let report = play(policy, &here, None, async |server| {
            if let Some(features) = features {
                server.answer("FEAT", features).await;
            }
            if features == Some(TELLS_TIMES) {
                dialogue(server, &[("SIZE f", "213 2000000"), ("MDTM f", "213 20200101000000")]).await;
            }
            send_part(server, &vec![b'x'; bytes]).await;
        });
        let case = format!("{} {features:?} {bytes}", policy.resume);
        assert!(report.await.files[0].result.is_err(), "{case}");
        assert_eq!(left(&here).await, is_kept.then_some(bytes as u64), "{case}");
    }
}

/// Where there is no hash: size and time are asked for before, and again before it is published.
#[tokio::test(start_paused = true)]
async fn without_a_hash_size_and_time_say_whether_a_part_is_of_this_file() {
    const SIZE: (&str, &str) = ("SIZE f", "213 1048576");
    const TIME: (&str, &str) = ("MDTM f", "213 20200101000000");
    const LATER: (&str, &str) = ("MDTM f", "213 20200101000001");
    let policy = Policy { resume_if_proved: true, ..get() };
    for (before, goes_on, after, kind) in [
        (&[SIZE, TIME][..], true, &[SIZE, TIME][..], None),
        (&[SIZE, TIME], true, &[SIZE, LATER], Some(FailureKind::Mismatch)),
        (&[SIZE, TIME], true, &[("SIZE f", "213 1048577"), TIME], Some(FailureKind::Mismatch)),
        (&[SIZE, LATER], false, &[], None),
        (&[("SIZE f", "213 1048577"), TIME], false, &[], None),
        (&[("SIZE f", "213 1048575")], false, &[], None),
        (&[("SIZE f", "550 none")], false, &[], None),
        (&[SIZE, ("MDTM f", "550 20200101000000")], false, &[], None),
        (&[SIZE, ("MDTM f", "213 yesterday")], false, &[], None),
    ] {
        let here = MemoryStore::new();
        let broken = play(&policy, &here, None, async |server| {
            dialogue(server, &[("FEAT", TELLS_TIMES), SIZE, TIME]).await;
            send_part(server, &vec![b'o'; LARGE]).await;
        });
        assert!(broken.await.files[0].result.is_err());
        let report = play(&policy, &here, None, async |server| {
            server.answer("FEAT", TELLS_TIMES).await;
            dialogue(server, before).await;
            send(server, &policy, goes_on.then_some("1048576"), b"new").await;
            dialogue(server, after).await;
        });
        let result = report.await.files.remove(0).result;
        assert_eq!(
            result.as_ref().err().map(|failure| failure.kind),
            kind,
            "{before:?} {after:?} {result:?}"
        );
        if kind.is_none() {
            let bytes = if goes_on { LARGE + 3 } else { 3 };
            assert_eq!(read(&here, "f").await.len(), bytes, "{before:?}");
        }
    }
}

/// One of the two is not enough.
#[tokio::test(start_paused = true)]
async fn a_server_that_tells_times_or_sizes_alone_is_not_asked() {
    let policy = Policy { resume_if_proved: true, ..get() };
    for features in ["211-these\r\n SIZE\r\n211 end", "211-these\r\n MDTM\r\n211 end"] {
        let here = MemoryStore::new();
        let report = play(&policy, &here, None, async |server| {
            server.answer("FEAT", features).await;
            send(server, &policy, None, b"new").await;
        });
        assert_eq!(report.await.files[0].result, Ok(()), "{features}");
    }
}
