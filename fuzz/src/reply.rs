//! Replies: the same under every cut; written again, they are read as the same; what clients read
//! out of their text ends, too.

use ftp_proto::address::{parse_extended, parse_extended_passive, parse_passive};
use ftp_proto::reply::{MAX_LINE_BYTES, Reply, ReplyError, ReplyParser};

fn replies(parts: &[&[u8]]) -> (Vec<Reply>, Option<ReplyError>, bool) {
    let (mut parser, mut replies) = (ReplyParser::new(), Vec::new());
    for part in parts {
        let mut part = *part;
        loop {
            match parser.parse(&mut part) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error), false),
            }
        }
        assert!(part.is_empty());
    }
    (replies, None, parser.in_reply())
}

/// The first byte says where to cut.
pub(super) fn check(input: &[u8]) {
    let Some((&first, bytes)) = input.split_first() else { return };
    let cut = usize::from(first) % (bytes.len() + 1);
    let whole = replies(&[bytes]);
    assert_eq!(replies(&[&bytes[..cut], &bytes[cut..]]), whole);
    for reply in &whole.0 {
        assert!((100..700).contains(&reply.code) && !reply.lines.is_empty());
        check_written(reply);
        let text = reply.text();
        if let Ok(address) = parse_passive(&text) {
            assert_eq!(parse_passive(&ftp_proto::address::passive_text(address)), Ok(address));
        }
        if let Ok(port) = parse_extended_passive(&text) {
            let text = ftp_proto::address::extended_passive_text(port);
            assert_eq!(parse_extended_passive(&text), Ok(port));
        }
        if let Ok(address) = parse_extended(&text) {
            assert_eq!(parse_extended(&ftp_proto::address::extended(address)), Ok(address));
        }
    }
}

/// Lines between the first and the last may have been padded (RFC 959 section 4.2).
fn check_written(reply: &Reply) {
    let bytes = reply.to_bytes();
    if bytes.split(|&byte| byte == b'\n').any(|line| line.len() > MAX_LINE_BYTES) {
        return;
    }
    let (again, error, inside) = replies(&[&bytes]);
    assert_eq!((again.len(), error, inside), (1, None, false));
    assert_eq!((again[0].code, again[0].lines.len()), (reply.code, reply.lines.len()));
    for (new, old) in again[0].lines.iter().zip(&reply.lines) {
        assert!(new == old || new.strip_prefix(' ') == Some(old), "{new:?} for {old:?}");
    }
}
