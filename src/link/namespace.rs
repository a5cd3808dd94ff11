//! A network namespace without a name, with a TUN device of its own. A thread lives in it: what it starts is in the
//! namespace, too, and dies with it.

use super::LinkError;
use nix::sched::{CloneFlags, unshare};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use tappers::{Interface, Tun};

/// The device's name in each namespace.
const DEVICE: &str = "link0";
/// All of the addresses are on the link.
const PREFIX: u8 = 24;

type Work = Box<dyn FnOnce() + Send>;

pub(super) struct Namespace {
    tun: Tun,
    /// What its thread is to do.
    work: Sender<Work>,
}

impl Namespace {
    pub(super) fn new(address: Ipv4Addr, congestion: Option<&str>) -> Result<Self, LinkError> {
        let (work, jobs): (_, Receiver<Work>) = channel();
        let (tell, told) = channel();
        let congestion = congestion.map(str::to_owned);
        thread::Builder::new()
            .name(format!("namespace of {address}"))
            .spawn(move || {
                let made = set_up(address, congestion.as_deref());
                if tell.send(made).is_ok() {
                    jobs.into_iter().for_each(|job| job());
                }
            })
            .map_err(LinkError::system("a thread"))?;
        let tun = told.recv().expect("the thread tells")?;
        Ok(Self { tun, work })
    }

    pub(super) fn tun(&self) -> &Tun {
        &self.tun
    }

    /// In the namespace.
    fn there<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let job = Box::new(move || drop(tell.send(job())));
        self.work.send(job).expect("the thread lives as long as this");
        told.recv().expect("the thread tells")
    }

    /// A shell's command, in a process group of its own, that ends when this process does.
    pub(super) fn serve(&self, command: &str) -> Result<Child, LinkError> {
        let mut server = Command::new("setpriv");
        server.args(["--pdeathsig", "KILL", "sh", "-c", command]);
        // What it prints must not mix with the output of the command.
        server.stdin(Stdio::null()).stdout(io::stderr()).process_group(0);
        let what = format!("starting the server (setpriv sh -c '{command}')");
        self.there(move || server.spawn()).map_err(LinkError::system(what))
    }

    /// A program with this process's standard streams.
    pub(super) fn command(&self, words: &[String]) -> Result<Child, LinkError> {
        let (program, arguments) = words.split_first().expect("there is a command");
        let mut command = Command::new(program);
        command.args(arguments);
        self.there(move || command.spawn()).map_err(LinkError::system(program.as_str()))
    }

    /// Whether anybody listens for TCP connections.
    pub(super) fn listens(&self) -> bool {
        self.there(|| ["tcp", "tcp6"].iter().any(|table| has_listener(table)))
    }
}

/// proc_pid_net(5): a socket that listens is in state 0A.
fn has_listener(table: &str) -> bool {
    let table = std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
    table.lines().skip(1).any(|line| line.split_whitespace().nth(3) == Some("0A"))
}

fn set_up(address: Ipv4Addr, congestion: Option<&str>) -> Result<Tun, LinkError> {
    let unshared = unshare(CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
    unshared.map_err(LinkError::system("a network namespace (as root, on Linux)"))?;
    let device = Interface::new(DEVICE).map_err(LinkError::system(DEVICE))?;
    let mut tun = Tun::new_named(device).map_err(LinkError::system("a TUN device (/dev/net/tun)"))?;
    tun.set_nonblocking(true).map_err(LinkError::system(DEVICE))?;
    // A connection is not to inherit what one before it has measured.
    set("net/ipv4/tcp_no_metrics_save", "1")?;
    // Nothing is to go over the link unasked.
    set("net/ipv6/conf/all/disable_ipv6", "1").or_else(|error| match error {
        LinkError::System { source, .. } if source.kind() == io::ErrorKind::NotFound => Ok(()),
        error => Err(error),
    })?;
    ip(&["link", "set", "lo", "up"])?;
    ip(&["address", "add", &format!("{address}/{PREFIX}"), "dev", DEVICE])?;
    ip(&["link", "set", DEVICE, "mtu", "1500", "up"])?;
    if let Some(congestion) = congestion {
        let octets = address.octets();
        let network = format!("{}.{}.{}.0/{PREFIX}", octets[0], octets[1], octets[2]);
        ip(&["route", "change", &network, "dev", DEVICE, "congctl", congestion])?;
    }
    Ok(tun)
}

fn set(name: &str, value: &str) -> Result<(), LinkError> {
    let path = format!("/proc/sys/{name}");
    std::fs::write(&path, value).map_err(LinkError::system(path))
}

fn ip(arguments: &[&str]) -> Result<(), LinkError> {
    let command = format!("ip {}", arguments.join(" "));
    let ran = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let ran = ran.map_err(LinkError::system(format!("{command} (of iproute2)")))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    Err(LinkError::Setup { command, said })
}

/// Asks a process to end.
pub(super) fn terminate(child: &Child) {
    if let Some(pid) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
