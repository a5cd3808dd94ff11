//! Runs spread over threads, results in order: the output does not know how many threads there
//! were.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

/// Gives as many threads as the machine has cores.
pub fn all_cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Does `work(0)` to `work(count - 1)` on `jobs` threads and hands the results to `sink` in that
/// order, each as soon as all before it are there. The first error, in that order, ends it.
/// `finished` is told of each result at once, in any order.
pub fn in_order<T: Send, E: Send>(
    jobs: NonZeroUsize,
    count: u64,
    work: impl Fn(u64) -> Result<T, E> + Sync,
    finished: impl FnMut(),
    sink: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    in_order_while(jobs, count, || true, work, finished, sink)
}

/// The same, as long as `goes_on` says so: what has begun is done, and nothing is left out before it.
pub fn in_order_while<T: Send, E: Send>(
    jobs: NonZeroUsize,
    count: u64,
    goes_on: impl Fn() -> bool + Sync,
    work: impl Fn(u64) -> Result<T, E> + Sync,
    mut finished: impl FnMut(),
    mut sink: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.get() {
            let sender = sender.clone();
            let (next, stop, goes_on, work) = (&next, &stop, &goes_on, &work);
            scope.spawn(move || {
                let _guard = StopOnPanic(stop);
                while !stop.load(Ordering::Relaxed) && goes_on() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || sender.send((index, work(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        for (index, result) in results {
            finished();
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&wanted) {
                wanted += 1;
                if let Err(error) = result.and_then(&mut sink) {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(())
    })
}

/// A panic of one thread ends the others, too; the scope then passes it on.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    fn jobs(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for n in [1, 2, 7] {
            // Early ones take longest.
            let work = |i: u64| Ok::<_, ()>((0..(200 - i) * 500).fold(i, |a, b| black_box(a ^ b) ^ b));
            let (mut seen, mut count) = (Vec::new(), 0);
            in_order(
                jobs(n),
                200,
                work,
                || count += 1,
                |v| {
                    seen.push(v);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(seen, (0..200).collect::<Vec<_>>());
            assert_eq!(count, 200);
        }
    }

    #[test]
    fn the_first_error_in_order_ends_it() {
        let work = |i: u64| if i >= 50 { Err(i) } else { Ok(i) };
        let mut seen = 0;
        let error = in_order(
            jobs(3),
            1_000_000_000,
            work,
            || {},
            |_| {
                seen += 1;
                Ok(())
            },
        )
        .unwrap_err();
        assert_eq!((error, seen), (50, 50));
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_passed_on() {
        let work = |i: u64| if i == 5 { panic!("as planned") } else { Ok::<_, ()>(i) };
        let _ = in_order(jobs(2), 1_000_000_000, work, || {}, |_| Ok(()));
    }
}
