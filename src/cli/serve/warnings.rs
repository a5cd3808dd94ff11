//! What a server's start is warned of, a line each.

use super::settings::Settings;
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
        all.push(format!("passwords and files that go to {listen} can be read and changed on their way: nothing is encrypted"));
    }
    let roots: Vec<PathBuf> = settings.roots().iter().filter_map(|root| root.canonicalize().ok()).collect();
    for (what, path) in [("log", settings.transfer_log.as_deref()), ("configuration", config)] {
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
