//! `ftpsim trial pairs`: descriptions, and other people's servers.

use crate::common::{peers, skip};
use crate::{ours, trial};
use std::fs;
use std::process::Command;

/// Block mode marks the end of a file: whatever is cut, somebody knows.
#[test]
fn our_block_mode_loses_nothing() {
    let faults = "early_close,split_close,reset,control_reset,refused,corrupt,sender_dies,receiver_dies";
    let block =
        trial(&["pairs", "--json", "--client", "ftpsim/block", "--server", "ftpsim", "--fault", faults]);
    assert_eq!(block.code(), Some(0), "{}", block.said());
    let rows = block.rows();
    let struck = |row: &&serde_json::Value| row["verdict"] != "not_struck" && row["fault"] != "none";
    assert!(rows.iter().filter(struck).count() > 70, "{} rows", rows.len());
    let silent: Vec<_> = rows.iter().filter(|row| row["silent"] == true && row["hidden"] == false).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn everybody_is_listed() {
    let list = trial(&["pairs", "--list"]);
    assert_eq!(list.code(), Some(0), "{}", list.said());
    for name in [
        "curl",
        "lftp",
        "ncftp",
        "tnftp",
        "wget",
        "ftplib",
        "rclone",
        "net-ftp",
        "aioftp",
        "basic-ftp",
        "vsftpd",
        "proftpd",
        "pure-ftpd",
        "pyftpdlib",
        "inetutils",
        "libunftp",
        "twisted",
        "ftp-srv",
    ] {
        assert!(
            list.said().lines().any(|line| line.starts_with(&format!("{name} "))),
            "{name}: {}",
            list.said()
        );
    }
    let ours = list.said().lines().find(|line| line.starts_with("ftpsim ")).unwrap().to_owned();
    assert!(ours.contains(env!("CARGO_PKG_VERSION")) && ours.contains("client (default, block"), "{ours}");
}

/// A file of a user's: a client that fails without any fault is left out, and the others are tried.
#[test]
fn a_description_of_ones_own_and_a_pair_that_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, put: &str| {
        let file = directory.path().join(name);
        let text = format!("name = \"{name}\"\nversion = [\"echo\", \"7\"]\n[client]\nput = [{put}]\n");
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let good = write(
        "good",
        "\"{ftpsim}\", \"put\", \"-q\", \"ftp://{user}:{password}@{host}:{port}/\", \"{local}\"",
    );
    let bad = write("bad", "\"false\", \"{url}\"");
    let junit = directory.path().join("junit.xml");
    let both = trial(&[
        "pairs",
        "--json",
        "--describe",
        &good,
        "--describe",
        &bad,
        "--client",
        "good,bad",
        "--server",
        "ftpsim",
        "--fault",
        "split_close",
        "--trigger",
        "middle",
        "--junit",
        junit.to_str().unwrap(),
    ]);
    assert_eq!(both.code(), Some(1), "{}", both.said());
    assert!(
        both.said().contains("left out: bad with ftpsim, put: without any fault: detected"),
        "{}",
        both.said()
    );
    let rows = both.rows();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert!(rows.iter().all(|row| row["client"] == "good" && row["client_version"] == "7"), "{rows:#?}");
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
}

/// Of what tests/peers/more.sh brings, which no check needs, whatever is here: each as it is described.
#[test]
fn more_of_other_peoples_software() {
    let list = trial(&["pairs", "--list"]);
    let is_here = |name: &&str| {
        let of_name = |line: &&str| line.starts_with(&format!("{name} "));
        let said = list.said();
        let line = said.lines().find(of_name).unwrap_or_else(|| panic!("{name}: {said}"));
        let is_here = !line.contains("not on this machine");
        if !is_here {
            println!("skipped: {name} is missing (tests/peers/more.sh)");
        }
        is_here
    };
    let clients = ["aioftp", "inetutils", "net-ftp", "rclone"];
    let servers = ["aioftp", "ftp-srv", "inetutils", "libunftp", "twisted"];
    let with_ours = |clients: &str, servers: &str| {
        let pair = ["pairs", "--json", "--direction", "put", "--client", clients, "--server", servers];
        trial(&[&pair[..], &["--fault", "split_close", "--trigger", "middle"]].concat())
    };
    for (names, is_client) in [(&clients[..], true), (&servers, false)] {
        let names: Vec<&str> = names.iter().copied().filter(is_here).collect();
        if names.is_empty() {
            continue;
        }
        let all = names.join(",");
        let tried = if is_client { with_ours(&all, "ftpsim") } else { with_ours("ftpsim", &all) };
        assert_eq!(tried.rows().len(), 2 * names.len(), "{}", tried.said());
        for row in tried.rows().iter().filter(|row| row["fault"] == "split_close") {
            // Who looks afterwards how much there is has noticed.
            let expected = if row["client"] == "rclone" { "detected" } else { "silent_truncation" };
            assert_eq!(row["verdict"], expected, "{row:#}");
        }
    }
}

/// Every server that tests/peers/install.sh brings, each with two clients.
#[test]
fn other_peoples_servers() {
    let check = Command::new(peers().join("launch.py")).arg("--check").output();
    if !check.is_ok_and(|output| output.status.success()) {
        return skip("other people's servers");
    }
    let servers = ["vsftpd", "proftpd", "pure-ftpd", "pyftpdlib"];
    let all = servers.join(",");
    let tried = trial(&[
        "pairs",
        "--json",
        "--client",
        "curl,ftpsim/verify-size",
        "--server",
        &all,
        "--fault",
        "split_close,reset,receiver_dies",
        "--trigger",
        "middle",
        "--direction",
        "put",
    ]);
    assert!(tried.code().is_some(), "{}", tried.said());
    let rows = tried.rows();
    for server in servers {
        let verdict = |client: &str, fault: &str| {
            let of = |row: &&serde_json::Value| {
                row["client"] == client && row["server"] == server && row["fault"] == fault
            };
            let row =
                rows.iter().find(of).unwrap_or_else(|| panic!("{client} {server} {fault}: {}", tried.said()));
            row["verdict"].as_str().unwrap().to_owned()
        };
        assert_eq!(verdict("curl", "split_close"), "silent_truncation", "{server}");
        assert_eq!(verdict("ftpsim", "split_close"), "recovered", "{server}");
        assert_eq!(verdict("curl", "receiver_dies"), "detected", "{server}");
    }
    let left: Vec<String> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(tried.scratch.path().to_str().unwrap()))
        .collect();
    assert!(left.is_empty(), "{left:?} are left, of {}", ours());
}

/// Two worlds, one verdict, at each wire byte.
#[test]
fn the_truth_table_holds_on_real_sockets() {
    let root = env!("CARGO_MANIFEST_DIR");
    let table = format!("{root}/results/truth-table/truth-table.csv");
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let truth = trial(&["truth", &table, "--variant", "stream-size,block", "--out", out, "--jobs", "16"]);
    assert_eq!(truth.code(), Some(0), "{}", truth.said());
    assert!(truth.said().contains("471 of 471 cuts agree"), "{}", truth.said());
    let rows = fs::read_to_string(directory.path().join("trial-truth.csv")).unwrap();
    assert_eq!(rows.lines().count(), 472);
    assert_eq!(trial(&["truth", "/no/such/table.csv"]).code(), Some(2));
}
