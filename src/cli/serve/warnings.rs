//! What a server's start is warned of, a line each.

use super::settings::Settings;
use ftp_endpoint::server::TlsUse;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// `line`: the part of `settings` that was given on the command line.
pub(super) fn warnings(
    line: &Settings,
    settings: &Settings,
    config: Option<&Path>,
    listen: SocketAddr,
) -> Vec<String> {
    let mut all = Vec::new();
    if line.users.iter().any(|user| user.password.is_some()) {
        all.push(
            "--user: everyone on this machine can see a password in arguments (ps); put users into --config"
                .to_owned(),
        );
    }
    if let Some(path) = config {
        let has_secrets = settings.users.len() > line.users.len();
        if has_secrets && is_readable_by_all(path) {
            let path = path.display();
            all.push(format!("{path}: everyone on this machine can read its passwords or hashes; chmod o-r"));
        }
    }
    if !listen.ip().to_canonical().is_loopback() {
        all.extend(in_clear(settings, listen));
    }
    if let Some(key) = settings.tls_key_file().filter(|key| is_readable_by_all(key)) {
        all.push(format!("{}: everyone on this machine can read its key; chmod o-r", key.display()));
    }
    let roots: Vec<PathBuf> = settings.roots().iter().filter_map(|root| root.canonicalize().ok()).collect();
    for (what, path) in [
        ("log", settings.transfer_log.as_deref()),
        ("configuration", config),
        ("key", settings.tls_key_file()),
    ] {
        let Some(place) = path.and_then(place) else { continue };
        if let Some(root) = roots.iter().find(|root| place.starts_with(root)) {
            all.push(format!(
                "the {what} {} lies in {}, which is served: users can read it, and may change it",
                place.display(),
                root.display()
            ));
        }
    }
    all
}

/// What may go over the network without encryption.
fn in_clear(settings: &Settings, listen: SocketAddr) -> Option<String> {
    let told = |what: &str, why: &str| {
        format!("{what} that go to {listen} can be read and changed on their way: {why}")
    };
    match settings.tls_demand() {
        Ok(Some(TlsUse::Required)) => None,
        Ok(Some(TlsUse::Offered)) if settings.tls_implicit => {
            Some(told("files", "clients may ask for data in clear (--tls required)"))
        }
        Ok(Some(TlsUse::Offered)) => {
            Some(told("passwords and files", "clients may do without TLS (--tls required)"))
        }
        _ => Some(told("passwords and files", "nothing is encrypted (--tls-certificate, --tls-self-signed)")),
    }
}

/// Where a file is, or will be.
fn place(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| std::path::absolute(path).ok())
}

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_all(_path: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::settings::UserSettings;
    use super::super::tls::TlsChoice;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn user(password: bool) -> UserSettings {
        let text = Some("x".to_owned());
        let (password, password_hash) = if password { (text, None) } else { (None, text) };
        UserSettings { name: "u".into(), password, password_hash, ..UserSettings::default() }
    }

    #[test]
    fn each_has_its_line_and_nothing_else_has() {
        let here = tempfile::tempdir().unwrap();
        let root = here.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let config = here.path().join("config");
        std::fs::write(&config, "").unwrap();
        let mode = |mode| std::fs::set_permissions(&config, std::fs::Permissions::from_mode(mode)).unwrap();
        let loopback = "127.0.0.1:21".parse().unwrap();
        let file = Settings { users: vec![user(false)], root: Some(root.clone()), ..Settings::default() };
        let asked = |line: &Settings, file: &Settings, listen| {
            warnings(line, &line.clone().over(file.clone()), Some(&config), listen)
        };
        mode(0o640);
        assert_eq!(asked(&Settings::default(), &file, loopback), Vec::<String>::new());
        mode(0o644);
        assert!(asked(&Settings::default(), &file, loopback)[0].contains("chmod"));
        // Of users that are on the command line, the file says nothing.
        let line = Settings { users: vec![user(true)], root: Some(root.clone()), ..Settings::default() };
        let said = asked(&line, &Settings::default(), loopback);
        assert!(said.len() == 1 && said[0].contains("(ps)") && !said[0].contains('x'), "{said:?}");
        mode(0o600);
        for listen in ["0.0.0.0:21", "[::]:21", "192.0.2.1:21"] {
            let said = asked(&Settings::default(), &file, listen.parse().unwrap());
            assert!(said.len() == 1 && said[0].contains("encrypted"), "{said:?}");
        }
        for (tls, implicit, word) in [
            (Some(TlsChoice::Required), false, None),
            (Some(TlsChoice::Required), true, None),
            (None, false, Some("do without TLS")),
            (None, true, Some("data in clear")),
            (Some(TlsChoice::Off), false, Some("nothing is encrypted")),
        ] {
            let file = Settings { tls, tls_implicit: implicit, tls_self_signed: true, ..file.clone() };
            let said = asked(&Settings::default(), &file, "0.0.0.0:21".parse().unwrap());
            assert_eq!(said.len(), usize::from(word.is_some()), "{said:?}");
            assert!(word.is_none_or(|word| said[0].contains(word)), "{said:?}");
        }
        let pem = |name: &str, mode| {
            let path = here.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Some(path)
        };
        let (certificate, open, closed) = (pem("chain", 0o644), pem("open", 0o644), pem("closed", 0o640));
        for (key, is_warned) in [(open, true), (closed, false), (None, true)] {
            let file = Settings { tls_certificate: certificate.clone(), tls_key: key, ..file.clone() };
            let said = asked(&Settings::default(), &file, loopback);
            assert_eq!(said.len(), usize::from(is_warned), "{said:?}");
            assert!(!is_warned || said[0].contains("read its key"), "{said:?}");
        }
        for listen in ["[::1]:21", "[::ffff:127.0.0.1]:21", "127.9.9.9:21"] {
            assert!(asked(&Settings::default(), &file, listen.parse().unwrap()).is_empty());
        }
        let logged = Settings { transfer_log: Some(root.join("../root/log")), ..file.clone() };
        std::fs::write(root.join("log"), "").unwrap();
        let said = asked(&Settings::default(), &logged, loopback);
        assert!(said.len() == 1 && said[0].contains("the log"), "{said:?}");
        let around = Settings { root: Some(here.path().to_owned()), ..file };
        let said = asked(&Settings::default(), &around, loopback);
        assert!(said.len() == 1 && said[0].contains("the configuration"), "{said:?}");
    }
}
