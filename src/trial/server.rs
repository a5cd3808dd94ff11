//! Servers: one that runs, or one that is started for each run, in a directory and on a port of its own.

use super::described::{ServerTable, Software, common};
use super::eye::Eye;
use super::proxy::Certificate;
use crate::programs::{Filled, Group, command};
use ftp_endpoint::client::Login;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// A server is to greet within it.
const GREETING_LIMIT: Duration = Duration::from_secs(30);
/// Their control ports and passive ones, below Linux's ephemeral ones and beside the proxies'.
const CONTROL_PORTS: std::ops::Range<u16> = 28_000..32_000;
const PASSIVE_PORTS: (u16, u16) = (20_000, 27_999);
/// Of servers that know no users but ours.
const USER: &str = "trial";
const PASSWORD: &str = "s3cret-trial";

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A user of a server that runs.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who, and by what password.
    pub login: Login,
    /// The directory that the login leads to, if it can be looked into.
    pub directory: Option<PathBuf>,
}

/// A server that runs.
pub struct Running {
    /// Whose, as far as is known.
    pub software: Software,
    /// Its control port.
    pub address: SocketAddr,
    /// Who logs in.
    pub account: Account,
}

/// Whom clients are tried with.
#[derive(Clone)]
pub enum Server {
    /// It runs already, for all runs.
    Running(Arc<Running>),
    /// It is started for each run.
    Described(Arc<Launch>),
}

/// How a described server is started.
pub struct Launch {
    pub(super) software: Software,
    pub(super) table: ServerTable,
    pub(super) tls: bool,
}

/// A server, for one run; ends with all that it has started when dropped.
pub(super) struct Started {
    pub address: SocketAddr,
    pub login: Login,
    pub eye: Eye,
    process: Option<(Group, tokio::process::Child)>,
    _scratch: Option<TempDir>,
}

impl Started {
    /// Takes its process, if it is ours.
    pub(super) fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Whether there is a process that can be taken.
    pub(super) fn is_ours(&self) -> bool {
        self.process.is_some()
    }
}

impl Server {
    /// Whose.
    pub fn software(&self) -> &Software {
        match self {
            Self::Running(running) => &running.software,
            Self::Described(launch) => &launch.software,
        }
    }

    /// Whether its process can be taken.
    pub fn is_started_here(&self) -> bool {
        matches!(self, Self::Described(_))
    }

    pub(super) async fn start(&self, certificate: Option<&Certificate>) -> io::Result<Started> {
        match self {
            Self::Running(running) => {
                let Running { address, account, .. } = &**running;
                let login = account.login.clone();
                let eye = match &account.directory {
                    Some(directory) => Eye::Directory(directory.clone()),
                    None => Eye::Session(*address, login.clone()),
                };
                Ok(Started { address: *address, login, eye, process: None, _scratch: None })
            }
            Self::Described(launch) => launch.start(certificate).await,
        }
    }
}

impl Launch {
    async fn start(&self, certificate: Option<&Certificate>) -> io::Result<Started> {
        let table = &self.table;
        if table.as_root && !rustix::process::geteuid().is_root() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is started as root only"));
        }
        let scratch = tempfile::Builder::new().prefix("ftpsim-trial-").tempdir()?;
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o711))?;
        let root = scratch.path().join("root");
        fs::create_dir(&root)?;
        let login = self.login()?;
        let mut filled = common();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().await?));
        self.fill(&mut filled, (scratch.path(), &root), address, &login)?;
        if let Some(certificate) = certificate.filter(|_| self.tls) {
            let both = certificate.key_pem.clone() + &certificate.pem;
            for (name, text) in [
                ("certificate.pem", &certificate.pem),
                ("key.pem", &certificate.key_pem),
                ("both.pem", &both),
            ] {
                write_secret(&scratch.path().join(name), text)?;
            }
        }
        for (name, text) in &table.files {
            let text = filled.fill(text);
            let text = if text.contains("{crypt}") {
                text.replace("{crypt}", &crypt(&login.password).await?)
            } else {
                text
            };
            write_secret(&scratch.path().join(name), &text)?;
        }
        let words = |words: &[String]| words.iter().map(|word| filled.fill(word)).collect::<Vec<String>>();
        for step in &table.prepare {
            let done = command(&words(step)).current_dir(scratch.path()).output().await?;
            if !done.status.success() {
                return Err(failed(&step.join(" "), &[done.stdout, done.stderr].concat()));
            }
        }
        let log = fs::File::create(scratch.path().join("log"))?;
        let mut starting = command(&words(&table.start));
        starting.current_dir(scratch.path()).stdout(log.try_clone()?).stderr(Stdio::from(log));
        let mut child = starting.spawn()?;
        let group = Group::led_by(child.id());
        let greeted = tokio::select! {
            biased;
            greeted = timeout(GREETING_LIMIT, greeting(address)) => greeted.is_ok(),
            _ = child.wait() => false,
        };
        if !greeted {
            let said = fs::read(scratch.path().join("log")).unwrap_or_default();
            return Err(failed(&table.start[0], &said));
        }
        let eye = Eye::Directory(root);
        Ok(Started { address, login, eye, process: Some((group, child)), _scratch: Some(scratch) })
    }

    fn login(&self) -> io::Result<Login> {
        let Some(user) = &self.table.account else { return Ok(Login::new(USER, PASSWORD)) };
        let file = common().fill(self.table.password_file.as_deref().unwrap_or_default());
        let password =
            fs::read_to_string(&file).map_err(|error| io::Error::other(format!("{file}: {error}")))?;
        Ok(Login::new(user.clone(), password.trim_end()))
    }

    /// Adds the placeholders of this start. The root is the account's.
    fn fill(
        &self,
        filled: &mut Filled,
        (directory, root): (&Path, &Path),
        address: SocketAddr,
        login: &Login,
    ) -> io::Result<()> {
        let (mut uid, mut gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        if let Some(account) = &self.table.account {
            let found = nix::unistd::User::from_name(account)?;
            let user = found.ok_or_else(|| io::Error::other(format!("there is no user {account}")))?;
            (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
            std::os::unix::fs::chown(root, Some(uid), Some(gid))?;
        }
        let text = |path: &Path| path.display().to_string();
        filled.0.extend([
            ("{dir}", text(directory)),
            ("{root}", text(root)),
            ("{host}", address.ip().to_string()),
            ("{port}", address.port().to_string()),
            ("{user}", login.user.clone()),
            ("{password}", login.password.clone()),
            ("{uid}", uid.to_string()),
            ("{gid}", gid.to_string()),
            ("{passive-first}", PASSIVE_PORTS.0.to_string()),
            ("{passive-last}", PASSIVE_PORTS.1.to_string()),
        ]);
        Ok(())
    }
}

fn failed(what: &str, said: &[u8]) -> io::Error {
    let said = String::from_utf8_lossy(said);
    let last = said.trim().lines().last().unwrap_or_default();
    io::Error::other(format!("{what} has not started: {last}"))
}

fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// One that nobody listens on now, and that no other job of this process takes.
async fn free_port() -> io::Result<u16> {
    let start = (std::process::id() % 40) as u16 * 100;
    let mut last = io::Error::other("no port is free");
    for _ in 0..500 {
        let offset =
            NEXT_PORT.fetch_add(1, Relaxed).wrapping_add(start) % (CONTROL_PORTS.end - CONTROL_PORTS.start);
        let port = CONTROL_PORTS.start + offset;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(_) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits until the server greets, and says goodbye.
async fn greeting(address: SocketAddr) {
    loop {
        if let Ok(stream) = TcpStream::connect(address).await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            if stream.read_line(&mut line).await.is_ok() && line.starts_with("220") {
                // Who does not hear it sees the close.
                let _ = stream.write_all(b"QUIT\r\n").await;
                return;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// As `/etc/shadow` has passwords.
async fn crypt(password: &str) -> io::Result<String> {
    let words = ["openssl", "passwd", "-6", "-salt", "ftpsimtrial", "-stdin"].map(str::to_owned);
    let mut child = command(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(format!("{password}\n").as_bytes()).await?;
    }
    let said = child.wait_with_output().await?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
