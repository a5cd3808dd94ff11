//! Lines that are nearly of a form: each differs from one that is in a single thing.

use super::tests::{entry, list};
use super::*;

fn is_not_understood(lines: &[&str]) {
    for line in lines {
        assert_eq!(list(&[line]), [Line::Unread(Misread::Form)], "{line:?}");
    }
}

fn names(lines: &[(&str, &str)]) {
    for (line, name) in lines {
        assert_eq!(entry(line).0, *name, "{line:?}");
    }
}

#[test]
fn dates_that_are_none() {
    is_not_understood(&[
        "-rw-r--r-- 1 a b 9 Jan x 2020 n",
        "-rw-r--r-- 1 a b 9 Jan 45 2020 n",
        "-rw-r--r-- 1 a b 9 Jan 015 2020 n",
        "-rw-r--r-- 1 a b 9 12 15 2020 n",
        "-rw-r--r-- 1 a b 9 a,b 15 2020 n",
        "-rw-r--r-- 1 a b 9 Jan 15 1x:00 n",
        "-rw-r--r-- 1 a b 9 Jan 15 100:00 n",
        "-rw-r--r-- 1 a b 9 Jan 15 10:00:00:00 n",
        "-rw-r--r-- 1 a b 9 20x4-01-01 10:00 n",
        "-rw-r--r-- 1 a b 9 02024-01-01 10:00 n",
        "-rw-r--r-- 1 a b 9 2024-01-01-01 10:00 n",
    ]);
}

/// What looks like a part of the date and is none begins the name.
#[test]
fn names_that_begin_like_the_end_of_a_date() {
    names(&[
        ("-rw-r--r-- 1 a b 9 2024-01-01 10:00:00.0 +01x0 n", "+01x0 n"),
        ("-rw-r--r-- 1 a b 9 2024-01-01 10:00:00.0 +01000 n", "+01000 n"),
        ("-rw-r--r-- 1 a b 9 2024-01-01 10:00 +0100 n", "+0100 n"),
        ("-rw-r--r-- 1 a b 9 2024-01-01 10:00:00.5 n m", "n m"),
        ("-rw-r--r-- 1 a b 9 Jan 15 10:00 2020 report", "2020 report"),
        ("-rw-r--r-- 1 a b 9 Jan 15 10:00:01 n m", "n m"),
        ("-rw-r--r-- 1 a b 9 15. märz. 2020 n", "n"),
    ]);
}

#[test]
fn sizes_that_are_none() {
    is_not_understood(&[
        "-rw-r--r-- 1 a b x Jan 1 2020 n",
        "-rw-r--r-- 1 a b +5 Jan 1 2020 n",
        "-rw-r--r-- 1 a b K Jan 1 2020 n",
        "-rw-r--r-- 1 a b 4.0 Jan 1 2020 n",
        "-rw-r--r-- 1 a b 4xK Jan 1 2020 n",
    ]);
}

/// Twenty-four words are looked at: no form has its name behind more.
#[test]
fn an_owner_of_many_words() {
    let line = |words: usize| format!("-rw-r--r-- 1 {}9 Jan 1 2020 n", "o ".repeat(words));
    assert_eq!(entry(&line(18)).0, "n");
    is_not_understood(&[&line(19)]);
}

#[test]
fn lines_of_dos_that_are_none() {
    is_not_understood(&[
        " 08-19-13  05:14PM  1234 n",
        "hello  05:14PM  1234 n",
        "08-xx-13  05:14PM  1234 n",
        "08-19  05:14PM  1234 n",
        "08-119-13  05:14PM  1234 n",
        "2013-08-2013  05:14PM  1234 n",
        "08:19:13  05:14PM  1234 n",
        "08-19-13  noon  1234 n",
        "08-19-13  05:14PPM  1234 n",
    ]);
    // The column of names begins behind ten blanks; what is nearer has as many as there are.
    names(&[
        ("08-19-13  05:14PM <DIR> near", "near"),
        ("08-19-13  05:14PM <DIR>            indented", "  indented"),
    ]);
}

#[test]
fn totals_that_are_none() {
    is_not_understood(&["total 4x", "total K", "2nd 8"]);
    let second = list(&["total 1", "insgesamt 8", "total 2"]);
    assert_eq!(second, [Line::Noise, Line::Unread(Misread::Form), Line::Noise]);
}

#[test]
fn lines_of_vms_that_are_none() {
    is_not_understood(&[
        "Directory X",
        "Place DISK:[ROOT]",
        "Sum of 5 files, 12 blocks.",
        "Total by 5 files, 12 blocks.",
        "Total of five files, 12 blocks.",
        "Total of 5 blocks.",
        "A.B;1 1 99-JAN-1996 03:33",
        "A.B;1 1 29-XXX-1996 03:33",
        "A.B;1 1 29-JAN-x 03:33",
        "A.B;1 1 29-JAN-1996-1 03:33",
        "A.B;1 1 2 29-JAN-1996 03:33",
    ]);
}

#[test]
fn lines_of_a_mainframe_that_are_none() {
    let under = |heading: &str, line: &str| list(&[heading, line]).remove(1);
    let members = " Name     VV.MM   Created       Changed      Size  Init   Mod   Id";
    assert!(matches!(under(members, "FITS@#$8 01.05 1997/07/17"), Line::Entry(_)));
    for line in ["NAME-X 01.05 1997/07/17", "LONGNAME9 01.05 1997/07/17"] {
        assert_eq!(under(members, line), Line::Unread(Misread::Form), "{line}");
    }
    let sets = "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname";
    assert!(matches!(under(sets, "Pseudo Directory SYS1"), Line::Entry(_)));
    for line in [
        "Other Directory SYS1",
        "WYOSPT 3390 2003/05/21 1 200 FB 80 8053 PS BAD_NAME",
        "WYOSPT 3390 2003/05/21 1 200 FB 80 8053 PS A.LONGNAME9",
        "WYOSPT 3390 2003/05/21 1 200 FB 80 8053 PS A..B",
    ] {
        assert_eq!(under(sets, line), Line::Unread(Misread::Form), "{line}");
    }
}

#[test]
fn names_that_no_file_has() {
    for line in ["-rw-r--r-- 1 a b 5 Jan 1 2020 a\0b", "-rw-r--r-- 1 a b 5 Jan 1 2020 a\nb"] {
        assert_eq!(list(&[line]), [Line::Unread(Misread::Name)], "{line:?}");
    }
    // Facts end at the first blank, unless the target of a link has it.
    let Line::Entry(read) = parse_facts(b"x=a:b c; n") else { panic!() };
    assert_eq!(read.name, "c; n");
}

#[test]
fn what_an_entry_tells_of_itself() {
    let all = list(&["+m825718503,r,s280,\tf", "drwxr-xr-x 2 a b 0 Jan 1 2020 d"]);
    let [Line::Entry(file), Line::Entry(directory)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(file.modified, Some((825_718_503, 0)));
    assert!(!file.is_directory() && directory.is_directory());
}
