//! Who logs in, and by what password. None need stand in the arguments, where everyone on the machine can
//! read it.

use super::netrc;
use super::out::tell;
use super::url::FtpUrl;
use anyhow::{Context, ensure};
use clap::Args;
use ftp_endpoint::client::Login;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[derive(Args, Default)]
pub(super) struct Credentials {
    /// The password is the first line of this file. Without it, and without one in the URL, it is
    /// FTPSIM_PASSWORD's, or that of the host and user in ~/.netrc (or where NETRC says), or it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Look nothing up in ~/.netrc
    #[arg(long)]
    no_netrc: bool,
}

impl Credentials {
    /// Of a URL without a user: the one that `.netrc` has for its host, else anonymous (RFC 1635).
    pub(super) fn login(&self, url: &FtpUrl) -> anyhow::Result<Login> {
        let known = if self.no_netrc || url.password.is_some() { None } else { netrc::look_up(url)? };
        let Some(user) = url.user.clone().or_else(|| known.as_ref()?.login.clone()) else {
            ensure!(self.password_file.is_none(), "--password-file: whose? Put USER@ before the URL's host");
            return Ok(Login::new("anonymous", "ftpsim@"));
        };
        if let Some(password) = &url.password {
            return Ok(Login::new(user, password));
        }
        if let Some(file) = &self.password_file {
            return Ok(Login::new(user, first_line(file)?));
        }
        if let Ok(password) = std::env::var("FTPSIM_PASSWORD") {
            return Ok(Login::new(user, password));
        }
        if let Some(password) = known.and_then(|known| known.password) {
            return Ok(Login::new(user, password));
        }
        let password = typed(&user, &url.host)?;
        Ok(Login::new(user, password))
    }
}

/// Asked for on the terminal, once.
fn typed(user: &str, host: &str) -> anyhow::Result<String> {
    static TYPED: Mutex<Option<String>> = Mutex::new(None);
    let mut typed = TYPED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(password) = &*typed {
        return Ok(password.clone());
    }
    let prompt = format!("Password for {user}@{host}: ");
    let password = rpassword::prompt_password(prompt)
        .context("no password: put it into FTPSIM_PASSWORD, a --password-file, or ~/.netrc")?;
    Ok(typed.insert(password).clone())
}

fn first_line(file: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("--password-file {}", file.display()))?;
    warn_of_readers(file);
    let line = text.lines().next().unwrap_or_default();
    ensure!(!line.is_empty(), "--password-file {}: its first line is empty", file.display());
    Ok(line.to_owned())
}

/// Once a file.
pub(super) fn warn_of_readers(file: &Path) {
    static WARNED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if others_can_read(file) && !warned.iter().any(|known| known == file) {
        tell(format_args!(
            "warning: others can read the passwords in {}; chmod 600 keeps them out",
            file.display()
        ));
        warned.push(file.to_owned());
    }
}

#[cfg(unix)]
fn others_can_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_file: &Path) -> bool {
    false
}

/// Whose password is no secret (RFC 1635).
pub(super) fn is_anonymous(user: &str) -> bool {
    ["anonymous", "ftp"].contains(&user.to_ascii_lowercase().as_str())
}

/// Of a password that stands in an argument, unless it is anonymous's, which is none (RFC 1635).
pub(super) fn warn_of_password(url: &FtpUrl) {
    let is_secret = url.password.as_ref().is_some_and(|password| !password.is_empty());
    if is_secret && !url.user.as_deref().is_none_or(is_anonymous) {
        tell(
            "warning: everyone on this machine can see a password in arguments (ps); leave it out, and type \
             it when you are asked, or put it into FTPSIM_PASSWORD, a --password-file or ~/.netrc",
        );
    }
}
