//! The file of the transfer log: appended to, and opened again when it has been put aside.

use super::settings::LogFormat;
use anyhow::Context;
use ftp_endpoint::server::{LogRecord, TransferLog};
use ftp_proto::name::is_deceptive;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) struct LogFile {
    pub path: PathBuf,
    pub format: LogFormat,
    file: Mutex<File>,
}

fn open(path: &Path) -> anyhow::Result<File> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot write the transfer log {}", path.display()))
}

impl LogFile {
    pub(super) fn open(path: &Path, format: LogFormat) -> anyhow::Result<Arc<Self>> {
        let file = Mutex::new(open(path)?);
        Ok(Arc::new(Self { path: path.to_owned(), format, file }))
    }

    pub(super) fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file that has the name now, or a new one. If there can be none, the old one is written on.
    pub(super) fn reopen(&self) -> anyhow::Result<()> {
        let new = open(&self.path)?;
        *self.file() = new;
        Ok(())
    }

    fn write(&self, record: LogRecord<'_>) {
        let mut line = match self.format {
            LogFormat::Xferlog => record.xferlog(),
            LogFormat::Json => escaped(&serde_json::to_string(&record).unwrap_or_default()),
        };
        line.push('\n');
        // One write a line, so that lines of several sessions do not mix.
        if let Err(error) = self.file().write_all(line.as_bytes()) {
            tracing::error!(%error, "cannot write the transfer log");
        }
    }

    /// Told of each transfer and change.
    pub(super) fn teller(self: &Arc<Self>) -> TransferLog {
        let log = self.clone();
        Arc::new(move |record| log.write(record))
    }
}

/// Characters that make text look like another are escapes in JSON, too.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_deceptive_is_in_a_line_of_json() {
        let name = "a\u{202e}\u{85}\nb";
        let text = escaped(&serde_json::to_string(name).unwrap());
        assert!(!text.chars().any(is_deceptive), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
    }
}
