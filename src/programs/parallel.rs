//! Several at a time.

use std::future::Future;
use tokio::task::JoinSet;

/// Runs `work`, at most `parallel` at a time, each taken from the iterator only when there is room for it; tells
/// `ended` of each as it ends, and gives what they have come to in their order. One that panics is a defect of
/// ours, and left out.
pub(crate) async fn in_order<F>(
    work: impl Iterator<Item = F>,
    parallel: usize,
    mut ended: impl FnMut(&F::Output),
) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut waiting = work.enumerate();
    let mut running = JoinSet::new();
    let mut all = Vec::new();
    loop {
        while running.len() < parallel.max(1)
            && let Some((index, work)) = waiting.next()
        {
            running.spawn(async move { (index, work.await) });
        }
        match running.join_next().await {
            Some(Ok((index, output))) => {
                ended(&output);
                all.push((index, output));
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, output)| output).collect()
}
