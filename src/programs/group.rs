//! A process group that does not outlive whoever started it.

/// Ends a process, its group and its descendants when dropped.
pub(crate) struct Group(Option<u32>);

impl Group {
    /// Of the process with this id, which leads it.
    pub(crate) fn led_by(id: Option<u32>) -> Self {
        Self(id)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.0.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            use rustix::process::{Signal, kill_process, kill_process_group};
            // Some servers' sessions lead groups of their own.
            let others = descendants(pid.as_raw_nonzero().get());
            // It may be empty by now, and they may be gone.
            let _ = kill_process_group(pid, Signal::KILL);
            for other in others.into_iter().filter_map(rustix::process::Pid::from_raw) {
                let _ = kill_process(other, Signal::KILL);
            }
        }
    }
}

/// Children, and theirs, as Linux tells; nobody where nobody tells.
#[cfg(unix)]
fn descendants(pid: i32) -> Vec<i32> {
    let mut all = Vec::new();
    let mut open = vec![pid];
    while let Some(pid) = open.pop() {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = children.split_whitespace().filter_map(|id| id.parse().ok());
            for child in children.filter(|child| !all.contains(child)).collect::<Vec<i32>>() {
                all.push(child);
                open.push(child);
            }
        }
    }
    all
}
