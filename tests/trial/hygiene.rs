//! Usage, control groups, what is written, and what is left behind.

use crate::common::Reaped;
use crate::{ours, trial};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn usage_and_control_group() {
    for (arguments, says) in [
        (&["client", "--", "false", "{url}"][..], "without any fault: detected"),
        (&["client", "--", "true", "{url}"], "without any fault: silent_truncation"),
        (&["client", "--", "ftpsim-there-is-no-such-program", "{url}"], "there is no ftpsim-there"),
        (&["client", "--", "true"], "names neither {url} nor {port}"),
        (&["client", "--fault", "disk_full", "--", "true", "{url}"], "disk_full"),
        (&["client", "--trigger", "byte:x", "--", "true", "{url}"], "expected byte:N"),
        (
            &["client", "--fault", "refused", "--trigger", "last", "--", "true", "{url}"],
            "none of these faults",
        ),
        (&["client", "--server", "nobody", "--", "true", "{url}"], "nobody called \"nobody\""),
        (&["pairs", "--client", "ftpsim/nothing"], "without such a client"),
    ] {
        let trial = trial(arguments);
        assert_eq!(trial.code(), Some(2), "{}", trial.said());
        assert!(trial.said().contains(says), "{arguments:?}: {}", trial.said());
    }
}

/// What is told, in each form; and the command of a row brings the row again.
#[test]
fn rows_are_written_and_can_be_had_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (out, junit) = (path("out"), path("junit.xml"));
    let url = "ftp://{user}:{password}@{host}:{port}/";
    let first = trial(&[
        "client",
        "--fault",
        "split_close,corrupt",
        "--trigger",
        "middle,last",
        "--json",
        "--out",
        &out,
        "--junit",
        &junit,
        "--",
        ours(),
        "put",
        "-q",
        url,
        "{local}",
    ]);
    assert_eq!(first.code(), Some(1), "{}", first.said());
    let csv = fs::read_to_string(path("out/trials.csv")).unwrap();
    assert_eq!(
        csv.lines().next().unwrap(),
        "client,client_version,client_settings,server,server_version,server_settings,direction,tls,size_bytes,fault,\
         trigger,at_byte,lasts_ms,hidden,exit_status,final_reply,content,verdict,silent,attempts,seconds,said,command"
    );
    assert_eq!(csv.lines().count(), 1 + 1 + 4);
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"5\" failures=\"2\" skipped=\"0\""), "{xml}");
    let page = fs::read_to_string(path("out/index.html")).unwrap();
    assert!(page.contains("2/2") && page.contains("* split_close at byte 50000"), "{page}");

    let command = first.of("split_close", "last", "command");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command.replacen("ftpsim", &format!("{} ", ours()), 1)).arg("--json");
    let again = shell.output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{command}: {}", crate::common::said(&again));
    let text = String::from_utf8(again.stdout).unwrap();
    assert!(
        text.contains("split_close") && text.contains("silent_truncation") && !text.contains("early"),
        "{text}"
    );
    // No password, ours or the run's.
    assert!(!csv.contains("s3cret") && !xml.contains("s3cret") && !page.contains("s3cret"));
}

fn is_gone(pid: i32) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        // One that nobody has waited for yet has no command line.
        fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| line.is_empty())
    })
}

/// However it ends: asked to, or killed.
#[test]
fn nothing_is_left_behind_after_an_end() {
    for (signal, code) in [
        (rustix::process::Signal::INT, Some(130)),
        (rustix::process::Signal::TERM, Some(143)),
        (rustix::process::Signal::KILL, None),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        // It stays until it is killed, and says who it is.
        let witness = tempfile::tempdir().unwrap();
        let path = witness.path().join("pid");
        let script = format!("echo $$ > {}; exec sleep 300 # {{url}}", path.display());
        let mut command = Command::new(ours());
        command.env("TMPDIR", scratch.path());
        command.args(["trial", "client", "--time-limit", "300", "--", "sh", "-c", &script]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut trial = Reaped(child);
        let mut pid = None;
        for _ in 0..600 {
            pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<i32>().ok());
            if pid.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let client = pid.expect("the client has not started");
        let children = format!("/proc/{0}/task/{0}/children", trial.0.id());
        let _ = fs::read_to_string(children);
        rustix::process::kill_process(rustix::process::Pid::from_child(&trial.0), signal).unwrap();
        assert_eq!(trial.0.wait().unwrap().code(), code);
        if code.is_some() || fs::exists("/usr/bin/setpriv").unwrap() {
            assert!(is_gone(client), "the client lives on after {signal:?}");
        }
        if code.is_some() {
            assert_eq!(crate::common::names(scratch.path()), [""; 0], "something is left behind");
        }
    }
}
