//! What was not asked is neither right nor wrong, and whoever looks at the exit code alone hears of it.

use crate::common::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The exit code, stdout, stderr.
fn check(options: &[&str]) -> (i32, String, String) {
    let here = tempfile::tempdir().unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_ftpsim"));
    command.timeout(Duration::from_secs(120)).env("FTPSIM_PASSWORD", PASSWORD).current_dir(here.path());
    let output = command.arg("check").args(options).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_command_that_does_not_run_or_never_works_is_an_error() {
    for (command, why) in [
        ("/nonexistent", "cannot run the command"),
        ("false", "it does not get along with an ordinary server"),
    ] {
        let (code, table, said) = check(&["client", "--only", "959/5.4", "--", command, "{url}"]);
        assert!(code == 2 && said.contains("no case of downloads could be tried"), "{code}: {said}");
        assert!(said.contains(why) && table.contains(&format!("untestable: {why}")), "{said}{table}");
    }
    // Beside one that works, too: whoever gives it thinks that it is checked.
    let get = format!("{} get -q {{url}}", env!("CARGO_BIN_EXE_ftpsim"));
    let both = ["client", "--download", &get, "--upload", "false {url}", "--only", "959/3.4"];
    let (code, _, said) = check(&both);
    assert!(
        code == 2 && said.contains("no case of uploads") && !said.contains("downloads"),
        "{code}: {said}"
    );
}

#[test]
fn each_only_names_something() {
    for (options, noun) in [(&["--list"][..], "check"), (&["client", "--list"], "case")] {
        let (code, _, said) = check(&[options, &["--only", "959/4.2.2", "--only", "nosuch"]].concat());
        assert!(code == 2 && said.contains(&format!("--only nosuch: no {noun} is called so")), "{said}");
    }
}

#[test]
fn a_server_with_room_for_few_is_asked_all() {
    let server = Server::start(&["--max-sessions-per-address", "2"]);
    let url = server.url_of_user("");
    let (code, table, said) = check(&[&url, "--tls", "off", "--parallel", "4", "--only", "3659/5"]);
    assert!(code == 0 && !table.contains("421"), "{code}: {table}{said}");
}

/// Answers the first connections; those that follow are greeted by `then`, or there is no server any more.
fn server(right: usize, then: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten().take(right) {
            let _ = serve(stream);
        }
        let Some(greeting) = then else { return };
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(greeting);
        }
    });
    address
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"220 Ready\r\n")?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        stream.write_all(match &*line? {
            user if user.starts_with("USER") => b"331 Password\r\n",
            pass if pass.starts_with("PASS") => b"230 In\r\n",
            "QUIT" => return stream.write_all(b"221 Bye\r\n"),
            _ => b"200 Done\r\n",
        })?;
    }
    Ok(())
}

#[test]
fn a_server_that_stays_full_is_no_success() {
    let url = format!("ftp://{USER}@{}/", server(1, Some(b"421 Full\r\n")));
    let (code, table, said) = check(&[&url, "--tls", "off", "--read-only", "--only", "959/4.1.3/noop"]);
    assert!(code == 2 && said.contains("nothing could be tried"), "{code}: {said}");
    assert!(table.contains("1 untestable: not asked: greeting: 421 Full"), "{table}");
}

#[test]
fn a_server_that_dies_or_hangs_fails_nothing_that_it_was_not_asked() {
    // Behind the session that looks at what it is, it answers nobody.
    let only = ["--only", "959/4.1.3/noop", "--only", "959/5.3", "--only", "959/4.1.2"];
    for then in [None, Some(&b""[..])] {
        let url = format!("ftp://{USER}@{}/", server(1, then));
        let how = ["--tls", "off", "--read-only", "--timeout", "0.5"];
        let (code, table, said) = check(&[&[&*url][..], &how, &only].concat());
        assert!(code == 2 && !table.contains("FAIL"), "{code}: {table}");
        assert!(said.contains("the server did not answer whoever connected; not asked: "), "{said}");
        assert!(table.contains("untestable: not asked: the server takes no sessions any more"), "{table}");
    }
}
