//! What runs on turmoil's hosts: beside each application the pump of its stack, and the router.

use super::encapsulation::{Addresses, Encapsulation, Timed};
use super::time_skip::TimeSkips;
use crate::path::Direction;
use crate::path::router::Router;
use crate::tcp::clock::{Alarm, Clock};
use crate::tcp::net::Host;
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::{JoinError, JoinSet};

fn ended(result: Result<io::Result<()>, JoinError>) -> io::Result<()> {
    match result {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(io::Error::other(error)),
        },
    }
}

/// An end host. Returns only if something fails.
pub(super) async fn run_host(
    host: Arc<Host>,
    encapsulation: Encapsulation,
    router: Ipv4Addr,
    hop_ns: u64,
    app: impl Future<Output = ()> + 'static,
) -> io::Result<()> {
    let encapsulation = Rc::new(encapsulation);
    let mut tasks = JoinSet::new();
    tasks.spawn_local(async move {
        app.await;
        pending().await
    });
    {
        let (host, encapsulation) = (host.clone(), encapsulation.clone());
        tasks.spawn_local(async move { encapsulation.receive(|_, packets| host.arrive(packets)).await });
    }
    tasks.spawn_local(encapsulation.take_part(host.clock.clone()));
    let mut alarm = Alarm::new(host.clock.clone());
    let mut buffer = Vec::new();
    poll_fn(move |cx| {
        if let Poll::Ready(Some(result)) = tasks.poll_join_next(cx) {
            return Poll::Ready(ended(result));
        }
        loop {
            let (out, next_ns) = host.pump(cx);
            let out = out.into_iter().map(|(at_ns, packet)| (at_ns + hop_ns, packet));
            encapsulation.send(router, out, &mut buffer)?;
            if alarm.poll(cx, next_ns).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// The router. Once a tick it passes all packets of that tick, each at its exact time: they have
/// all been delivered at its beginning.
pub(super) async fn run_router(
    router: Rc<RefCell<Router>>,
    hosts: Rc<Addresses>,
    tick_us: u64,
    skips: Rc<TimeSkips>,
) -> io::Result<()> {
    let encapsulation = Rc::new(Encapsulation::open(hosts.router, tick_us, skips).await?);
    let clock = Clock::start();
    let arrivals = Rc::new(tokio::sync::Notify::new());
    let mut tasks = JoinSet::new();
    tasks.spawn_local(encapsulation.take_part(clock.clone()));
    {
        let (router, encapsulation, arrivals) = (router.clone(), encapsulation.clone(), arrivals.clone());
        let hosts = hosts.clone();
        tasks.spawn_local(async move {
            encapsulation
                .receive(|from, packets| {
                    let direction = hosts.way_from(from);
                    let mut router = router.borrow_mut();
                    packets.for_each(|(at_ns, packet)| router.enqueue(at_ns, direction, packet));
                    arrivals.notify_one();
                })
                .await
        });
    }
    let handle = router.borrow().handle();
    let mut buffer = Vec::new();
    loop {
        router.borrow_mut().hear();
        let now_us = clock.now_us();
        let tick_start_us = now_us / tick_us * tick_us;
        // At its very first microsecond it could still be the end of the tick before.
        if now_us > tick_start_us {
            pass(&router, &encapsulation, &hosts, (tick_start_us + tick_us) * 1000 - 1, &mut buffer)?;
        }
        let next = router.borrow().next_ns();
        let wake_us = next.map(|at_ns| (at_ns / 1000 / tick_us * tick_us).max(tick_start_us) + 1);
        tokio::select! {
            biased;
            Some(result) = tasks.join_next() => return ended(result),
            () = arrivals.notified() => {}
            () = handle.ordered() => {}
            () = clock.until(wake_us.map(|us| us * 1000)) => {}
        }
    }
}

fn pass(
    router: &RefCell<Router>,
    encapsulation: &Encapsulation,
    hosts: &Addresses,
    until_ns: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let out = {
        let mut router = router.borrow_mut();
        router.advance(until_ns);
        router.take_out()
    };
    let mut by_host: Vec<Vec<Timed>> = vec![Vec::new(); hosts.ends.len()];
    for (direction, at_ns, packet) in out {
        if let Some(host) = hosts.receiver(direction, &packet) {
            by_host[host].push((at_ns, packet));
        }
    }
    for direction in [Direction::Up, Direction::Down] {
        for (end, packets) in hosts.ends.iter().zip(&mut by_host).filter(|(end, _)| end.sends != direction) {
            encapsulation.send(end.underlay, std::mem::take(packets).into_iter(), buffer)?;
        }
    }
    Ok(())
}
