//! Real programs over the simulated path: two network namespaces with a kernel's own TCP in each, and between them
//! the simulation's links, losses and middlebox in real time (`turmoil_tcp::path::live`). Linux, as root.
//!
//! Nothing leaves the namespaces, and nothing is left of them: they have no names, and end with the processes in
//! them.

mod fault;
mod mover;
mod namespace;

pub use fault::Strike;
pub use mover::Moved;

use crate::programs::Group;
use mover::Mover;
use namespace::Namespace;
use std::io;
use std::net::Ipv4Addr;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use turmoil_tcp::{Capture, CapturedPacket, PathConfig};

/// Where the command runs.
pub const NEAR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Where the server runs.
pub const FAR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// A server is given so long to listen.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);

/// What runs over which path.
#[derive(Clone, Debug)]
pub struct Link {
    /// The path between the two.
    pub path: PathConfig,
    /// Decides which packets are lost; which packet meets which draw is a matter of timing.
    pub seed: u64,
    /// The kernels' congestion control; the system's own if none is named.
    pub congestion: Option<String>,
    /// What the middlebox does, once.
    pub strike: Option<Strike>,
    /// Whether every packet is kept.
    pub captures: bool,
    /// Run in the far namespace, by a shell, until the command has ended; the command begins when it listens.
    pub server: Option<String>,
    /// Run in the near namespace, with the standard streams of this process: a program and its arguments.
    pub command: Vec<String>,
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    /// Of the command.
    pub status: ExitStatus,
    /// From its start to its end.
    pub took: Duration,
    /// What went over the link.
    pub moved: Moved,
    /// Whether the fault struck, where there was one.
    pub struck: bool,
    /// Every packet, where they were kept.
    pub packets: Vec<CapturedPacket>,
}

/// Why nothing was run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What it was asked for.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// A program that sets up the network said no.
    #[error("{command}: {said}")]
    Setup {
        /// The command.
        command: String,
        /// What it said.
        said: String,
    },
    /// The server ended before the command began.
    #[error("the server ended at once ({0}); its own words are above")]
    ServerEnded(ExitStatus),
    /// The server did not listen.
    #[error("the server does not listen on any port after {} s", LISTENS_WITHIN.as_secs())]
    ServerSilent,
}

impl LinkError {
    fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}

/// Sets it up, runs both ends until the command has ended, and takes it down. `stop`: the command is asked to end
/// when it becomes true.
pub fn run(link: &Link, stop: &AtomicBool) -> Result<Outcome, LinkError> {
    let near = Namespace::new(NEAR, link.congestion.as_deref())?;
    let far = Namespace::new(FAR, link.congestion.as_deref())?;
    let capture = Arc::new(Capture::default());
    let struck = Arc::new(AtomicBool::new(false));
    let watch = fault::Watch { capture: link.captures.then(|| capture.clone()), struck: struck.clone() };
    let mover = Mover::new(&link.path, link.seed, Arc::new(watch));
    if let Some(strike) = link.strike {
        strike.arm(mover.handle());
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let moving = scope.spawn(|| mover.run([near.tun(), far.tun()], &over));
        let ended = both_ends(link, &near, &far, stop);
        over.store(true, Ordering::Relaxed);
        let moved = moving.join().expect("moving packets does not panic");
        let (status, took) = ended?;
        let moved = moved.map_err(LinkError::system("moving packets"))?;
        let packets = capture.packets();
        Ok(Outcome { status, took, moved, struck: struck.load(Ordering::Relaxed), packets })
    })
}

#[allow(clippy::disallowed_methods, reason = "real programs, by the wall clock")]
fn both_ends(
    link: &Link,
    near: &Namespace,
    far: &Namespace,
    stop: &AtomicBool,
) -> Result<(ExitStatus, Duration), LinkError> {
    let mut server = link.server.as_deref().map(|command| far.serve(command)).transpose()?.map(Served);
    if let Some(Served(server)) = &mut server {
        await_listening(server, far, stop)?;
    }
    let begin = Instant::now();
    let mut command = near.command(&link.command)?;
    let mut asked = false;
    let status = loop {
        let waited = command.try_wait().map_err(LinkError::system("waiting for the command"))?;
        if let Some(status) = waited {
            break status;
        }
        // A terminal's Ctrl-C has reached it as well; whoever sent the signal to us alone means it, too.
        if stop.load(Ordering::Relaxed) && !std::mem::replace(&mut asked, true) {
            namespace::terminate(&command);
        }
        thread::sleep(Duration::from_millis(1));
    };
    Ok((status, begin.elapsed()))
}

/// Ends with all that it has started.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        drop(Group::led_by(Some(self.0.id())));
        let _ = self.0.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "a real program, by the wall clock")]
fn await_listening(server: &mut Child, far: &Namespace, stop: &AtomicBool) -> Result<(), LinkError> {
    let end = Instant::now() + LISTENS_WITHIN;
    while !far.listens() {
        if let Some(status) = server.try_wait().map_err(LinkError::system("waiting for the server"))? {
            return Err(LinkError::ServerEnded(status));
        }
        if Instant::now() > end || stop.load(Ordering::Relaxed) {
            return Err(LinkError::ServerSilent);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
