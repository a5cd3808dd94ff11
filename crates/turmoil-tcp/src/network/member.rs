//! One host of the run: its stack, its clock and its application's tasks.

use super::{HostReport, Plan, address};
use crate::path::Direction;
use crate::path::router::RouterHandle;
use crate::segment::destination;
use crate::tcp::net::Host;
use crate::tcp::stack::{Stack, TcpConfig};
use std::cell::Cell;
use std::future::{Future, pending};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use tokio::task::{JoinSet, LocalSet};

/// Something has woken a task of the host.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) struct Member {
    name: String,
    addr: Ipv4Addr,
    /// The way of what it sends: `Up` for a client.
    pub sends: Direction,
    pub host: Arc<Host>,
    /// When its application returned; `None` for a server, which nobody waits for.
    finished: Option<Rc<Cell<Option<u64>>>>,
    woken: Arc<Woken>,
    waker: Waker,
    /// The application, which never ends; it is dropped before what drives it.
    app: JoinSet<()>,
    tasks: LocalSet,
}

impl Member {
    pub(super) fn new(index: usize, plan: Plan, tcp: TcpConfig, seed: u64, router: RouterHandle) -> Self {
        let Plan { name, sends, app } = plan;
        let addr = address(index);
        let host = Host::new(Stack::new(tcp, addr, seed, &name));
        let finished: Option<Rc<Cell<_>>> = (sends == Direction::Up).then(Rc::default);
        let (tasks, mut set) = (LocalSet::new(), JoinSet::new());
        let (net, clock, done) = (host.boot(), host.clock.clone(), finished.clone());
        set.spawn_local_on(
            async move {
                app(net, router).await;
                if let Some(done) = done {
                    done.set(Some(clock.now_us()));
                }
                pending().await
            },
            &tasks,
        );
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        Self { name, addr, sends, host, finished, woken, waker, app: set, tasks }
    }

    /// When it has something to do next, by itself or with what has arrived (us).
    pub(super) fn next_us(&self) -> Option<u64> {
        if self.is_woken() {
            return Some(0);
        }
        let stack = self.host.next_ns().map(|at_ns| at_ns.div_ceil(1000));
        [stack, self.host.clock.next_us()].into_iter().flatten().min()
    }

    /// Brings its stack and its sleepers up to `at_us`.
    pub(super) fn reach(&self, at_us: u64) {
        self.host.clock.reach(at_us);
        self.host.catch_up();
        self.host.clock.wake();
    }

    /// Whether a task of it wants to run.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// Lets its tasks run until none wants to.
    pub(super) fn run_tasks(&mut self) {
        let cx = &mut Context::from_waker(&self.waker);
        while self.woken.0.swap(false, Ordering::Relaxed) {
            // The set is never empty: the application does not end.
            let _ = Pin::new(&mut self.tasks).poll(cx);
        }
        if let Some(Err(error)) = self.app.try_join_next()
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }

    /// What it has sent and when, in order; `room` is what holds the next packets.
    pub(super) fn take_out(&self, room: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
        self.host.take_out(room)
    }

    /// When it finished; a server always has.
    pub(super) fn finished_us(&self) -> Option<u64> {
        self.finished.as_ref().map_or(Some(0), |finished| finished.get())
    }

    pub(super) fn report(&self) -> HostReport {
        HostReport {
            name: self.name.clone(),
            ip: self.addr,
            finished_us: self.finished.as_ref().and_then(|finished| finished.get()),
            held: self.host.held(),
            tcp: self.host.counters(),
        }
    }
}

/// Index of the host that a packet going this way reaches: on the far side the one it is for, or the
/// first there is, which will drop it.
pub(super) fn receiver(members: &[Member], direction: Direction, packet: &[u8]) -> Option<usize> {
    let to = destination(packet);
    let far = |member: &Member| member.sends != direction;
    let addressed = members.iter().position(|member| far(member) && Some(member.addr) == to);
    addressed.or_else(|| members.iter().position(far))
}
