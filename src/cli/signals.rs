//! Signals that ask a command to end.

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
