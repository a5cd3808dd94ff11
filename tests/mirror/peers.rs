//! With other people's servers: those that set times by MFMT, by MDTM, and those that list by LIST only.

use super::*;

/// `hides`: its listings leave out names that begin with a dot.
fn both_ways(name: &str, hides: bool) {
    let Some(peer) = Peer::start(name) else { return };
    let here = tempfile::tempdir().unwrap();
    let from = here.path().join("tree");
    write_odd_tree(&from);
    // One argument of LIST and friends is a pattern for some of them, whatever is done.
    fs::remove_file(from.join("star*[x]?")).unwrap();
    fs::remove_file(from.join(OsStr::from_bytes(b"gr\xfcn \xff"))).unwrap();
    let url = format!("{}/to", peer.url);
    let (first, code) = mirror_json(here.path(), "tree", &url, &[]);
    assert_eq!((code, moved(&first).len()), (Some(0), 7), "{name}: {first}");
    assert_eq!(first["times_not_set"], 0, "{name}: {first}");
    assert_eq!(tree(&peer.root.join("to")), tree(&from), "{name}");
    let (second, code) = mirror_json(here.path(), "tree", &url, &["--delete"]);
    assert_eq!((code, &second["unchanged"]), (Some(0), &7.into()), "{name}: {second}");
    // A size that stays, and a newer time.
    fs::write(from.join("one.txt"), "y").unwrap();
    let extra = peer.root.join("to/a b/extra");
    fs::write(&extra, "e").unwrap();
    let owner = format!("{0}:{0}", peer.user);
    assert!(std::process::Command::new("chown").arg(owner).arg(&extra).status().unwrap().success());
    let (third, code) = mirror_json(here.path(), "tree", &url, &["--delete"]);
    assert_eq!((code, moved(&third), &third["deleted"][0]), (Some(0), vec!["one.txt"], &"a b/extra".into()));
    assert_eq!(tree(&peer.root.join("to")), tree(&from), "{name}");
    let back = here.path().join("back");
    fs::create_dir(&back).unwrap();
    fs::write(back.join("extra"), "e").unwrap();
    let (fetched, code) = mirror_json(here.path(), &url, "back", &["--delete"]);
    assert_eq!((code, &fetched["deleted"][0]), (Some(0), &"extra".into()), "{name}: {fetched}");
    let is_hidden = |path: &Path| hides && path.to_string_lossy().contains("/.");
    let mut shown = tree(&from);
    shown.retain(|(path, _)| !is_hidden(path));
    assert_eq!(tree(&back), shown, "{name}");
    let mut put = ftpsim(here.path());
    succeed(put.args(["put", "--keep-times", "--make-dirs", &format!("{}/n/m", peer.url), "tree/empty"]));
    assert_eq!(seconds_of(&peer.root.join("n/m/empty")), seconds_of(&from.join("empty")), "{name}");
    succeed(ftpsim(here.path()).args(["get", "--keep-times", &format!("{}/n/m/empty", peer.url)]));
    assert_eq!(seconds_of(&here.path().join("empty")), seconds_of(&from.join("empty")), "{name}");
    let (again, _) = mirror_json(here.path(), &url, "back", &[]);
    assert_eq!(&again["unchanged"], if hides { 6 } else { 7 }, "{name}: {again}");
}

#[test]
fn vsftpd() {
    both_ways("vsftpd", true);
}

#[test]
fn proftpd() {
    both_ways("proftpd", false);
}

#[test]
fn pure_ftpd() {
    both_ways("pure-ftpd", false);
}

#[test]
fn pyftpdlib() {
    both_ways("pyftpdlib", false);
}
