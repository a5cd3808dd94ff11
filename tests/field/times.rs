//! Times that are not kept as they were asked for are told.

use crate::common::*;
use crate::fake::{Answer, Fake};
use std::time::{Duration, SystemTime};

const MFMT: &str = "211-these\r\n MFMT\r\n MLST type*;size*;modify*;\r\n211 end";

/// A server of 32 bits takes the time for its last one, and says so.
#[test]
fn another_time_than_was_asked_for_is_told() {
    for (kept, is_told) in [
        ("213 Modify=20380119031407; a", true),
        ("213 modify=21000101000000.000; a", false),
        ("213 File modification time set.", false),
    ] {
        let server = Fake::start(move |verb, _, _| {
            Some(match verb {
                "FEAT" => Answer::Reply(MFMT),
                "STOR" => Answer::Taken,
                "MFMT" => Answer::Reply(kept),
                _ => return None,
            })
        });
        let said = put_at(&server, SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800), is_told);
        assert_eq!(said.contains(kept), is_told, "{said}");
    }
}

/// Where the years of the file system here end, it sets its last one.
#[test]
fn a_time_that_is_another_one_here_is_told() {
    const YEAR_9999: u64 = 253_402_300_799;
    let server = Fake::start(|verb, _, _| {
        Some(match verb {
            "MDTM" => Answer::Reply("213 99991231235959"),
            "RETR" => Answer::Data(b"x".to_vec()),
            _ => return None,
        })
    });
    let here = tempfile::tempdir().unwrap();
    let mut command = ftpsim(here.path());
    let output = command.args(["get", "--keep-times", &server.url("a")]).output().unwrap();
    let kept = std::fs::metadata(here.path().join("a")).unwrap().modified().unwrap();
    let is_kept = kept == SystemTime::UNIX_EPOCH + Duration::from_secs(YEAR_9999);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(i32::from(!is_kept)), "{said}");
    assert_eq!(said.contains("1 time not kept"), !is_kept, "{said}");
}

fn put_at(server: &Fake, time: SystemTime, is_told: bool) -> String {
    let here = tempfile::tempdir().unwrap();
    std::fs::File::create(here.path().join("a")).unwrap().set_modified(time).unwrap();
    let mut command = ftpsim(here.path());
    let output = command.args(["put", "--keep-times", &server.url(""), "a"]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(i32::from(is_told)), "{said}");
    said
}
