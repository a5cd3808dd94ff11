//! What a transfer hears meanwhile: STAT, NOOP and ABOR, and the restart markers to be told.

use super::control::Control;
use crate::net::{Net, at_once};
use crate::transfer::RestartMarker;
use ftp_proto::command::Command;
use ftp_proto::reply::Reply;
use std::future::Future;
use std::io;
use tokio::sync::mpsc;

/// What came on the control connection while a transfer ran.
pub(super) enum Attended<T> {
    Done(T),
    Aborted,
    Lost(io::Error),
}

/// Runs a transfer and answers STAT, NOOP and ABOR meanwhile (RFC 959 section 4.1.3, RFC 1123
/// section 4.1.3.3); other commands wait for its end, and so do these behind others, so that
/// replies keep the order of commands. `may_join`: the first reply has been said, but not sent.
pub(super) async fn attended<N: Net, T>(
    control: &mut Control<N>,
    aborting: &mut bool,
    status: impl Fn() -> Reply,
    mut marks: Option<&mut mpsc::Receiver<RestartMarker>>,
    may_join: bool,
    work: impl Future<Output = T>,
) -> Attended<T> {
    let mut work = std::pin::pin!(work);
    if may_join || control.has_waiting() {
        // A small file may be done at once: then its replies go together, in a pipeline with others'.
        if let Some(done) = at_once(&mut work).await {
            say_marks(control, &mut marks);
            return Attended::Done(done);
        }
    }
    loop {
        let line = tokio::select! {
            biased;
            line = control.attend() => line,
            Some(mark) = next_mark(&mut marks) => {
                control.say(&mark_reply(&mark));
                continue;
            }
            done = &mut work => {
                say_marks(control, &mut marks);
                return Attended::Done(done);
            }
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) if control.quits() => return Attended::Done(work.await),
            Ok(None) | Err(_) if control.transfers_outlive_it => return Attended::Done(work.await),
            Ok(None) => return Attended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Attended::Lost(error),
        };
        let first = control.is_at_rest();
        match line.command() {
            Ok(Command::Abor) => {
                *aborting = true;
                control.queue(line);
                return Attended::Aborted;
            }
            Ok(Command::Stat(None)) if first => control.say(&status()),
            Ok(Command::Noop) if first => control.say(&Reply::new(200, "Okay, transfer in progress.")),
            _ => control.queue(line),
        }
    }
}

async fn next_mark(marks: &mut Option<&mut mpsc::Receiver<RestartMarker>>) -> Option<RestartMarker> {
    match marks {
        Some(marks) => marks.recv().await,
        None => None,
    }
}

/// Those of the last pieces, before the completion reply.
fn say_marks<N: Net>(control: &mut Control<N>, marks: &mut Option<&mut mpsc::Receiver<RestartMarker>>) {
    while let Some(Ok(mark)) = marks.as_mut().map(|marks| marks.try_recv()) {
        control.say(&mark_reply(&mark));
    }
}

/// "The text is exact" (RFC 959 section 4.2, as corrected by RFC 1123 section 4.1.3.4).
fn mark_reply(mark: &RestartMarker) -> Reply {
    Reply::new(110, format!("MARK {} = {}", mark.sender, mark.receiver))
}
