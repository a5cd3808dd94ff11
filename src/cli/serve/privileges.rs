//! Started as root: giving up what only root may do, once the port is bound.

use super::log_file::LogFile;
use anyhow::{Context, bail, ensure};
use nix::unistd::{Gid, Group, Uid, User, getgrouplist, setgid, setgroups, setuid};
use std::ffi::CString;
use std::path::Path;

/// Whether the process may do everything.
pub(super) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Who is to serve.
pub(super) struct Identity {
    user: Uid,
    group: Gid,
    groups: Vec<Gid>,
}

impl Identity {
    /// USER or USER:GROUP, by name or number.
    pub(super) fn find(text: &str) -> anyhow::Result<Self> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let known = match user.parse() {
            Ok(number) => User::from_uid(Uid::from_raw(number)),
            Err(_) => User::from_name(user),
        };
        let known = known.with_context(|| format!("run-as: cannot look up {user}"))?;
        let given = group.map(group_named).transpose()?;
        let (uid, group, groups) = match (known, given) {
            (Some(known), None) => {
                let name = CString::new(known.name).context("run-as")?;
                let groups = getgrouplist(&name, known.gid).context("run-as: cannot look up groups")?;
                (known.uid, known.gid, groups)
            }
            // Whoever names a group wants no other.
            (Some(known), Some(group)) => (known.uid, group, vec![group]),
            (None, Some(group)) if user.parse::<u32>().is_ok() => {
                (Uid::from_raw(user.parse()?), group, vec![group])
            }
            (None, None) if user.parse::<u32>().is_ok() => {
                bail!("run-as: {user} needs a group, {user}:GROUP")
            }
            (None, _) => bail!("run-as: there is no user {user}"),
        };
        ensure!(!uid.is_root(), "run-as: {user} is root");
        Ok(Self { user: uid, group, groups })
    }

    /// For the whole process, for good. The log stays writable: it is the new user's.
    pub(super) fn take(&self, log: Option<&LogFile>) -> anyhow::Result<()> {
        if Uid::effective() == self.user && Uid::current() == self.user {
            return Ok(());
        }
        ensure!(is_root(), "run-as: only root may become another user");
        if let Some(log) = log {
            let (user, group) = (self.user.as_raw(), self.group.as_raw());
            let file = log.file();
            // It is opened again after a SIGHUP.
            if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
                std::os::unix::fs::fchown(&*file, Some(user), Some(group))
                    .with_context(|| format!("cannot give {} away", log.path.display()))?;
            }
        }
        setgroups(&self.groups).context("run-as: cannot leave root's groups")?;
        setgid(self.group).context("run-as: cannot change the group")?;
        setuid(self.user).context("run-as: cannot change the user")?;
        // A process that could become root again has given up nothing.
        ensure!(
            setuid(Uid::from_raw(0)).is_err() && Uid::current() == self.user && Gid::current() == self.group,
            "run-as: root's privileges can be had back"
        );
        Ok(())
    }
}

fn group_named(name: &str) -> anyhow::Result<Gid> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    let known = Group::from_name(name).with_context(|| format!("run-as: cannot look up {name}"))?;
    Ok(known.with_context(|| format!("run-as: there is no group {name}"))?.gid)
}

/// Whether the new user will miss this file.
pub(super) fn unreadable(path: &Path) -> Option<String> {
    let error = std::fs::File::open(path).err()?;
    Some(format!("{}: {error}; a SIGHUP will change nothing of it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name_and_number() {
        let by = |text: &str| Identity::find(text).map(|it| (it.user.as_raw(), it.group.as_raw()));
        assert_eq!(by("65534:65533").unwrap(), (65_534, 65_533));
        assert_eq!(by("4000000000:7").unwrap(), (4_000_000_000, 7));
        for (text, word) in [
            ("root", "root"),
            ("0", "root"),
            ("0:7", "root"),
            ("nobody-of-this-name", "no user"),
            ("65534:no-such-group", "no group"),
            ("4000000000", "needs a group"),
            ("", "no user"),
        ] {
            let error = Identity::find(text).err().unwrap().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
