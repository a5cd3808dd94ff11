//! Several at a time.

use std::any::Any;
use std::future::Future;
use tokio::task::JoinSet;

/// Runs `work`, at most `parallel` at a time, each taken from the iterator only when there is room for it; tells
/// `ended` of each as it ends, and gives what they have come to in their order. One that panics is a defect of ours:
/// what it has come to is `panicked`'s, of its number and its words, so that nobody takes it for one that never was.
pub(crate) async fn in_order<F>(
    work: impl Iterator<Item = F>,
    parallel: usize,
    mut panicked: impl FnMut(usize, String) -> F::Output,
    mut ended: impl FnMut(&F::Output),
) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut waiting = work.enumerate();
    let mut running = JoinSet::new();
    let mut numbers = Vec::new();
    let mut all = Vec::new();
    loop {
        while running.len() < parallel.max(1)
            && let Some((index, work)) = waiting.next()
        {
            numbers.push((running.spawn(work).id(), index));
        }
        let Some(joined) = running.join_next_with_id().await else { break };
        let (id, output) = match joined {
            Ok((id, output)) => (id, Ok(output)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(place) = numbers.iter().position(|(known, _)| *known == id) else { continue };
        let (_, index) = numbers.swap_remove(place);
        let output = output.unwrap_or_else(|error| {
            let words = error.try_into_panic().map_or_else(|error| error.to_string(), |panic| words(&*panic));
            panicked(index, words)
        });
        ended(&output);
        all.push((index, output));
    }
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, output)| output).collect()
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_panics_is_not_left_out() {
        let work = (0..5).map(|n| async move {
            if n == 3 {
                panic!("no {n}");
            }
            n.to_string()
        });
        let mut told = Vec::new();
        let all =
            in_order(work, 2, |n, words| format!("{n}: {words}"), |one: &String| told.push(one.clone()))
                .await;
        assert_eq!(all, ["0", "1", "2", "3: no 3", "4"]);
        told.sort();
        assert_eq!(told, all);
    }
}
