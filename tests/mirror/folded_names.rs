//! `--delete` where two names are one file, and where they are two.

use super::*;
use crate::fake::{Answer, Fake, unix};
use std::sync::{Arc, Mutex};

/// A server that keeps names as it has them, and whatever is sent under the one that it takes for the same.
#[test]
fn what_a_server_lists_under_another_name_is_not_deleted() {
    type Lines = fn(&str) -> Vec<u8>;
    let ignores_case: Lines = |directory| match directory {
        "/" => [unix('-', 5, "readme.txt"), unix('d', 0, "docs"), unix('-', 1, "keep")].concat(),
        _ => unix('-', 1, "a"),
    };
    let decomposes: Lines =
        |_| [unix('-', 5, "e\u{301}te\u{301}"), unix('-', 1, "keep"), unix('-', 1, "old")].concat();
    let by_case = ["readme.txt: not deleted: may be the same file as README.txt", "docs: not deleted"];
    let by_form = ["e\u{301}te\u{301}: not deleted: may be the same file as \u{e9}t\u{e9}", "old: not"];
    for (sent, lines, told) in [
        (vec!["README.txt", "Docs/a", "keep"], ignores_case, by_case),
        (vec!["\u{e9}t\u{e9}", "keep"], decomposes, by_form),
    ] {
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = log.clone();
        let server = Fake::start(move |verb, argument, state| {
            kept.lock().unwrap().push(format!("{verb} {argument}"));
            match verb {
                "LIST" => Some(Answer::Data(lines(&state.directory))),
                "STOR" => Some(Answer::Taken),
                "MKD" => Some(Answer::Reply("550 is there")),
                "DELE" | "RMD" => Some(Answer::Reply("250 gone")),
                _ => None,
            }
        });
        let here = tempfile::tempdir().unwrap();
        for path in &sent {
            let path = here.path().join("tree").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let output = mirror(here.path(), "tree", &server.url(""), &["--delete"]);
        let log = log.lock().unwrap();
        assert!(log.contains(&format!("STOR {}", sent[0])), "{log:?}: {}", said(&output));
        assert!(!log.iter().any(|line| line.starts_with("DELE") || line.starts_with("RMD")), "{log:?}");
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        for line in told {
            assert!(said(&output).contains(line), "{line} in {}", said(&output));
        }
    }
}

/// Where both names stand side by side, one was renamed to the other.
#[test]
fn what_was_renamed_in_case_alone_goes_under_its_old_name() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let (ours, theirs) = (here.path().join("tree"), server.root.path().join("to"));
    for (root, directory, file) in [(&ours, "Docs", "README"), (&theirs, "docs", "readme")] {
        fs::create_dir_all(root.join(directory)).unwrap();
        fs::write(root.join(directory).join("a"), "a").unwrap();
        fs::write(root.join(file), "r").unwrap();
    }
    let (done, code) = mirror_json(here.path(), "tree", &server.url("to"), &["--delete"]);
    assert_eq!(
        (code, &done["deleted"]),
        (Some(0), &serde_json::json!(["readme", "docs/a", "docs/"])),
        "{done}"
    );
    assert_eq!(tree(&theirs), tree(&ours));
    fs::rename(theirs.join("README"), theirs.join("ReadMe")).unwrap();
    fs::rename(theirs.join("Docs"), theirs.join("docs")).unwrap();
    let (done, code) = mirror_json(here.path(), &server.url("to"), "tree", &["--delete"]);
    assert_eq!(
        (code, &done["deleted"]),
        (Some(0), &serde_json::json!(["README", "Docs/a", "Docs/"])),
        "{done}"
    );
    assert_eq!(tree(&ours), tree(&theirs));
}

/// A file system that ignores case keeps the name that it has: here it takes it back when the server has been asked
/// for it.
#[test]
fn what_stands_here_under_another_name_is_not_deleted() {
    let here = tempfile::tempdir().unwrap();
    let to = here.path().join("to");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("readme.txt"), "old").unwrap();
    let folds = to.clone();
    let server = Fake::start(move |verb, argument, _| match verb {
        "FEAT" => Some(Answer::Reply("211-Features:\r\n SIZE\r\n211 End")),
        "LIST" => Some(Answer::Data(unix('-', 5, "README.txt"))),
        "RETR" => Some(Answer::Data(b"hello".to_vec())),
        "SIZE" if argument == "readme.txt" => {
            fs::rename(folds.join("README.txt"), folds.join("readme.txt")).unwrap();
            Some(Answer::Reply("550 not there"))
        }
        "SIZE" => Some(Answer::Reply("213 5")),
        _ => None,
    });
    let output = mirror(here.path(), &server.url(""), "to", &["--delete"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("may be the same file as README.txt"), "{}", said(&output));
    assert_eq!(fs::read(to.join("readme.txt")).unwrap(), b"hello");
}
