//! Directories keep their times, whatever was done in them.

use super::*;
use crate::fake::{Answer, Fake};

/// A directory cannot be opened to be written.
fn set_directory_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 5);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// Below `root`, with their times.
fn directory_times(root: &Path) -> Vec<(PathBuf, u64)> {
    let paths = tree(root).into_iter().filter(|(_, is)| is.is_none()).map(|(path, _)| path);
    paths.map(|path| (path.clone(), seconds_of(&root.join(path)))).collect()
}

fn write_tree(root: &Path) {
    write_odd_tree(root);
    for (index, path) in ["a b/deep/deeper", "a b/deep", "a b", "-empty/none", "-empty"].iter().enumerate() {
        set_directory_time(&root.join(path), 1_100_000_000 + index as u64);
    }
}

#[test]
fn both_ways_and_the_second_run_finds_nothing_to_do() {
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let (from, to) = (here.path().join("tree"), server.root.path().join("to"));
    write_tree(&from);
    let expected = directory_times(&from);
    let (url, back) = (server.url("to"), here.path().join("back"));
    for (a, b, at) in [("tree", url.as_str(), &to), (url.as_str(), "back", &back)] {
        let (first, code) = mirror_json(here.path(), a, b, &[]);
        assert_eq!((code, directory_times(at)), (Some(0), expected.clone()), "{first}");
        assert_eq!(first["directory_times_set"].as_array().unwrap().len(), 5, "{first}");
        let (second, _) = mirror_json(here.path(), a, b, &[]);
        assert_eq!(second["directory_times_set"].as_array().unwrap().len(), 0, "{second}");
    }
    // A file goes, one comes, one time is another: what is done in a directory does not show in its time.
    fs::remove_file(from.join("a b/two three")).unwrap();
    fs::write(from.join("a b/deep/deeper/new"), "new").unwrap();
    write_times_again(&from);
    set_directory_time(&from.join("-empty/none"), 1_200_000_000);
    let expected = directory_times(&from);
    let planned = mirror(here.path(), "tree", &url, &["--delete", "-n"]);
    assert!(said(&planned).contains("set the time of -empty/none/\n"), "{}", said(&planned));
    assert!(!said(&planned).contains("set the time of a b/\n"), "{}", said(&planned));
    for (a, b, at) in [("tree", url.as_str(), &to), (url.as_str(), "back", &back)] {
        let (done, code) = mirror_json(here.path(), a, b, &["--delete"]);
        assert_eq!((code, directory_times(at)), (Some(0), expected.clone()), "{done}");
        assert_eq!(done["times_set"], serde_json::json!(["-empty/none/"]), "{done}");
    }
}

fn write_times_again(root: &Path) {
    for (index, path) in ["a b/deep/deeper", "a b"].iter().enumerate() {
        set_directory_time(&root.join(path), 1_150_000_000 + index as u64);
    }
}

/// A server that takes MFMT for files only: that costs nothing but the times, and few questions.
#[test]
fn a_server_that_refuses_is_not_asked_for_ever() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Fake::start(|verb, _, _| match verb {
        "FEAT" => Some(Answer::Reply("211-F\r\n MFMT\r\n MLST modify*;\r\n211 end")),
        "MLSD" => Some(Answer::Data(Vec::new())),
        "MKD" => Some(Answer::Reply("257 made")),
        "MFMT" => {
            ASKED.fetch_add(1, Ordering::Relaxed);
            Some(Answer::Reply("550 not a plain file"))
        }
        _ => None,
    });
    let here = tempfile::tempdir().unwrap();
    for n in 0..9 {
        fs::create_dir_all(here.path().join(format!("tree/d{n}"))).unwrap();
    }
    let output = mirror(here.path(), "tree", &server.url(""), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("times of directories not set: 9, the first d0: "), "{}", said(&output));
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
}
