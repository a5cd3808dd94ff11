//! `.netrc`: logins by host, as ftp(1) and curl read them.

use super::credentials::warn_of_readers;
use super::url::FtpUrl;
use anyhow::Context;
use std::io::ErrorKind;
use std::path::PathBuf;

/// What a `.netrc` has for a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub login: Option<String>,
    pub password: Option<String>,
}

/// The first entry for the URL's host, and for its user where it has one. `None` where there is none, or no file.
pub(super) fn look_up(url: &FtpUrl) -> anyhow::Result<Option<Known>> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".netrc"));
    let Some(file) = std::env::var_os("NETRC").map(PathBuf::from).or_else(home) else { return Ok(None) };
    let text = match std::fs::read(&file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("{} (--no-netrc does without it)", file.display()));
        }
    };
    let known = find(&text, &url.host, url.user.as_deref());
    if known.as_ref().is_some_and(|known| known.password.is_some()) {
        warn_of_readers(&file);
    }
    Ok(known)
}

fn find(text: &str, host: &str, user: Option<&str>) -> Option<Known> {
    let mut words = words(text).into_iter();
    let mut found: Option<Known> = None;
    let is_wanted = |known: &Known| user.is_none() || known.login.as_deref() == user;
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" | "default" => {
                if found.as_ref().is_some_and(is_wanted) {
                    return found;
                }
                let is_ours =
                    word == "default" || words.next().is_some_and(|name| name.eq_ignore_ascii_case(host));
                found = is_ours.then(Known::default);
            }
            "login" | "password" | "account" => {
                let value = words.next();
                match (&mut found, word.as_str()) {
                    (Some(known), "login") => known.login = value,
                    (Some(known), "password") => known.password = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    found.filter(is_wanted)
}

/// Words, or text in quotation marks with `\` before a character that stands for itself. Lines that begin with
/// `#`, and macros (from `macdef` to an empty line), are left out.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        in_macro &= !line.trim().is_empty();
        if in_macro || line.trim_start().starts_with('#') {
            continue;
        }
        let mut chars = line.chars().peekable();
        while let Some(&first) = chars.peek() {
            if first.is_whitespace() {
                chars.next();
                continue;
            }
            let is_quoted = first == '"';
            if is_quoted {
                chars.next();
            }
            let mut word = String::new();
            while let Some(c) = chars.next_if(|&c| if is_quoted { c != '"' } else { !c.is_whitespace() }) {
                let escaped = if is_quoted && c == '\\' { chars.next() } else { None };
                word.push(escaped.unwrap_or(c));
            }
            if is_quoted {
                chars.next();
            }
            if word == "macdef" && !is_quoted {
                in_macro = true;
                break;
            }
            all.push(word);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# machine no login no
machine one.example login ann password first
machine one.example
  login bob
  password \"a \\\"b\\\\ c\"
  account x
macdef init
machine two.example login macro
put machine

machine TWO.example password pw login carl
default login anonymous password me@here
";

    fn found(host: &str, user: Option<&str>) -> Option<(String, String)> {
        let known = find(FILE, host, user)?;
        Some((known.login.unwrap_or_default(), known.password.unwrap_or_default()))
    }

    #[test]
    fn entries_by_host_and_user() {
        let pair = |login: &str, password: &str| Some((login.to_owned(), password.to_owned()));
        assert_eq!(found("one.example", None), pair("ann", "first"));
        assert_eq!(found("ONE.example", Some("bob")), pair("bob", "a \"b\\ c"));
        assert_eq!(found("two.example", None), pair("carl", "pw"));
        assert_eq!(found("three.example", None), pair("anonymous", "me@here"));
        assert_eq!(found("one.example", Some("dora")), None);
        assert_eq!(found("no", Some("no")), None);
    }

    #[test]
    fn odd_files_give_nothing() {
        for text in ["", "machine", "machine h", "login x password y", "\"", "machine h login", "macdef"] {
            let known = find(text, "h", None);
            assert!(known.is_none_or(|known| known == Known::default()), "{text}");
        }
    }
}
