//! What is in a directory is in its listings, whatever it is, and under no other's name.

use super::uploads::disk_client;
use std::fs;
use testkit::server::*;

async fn lines(client: &mut Client, command: &str) -> Vec<String> {
    let data = client.passive().await;
    client.script(&[(command, &[150, 226])]).await;
    let text = String::from_utf8(read_all(data).await.unwrap()).unwrap();
    let mut lines: Vec<String> = text.split_terminator("\r\n").map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Whoever fetches all of a directory hears of what cannot be fetched.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn what_has_nothing_to_give_is_listed() {
    use std::os::unix::fs::symlink;
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| root.path().join(name);
    fs::write(at("file"), "content").unwrap();
    symlink("file", at("link")).unwrap();
    symlink("nothing", at("nowhere")).unwrap();
    symlink(outside.path(), at("out")).unwrap();
    symlink("round", at("round")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let mut client = disk_client(root.path()).await;
    let names = ["file", "link", "nowhere", "out", "round", "socket"];
    assert_eq!(lines(&mut client, "NLST").await, names);
    for (command, special, plain) in
        [("LIST", "s---------", "-rw-"), ("MLSD", "type=OS.unix=special;", "type=file;size=7;")]
    {
        let found = lines(&mut client, command).await;
        for name in names {
            let line = found.iter().find(|line| line.ends_with(&format!(" {name}"))).unwrap();
            let start = if matches!(name, "file" | "link") { plain } else { special };
            assert!(line.starts_with(start), "{line}");
        }
        assert!(!found.concat().contains(outside.path().to_str().unwrap()), "{found:?}");
    }
    for name in ["nowhere", "out", "round"] {
        client.ask(&format!("RETR {name}"), 550).await;
        client.ask(&format!("DELE {name}"), 250).await;
    }
    assert!(outside.path().is_dir());
    drop(socket);
}

/// RFC 959 section 4.1.3: one name a line. What stands for a line end in a name is no other file's name, so that
/// nobody who goes by the listing gets, or removes, another one.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_name_with_a_line_end_is_shown_as_nobodys() {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in [("c\rr", "1"), ("c\\x0dr", "another"), ("l\nf", "2"), ("plain", "")] {
        fs::write(root.path().join(name), content).unwrap();
    }
    fs::create_dir(root.path().join("d\rd")).unwrap();
    fs::write(root.path().join("d\rd/f"), "").unwrap();
    let mut client = disk_client(root.path()).await;
    for command in ["NLST", "LIST", "MLSD"] {
        let found = lines(&mut client, command).await;
        let mut names: Vec<&str> = found
            .iter()
            .filter(|line| !line.contains("cdir"))
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["c\\x0dr", "c\\x0dr~", "d\\x0dd", "l\\x0af", "plain"], "{command}");
    }
    client.ask("DELE c\\x0dr~", 550).await;
    client.ask("DELE c\\x0dr", 250).await;
    assert_eq!(fs::read(root.path().join("c\rr")).unwrap(), b"1");
    assert_eq!(lines(&mut client, "NLST d\r\0d").await, ["d\\x0dd/f"]);
}

/// The system lists nothing of a directory that has been removed and is held open: a mirror of that would delete all.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_root_that_has_been_removed_is_not_an_empty_one() {
    let above = tempfile::tempdir().unwrap();
    let root = above.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut client = disk_client(&root).await;
    assert_eq!(lines(&mut client, "NLST").await, [""; 0]);
    fs::remove_dir(&root).unwrap();
    fs::create_dir(&root).unwrap();
    fs::write(root.join("new"), "").unwrap();
    for command in ["NLST", "LIST", "MLSD"] {
        client.ask(command, 550).await;
    }
}
