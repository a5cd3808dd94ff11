use super::*;
use crate::name;
use proptest::prelude::*;

pub(super) fn list(lines: &[&str]) -> Vec<Line> {
    let mut parser = ListParser::new();
    let mut all = Vec::new();
    for line in lines {
        parser.line(&name::encode(line), |_, what| all.push(what));
    }
    parser.end(|_, what| all.push(what));
    all
}

/// Name, kind and size of a line that is an entry by itself.
pub(super) fn entry(line: &str) -> (String, EntryKind, Option<u64>) {
    match list(&[line]).as_slice() {
        [Line::Entry(entry)] => (entry.name.clone(), entry.kind, entry.size_bytes),
        other => panic!("{line:?}: {other:?}"),
    }
}

#[test]
fn forms_that_servers_write() {
    use EntryKind::{Directory, File, Special};
    for (line, name, kind, size_bytes) in [
        ("-rw-r--r--    1 102      105       3000000 Nov 22 16:03 a.bin", "a.bin", File, Some(3_000_000)),
        ("drwxr-xr-x   2 ftp  ftp  4096 Jan  1  2020  two spaces ", " two spaces ", Directory, None),
        ("-rw-r--r-- 1 owner 512 Mar  4  2019 no group", "no group", File, Some(512)),
        ("-rw-r--r-- 1 Domain Admins Domain Users 77 Mar 4 09:30 report", "report", File, Some(77)),
        ("-rw-r--r--. 1 a b 9 2024-01-01 10:00 sub file", "sub file", File, Some(9)),
        ("drwxr-xr-x+ 2 a b 4096 2024-01-01 10:00 sub dir", "sub dir", Directory, None),
        ("-rw-r--r-- 1 a b 9 2024-01-01 10:00:00.000000000 +0100 zoned", "zoned", File, Some(9)),
        ("-rw-r--r-- 1 a b 9 01-15 10:00 recent", "recent", File, Some(9)),
        ("-rw-r--r-- 1 a b 9 Jan 15 10:00:01 2020 exact", "exact", File, Some(9)),
        ("-rw-r--r-- 1 a b 9 15. Mär 2020 deutsch", "deutsch", File, Some(9)),
        ("-rw-r--r-- 1 a b 4.0K Jan 15 10:00 rounded", "rounded", File, None),
        ("d---------   folder        2 May 10  1996 network", "network", Directory, None),
        ("crw-rw---- 1 root tty 4, 64 Jan 1 2020 ttyS0", "ttyS0", Special, None),
        ("08-19-13  05:14PM                 1234 read me.txt", "read me.txt", File, Some(1234)),
        ("08-19-13  05:14PM       <DIR>          some dir", "some dir", Directory, None),
        ("2013-08-19  17:14       <DIR>          iso", "iso", Directory, None),
        ("08/19/2013  05:14 PM             1,234 commas", "commas", File, Some(1234)),
        ("+i8388621.48594,m825718503,r,s280,\tdjb.html", "djb.html", File, Some(280)),
        ("+i8388621.50690,m824255907,/,\t514", "514", Directory, None),
        ("d [R----F--] supervisor            512       Jan 16 18:53    login", "login", Directory, None),
        (
            "- [RWCE-F--] rhesus             214059       Oct 20 15:27    cx.exe",
            "cx.exe",
            File,
            Some(214_059),
        ),
        ("CORE.DIR;1          1  8-SEP-1996 16:09 [ROOT] (RWE,RWE,RE,)", "CORE", Directory, None),
        ("READ.ME;14  12/15  29-JAN-1996 03:33:12 [A,B] (RWED,RWED,,)", "READ.ME", File, None),
    ] {
        assert_eq!(entry(line), (name.to_owned(), kind, size_bytes), "{line}");
    }
}

#[test]
fn data_sets_and_members_of_a_mainframe() {
    use EntryKind::{Directory, File, Special, Unknown};
    let found = |lines: &[&str]| -> Vec<(String, EntryKind, Option<u64>)> {
        let entries = list(lines).into_iter().filter_map(|line| match line {
            Line::Entry(entry) => Some((entry.name, entry.kind, entry.size_bytes)),
            _ => None,
        });
        entries.collect()
    };
    let data_sets = found(&[
        "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname",
        "WYOSPT 3390   2003/05/21  1  200  FB      80  8053  PS  NIGHTLY.OUT",
        "WPTA01 3390   2004/03/04  1    3  FB      80  3125  PO  SOURCE",
        "TSO005 3390   2005/06/06 213000 U 0 27998 PO-E LOAD",
        "TSO008 3390   **NONE**                              VSAM CLUSTER.DATA",
        "Migrated                                                OLD.YEAR",
        "Pseudo Directory                                        PAYROLL",
    ]);
    let kinds = [File, Directory, Directory, Special, Unknown, Directory];
    let names = ["NIGHTLY.OUT", "SOURCE", "LOAD", "CLUSTER.DATA", "OLD.YEAR", "PAYROLL"];
    assert_eq!(data_sets, Vec::from_iter(names.iter().zip(kinds).map(|(n, kind)| ((*n).into(), kind, None))));
    let members = found(&[
        " Name     VV.MM   Created       Changed      Size  Init   Mod   Id",
        "JCL1      01.05 1997/07/17 97/08/06 18:50    25    25     0 IBMUSER",
        "BARE",
    ]);
    assert_eq!(members, [("JCL1".into(), File, None), ("BARE".into(), File, None)]);
    // Without its heading such a line is not understood, and none of another form is lost under one.
    assert_eq!(list(&["BARE"]), [Line::Unread(Misread::Form)]);
    let mixed = found(&["Volume Unit Dsname", "-rw-r--r-- 1 a b 9 2024-01-01 10:00 f", "ARCHIV Error X"]);
    assert_eq!(mixed, [("f".into(), File, Some(9))]);
}

#[test]
fn links_and_where_they_lead() {
    for (line, name, target) in [
        ("lrwxrwxrwx 1 a b 3 Jan 1 2020 x -> y/z", "x", Some("y/z")),
        ("lrwxrwxrwx 1 a b 4 Jan 1 2020 p -> q -> r/st", "p -> q", Some("r/st")),
        ("lrwxrwxrwx 1 a b 3 Jan 1 2020 bare", "bare", None),
        ("08-19-13  05:14PM    <SYMLINKD>     up [c:\\inetpub]", "up", Some("c:\\inetpub")),
    ] {
        let [Line::Entry(entry)] = &list(&[line])[..] else { panic!("{line}") };
        assert_eq!((entry.name.as_str(), entry.kind), (name, EntryKind::Link));
        assert_eq!(entry.target.as_deref(), target, "{line}");
    }
}

#[test]
fn an_entry_of_two_lines_and_older_versions() {
    let got = list(&[
        "Directory DISK$USER:[ANONYMOUS]",
        "",
        "A-LONG-NAME-THAT-FILLS-ITS-LINE.TEX;2",
        "            213/216  29-JAN-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)",
        "A-LONG-NAME-THAT-FILLS-ITS-LINE.TEX;1  213/216  28-JAN-1996 03:33:12  [A,B]   (RWED,RWED,,)",
        "SECRET.DIR;1 %RMS-E-PRV, insufficient privilege or file protection violation",
        "ALONE.TXT;1",
        "Total of 4 files, 430/450 blocks.",
    ]);
    let [heading, blank, half, Line::Entry(entry), old, secret, alone, total] = &got[..] else {
        panic!("{got:?}")
    };
    assert_eq!(entry.name, "A-LONG-NAME-THAT-FILLS-ITS-LINE.TEX");
    assert!([heading, blank, half, total].iter().all(|line| **line == Line::Noise), "{got:?}");
    assert_eq!(*old, Line::Unread(Misread::OldVersion));
    assert_eq!(*secret, Line::Unread(Misread::Unreadable));
    assert_eq!(*alone, Line::Unread(Misread::Form));
}

#[test]
fn what_is_no_entry_is_noise_or_said() {
    for line in [
        "total 12",
        "total 4.5K",
        "Total 12",
        "insgesamt 8",
        "итого 4,5K",
        "合計 8",
        "",
        "drwxr-xr-x 2 a b 0 Jan 1 2020 ..",
    ] {
        assert_eq!(list(&[line]), [Line::Noise], "{line:?}");
    }
    for line in ["d", "-é", "hello world", "-rw-r--r-- 1 a b c d e f", "-rw-r--r-- 1 a b 5 Jan 1 2020", "12"]
    {
        assert_eq!(list(&[line]), [Line::Unread(Misread::Form)], "{line:?}");
    }
    assert_eq!(list(&["-rw-r--r-- 1 a b 5 Jan 1 2020 ../x"]), [Line::Unread(Misread::Path)]);
    assert_eq!(list(&["+r,\t"]), [Line::Unread(Misread::Name)]);
}

/// Where a server writes nothing but names, the first of them is not to vanish.
#[test]
fn a_name_with_a_number_is_no_total() {
    for line in ["report 2020", "chapter 1", "directory 5", "σ 1"] {
        assert_eq!(list(&[line]), [Line::Unread(Misread::Form)], "{line:?}");
    }
}

/// `ls` in its style `iso` makes the dates of old files as long as those of new ones.
#[test]
fn a_date_without_a_time_is_padded() {
    for (line, name) in [
        ("-rw-r--r-- 1 a b 5 2020-01-01  two", "two"),
        ("-rw-r--r-- 1 a b 5 2020-01-01   lead", " lead"),
        ("-rw-r--r-- 1 a b 5 2020-01-01 one", "one"),
        ("-rw-r--r-- 1 a b 5 01-15 10:00  lead", " lead"),
        ("-rw-r--r-- 1 a b 5 2020-01-01 10:00  lead", " lead"),
    ] {
        assert_eq!(entry(line).0, name, "{line}");
    }
    let link = &list(&["lrwxrwxrwx 1 a b 3 2020-01-01  l -> two"])[0];
    assert!(matches!(link, Line::Entry(entry) if entry.name == "l"), "{link:?}");
}

#[test]
fn facts_as_they_are_and_as_they_should_not_be() {
    let read = |line: &str| parse_facts(line.as_bytes());
    let known = |name: &str, kind, size_bytes| Line::Entry(Entry::new(name, kind, size_bytes));
    for (line, name, kind, size_bytes) in [
        ("type=file;size=; n", "n", EntryKind::File, None),
        ("type=file;size=12x; n", "n", EntryKind::File, None),
        ("type=file;size; n", "n", EntryKind::File, None),
        ("Type=File;Size=7;UNIX.mode=0644; a; b=c", "a; b=c", EntryKind::File, Some(7)),
        (" no facts", "no facts", EntryKind::Unknown, None),
        ("size=7; n", "n", EntryKind::Unknown, None),
        ("type=OS.unix=chr-13/29; n", "n", EntryKind::Special, None),
        ("type=dir;sizd=4096; d", "d", EntryKind::Directory, None),
    ] {
        assert_eq!(read(line), known(name, kind, size_bytes), "{line}");
    }
    for (line, to) in [
        ("type=OS.unix=slink:/a b; l", Some("/a b")),
        ("size=1;type=OS.unix=slink:/a b c;modify=20200101000000; l", Some("/a b c")),
        ("type=OS.unix=symlink;size=4; l", None),
        ("Type=OS.UNIX=slink:; l", None),
    ] {
        let Line::Entry(entry) = read(line) else { panic!("{line}") };
        assert_eq!((entry.name.as_str(), entry.kind), ("l", EntryKind::Link), "{line}");
        assert_eq!(entry.target.as_deref(), to, "{line}");
    }
    for (line, is_linked) in [
        ("type=dir;perm=elcmfp; d", true),
        ("Type=Dir;Perm=ELP; d", true),
        ("type=dir;perm=elcmdfp; d", false),
        ("type=dir;perm=el; d", false),
        ("type=dir; d", false),
        ("type=file;perm=p; d", false),
    ] {
        let Line::Entry(entry) = read(line) else { panic!("{line}") };
        assert_eq!(entry.is_linked, is_linked, "{line}");
    }
    assert_eq!(read("type=cdir; ."), Line::Noise);
    assert_eq!(read("type=file; /pub/t"), Line::Unread(Misread::Path));
    assert_eq!(read("type=file; ../t"), Line::Unread(Misread::Path));
    assert_eq!(read("type=file; "), Line::Unread(Misread::Name));
    assert_eq!(read("just words"), Line::Unread(Misread::Form));
    assert_eq!(read("word"), Line::Unread(Misread::Form));
}

/// RFC 3659 section 7.5.2.
#[test]
fn what_a_directory_is_told_from_others_by() {
    for (line, unique) in [
        ("type=dir;unique=1g2a; d", Some("1g2a")),
        ("Type=dir;Unique=U=7; d", Some("U=7")),
        ("type=dir;unique=; d", None),
        ("type=dir;size=4; d", None),
        ("type=file;unique=1g2b; f", None),
    ] {
        let Line::Entry(entry) = parse_facts(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(entry.unique.as_deref(), unique, "{line}");
    }
    for (line, unique) in [
        ("type=cdir;unique=1g2a; .\r", Some("1g2a")),
        ("type=CDIR;unique=1g2a; /a b", Some("1g2a")),
        (" type=dir;unique=1g2a; /a", Some("1g2a")),
        ("type=dir;unique=1g2a; .", Some("1g2a")),
        ("type=pdir;unique=1g2a; ..", None),
        ("type=PDIR;unique=1g2a; /", None),
        ("type=dir;unique=1g2a; ..", None),
        ("type=cdir;unique=; .", None),
        ("type=cdir; .", None),
        ("", None),
    ] {
        assert_eq!(unique_fact(line.as_bytes()).as_deref(), unique, "{line}");
    }
}

#[test]
fn names_keep_their_bytes() {
    let mut found = Vec::new();
    ListParser::new().line(b"-rw-r--r-- 1 a b 5 Jan 1 2020 gr\xfcn\r", |_, what| found.push(what));
    let [Line::Entry(entry)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(crate::name::encode(&entry.name), &b"gr\xfcn"[..]);
    let Line::Entry(entry) = parse_facts(b"type=file; \xff") else { panic!() };
    assert_eq!(crate::name::encode(&entry.name), &b"\xff"[..]);
}

/// Pieces of which lines are made, so that chance comes near to the forms.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "-rw-r--r--",
        "drwxr-xr-x",
        "lrwxrwxrwx",
        " ",
        "  ",
        " 1 ",
        " 512 ",
        "Jan 1 2020",
        "Jan  1 10:00",
        "1 Jan 2020",
        "2024-01-01 10:00",
        "-> ",
        "name",
        "..",
        "a/b",
        "é",
        "08-19-13",
        "05:14PM",
        "<DIR>",
        "+",
        "r,s5,\t",
        "X.Y;1",
        "[R----F--]",
        "29-JAN-1996 03:33",
        "total",
        ";",
        "type=file;",
        "size=",
        "\r",
        "\0",
        "Directory A:[B]",
        "%RMS",
    ];
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    /// Each line is told once, whatever it is, and no name leads out of its directory.
    #[test]
    fn no_line_is_lost(lines in proptest::collection::vec(proptest::collection::vec(piece(), 0..9), 0..12)) {
        let mut parser = ListParser::new();
        let mut told = Vec::new();
        let lines: Vec<Vec<u8>> = lines.into_iter().map(|pieces| pieces.concat()).collect();
        for line in &lines {
            parser.line(line, |_, what| told.push(what));
            let facts = parse_facts(line);
            prop_assert!(!matches!(&facts, Line::Entry(entry) if entry.name.contains('/')));
        }
        parser.end(|_, what| told.push(what));
        prop_assert_eq!(told.len(), lines.len());
        for line in told {
            if let Line::Entry(entry) = line {
                prop_assert!(!entry.name.is_empty() && !entry.name.contains(['/', '\0', '\n']));
                prop_assert!(entry.name != "." && entry.name != "..");
            }
        }
    }

    #[test]
    fn what_our_server_writes_is_read(text in "[^/\0\r\n]{1,20}", size in any::<u64>(), now in any::<bool>()) {
        prop_assume!(text != "." && text != "..");
        // Characters of the range that bytes which are no text have are written and read as these bytes.
        let name = name::decode(text.as_bytes()).into_owned();
        let listed = Listed { name: name.clone(), kind: EntryKind::File, size_bytes: size, modified: Some((951_782_400, 0)), unique: None };
        let long = long_line(&listed, true, now.then_some(951_782_500));
        prop_assert_eq!(entry(&long), (name.clone(), EntryKind::File, Some(size)));
        let facts = Facts::default().line("file", &listed, "r");
        let Line::Entry(found) = parse_facts(&name::encode(&facts)) else { return Err(TestCaseError::fail(facts)) };
        prop_assert_eq!((found.name, found.size_bytes, found.modified), (name, Some(size), listed.modified));
    }
}
