//! Signals that ask a command to end.

use super::out::tell;
use crate::lab::export;
use anyhow::Context;

/// What has asked, by the exit code that tells of it: 128 and the signal's number, as shells have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGHUP: the terminal has gone.
    HangUp = 129,
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

/// Waits until somebody wants the command to end; for ever where signals cannot be heard. SIGQUIT is not heard: it
/// ends a process as it is, for whoever wants to see what it had before it.
pub(super) async fn asked_to_end() -> Asked {
    tokio::select! {
        biased;
        asked = asked_to_stop() => asked,
        () = hung_up() => Asked::HangUp,
    }
}

/// The same for what outlives its terminal, and takes SIGHUP for something else.
pub(super) async fn asked_to_stop() -> Asked {
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

async fn hung_up() {
    #[cfg(target_os = "linux")]
    if !ignores_hangups()
        && let Ok(mut hangups) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
    {
        hangups.recv().await;
        return;
    }
    std::future::pending().await
}

/// Whether we were begun by nohup, which is to be left as it is; whether a handler of ours is there already says
/// nothing of that. Other systems do not tell, and end us as they are used to.
#[cfg(target_os = "linux")]
fn ignores_hangups() -> bool {
    use std::sync::LazyLock;
    static IGNORES: LazyLock<bool> = LazyLock::new(|| {
        std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, 1))
    });
    *IGNORES
}

/// Whether `/proc/PID/status` has the signal among those that are ignored.
#[cfg(any(target_os = "linux", test))]
fn ignores(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        for (mask, is_ignored) in [
            ("0000000000000001", true),
            ("0000000000001003", true),
            ("0000000000001000", false),
            ("?", false),
        ] {
            let status = format!("Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0001\n");
            assert_eq!(ignores(&status, 1), is_ignored, "{mask}");
        }
        assert!(!ignores("Name:\tx\n", 1));
    }
}
