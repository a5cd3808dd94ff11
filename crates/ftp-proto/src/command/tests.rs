use super::*;
use proptest::prelude::*;

fn parse(line: &str) -> Result<Command, CommandError> {
    Command::parse(line.as_bytes())
}

#[test]
fn verbs_in_any_case_and_their_old_spellings() {
    assert_eq!(parse("rEtR a b "), Ok(Command::Retr("a b ".into())));
    assert_eq!(parse("XPWD"), parse("PWD"));
    assert_eq!(parse("xcup "), Ok(Command::Cdup));
    assert_eq!(parse("XMKD d"), Ok(Command::Mkd("d".into())));
    assert_eq!(parse("RETR  a"), Ok(Command::Retr(" a".into())));
}

#[test]
fn errors_are_typed() {
    assert_eq!(parse(""), Err(CommandError::Empty));
    assert_eq!(parse("FROB x"), Err(CommandError::Unknown));
    assert_eq!(parse("RETR"), Err(CommandError::Missing("RETR")));
    assert_eq!(parse("RETR "), Err(CommandError::Missing("RETR")));
    assert_eq!(parse("FEAT x"), Err(CommandError::Unexpected("FEAT")));
    assert!(matches!(parse("PORT 1,2,3"), Err(CommandError::Bad { verb: "PORT", .. })));
    assert_eq!(parse("EPRT |9|1.2.3.4|1|"), Err(CommandError::Protocol));
    assert_eq!(parse("EPSV 9"), Err(CommandError::Protocol));
    for line in ["MODE X", "STRU X", "TYPE X", "TYPE A X"] {
        assert!(matches!(parse(line), Err(CommandError::NotImplemented { .. })), "{line}");
    }
}

#[test]
fn the_pathname_of_a_command_is_the_file_it_is_about() {
    for line in ["RETR a b", "MFMT 20000101000000 a b", "MLST a b", "RNTO a b", "HASH a b"] {
        assert_eq!(parse(line).unwrap().pathname(), Some("a b"), "{line}");
    }
    for line in ["NOOP", "LIST", "STOU", "USER a", "SITE a", "REST 1"] {
        assert_eq!(parse(line).unwrap().pathname(), None, "{line}");
    }
}

#[test]
fn types() {
    assert_eq!(parse("TYPE a"), Ok(Command::Type(DataType::Ascii(Format::NonPrint))));
    assert_eq!(parse("type e t"), Ok(Command::Type(DataType::Ebcdic(Format::Telnet))));
    assert_eq!(parse("TYPE L 8"), Ok(Command::Type(DataType::Local(8))));
    assert_eq!(parse("TYPE L8"), Ok(Command::Type(DataType::Local(8))));
    assert_eq!(parse("TYPE I"), Ok(Command::Type(DataType::Image)));
    assert!(matches!(parse("TYPE L"), Err(CommandError::Bad { .. })));
    assert!(parse("TYPE L8 9").is_err());
    for line in ["TYPE A", "TYPE A T", "TYPE E C", "TYPE L 8"] {
        assert_eq!(parse(line).unwrap().to_string(), line);
    }
}

#[test]
fn families_of_extended_passive_mode() {
    for (line, family) in [
        ("EPSV", ExtendedPassive::Any),
        ("EPSV 1", ExtendedPassive::V4),
        ("EPSV 2", ExtendedPassive::V6),
        ("EPSV ALL", ExtendedPassive::All),
    ] {
        assert_eq!(parse(line), Ok(Command::Epsv(family)));
        assert_eq!(Command::Epsv(family).to_string(), line);
    }
    assert!(matches!(parse("EPSV x"), Err(CommandError::Bad { .. })), "no number is no protocol");
}

#[test]
fn numbers_and_times() {
    assert_eq!(parse("ALLO 12 R 80"), Ok(Command::Allo(12, Some(80))));
    assert_eq!(parse("RANG 0 9"), Ok(Command::Rang(0, 9)));
    assert_eq!(Command::Allo(12, Some(80)).to_string(), "ALLO 12 R 80");
    assert_eq!(parse("PBSZ 4294967295"), Ok(Command::Pbsz(u64::from(u32::MAX))));
    for line in ["ALLO -1", "ALLO +1", "ALLO 12 80", "PBSZ 4294967296", "RANG 1", "RANG 1 x"] {
        assert!(matches!(parse(line), Err(CommandError::Bad { .. })), "{line}");
    }
    assert_eq!(parse("MFMT 19700102000001 a b"), Ok(Command::Mfmt((86_401, 0), "a b".into())));
    // Fuzzing found this: what lies below a millisecond was lost on the way to the server.
    let fine = Command::Mfmt((0, 500_001_004), "a".into());
    assert_eq!(parse(&fine.to_string()), Ok(fine));
}

#[test]
fn verbs_are_sorted_and_all_parse_to_themselves() {
    assert!(VERBS.is_sorted());
    for verb in VERBS {
        let command = ["", " 1", " A", " S", " F", " a b", " 1,2,3,4,5,6", " |1|1.2.3.4|5|"]
            .iter()
            .chain(&[" 20000101000000 x", " 1 2"])
            .find_map(|argument| parse(&format!("{verb}{argument}")).ok())
            .unwrap_or_else(|| panic!("{verb} takes nothing"));
        assert_eq!(command.verb().as_str(), *verb);
        assert_eq!(parse(&command.to_string()), Ok(command));
    }
}

#[test]
fn bytes_that_are_no_text_go_through() {
    let mut line = Vec::new();
    Command::parse(b"RETR gr\xfcn").unwrap().write_to(&mut line).unwrap();
    assert_eq!(line, b"RETR gr\xfcn\r\n");
    line.clear();
    Command::Dele("a\rb".into()).write_to(&mut line).unwrap();
    assert_eq!(line, b"DELE a\r\0b\r\n", "RFC 2640 section 3.1");
    for name in ["a\nb", "a\0b"] {
        assert_eq!(Command::Dele(name.into()).write_to(&mut line), Err(Unsendable), "never another name");
    }
}

proptest! {
    #[test]
    fn any_line_ends(line in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Command::parse(&line);
    }

    #[test]
    fn what_parses_is_written_and_parses_again(
        verb in proptest::sample::select(VERBS),
        argument in "[ -~]{0,20}",
    ) {
        if let Ok(command) = parse(&format!("{verb} {argument}")) {
            prop_assert_eq!(parse(&command.to_string()), Ok(command));
        }
    }
}
