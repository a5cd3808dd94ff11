//! `ftp://USER:PASSWORD@HOST:PORT/PATH;type=T` (RFC 1738 section 3.2), and `ftps://`, which no RFC has: TLS
//! from the first byte, as curl and lftp have it.

use super::glob::Pattern;
use anyhow::{Context, bail, ensure};
use clap::builder::{StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use ftp_proto::name;
use percent_encoding::percent_decode_str;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::TcpStream;

const FTP_PORT: u16 = 21;
/// "ftps", as IANA has it: the control connection under TLS.
const FTPS_PORT: u16 = 990;
/// For each of the addresses of a host that has several.
const PROBE_LIMIT: Duration = Duration::from_secs(3);
const EXPECTED: &str = "expected ftp://USER:PASSWORD@HOST:PORT/PATH, or ftps://";

/// RFC 1738 section 3.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeCode {
    /// a: text.
    Ascii,
    /// i: bytes as they are.
    Image,
    /// d: the names in a directory.
    Directory,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct FtpUrl {
    /// `ftps://`.
    pub implicit_tls: bool,
    pub user: Option<String>,
    pub password: Option<String>,
    /// A name or address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// As commands name it: relative to the login directory, unless it begins with `%2F` in the
    /// URL. Empty for the login directory. Bytes that are no text as [`ftp_proto::name`] has them.
    pub path: String,
    /// Its last component; what is percent-encoded is no wildcard.
    pub pattern: Pattern,
    pub type_code: Option<TypeCode>,
}

/// Without the password, so that no message shows it.
impl std::fmt::Debug for FtpUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.implicit_tls { "ftps" } else { "ftp" };
        write!(f, "{scheme}://{}:{}/{}", self.host, self.port, self.path)
    }
}

/// For clap, whose own errors would show the value, and with it the password.
#[derive(Clone)]
pub(super) struct UrlParser;

impl TypedValueParser for UrlParser {
    type Value = FtpUrl;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<FtpUrl, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        text.parse().map_err(|error: anyhow::Error| {
            let message = format!("the URL is wrong: {}\n", super::out::message(&error));
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Errors say nothing of the text: any part of it may be the password's.
impl FromStr for FtpUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = text.split_once("://").context(EXPECTED)?;
        let implicit_tls = scheme.eq_ignore_ascii_case("ftps");
        ensure!(implicit_tls || scheme.eq_ignore_ascii_case("ftp"), EXPECTED);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, host_port) = match authority.rsplit_once('@') {
            Some((login, host_port)) => (Some(login), host_port),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':')) {
            None => (None, None),
            Some(None) => (login.map(decode), None),
            Some(Some((user, password))) => (Some(decode(user)), Some(decode(password))),
        };
        let (host, port) = split_host(host_port)?;
        ensure!(!host.is_empty(), "it names no host; {EXPECTED}");
        let port = match port {
            None if implicit_tls => FTPS_PORT,
            None => FTP_PORT,
            Some(port) => port.parse().ok().context(
                "what follows HOST: is not a port up to 65535 (a / or : in a password is %2F or %3A)",
            )?,
        };
        let (path, type_code) = split_type(path)?;
        let last = path.rsplit('/').next().unwrap_or_default();
        let (host, pattern) = (host.to_owned(), Pattern::with_literals(decode_marked(last)));
        Ok(Self { implicit_tls, user, password, host, port, path: decode(path), pattern, type_code })
    }
}

/// `;type=a`, `i` or `d` at the end, in either case (RFC 1738 section 3.2.2).
fn split_type(path: &str) -> anyhow::Result<(&str, Option<TypeCode>)> {
    let Some((before, code)) = path.rsplit_once(';').and_then(|(before, parameter)| {
        let (key, code) = parameter.split_at_checked(5)?;
        key.eq_ignore_ascii_case("type=").then_some((before, code))
    }) else {
        return Ok((path, None));
    };
    let code = match code.to_ascii_lowercase().as_str() {
        "a" => TypeCode::Ascii,
        "i" => TypeCode::Image,
        "d" => TypeCode::Directory,
        _ => bail!("its ;type= is none of a, i and d (a ; in a name is %3B)"),
    };
    Ok((before, Some(code)))
}

/// Host and port; an IPv6 address stands in brackets.
fn split_host(text: &str) -> anyhow::Result<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').context("missing ] after the IPv6 address")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => bail!("expected :PORT or / after ]"),
        };
    }
    Ok(match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

fn decode(text: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    name::decode(&bytes).into_owned()
}

/// Characters, and whether each was percent-encoded.
fn decode_marked(text: &str) -> impl Iterator<Item = (char, bool)> {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    // A byte that was encoded took three of the text.
    let mut encoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for byte in &bytes {
        let is_itself =
            text.as_bytes()[at] == *byte && (*byte != b'%' || !text.as_bytes()[at..].starts_with(b"%25"));
        encoded.push(!is_itself);
        at += if is_itself { 1 } else { 3 };
    }
    let mut begin = 0;
    let chars: Vec<char> = name::decode(&bytes).chars().collect();
    chars.into_iter().map(move |c| {
        let is_encoded = encoded.get(begin).copied().unwrap_or_default();
        begin += name::encode(c.encode_utf8(&mut [0; 4])).len();
        (c, is_encoded)
    })
}

impl FtpUrl {
    /// The host's address; of several (IPv6 and IPv4, as a rule) the first that answers.
    pub(super) async fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let all: Vec<SocketAddr> = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .with_context(|| format!("cannot find the host {:?}; check its name", self.host))?
            .collect();
        if all.len() > 1 {
            for address in &all {
                #[allow(clippy::disallowed_methods, reason = "real hosts answer in real time")]
                let tried = tokio::time::timeout(PROBE_LIMIT, TcpStream::connect(address)).await;
                if matches!(tried, Ok(Ok(_))) {
                    return Ok(*address);
                }
            }
        }
        all.first().copied().with_context(|| format!("the host {:?} has no address", self.host))
    }

    /// `name` in the directory that the URL names.
    pub(super) fn below(&self, name: &str) -> String {
        super::remote::join(&self.path, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts() {
        let url: FtpUrl = "ftp://me%40x:se%3Acret@example.org:2121/dir/file%20a".parse().unwrap();
        assert_eq!(url.user.as_deref(), Some("me@x"));
        assert_eq!(url.password.as_deref(), Some("se:cret"));
        assert_eq!((url.host.as_str(), url.port), ("example.org", 2121));
        assert_eq!((url.path.as_str(), url.below("x").as_str()), ("dir/file a", "dir/file a/x"));
        assert!(!format!("{url:?}").contains("cret") && !url.implicit_tls);
    }

    #[test]
    fn what_may_be_missing() {
        let url: FtpUrl = "FTP://[::1]".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("::1", 21, ""));
        assert_eq!((url.user, url.password), (None, None));
        let url: FtpUrl = "FtpS://h/x".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.implicit_tls), ("h", 990, true));
        let url: FtpUrl = "ftps://h:2121".parse().unwrap();
        assert_eq!((url.port, url.implicit_tls), (2121, true));
        let url: FtpUrl = "ftp://me@[::1]:2121/%2Fetc/".parse().unwrap();
        assert_eq!((url.path.as_str(), url.below("x").as_str(), url.port), ("/etc/", "/etc/x", 2121));
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("me"), None));
        let url: FtpUrl = "ftp://me:@h/".parse().unwrap();
        assert_eq!(url.password.as_deref(), Some(""));
        assert_eq!((url.below("x"), url.path.as_str()), ("x".to_owned(), ""));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in [
            "",
            "http://h/",
            "ftp:/h",
            "sftp://u:secret@h/",
            "ftpss://h/",
            "ftp://",
            "ftp://h:99999/",
            "ftp://[::1",
            "ftp://[::1]x/",
            "ftp://u:se/cret@h/",
            "ftp://h/x;type=q",
        ] {
            let error = format!("{:#}", text.parse::<FtpUrl>().unwrap_err());
            assert!(
                !error.contains("99999") && !error.contains("cret") && !error.contains("\"se"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn what_is_encoded_is_no_wildcard() {
        let pattern = |text: &str| format!("ftp://h/a/{text}").parse::<FtpUrl>().unwrap().pattern;
        for (text, yes, no) in [
            ("r%5B1%5D", "r[1]", "r1"),
            ("r[1]", "r1", "r[1]"),
            ("%2A*", "*x", "x"),
            ("100%25?", "100%x", "100%"),
            ("%", "%", "%%"),
            ("gr%fcn*", "gr\u{10fefc}n", "gr"),
        ] {
            let pattern = pattern(text);
            assert!(pattern.matches(yes) && !pattern.matches(no), "{text}: {pattern:?}");
        }
    }

    #[test]
    fn types() {
        for (text, path, code) in [
            ("t;type=i", "t", Some(TypeCode::Image)),
            ("a;b;Type=A", "a;b", Some(TypeCode::Ascii)),
            ("d/;type=d", "d/", Some(TypeCode::Directory)),
            ("t%3Btype=i", "t;type=i", None),
            ("t;x", "t;x", None),
        ] {
            let url: FtpUrl = format!("ftp://h/{text}").parse().unwrap();
            assert_eq!((url.path.as_str(), url.type_code), (path, code), "{text}");
        }
    }
}
