//! `ftpsim trial client`: each fault, by clients whose answer to it is known.

use crate::common::{has, skip};
use crate::{Trial, ours, trial};

const CURL: [&str; 5] = ["curl", "-sS", "-T", "{local}", "{url}"];
/// What stands before the end.
const CUTS: [&str; 4] = ["byte_0", "byte_1", "middle", "last"];

fn client(options: &[&str], command: &[&str]) -> Trial {
    trial(&[&["client", "--json"], options, &["--"], command].concat())
}

/// As 8,871 runs of other people's software have shown: an upload's sender sees nothing of a FIN.
#[test]
fn curl_loses_uploads_silently_and_downloads_never() {
    if !has("curl") {
        return;
    }
    let faults = ["--fault", "early_close,split_close,reset,corrupt,refused"];
    let put = client(&faults, &CURL);
    assert_eq!(put.code(), Some(1), "{}", put.said());
    assert_eq!(put.verdict("none", "never"), "intact");
    for cut in CUTS {
        assert_eq!(put.verdict("split_close", cut), "silent_truncation");
        assert_eq!(put.verdict("early_close", cut), "silent_truncation");
        assert_eq!(put.verdict("reset", cut), "detected");
        assert_eq!(put.verdict("corrupt", cut), "silent_corruption");
        assert_eq!(put.of("corrupt", cut, "hidden"), "true");
    }
    assert_eq!(put.of("split_close", "byte_0", "content"), "empty");
    assert_eq!(put.of("split_close", "middle", "content"), "prefix");
    assert_eq!(put.verdict("split_close", "after_last"), "intact");
    // EPSV's connection is refused, that of PASV is not.
    assert_eq!(
        (put.verdict("refused", "byte_0"), put.of("refused", "byte_0", "attempts")),
        ("intact".into(), "1".into())
    );
    let get = client(&[&["--get"], &faults[..]].concat(), &["curl", "-sS", "-o", "{local}", "{url}"]);
    // Without corruption nothing is lost; with it nobody can know.
    assert_eq!(get.code(), Some(0), "{}", get.said());
    for cut in CUTS {
        // It asks SIZE first, and compares.
        assert_eq!(get.verdict("early_close", cut), "detected");
        assert_eq!(get.verdict("reset", cut), "detected");
    }
    let hidden = client(&["--fail-on-hidden", "--fault", "corrupt", "--trigger", "middle"], &CURL);
    assert_eq!(hidden.code(), Some(1), "{}", hidden.said());
}

/// What the server had before RST came is as much as had passed, whatever the machine does.
#[test]
fn a_reset_comes_when_the_receiver_has_read() {
    if !has("curl") {
        return;
    }
    // Curl's standard error would tell, too; here the content does.
    let sizes = ["--get", "--fault", "reset", "--trigger", "byte:70001,after_last"];
    let get = client(&sizes, &["curl", "-sS", "-o", "{local}", "{url}"]);
    assert_eq!(get.of("reset", "byte:70001", "content"), "prefix");
    assert_eq!(get.of("reset", "byte:70001", "at_byte"), "70001");
    // It knows the size, and has no need of an end.
    assert_eq!(
        (get.of("reset", "after_last", "content"), get.verdict("reset", "after_last")),
        ("whole".into(), "intact".into())
    );
}

/// PORT, EPRT, PASV and EPSV, and LIST before the file.
#[test]
fn every_way_to_a_data_connection() {
    if !has("curl") {
        return;
    }
    for (way, verb) in [
        (&["--ftp-port", "-", "--disable-eprt"][..], "> PORT"),
        (&["--ftp-port", "127.0.0.1"], "> EPRT"),
        (&["--disable-epsv"], "> PASV"),
        (&[], "> EPSV"),
    ] {
        let command = [&CURL[..1], way, &CURL[1..]].concat();
        let put = client(&["--fault", "split_close,corrupt", "--trigger", "middle"], &command);
        assert_eq!(put.code(), Some(1), "{}", put.said());
        assert_eq!(put.verdict("split_close", "middle"), "silent_truncation", "{verb}");
        assert_eq!(put.verdict("corrupt", "middle"), "silent_corruption", "{verb}");
        let dialogue = put.rows()[0]["dialogue"].to_string();
        assert!(dialogue.contains(verb) && dialogue.contains("PASS ****"), "{dialogue}");
    }
}

/// A listing, and a file of another name, before and behind the run's own.
const BUSY: &str = r#"
import ftplib, io, sys
host, port, user, password, local, remote = sys.argv[1:]
ftp = ftplib.FTP()
ftp.connect(host, int(port))
ftp.login(user, password)
names = []
ftp.retrlines("LIST", names.append)
ftp.storbinary("STOR other", io.BytesIO(b"x" * 1000))
with open(local, "rb") as file:
    try:
        ftp.storbinary("STOR " + remote, file)
    except ftplib.all_errors as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(str(error))
got = io.BytesIO()
ftp.retrbinary("RETR other", got.write)
assert got.getvalue() == b"x" * 1000
ftp.delete("other")
ftp.quit()
"#;

#[test]
fn only_the_file_is_struck_and_counted() {
    if !has("python3") {
        return;
    }
    let names = ["{host}", "{port}", "{user}", "{password}", "{local}", "{remote}"];
    let command = [&["python3", "-c", BUSY], &names[..]].concat();
    let put = client(&["--fault", "split_close,refused,reset", "--trigger", "byte_0,middle"], &command);
    assert_eq!(put.verdict("none", "never"), "intact", "{}", put.said());
    assert_eq!(put.of("none", "never", "attempts"), "1");
    for (fault, trigger, verdict, content) in [
        ("split_close", "byte_0", "silent_truncation", "empty"),
        ("split_close", "middle", "silent_truncation", "prefix"),
        ("refused", "byte_0", "detected", "absent"),
        ("reset", "middle", "detected", "prefix"),
    ] {
        let found = (put.verdict(fault, trigger), put.of(fault, trigger, "content"));
        // Our server publishes what is whole alone.
        let content = if verdict == "detected" { "absent" } else { content };
        assert_eq!(found, (verdict.to_owned(), content.to_owned()), "{fault} {trigger}");
    }
}

/// A client that swallows its exit status is silent where it knew; its words are kept.
#[test]
fn a_warning_without_a_status_is_silent() {
    if !has("curl") {
        return;
    }
    let swallowed = ["sh", "-c", "curl -sS -T {local} {url} || true"];
    let put = client(&["--fault", "reset", "--trigger", "middle"], &swallowed);
    assert_eq!(put.code(), Some(1), "{}", put.said());
    assert_eq!(put.verdict("reset", "middle"), "silent_truncation");
    let said = put.of("reset", "middle", "said");
    assert!(said.contains("curl: ("), "{said}");
}

/// A retry is told from a first attempt, and its content is looked at.
#[test]
fn what_was_tried_again_has_recovered() {
    let put = |retries: &str| {
        let url = "ftp://{user}:{password}@{host}:{port}/";
        let command = [ours(), "put", "-q", "--retries", retries, "--retry-delay", "0", url, "{local}"];
        client(
            &["--fault", "reset,refused,control_reset", "--trigger", "middle,byte_0,before_reply"],
            &command,
        )
    };
    let again = put("2");
    assert_eq!(again.code(), Some(0), "{}", again.said());
    assert_eq!(
        (again.verdict("reset", "middle"), again.of("reset", "middle", "attempts")),
        ("recovered".into(), "2".into())
    );
    assert_eq!(again.verdict("control_reset", "middle"), "recovered");
    assert_eq!(again.verdict("control_reset", "before_reply"), "recovered");
    let once = put("0");
    assert_eq!(once.code(), Some(0), "{}", once.said());
    assert_eq!(once.verdict("reset", "middle"), "detected");
    // The server has it, and the client has not heard of it.
    assert_eq!(once.verdict("control_reset", "before_reply"), "false_alarm");
}

/// The processes at both ends, ours.
#[test]
fn the_dead_leave_what_they_leave() {
    let faults = ["--fault", "sender_dies,receiver_dies", "--trigger", "middle,after_last"];
    let url = "ftp://{user}:{password}@{host}:{port}/";
    let put = client(&faults, &[ours(), "put", "-q", "--retries", "0", url, "{local}"]);
    // Nobody tells our server in stream mode that there was to be more.
    assert_eq!(put.verdict("sender_dies", "middle"), "silent_truncation", "{}", put.said());
    assert_eq!(put.of("sender_dies", "middle", "exit_status"), "killed");
    assert_eq!(put.verdict("sender_dies", "after_last"), "intact");
    assert_eq!(put.verdict("receiver_dies", "middle"), "detected");
    let get = client(&[&["--get"], &faults[..]].concat(), &[ours(), "get", "-q", "--retries", "0", "{url}"]);
    // The server is the sender; the client hears no final reply.
    assert_eq!(get.verdict("sender_dies", "middle"), "detected", "{}", get.said());
    // What has come is published when it is whole.
    assert_eq!(
        (get.verdict("receiver_dies", "middle"), get.of("receiver_dies", "middle", "content")),
        ("detected".into(), "absent".into())
    );
}

#[test]
fn silence_ends_at_the_limit_or_by_itself() {
    if !has("curl") {
        return;
    }
    let hangs =
        client(&["--fault", "blackhole,control_silent", "--trigger", "middle", "--time-limit", "2"], &CURL);
    assert_eq!(hangs.verdict("blackhole", "middle"), "hang", "{}", hangs.said());
    assert_eq!(hangs.of("control_silent", "middle", "exit_status"), "time_limit");
    let faults =
        ["--fault", "blackhole,stall,control_silent", "--trigger", "middle,before_reply", "--lasts", "1"];
    let passes = client(&faults, &CURL);
    assert_eq!(passes.code(), Some(0), "{}", passes.said());
    for (fault, trigger) in [
        ("blackhole", "middle"),
        ("stall", "middle"),
        ("control_silent", "middle"),
        ("control_silent", "before_reply"),
    ] {
        assert_eq!(passes.verdict(fault, trigger), "intact", "{fault}");
    }
}

/// lftp asks SIZE first, and takes up again where it was.
#[test]
fn lftp_uploads_silently() {
    if !has("lftp") {
        return;
    }
    let put = trial(&[
        "pairs",
        "--json",
        "--client",
        "lftp",
        "--server",
        "ftpsim",
        "--fault",
        "split_close,reset",
        "--trigger",
        "middle",
    ]);
    let rows = put.rows();
    let of = |direction: &str, fault: &str| {
        let row = rows.iter().find(|row| row["direction"] == direction && row["fault"] == fault);
        row.map(|row| row["verdict"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(of("put", "split_close"), "silent_truncation", "{}", put.said());
    assert!(["recovered", "detected"].contains(&&*of("get", "reset")), "{}", put.said());
}

#[test]
fn tls_is_told_from_an_end_on_the_path() {
    if !has("curl") {
        return skip("curl");
    }
    let curl = [
        "curl",
        "-sS",
        "--ssl-reqd",
        "--cacert",
        "{ca}",
        "-T",
        "{local}",
        "ftp://{user}:{password}@localhost:{port}/{remote}",
    ];
    let cut = ["--tls", "--fault", "early_close,split_close", "--trigger", "middle,after_last"];
    let path = client(&cut, &curl);
    assert_eq!(path.verdict("none", "never"), "intact", "{}", path.said());
    // FIN alone: our server takes close_notify only for the end of a file.
    assert_eq!(path.verdict("split_close", "middle"), "detected");
    assert_eq!(path.verdict("early_close", "middle"), "detected");
    // A party to TLS can say what it likes.
    let party = client(&[&cut[..], &["--close-notify"]].concat(), &curl);
    assert_eq!(party.verdict("split_close", "middle"), "silent_truncation");
    assert_eq!(party.verdict("split_close", "after_last"), "intact");
}
