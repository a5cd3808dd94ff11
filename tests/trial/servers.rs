//! `ftpsim trial server`: a server that runs, looked at in its directory or by another session.

use crate::common::Server;
use crate::{Trial, trial};

fn server(server: &Server, options: &[&str]) -> Trial {
    let url = server.url("");
    trial(
        &[
            &["server", &url, "--json", "--fault", "split_close,reset,corrupt", "--trigger", "byte_0,middle"],
            options,
        ]
        .concat(),
    )
}

/// Without what differs from run to run.
fn told(trial: &Trial) -> Vec<[String; 5]> {
    let of = |row: &serde_json::Value| {
        ["direction", "fault", "trigger", "content", "verdict"]
            .map(|key| row[key].as_str().unwrap().to_owned())
    };
    trial.rows().iter().map(of).collect()
}

#[test]
fn both_ways_of_looking_see_the_same() {
    let running = Server::start(&[]);
    let directory = running.root.path().to_str().unwrap();
    let looked = server(&running, &["--server-dir", directory]);
    assert_eq!(looked.code(), Some(1), "{}", looked.said());
    let asked = server(&running, &[]);
    assert_eq!(asked.code(), Some(1), "{}", asked.said());
    assert_eq!(told(&looked), told(&asked));
    let all = told(&looked);
    assert_eq!(all.len(), 2 * (1 + 6), "{all:#?}");
    let put = |fault: &str, trigger: &str| {
        let of = |row: &&[String; 5]| row[0] == "put" && row[1] == fault && row[2] == trigger;
        all.iter().find(of).unwrap()[4].clone()
    };
    assert_eq!(put("none", "never"), "intact");
    assert_eq!(put("split_close", "middle"), "silent_truncation");
    assert_eq!(put("reset", "middle"), "detected");
    // What our server keeps of failed uploads is its own.
    let names = running.names();
    assert!(names.iter().all(|name| name == ".ftpsim-parts"), "{names:?} is left at the server");
}

#[test]
fn over_ipv6() {
    let Ok(_) = std::net::TcpListener::bind("[::1]:0") else { return println!("skipped: there is no IPv6") };
    let user = format!("{}:{}", crate::common::USER, crate::common::PASSWORD);
    let running = Server::start_on("[::1]:0", &["--user", &user]);
    let asked = server(&running, &["--direction", "put"]);
    assert_eq!(asked.code(), Some(1), "{}", asked.said());
    assert_eq!(asked.verdict("none", "never"), "intact");
    assert_eq!(asked.verdict("split_close", "middle"), "silent_truncation");
}

#[test]
fn what_is_no_server_is_said() {
    let refused = trial(&["server", "ftp://u:p@127.0.0.1:1/"]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.said().contains("nothing could be tried"), "{}", refused.said());
    for (arguments, says) in [
        (&["server", "ftp://u:p@127.0.0.1:1/directory"][..], "behind the port"),
        (&["server", "ftps://u:p@127.0.0.1:1/"], "--tls"),
        (&["server", "ftp://u:p@127.0.0.1:1/", "--server-dir", "/no/such/directory"], "no such directory"),
        (&["server", "ftp://u:p@127.0.0.1:1/", "--client", "nobody"], "\"nobody\""),
    ] {
        let trial = trial(arguments);
        assert_eq!(trial.code(), Some(2), "{}", trial.said());
        assert!(trial.said().contains(says), "{}", trial.said());
    }
}
