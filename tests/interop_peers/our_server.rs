//! Other people's clients with `ftpsim serve`.

use crate::common::*;
use std::fs;
use std::path::Path;

const LFTP_SETTINGS: &str = "set cmd:fail-exit yes; set net:max-retries 1; set net:timeout 5; \
     set ftp:use-mode-z no; set ftp:ssl-allow no; set xfer:log no; set cmd:trace no;";

fn lftp(server: &Server, home: &Path, script: &str) -> String {
    let script = format!("{LFTP_SETTINGS} open -u {USER},{PASSWORD} ftp://{}/; {script}", server.address);
    succeed(bounded("lftp", home).args(["--norc", "-c", &script]))
}

/// Files `source`, and one in a directory below.
fn write_tree(source: &Path) {
    fs::create_dir(source).unwrap();
    write_samples(source);
    fs::create_dir(source.join("sub dir")).unwrap();
    fs::write(source.join("sub dir/inner"), noise(10_000, 7)).unwrap();
}

fn assert_tree(directory: &Path, who: &str) {
    assert_eq!(names(&directory.join("sub dir")), ["inner"], "{who}");
    assert!(fs::read(directory.join("sub dir/inner")).unwrap() == noise(10_000, 7), "{who}");
    fs::remove_file(directory.join("sub dir/inner")).unwrap();
    fs::remove_dir(directory.join("sub dir")).unwrap();
    assert_samples(directory, who);
}

#[test]
fn lftp_mirrors_both_ways() {
    if !has("lftp") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    write_tree(&here.path().join("src"));
    lftp(&server, here.path(), "mirror -R src up; mirror up back");
    assert_tree(&here.path().join("back"), "lftp mirror");
    // What is there already is not sent again.
    let again = lftp(&server, here.path(), "mirror --verbose --ignore-time -R src up");
    assert!(!again.contains("Transferring"), "{again}");
    assert_tree(&server.root.path().join("up"), "lftp mirror -R");
    fs::remove_file(server.root.path().join("up/1m.bin")).unwrap();
    lftp(&server, here.path(), "mirror --delete --ignore-time up back");
    assert!(!here.path().join("back/1m.bin").exists());
}

#[test]
fn lftp_lists_renames_removes() {
    if !has("lftp") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    write_samples(server.root.path());
    let mut expected = names(server.root.path());
    let mut listed: Vec<_> = lftp(&server, here.path(), "nlist").lines().map(str::to_owned).collect();
    listed.sort();
    assert_eq!(listed, expected, "NLST");
    let long = lftp(&server, here.path(), "cls -l --sort=name");
    for (name, content) in samples() {
        let size = content.len().to_string();
        let matches = |line: &str| line.ends_with(name) && line.split_whitespace().any(|word| word == size);
        assert!(long.lines().any(matches), "{name} of {size} bytes in\n{long}");
    }
    lftp(
        &server,
        here.path(),
        "mkdir 'a \"dir\"'; mv 1m.bin 'a \"dir\"/moved'; rm 64k.bin; mkdir b; rmdir b",
    );
    assert_eq!(names(&server.root.path().join("a \"dir\"")), ["moved"]);
    expected.retain(|name| name != "1m.bin" && name != "64k.bin");
    expected.push("a \"dir\"".to_owned());
    expected.sort();
    assert_eq!(names(server.root.path()), expected);
}

#[test]
fn lftp_resumes_both_ways_and_in_active_mode() {
    if !has("lftp") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let content = noise(1024 * 1024, 2);
    fs::write(server.root.path().join("whole"), &content).unwrap();
    fs::write(here.path().join("got"), &content[..600_000]).unwrap();
    lftp(&server, here.path(), "get -c whole -o got");
    assert!(fs::read(here.path().join("got")).unwrap() == content, "REST + RETR");
    fs::write(server.root.path().join("put"), &content[..600_000]).unwrap();
    lftp(&server, here.path(), "put -c got -o put");
    assert!(fs::read(server.root.path().join("put")).unwrap() == content, "REST + STOR");
    lftp(&server, here.path(), "set ftp:passive-mode no; put got -o active; get active -o active");
    assert!(fs::read(here.path().join("active")).unwrap() == content, "PORT");
    // Four connections for one file, each from another offset, aborted where its part ends.
    lftp(&server, here.path(), "pget -n 4 whole -o parts");
    assert!(fs::read(here.path().join("parts")).unwrap() == content, "pget");
}

/// MODE Z, for files and listings, on and off again. lftp demands no checksum; what arrives is compared.
#[test]
fn lftp_compresses_both_ways() {
    if !has("lftp") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    write_tree(&here.path().join("src"));
    fs::write(here.path().join("src/zeros"), vec![0; 5_000_000]).unwrap();
    for level in [1, 6, 9] {
        let script = format!(
            "set ftp:use-mode-z yes; set ftp:mode-z-level {level}; set ftp:compressed-re ''; debug -o log 9; \
             mirror -R src up{level}; mirror up{level} back{level}; nlist up{level}"
        );
        let listed = lftp(&server, here.path(), &script);
        assert!(listed.lines().any(|line| line.ends_with("zeros")), "{listed}");
        let log = fs::read_to_string(here.path().join("log")).unwrap();
        assert!(log.contains("---> MODE Z"), "{log}");
        for tree in [here.path().join(format!("back{level}")), server.root.path().join(format!("up{level}"))]
        {
            assert!(fs::read(tree.join("zeros")).unwrap() == [0; 5_000_000], "{tree:?}");
            fs::remove_file(tree.join("zeros")).unwrap();
            assert_tree(&tree, "lftp in MODE Z");
        }
        fs::remove_file(here.path().join("log")).unwrap();
    }
    let content = noise(1024 * 1024, 2);
    fs::write(server.root.path().join("whole"), &content).unwrap();
    fs::write(here.path().join("got"), &content[..600_000]).unwrap();
    lftp(&server, here.path(), "set ftp:use-mode-z yes; get -c whole -o got; put got -o put");
    assert!(fs::read(here.path().join("got")).unwrap() == content, "REST + RETR");
    assert!(fs::read(server.root.path().join("put")).unwrap() == content);
}

#[test]
fn ncftp_puts_and_gets_trees() {
    if !has("ncftpput") || !has("ncftpget") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let port = server.port();
    let login = ["-V", "-t", "5", "-u", USER, "-p", PASSWORD, "-P", &port];
    write_tree(&here.path().join("src"));
    succeed(bounded("ncftpput", here.path()).args(login).args(["-R", "-m", "127.0.0.1", "/up", "src"]));
    fs::create_dir(here.path().join("back")).unwrap();
    succeed(bounded("ncftpget", here.path()).args(login).args(["-R", "127.0.0.1", "back", "/up/src"]));
    assert_tree(&here.path().join("back/src"), "ncftpget");
    assert_tree(&server.root.path().join("up/src"), "ncftpput");
}

#[test]
fn ncftp_resumes_and_in_active_mode() {
    if !has("ncftpput") || !has("ncftpget") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let port = server.port();
    let login = ["-V", "-t", "5", "-u", USER, "-p", PASSWORD, "-P", &port];
    let content = noise(1024 * 1024, 2);
    let file = here.path().join("file");
    fs::write(&file, &content).unwrap();
    succeed(bounded("ncftpput", here.path()).args(login).args(["-E", "127.0.0.1", "/", "file"]));
    assert!(fs::read(server.root.path().join("file")).unwrap() == content, "PORT + STOR");
    fs::write(server.root.path().join("file"), &content[..300_000]).unwrap();
    // -s: with sendfile, ncftpput 3.2.6 sends the file from its beginning after REST, to any server.
    succeed(bounded("ncftpput", here.path()).args(login).args(["-s", "-z", "127.0.0.1", "/", "file"]));
    assert!(fs::read(server.root.path().join("file")).unwrap() == content, "resumed STOR");
    fs::write(&file, &content[..300_000]).unwrap();
    succeed(bounded("ncftpget", here.path()).args(login).args(["-z", "127.0.0.1", ".", "file"]));
    assert!(fs::read(&file).unwrap() == content, "resumed RETR");
    succeed(bounded("ncftpput", here.path()).args(login).args(["-A", "127.0.0.1", "/", "file"]));
    assert!(fs::read(server.root.path().join("file")).unwrap() == content.repeat(2), "APPE");
}

#[test]
fn tnftp_runs_a_session() {
    if !has("tnftp") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let (src, back) = (here.path().join("src"), here.path().join("back"));
    fs::create_dir(&src).unwrap();
    fs::create_dir(&back).unwrap();
    write_samples(&src);
    let script = format!(
        "user {USER} {PASSWORD}\nbinary\nmkdir up\ncd up\nmput *\nls\nlcd {0}\nmget *\nsize 1m.bin\n\
         passive off\nget 1m.bin active.bin\nrename active.bin nope\nrename one.bin uno.bin\ndelete uno.bin\n\
         cdup\nput {1}/lines.txt ascii.txt\nquit\n",
        back.display(),
        src.display(),
    );
    let mut tnftp = bounded("tnftp", &src);
    let said = succeed(tnftp.args(["-n", "-i", "-v", "127.0.0.1", &server.port()]).write_stdin(script));
    assert!(said.contains("1m.bin\t1048576"), "SIZE: {said}");
    assert!(
        !server.root.path().join("up/uno.bin").exists() && !server.root.path().join("up/one.bin").exists()
    );
    fs::write(server.root.path().join("up/one.bin"), [0xff]).unwrap();
    assert_samples(&server.root.path().join("up"), "tnftp mput");
    assert!(fs::read(back.join("active.bin")).unwrap() == noise(1024 * 1024, 2), "PORT");
    fs::remove_file(back.join("active.bin")).unwrap();
    assert_samples(&back, "tnftp mget");
}

#[test]
fn tnftp_takes_urls() {
    if !has("tnftp") {
        return;
    }
    let (server, here) = (Server::start(&[]), tempfile::tempdir().unwrap());
    let content = noise(1024 * 1024, 2);
    fs::write(here.path().join("file"), &content).unwrap();
    succeed(bounded("tnftp", here.path()).args(["-u", &server.url("up.bin"), "file"]));
    assert!(fs::read(server.root.path().join("up.bin")).unwrap() == content);
    succeed(bounded("tnftp", here.path()).args(["-o", "got", &server.url("up.bin")]));
    assert!(fs::read(here.path().join("got")).unwrap() == content);
    assert!(
        !bounded("tnftp", here.path())
            .args(["-o", "no", &server.url("no")])
            .output()
            .unwrap()
            .status
            .success()
    );
}

/// The scripts run although nmap does not know the port as FTP's (`+`); what they find.
fn nmap(server: &Server, here: &Path, scripts: &str) -> String {
    succeed(bounded("nmap", here).args(["-Pn", "-n", "-p", &server.port(), "--script", scripts]).args([
        "--script-args",
        "ftp-bounce.checkhost=127.0.0.2",
        "--host-timeout",
        "20s",
        "127.0.0.1",
    ]))
}

#[test]
fn nmap_finds_nothing_bad() {
    if !has("nmap") {
        return;
    }
    let here = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    let closed = nmap(&server, here.path(), "+ftp-anon,+ftp-syst,+ftp-bounce");
    assert!(closed.contains("/tcp open"), "{closed}");
    for bad in ["ftp-anon", "bounce working", "Anonymous"] {
        assert!(!closed.contains(bad), "{closed}");
    }
    let server = Server::start_as(&["--anonymous"]);
    fs::write(server.root.path().join("public"), "x").unwrap();
    let open = nmap(&server, here.path(), "+ftp-anon,+ftp-bounce");
    // Logged in, so that the next two lines are about what anonymous may do.
    assert!(open.contains("Anonymous FTP login allowed") && open.contains("public"), "{open}");
    assert!(!open.contains("bounce working"), "{open}");
    assert!(!open.contains("[NSE: writeable]"), "{open}");
}
