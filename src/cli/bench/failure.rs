//! What to do when a measurement fails.

use super::Options;
use crate::measure::run::MeasureError;
use ftp_endpoint::client::FailureKind;

/// The error with its remedy, where one is known.
pub(super) fn explained(error: MeasureError, args: &Options) -> anyhow::Error {
    let (kind, said) = match &error {
        MeasureError::Preparing(client) => (Some(client.kind()), client.to_string()),
        MeasureError::Delivery { failed, .. } | MeasureError::Filling(failed) => {
            (Some(failed.failure.kind), failed.failure.message.clone())
        }
        _ => (None, error.to_string()),
    };
    let full = said.contains("no space left") || said.contains("No space left") || said.contains(": 452");
    let remedy = match kind {
        _ if full => "fewer --files or a smaller --size, or another place with --store DIR",
        Some(FailureKind::Login) => {
            "give --user NAME:PASSWORD, or --user NAME with the password in FTPSIM_PASSWORD"
        }
        Some(FailureKind::Connect) => "is the server running there? `ftpsim serve` starts one",
        Some(FailureKind::Refused) if args.server.is_some() => {
            "the user has to be allowed to make directories and to store, replace and delete files; \
             --directory names another place"
        }
        Some(FailureKind::Control | FailureKind::Data) if args.parallel.iter().any(|n| *n > 100) => {
            "a lower --parallel: the server, or the limit of open files (ulimit -n), may not take as many"
        }
        _ => return error.into(),
    };
    anyhow::anyhow!("{}; {remedy}", error.to_string().trim_end_matches('.'))
}
