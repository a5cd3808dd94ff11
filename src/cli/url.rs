//! `ftp://USER:PASSWORD@HOST:PORT/PATH` (RFC 1738 section 3.2).

use anyhow::{Context, bail};
use percent_encoding::percent_decode_str;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

const FTP_PORT: u16 = 21;
/// For each of the addresses of a host that has several.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct FtpUrl {
    pub user: Option<String>,
    pub password: Option<String>,
    /// A name or address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// As commands name it: relative to the login directory, unless it begins with `%2F` in the
    /// URL. Empty for the login directory.
    pub path: String,
}

/// Without the password, so that no message shows it.
impl std::fmt::Debug for FtpUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ftp://{}:{}/{}", self.host, self.port, self.path)
    }
}

impl FromStr for FtpUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some(rest) = text.get(..6).filter(|s| s.eq_ignore_ascii_case("ftp://")).map(|_| &text[6..])
        else {
            bail!("expected ftp://USER:PASSWORD@HOST:PORT/PATH");
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, host_port) = match authority.rsplit_once('@') {
            Some((login, host_port)) => (Some(login), host_port),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, "\0"))) {
            None => (None, None),
            Some((user, "\0")) => (Some(decode(user)?), None),
            Some((user, password)) => (Some(decode(user)?), Some(decode(password)?)),
        };
        let (host, port) = split_host(host_port)?;
        if host.is_empty() {
            bail!("the URL names no host; expected ftp://USER:PASSWORD@HOST:PORT/PATH");
        }
        let port = match port {
            None => FTP_PORT,
            Some(port) => {
                port.parse().with_context(|| format!("port {port:?} is not a number up to 65535"))?
            }
        };
        Ok(Self { user, password, host: host.to_owned(), port, path: decode(path)? })
    }
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

fn decode(text: &str) -> anyhow::Result<String> {
    Ok(percent_decode_str(text).decode_utf8().context("the URL is not UTF-8")?.into_owned())
}

impl FtpUrl {
    /// The host's address; of several (IPv6 and IPv4, as a rule) the first that answers.
    pub(super) fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let all: Vec<SocketAddr> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .with_context(|| format!("cannot find the host {:?}; check its name", self.host))?
            .collect();
        let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, PROBE_LIMIT).is_ok();
        let found = if all.len() > 1 { all.iter().find(answers) } else { None };
        found.or(all.first()).copied().with_context(|| format!("the host {:?} has no address", self.host))
    }

    /// `name` in the directory that the URL names.
    pub(super) fn below(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path if path.ends_with('/') => format!("{path}{name}"),
            path => format!("{path}/{name}"),
        }
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
        assert!(!format!("{url:?}").contains("cret"));
    }

    #[test]
    fn what_may_be_missing() {
        let url: FtpUrl = "FTP://[::1]".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("::1", 21, ""));
        assert_eq!((url.user, url.password), (None, None));
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
            "ftp://",
            "ftp://h:99999/",
            "ftp://[::1",
            "ftp://[::1]x/",
            "ftp://%ff@h",
        ] {
            assert!(text.parse::<FtpUrl>().is_err(), "{text}");
        }
    }
}
