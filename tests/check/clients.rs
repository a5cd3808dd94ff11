//! Clients: ours holds, and one that always says that all went well is found out.

use crate::common::*;
use std::time::Duration;

fn ftpsim_binary() -> &'static str {
    env!("CARGO_BIN_EXE_ftpsim")
}

fn checked(options: &[&str]) -> (Vec<serde_json::Value>, i32, String) {
    let here = tempfile::tempdir().unwrap();
    let mut command = assert_cmd::Command::new(ftpsim_binary());
    command.timeout(Duration::from_secs(280)).current_dir(here.path());
    let output = command.args(["check", "client", "--json"]).args(options).output().unwrap();
    let results = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (results, output.status.code().unwrap(), said(&output))
}

fn of<'a>(results: &'a [serde_json::Value], verdict: &'a str) -> Vec<&'a serde_json::Value> {
    results.iter().filter(|result| result["verdict"] == verdict).collect()
}

#[test]
fn our_client_holds_in_all_cases() {
    let program = ftpsim_binary();
    let expected = format!("{}/results/conformance/ftpsim-client.expected", env!("CARGO_MANIFEST_DIR"));
    let (results, code, said) = checked(&[
        "--download",
        &format!("{program} get -q --retries 1 --retry-delay 0 {{url}}"),
        "--upload",
        &format!("{program} put -q --retries 0 ftp://{{user}}:{{password}}@{{host}}:{{port}}/ {{local}}"),
        "--listing",
        &format!("{program} ls {{url}}"),
        "--mirror",
        &format!("{program} get -q -r --retries 0 {{url}}"),
        "--expected-failures",
        &expected,
        "--limit",
        "60",
    ]);
    let known = std::fs::read_to_string(&expected).unwrap();
    let is_known = |r: &&serde_json::Value| known.lines().any(|line| r["id"] == line);
    let failed: Vec<String> =
        of(&results, "fail").into_iter().filter(|r| !is_known(r)).map(|r| format!("{r:#}")).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((code, of(&results, "untestable").len()), (0, 0), "{said}");
    assert!(of(&results, "pass").len() >= 60, "{} pass", of(&results, "pass").len());
}

/// It swallows its exit status.
#[test]
fn a_client_that_is_always_content_is_found_out() {
    let careless = |what: &str| format!("sh -c '\"{}\" {what} || exit 0'", ftpsim_binary());
    let (results, code, said) = checked(&[
        "--download",
        &careless("get -q --retries 0 {url}"),
        "--only",
        "959/5.4",
        "--only",
        "959/4.2.2",
    ]);
    assert_eq!(code, 1, "{said}");
    let failed: Vec<&str> = of(&results, "fail").iter().map(|r| r["id"].as_str().unwrap()).collect();
    for id in
        ["959/4.2.2/retr-550", "959/4.2.2/login-530", "959/5.4/completion-426", "959/5.4/421-in-transfer"]
    {
        assert!(failed.contains(&id), "{id} is not among {failed:?}");
    }
    let uploads = results.iter().find(|r| r["id"] == "959/5.4/upload-452").unwrap();
    assert_eq!(uploads["verdict"], "skipped", "no command for it was given");
}

/// Some clients look whether what they have uploaded is there: it is, unless the reply says otherwise.
#[test]
fn uploads_can_be_looked_at() {
    let put = "put -q --retries 0 --verify size ftp://{user}:{password}@{host}:{port}/ {local}";
    let upload = format!("\"{}\" {put}", ftpsim_binary());
    let ids = ["959/3.4/upload", "959/5.4/upload-426", "959/5.4/upload-control-ends"];
    let only: Vec<&str> = ids.iter().flat_map(|id| ["--only", id]).collect();
    let (results, code, said) = checked(&[&["--upload", &upload][..], &only].concat());
    assert_eq!((code, of(&results, "pass").len()), (0, ids.len()), "{said}");
}

/// It writes where it should not, goes where it was sent, and never ends.
#[test]
fn harm_is_seen() {
    let only = |id: &str, command: &str| {
        let (results, ..) = checked(&["--download", command, "--only", id, "--limit", "2"]);
        results[0]["seen"].as_str().unwrap_or_default().to_owned()
    };
    let get = format!("\"{}\" get -q --retries 0 {{url}}", ftpsim_binary());
    let outside = only("2428/3/epsv-refused", &format!("sh -c '{get} && touch ../ftpsim-other'"));
    assert!(outside.contains("written outside") && outside.contains("ftpsim-other"), "{outside}");
    let hangs = only("959/4.2.2/retr-550", &format!("sh -c '{get} || sleep 100'"));
    assert!(hangs.contains("no end within 2 s"), "{hangs}");
    let dies = only("959/4.2.2/retr-550", &format!("sh -c '{get} || kill -SEGV $$'"));
    assert!(dies.contains("signal 11"), "{dies}");
    let nobody = only("959/4.2.2/retr-550", "true {url}");
    assert!(nobody.contains("ordinary server"), "{nobody}");
}

#[test]
fn usage() {
    for (options, says) in [
        (&["--download", "curl"][..], "names neither {url} nor {port}"),
        (&["--upload", "curl '{url}"], "a quote in it does not end"),
        (&[], "no command was given"),
        (&["--only", "none", "--", "curl", "{url}"], "no case is called so"),
    ] {
        let (_, code, said) = checked(options);
        assert!(code == 2 && said.contains(says), "{said}");
    }
}
