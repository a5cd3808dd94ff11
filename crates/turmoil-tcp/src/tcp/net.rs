//! A host's sockets and clock, seen by one of its processes.

mod stream;

use super::clock::Clock;
use super::conn::{ConnId, ListenerId, ProcessId};
use super::stack::{Held, Stack, TcpCounters};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

pub use stream::SimStream;

/// Sees what the applications of a host write, before it is taken: who plans a fault can decode it
/// and so find the stream offset of what it waits for. A tap may arm the middlebox and kill the process it is
/// told of (or any other of the same host).
pub trait Tap: Send + Sync {
    /// `bytes` are about to be written on a connection on which `offset` bytes were written before;
    /// bytes that were not taken come again. Returns how many may be taken now; 0 leaves the writer
    /// pending for ever (it is dying).
    fn on_write(
        &self,
        net: &SimNet,
        local: SocketAddr,
        peer: SocketAddr,
        offset: u64,
        bytes: &[u8],
    ) -> usize {
        let _ = (net, local, peer, offset);
        bytes.len()
    }

    /// Bytes up to stream offset `end` have been taken.
    fn on_written(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, end: u64) {
        let _ = (net, local, peer, end);
    }

    /// A reader asks for what comes after the `offset` bytes it has read of a connection. Returns how
    /// many it may be given; 0 leaves it pending for ever (it is dying).
    fn on_read(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) -> usize {
        let _ = (net, local, peer, offset);
        usize::MAX
    }

    /// The application ends its stream at `offset`, by shutting it down or by closing the
    /// connection; the FIN is not yet sent. Not called when the connection is reset.
    fn on_shutdown(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) {
        let _ = (net, local, peer, offset);
    }
}

#[derive(Default)]
struct Process {
    /// Those who wait for its death.
    death_wakers: Vec<Waker>,
}

struct State {
    stack: Stack,
    processes: BTreeMap<ProcessId, Process>,
    last_process: ProcessId,
    tap: Option<Arc<dyn Tap>>,
    powered: bool,
    /// The run is over: handles that are dropped now do nothing.
    halted: bool,
}

/// A simulated host.
pub(crate) struct Host {
    state: Mutex<State>,
    pub(crate) clock: Clock,
}

impl Host {
    /// At time zero.
    pub(crate) fn new(stack: Stack) -> Arc<Self> {
        let state = State {
            stack,
            processes: BTreeMap::new(),
            last_process: 0,
            tap: None,
            powered: true,
            halted: false,
        };
        Arc::new(Self { state: Mutex::new(state), clock: Clock::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the stack up to now and runs `f` on it.
    fn with_stack<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let now_ns = self.clock.now_ns();
        let mut state = self.lock();
        state.stack.advance(now_ns);
        f(&mut state)
    }

    /// A packet that will arrive at its time.
    pub(crate) fn arrive(&self, at_ns: u64, packet: Vec<u8>) {
        let mut state = self.lock();
        if state.powered {
            state.stack.enqueue(at_ns, packet);
        }
    }

    /// Handles what is due.
    pub(crate) fn catch_up(&self) {
        self.with_stack(|_| ());
    }

    /// When its stack has something to do by itself.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.lock().stack.next_ns()
    }

    /// The packets that have left and when, in order; `room` is what holds the next ones.
    pub(crate) fn take_out(&self, room: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
        self.lock().stack.take_out(room)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.lock().stack.is_quiet()
    }

    pub(crate) fn held(&self) -> Held {
        self.lock().stack.held()
    }

    fn has_connections(&self) -> bool {
        self.lock().stack.has_connections()
    }

    pub(crate) fn counters(&self) -> TcpCounters {
        self.lock().stack.counters()
    }

    /// The tap is let go: it may hold processes of this host, which would keep each other for ever.
    pub(crate) fn halt(&self) {
        let tap = {
            let mut state = self.lock();
            state.halted = true;
            state.tap.take()
        };
        drop(tap);
    }

    pub(crate) fn boot(self: &Arc<Self>) -> SimNet {
        let mut state = self.lock();
        state.last_process += 1;
        let process = state.last_process;
        state.processes.insert(process, Process::default());
        SimNet { host: self.clone(), process }
    }
}

impl State {
    fn is_alive(&self, process: ProcessId) -> bool {
        self.processes.contains_key(&process)
    }

    fn reap(&mut self, process: ProcessId) {
        if let Some(process) = self.processes.remove(&process) {
            process.death_wakers.into_iter().for_each(Waker::wake);
        }
    }
}

/// What [`SimNet::timeout`] waited for did not happen in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

/// A host of the simulated network as one of its processes sees it. Clones belong to the same
/// process. To be used on its own host only (from its tasks and taps).
///
/// When the process is dead, every operation through it and its sockets stays pending for ever.
#[derive(Clone)]
pub struct SimNet {
    host: Arc<Host>,
    process: ProcessId,
}

impl SimNet {
    /// The host's address.
    pub fn ip(&self) -> Ipv4Addr {
        self.host.lock().stack.addr()
    }

    /// A new process on the same host.
    pub fn process(&self) -> SimNet {
        self.host.boot()
    }

    /// The process dies now. The kernel closes its sockets: what was written is sent, then FIN; RST
    /// where received data was not read; listeners are gone.
    pub fn kill(&self) {
        self.host.with_stack(|state| {
            if state.is_alive(self.process) {
                state.stack.kill(self.process);
                state.reap(self.process);
            }
        });
    }

    /// Whether this process lives.
    pub fn is_alive(&self) -> bool {
        self.host.lock().is_alive(self.process)
    }

    /// Waits for the death of this process; for whoever plays the init of the host.
    pub async fn killed(&self) {
        poll_fn(|cx| match self.host.lock().processes.get_mut(&self.process) {
            Some(process) => {
                process.death_wakers.push(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
    }

    /// The host loses its power: all its processes die and its connections are forgotten; nobody is
    /// told, and what is sent to it vanishes.
    pub fn power_off(&self) {
        self.host.with_stack(|state| {
            state.powered = false;
            state.stack.power_off();
            while let Some((process, _)) = state.processes.first_key_value() {
                let process = *process;
                state.reap(process);
            }
        });
    }

    /// The host is up again and remembers nothing: the first process on it.
    pub fn power_on(&self) -> SimNet {
        self.host.lock().powered = true;
        self.host.boot()
    }

    /// Sleeps on this host's clock whether or not the process lives: for whoever stands beside the
    /// machine and starts things again.
    pub async fn outside_sleep(&self, duration: Duration) {
        let us = u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        self.host.clock.sleep_us(us).await;
    }

    /// Watches what all processes of this host write from now on.
    pub fn set_tap(&self, tap: Arc<dyn Tap>) {
        self.host.lock().tap = Some(tap);
    }

    /// What the TCP of this host has done so far.
    pub fn counters(&self) -> TcpCounters {
        self.host.counters()
    }

    /// The kernel of this host has connections that are open or being closed (TIME-WAIT does not
    /// count).
    pub fn has_connections(&self) -> bool {
        self.host.has_connections()
    }

    /// Runs an operation of this process; pending for ever if it is dead.
    fn operate<T>(&self, f: impl FnOnce(&mut State) -> Poll<T>) -> Poll<T> {
        self.host.with_stack(|state| if state.is_alive(self.process) { f(state) } else { Poll::Pending })
    }

    fn tap(&self) -> Option<Arc<dyn Tap>> {
        self.host.lock().tap.clone()
    }
}

fn own_address(own: Ipv4Addr, wanted: IpAddr) -> io::Result<()> {
    match wanted {
        IpAddr::V4(v4) if v4 == own || v4.is_unspecified() => Ok(()),
        _ => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

impl SimNet {
    /// Opens a connection; `from` is checked to be this host's address. Errors: `ConnectionRefused`
    /// (RST), `TimedOut`, `AddrNotAvailable`.
    pub async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> io::Result<SimStream> {
        let SocketAddr::V4(to) = to else { return Err(io::ErrorKind::AddrNotAvailable.into()) };
        from.map_or(Ok(()), |from| own_address(self.ip(), from))?;
        let conn =
            poll_fn(|_| self.operate(|state| Poll::Ready(state.stack.connect(self.process, to)))).await?;
        // Dropped before it is connected, it is forgotten.
        let stream = SimStream::new(self, conn);
        poll_fn(|cx| self.operate(|state| state.stack.poll_connected(conn, cx))).await?;
        Ok(stream)
    }

    /// Listens; port 0 lets the host choose. Errors: `AddrInUse`, `AddrNotAvailable`.
    pub async fn listen(&self, on: SocketAddr) -> io::Result<SimListener> {
        own_address(self.ip(), on.ip())?;
        let (id, local) =
            poll_fn(|_| self.operate(|state| Poll::Ready(state.stack.listen(self.process, on.port()))))
                .await?;
        Ok(SimListener { net: self.clone(), id, local })
    }

    /// Sleeps on the host's clock; for ever if the process dies.
    pub async fn sleep(&self, duration: Duration) {
        self.outside_sleep(duration).await;
        poll_fn(|_| self.operate(|_| Poll::Ready(()))).await;
    }

    /// Runs `future` for at most `limit` of the host's time.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            out = future => Ok(out),
            () = self.sleep(limit) => Err(Elapsed),
        }
    }

    /// Virtual time since the run's start.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.host.clock.now_us())
    }
}

/// A listening socket of a simulated host.
pub struct SimListener {
    net: SimNet,
    id: ListenerId,
    local: SocketAddrV4,
}

impl SimListener {
    /// The next connection, and who opened it.
    pub async fn accept(&self) -> io::Result<(SimStream, SocketAddr)> {
        let conn = poll_fn(|cx| self.net.operate(|state| state.stack.poll_accept(self.id, cx))).await?;
        let stream = SimStream::new(&self.net, conn);
        let peer = stream.peer;
        Ok((stream, peer))
    }

    /// This end of it.
    pub fn local_addr(&self) -> SocketAddr {
        self.local.into()
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let gone = {
            let state = self.net.host.lock();
            state.halted || !state.is_alive(self.net.process)
        };
        if !gone {
            self.net.host.with_stack(|state| state.stack.close_listener(self.id));
        }
    }
}
