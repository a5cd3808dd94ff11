//! SIGHUP: configuration and certificate are read again, and logs are opened anew.

use super::accounts::Users;
use super::log_file::LogFile;
use super::settings::Settings;
use super::tls::Certified;
use super::{affordable, config};
use crate::cli::out::message;
use anyhow::{Context, ensure};
use ftp_endpoint::server::LiveConfig;
use std::path::PathBuf;
use std::sync::Arc;

/// What the server was told, and what it has made of it.
pub(super) struct Reload {
    /// The command line, which goes before the file.
    pub line: Settings,
    pub file: Option<PathBuf>,
    /// In use now.
    pub settings: Settings,
    pub log: Option<Arc<LogFile>>,
    pub certified: Option<Arc<Certified>>,
    pub live: LiveConfig<Users>,
    pub descriptors: Option<u64>,
    /// Roots beyond which none can be served.
    pub confined_to: Option<Vec<PathBuf>>,
}

/// The command line over the file, if there is one.
pub(super) fn settings(line: &Settings, file: Option<&PathBuf>) -> anyhow::Result<Settings> {
    let settings = match file {
        Some(path) => line.clone().over(Settings::read(path)?),
        None => line.clone(),
    };
    settings.let_somebody_in()?;
    Ok(settings)
}

/// The log as the settings want it: the one there is, if they want it still.
pub(super) fn log(settings: &Settings, old: Option<&Arc<LogFile>>) -> anyhow::Result<Option<Arc<LogFile>>> {
    let Some(path) = &settings.transfer_log else { return Ok(None) };
    let format = settings.transfer_log_format.unwrap_or_default();
    match old.filter(|old| old.path == *path && old.format == format) {
        Some(old) => Ok(Some(old.clone())),
        None => LogFile::open(path, format).map(Some),
    }
}

impl Reload {
    /// Each time that SIGHUP is heard, without end.
    #[cfg(unix)]
    pub(super) async fn when_asked(mut self, mut hangups: tokio::signal::unix::Signal) {
        while hangups.recv().await.is_some() {
            self.once();
        }
    }

    /// A configuration that cannot be used changes nothing, but logs are opened anew: whoever has put them
    /// aside may compress what they take for finished.
    fn once(&mut self) {
        if let Some(error) = self.log.as_ref().and_then(|log| log.reopen().err()) {
            tracing::error!(error = message(&error), "the log is not opened anew");
        }
        match self.read() {
            Ok(()) => tracing::info!("the configuration has been read again"),
            Err(error) => {
                tracing::error!(error = message(&error), "the configuration stays as it was");
            }
        }
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let settings = settings(&self.line, self.file.as_ref())?;
        self.check_roots(&settings)?;
        // All is read before anything is replaced.
        let accounts = Users::of(&settings)?.instead_of(&self.live.current().accounts);
        let log = log(&settings, self.log.as_ref())?;
        let certified = Certified::of(&settings, self.certified.as_ref())?;
        let mut config = config(accounts, &settings, certified.as_deref())?;
        config.transfer_log = log.as_ref().map(LogFile::teller);
        config.limits.sessions = affordable(config.limits.sessions, self.descriptors);
        for key in settings.fixed_differences(&self.settings) {
            tracing::warn!(key, "takes effect when the server is started again");
        }
        self.live.replace(config);
        if let Some(certified) = certified {
            certified.tell();
            self.certified = Some(certified);
        }
        (self.log, self.settings) = (log, settings);
        Ok(())
    }

    /// One that the kernel keeps us from could be opened, and then nothing could be done in it.
    fn check_roots(&self, settings: &Settings) -> anyhow::Result<()> {
        let Some(confined_to) = &self.confined_to else { return Ok(()) };
        for root in settings.roots() {
            let real = root.canonicalize().with_context(|| format!("cannot serve {}", root.display()))?;
            ensure!(
                confined_to.iter().any(|reachable| real.starts_with(reachable)),
                "cannot serve {}: the server was confined to other directories when it was started \
                 (--no-landlock)",
                root.display()
            );
        }
        Ok(())
    }
}
