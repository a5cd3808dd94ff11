//! What a measurement has to know of the machine, and what a delivery cost it. What a system does
//! not tell is `None`.

use serde::Serialize;
use std::fs;
use std::thread::available_parallelism;
use std::time::Duration;

/// The machine that measures.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's model; its architecture where the system does not tell the model.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: u64,
    /// The operating system and its release.
    pub system: String,
    /// The machine's memory; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
}

impl Machine {
    /// Asks the system.
    pub fn read() -> Self {
        let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let system = format!("{} {}", std::env::consts::OS, release.trim());
        Self {
            cpu,
            cores: available_parallelism().map_or(1, |cores| cores.get() as u64),
            system: system.trim().to_owned(),
            memory_bytes: kibibytes("/proc/meminfo", "MemTotal"),
        }
    }
}

/// Runnable processes, averaged over the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// The most memory that this process has held since its start.
pub fn peak_memory_bytes() -> Option<u64> {
    kibibytes("/proc/self/status", "VmHWM")
}

/// Memory that this process holds now.
pub fn memory_bytes() -> Option<u64> {
    kibibytes("/proc/self/status", "VmRSS")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kibibytes(file: &str, name: &str) -> Option<u64> {
    let value = field(file, name)?;
    Some(value.strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Of this process, all threads, since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time in the program's own code.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// How often it gave the processor up to wait for something.
    pub voluntary_switches: u64,
    /// How often the processor was taken from it.
    pub involuntary_switches: u64,
}

impl Usage {
    /// What the process has used so far; `None` where the system does not tell.
    #[cfg(unix)]
    pub fn now() -> Option<Self> {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let time = |value: nix::sys::time::TimeVal| {
            Duration::from_micros(value.num_microseconds().try_into().unwrap_or_default())
        };
        Some(Self {
            user: time(usage.user_time()),
            system: time(usage.system_time()),
            voluntary_switches: usage.voluntary_context_switches().try_into().unwrap_or_default(),
            involuntary_switches: usage.involuntary_context_switches().try_into().unwrap_or_default(),
        })
    }

    #[cfg(not(unix))]
    pub fn now() -> Option<Self> {
        None
    }

    /// What was used after `start`.
    pub fn since(self, start: Self) -> Self {
        Self {
            user: self.user.saturating_sub(start.user),
            system: self.system.saturating_sub(start.system),
            voluntary_switches: self.voluntary_switches.saturating_sub(start.voluntary_switches),
            involuntary_switches: self.involuntary_switches.saturating_sub(start.involuntary_switches),
        }
    }
}
