//! Signals that ask a command to end.

use super::out::tell;
use crate::lab::export;
use anyhow::Context;

/// What has asked, by the exit code that tells of it: 128 and the signal's number, as shells have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGINT: Ctrl-C.
    Interrupt = 130,
    /// SIGTERM: kill, a shutdown of the machine.
    Terminate = 143,
}

impl Asked {
    pub(super) fn code(self) -> u8 {
        self as u8
    }
}

/// Waits until somebody wants the command to end; for ever where signals cannot be heard.
pub(super) async fn asked_to_end() -> Asked {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else { return interrupted().await };
        tokio::select! {
            biased;
            asked = interrupted() => asked,
            Some(()) = terminated.recv() => Asked::Terminate,
        }
    }
    #[cfg(not(unix))]
    interrupted().await
}

async fn interrupted() -> Asked {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Asked::Interrupt,
        Err(_) => std::future::pending().await,
    }
}

/// Ends the process as it was asked to, at once, and leaves no file that is not whole.
pub(super) fn end(asked: Asked) -> ! {
    export::exit(asked.code().into())
}

/// From now on whoever asks ends the process. For commands that have nothing else to bring in order; a signal's
/// own way would leave the beginnings of files.
pub(super) fn end_when_asked() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start a runtime for signals")?;
    let (hears, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let asked = runtime.block_on(async {
            let mut asked = std::pin::pin!(asked_to_end());
            tokio::select! {
                biased;
                asked = &mut asked => return asked,
                () = std::future::ready(()) => {}
            }
            // Nobody is gone who waits for it.
            let _ = hears.send(());
            asked.await
        });
        tell("interrupted");
        end(asked)
    });
    // No file is begun before a signal is heard; where it was asked already, the end is under way.
    let _ = heard.recv();
    Ok(())
}
