//! Moves packets between two devices as the path says, in real time: one thread, which sleeps until a little before
//! the next deadline and then watches the clock.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tappers::Tun;
use turmoil_tcp::path::live::LivePath;
use turmoil_tcp::{Direction, LinkCounters, PathConfig, PathObserver, RouterHandle};

/// Waking up takes about so long, and a thread of real-time priority less.
const AWAKE_NS: u64 = 100_000;
const AWAKE_AT_ONCE_NS: u64 = 30_000;
/// Without packets it looks up so often whether all is over.
const LOOKS: Duration = Duration::from_millis(20);
/// Read at once from one device, so that the other has its turn.
const BURST: usize = 64;
const MTU: usize = 1_500;

/// What went over a link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// From the near end.
    pub up: LinkCounters,
    /// To the near end.
    pub down: LinkCounters,
    /// The latest that a packet was handed on after its time.
    pub latest_by: Duration,
}

pub(super) struct Mover {
    path: LivePath,
    handle: RouterHandle,
}

impl Mover {
    pub(super) fn new(path: &PathConfig, seed: u64, observer: Arc<dyn PathObserver>) -> Self {
        let (path, handle) = LivePath::new(path, seed, observer);
        Self { path, handle }
    }

    pub(super) fn handle(&self) -> &RouterHandle {
        &self.handle
    }

    /// Until `over`; `tuns` are the near and the far device.
    #[allow(clippy::disallowed_methods, reason = "real packets, by the wall clock")]
    pub(super) fn run(mut self, tuns: [&Tun; 2], over: &AtomicBool) -> io::Result<Moved> {
        let awake_ns = if hurries() { AWAKE_AT_ONCE_NS } else { AWAKE_NS };
        let begin = Instant::now();
        let now_ns = || u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut out: BTreeMap<(u64, u64), (Direction, Vec<u8>)> = BTreeMap::new();
        let (mut handed, mut latest_ns) = (0, 0);
        let mut buffer = [0; MTU];
        while !over.load(Ordering::Relaxed) {
            let mut came = false;
            for (tun, direction) in tuns.into_iter().zip([Direction::Up, Direction::Down]) {
                for _ in 0..BURST {
                    let Some(len) = received(tun, &mut buffer)? else { break };
                    came = true;
                    self.path.enters(now_ns(), direction, buffer[..len].to_vec());
                }
            }
            for (direction, at_ns, packet) in self.path.advance(now_ns()) {
                handed += 1;
                out.insert((at_ns, handed), (direction, packet));
            }
            while let Some(entry) = out.first_entry()
                && entry.key().0 <= now_ns()
            {
                let ((at_ns, _), (direction, packet)) = entry.remove_entry();
                latest_ns = latest_ns.max(now_ns() - at_ns);
                let to = match direction {
                    Direction::Up => tuns[1],
                    Direction::Down => tuns[0],
                };
                sent(to, &packet)?;
            }
            let next_ns = out.first_key_value().map(|((at_ns, _), _)| *at_ns);
            let next_ns = [next_ns, self.path.next_ns()].into_iter().flatten().min();
            if !came {
                wait(tuns, awake_ns, next_ns.map(|at_ns| at_ns.saturating_sub(now_ns())))?;
            }
        }
        let (up, down) = (self.path.counters(Direction::Up), self.path.counters(Direction::Down));
        Ok(Moved { up, down, latest_by: Duration::from_nanos(latest_ns) })
    }
}

/// Gives this thread real-time priority, so that a busy machine delays no packet; whether the system lets it.
fn hurries() -> bool {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let asked = Command::new("chrt").args(["--fifo", "--pid", "10", &thread]).output();
    asked.is_ok_and(|asked| asked.status.success())
}

/// Until a packet comes, or nearly as long as there is time; right before a deadline not at all.
fn wait(tuns: [&Tun; 2], awake_ns: u64, left_ns: Option<u64>) -> io::Result<()> {
    let sleep = match left_ns {
        Some(left_ns) if left_ns <= awake_ns => return Ok(()),
        Some(left_ns) => Duration::from_nanos(left_ns - awake_ns).min(LOOKS),
        None => LOOKS,
    };
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(sleep.subsec_nanos()) };
    let mut fds = tuns.map(|tun| PollFd::new(tun, PollFlags::IN));
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The length of the next packet; `None` when there is none.
fn received(tun: &Tun, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match tun.recv(buffer) {
        Ok(len) => Ok(Some(len)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a kernel does not take (its device's queue is full, a packet that it finds malformed) is lost there.
fn sent(tun: &Tun, packet: &[u8]) -> io::Result<()> {
    match tun.send(packet) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::InvalidInput) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
