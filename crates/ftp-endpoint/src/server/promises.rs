//! Replies that are known later than those to commands behind them, and said before them: of uploads whose
//! files are being brought to the disk while the next ones come.

use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use std::collections::VecDeque;
use std::pin::Pin;

/// Promised at a time: each may hold a file open.
const MAX_PROMISES: usize = 256;
/// Bytes of their files, which the system may hold in memory until they are on the disk.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Replies that wait behind; more wait until there are fewer.
const MAX_BEHIND: usize = 4096;

/// What a promised reply comes from.
pub(super) type Work = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A reply to come.
pub(super) struct Promise {
    /// What it is about.
    pub path: VirtualPath,
    /// Of that file.
    pub file_bytes: u64,
    pub reply: Work,
}

/// In the order of the commands.
#[derive(Default)]
pub(super) struct Promises {
    waiting: VecDeque<(Promise, Vec<Reply>)>,
    file_bytes: u64,
    behind: usize,
}

impl Promises {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one must be kept before another is made.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_PROMISES || self.file_bytes >= MAX_FILE_BYTES || self.behind >= MAX_BEHIND
    }

    pub(super) fn are_about(&self, path: &VirtualPath) -> bool {
        self.waiting.iter().any(|(promise, _)| promise.path == *path)
    }

    pub(super) fn make(&mut self, promise: Promise) {
        self.file_bytes += promise.file_bytes;
        self.waiting.push_back((promise, Vec::new()));
    }

    /// Holds a reply back if others are to be said before it; else gives it back.
    pub(super) fn hold_back(&mut self, reply: Reply) -> Option<Reply> {
        let Some((_, behind)) = self.waiting.back_mut() else { return Some(reply) };
        behind.push(reply);
        self.behind += 1;
        None
    }

    /// Waits for the next promise to be kept, for ever if there is none: its reply, and those behind it that
    /// can be said now. May be dropped at any time.
    pub(super) async fn kept(&mut self) -> Vec<Reply> {
        let Some((first, _)) = self.waiting.front_mut() else { return std::future::pending().await };
        let reply = first.reply.as_mut().await;
        let mut replies = vec![reply];
        if let Some((promise, behind)) = self.waiting.pop_front() {
            self.file_bytes -= promise.file_bytes;
            self.behind -= behind.len();
            replies.extend(behind);
        }
        replies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(file_bytes: u64) -> Promise {
        let reply = Box::pin(std::future::ready(Reply::new(226, "Done.")));
        Promise { path: VirtualPath::root(), file_bytes, reply }
    }

    #[tokio::test]
    async fn what_is_kept_takes_no_room_any_more() {
        let mut promises = Promises::default();
        for _ in 0..3 {
            promises.make(promise(MAX_FILE_BYTES));
            assert!(promises.is_full());
            assert_eq!(promises.kept().await.len(), 1);
            assert!(!promises.is_full());
            promises.make(promise(1));
            for _ in 0..MAX_BEHIND {
                assert!(!promises.is_full());
                assert!(promises.hold_back(Reply::new(200, "Okay.")).is_none());
            }
            assert!(promises.is_full());
            assert_eq!(promises.kept().await.len(), 1 + MAX_BEHIND);
            assert!(!promises.is_full());
        }
    }
}
