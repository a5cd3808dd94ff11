//! Facts of MLSD and MLST (RFC 3659 section 7.2), written from a script by the grammar and read back: in
//! any order and either case, among facts of other people's, malformed ones among them.

use ftp_proto::listing::{EntryKind, Line, parse_facts};

/// What the reader is to find.
#[derive(Debug, Default)]
struct Expected {
    kind: Option<EntryKind>,
    is_noise: bool,
    size_bytes: Option<u64>,
    has_size: bool,
}

/// Pairs of bytes are facts: what, and its value; behind a zero comes the name.
pub(super) fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let name: Vec<u8> = input[end..].iter().copied().filter(|byte| !matches!(byte, 0 | b'/')).collect();
    let (mut line, mut expected) = (Vec::new(), Expected::default());
    for fact in input[..end].chunks_exact(2) {
        line.extend(write(fact[0], fact[1], &mut expected).into_bytes());
    }
    line.push(b' ');
    line.extend(&name);
    let found = parse_facts(&line);
    let text = String::from_utf8_lossy(&line).into_owned();
    if expected.is_noise {
        assert_eq!(found, Line::Noise, "{text}");
        return;
    }
    // What a line cannot hold, and a CR at its end, which belongs to the line.
    let name = name.strip_suffix(b"\r").unwrap_or(&name);
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'\n') {
        return;
    }
    let Line::Entry(entry) = found else { panic!("{text}: {found:?}") };
    assert_eq!(&ftp_proto::name::encode(&entry.name)[..], name, "{text}");
    let kind = expected.kind.unwrap_or(EntryKind::Unknown);
    assert_eq!(entry.kind, kind, "{text}");
    let size_bytes = expected.size_bytes.filter(|_| kind == EntryKind::File);
    assert_eq!(entry.size_bytes, size_bytes, "{text}");
}

/// One fact with its `;`. Of several of one name the last counts.
fn write(what: u8, value: u8, expected: &mut Expected) -> String {
    let key = |lower: &str, upper: &str| if value & 1 == 0 { lower.to_owned() } else { upper.to_owned() };
    match what % 4 {
        0 => {
            let (text, kind) = match (value >> 1) % 7 {
                0 => ("file", Some(EntryKind::File)),
                1 => ("DIR", Some(EntryKind::Directory)),
                2 => ("OS.unix=slink:/else/where", Some(EntryKind::Link)),
                3 => ("OS.unix=symlink", Some(EntryKind::Link)),
                4 => ("OS.unix=chr-1/3", Some(EntryKind::Special)),
                5 => ("shade", Some(EntryKind::Unknown)),
                _ => ("cdir", None),
            };
            expected.is_noise |= kind.is_none();
            expected.kind = kind.or(expected.kind);
            format!("{}={text};", key("type", "TyPe"))
        }
        1 => {
            let bytes = u64::from(value) << (what >> 3);
            (expected.has_size, expected.size_bytes) = (true, Some(bytes));
            format!("{}={bytes};", key("size", "Size"))
        }
        2 if !expected.has_size => {
            expected.has_size = true;
            format!("size={};", ["", "-1", "1x", "99999999999999999999", "0x10"][usize::from(value % 5)])
        }
        _ => {
            let others = ["unix.mode=0644;", "perm=;", "modify=yesterday;", "x-y=a=b;", "unique=1U2;", "="];
            others[usize::from(value) % (others.len() - 1)].to_owned()
        }
    }
}
