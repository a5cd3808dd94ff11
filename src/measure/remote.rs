//! A measurement's files on a server that we only know by FTP: put there before, fetched back to be
//! compared, removed afterwards. None of it is timed.

use super::delivery::{Contender, DataConnection, Directories, Failed, Target, deliver};
use super::files::Files;
use super::fixture::Fixture;
use crate::lab::stats::Latencies;
use ftp_endpoint::client::{ClientError, Direction, Policy, Session};
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::{Nobody, Watch, Who};
use ftp_proto::command::Command;
use ftp_proto::mode::TransmissionMode;
use std::sync::Arc;

/// What every server has.
fn plain(direction: Direction) -> Contender {
    Contender::new(direction, TransmissionMode::Stream, 1, 1, DataConnection::PerFile)
}

async fn session(target: &Target) -> Result<Session<RealNet>, ClientError> {
    let watch = || Watch::new(Arc::new(Nobody), Who::Client, 1);
    Session::open(RealNet::new(), target.server, &target.login, &Policy::default(), watch).await
}

/// Makes directories, each after the one that it lies in.
pub(crate) async fn make(target: &Target, directories: &[String]) -> Result<(), ClientError> {
    let mut session = session(target).await?;
    for directory in directories {
        session.must(Command::Mkd(directory.clone())).await?;
    }
    session.quit().await;
    Ok(())
}

/// Puts all files where downloads come from.
pub(crate) async fn fill(
    fixture: &impl Fixture,
    files: &Files,
    target: &Target,
    directory: &str,
) -> Result<(), Failed> {
    moved(Direction::Put, fixture, files, target, directory).await
}

/// Fetches all files from `directory` into the fixture, which compares them.
pub(crate) async fn fetch(
    fixture: &impl Fixture,
    files: &Files,
    target: &Target,
    directory: &str,
) -> Result<(), Failed> {
    moved(Direction::Get, fixture, files, target, directory).await
}

/// All files, from or to one directory of the server, unmeasured.
async fn moved(
    direction: Direction,
    fixture: &impl Fixture,
    files: &Files,
    target: &Target,
    directory: &str,
) -> Result<(), Failed> {
    let directories = Directories { source: directory.to_owned(), received: directory.to_owned() };
    let plain = plain(direction);
    deliver(fixture, files, target, &directories, &plain, &mut Latencies::default()).await.map(drop)
}

/// Removes the files of `directories`, and these, the last first. What cannot be removed stays; gives
/// the first of these.
pub(crate) async fn remove(target: &Target, directories: &[String], files: u64) -> Result<(), ClientError> {
    let mut session = session(target).await?;
    let mut first = Ok(());
    for directory in directories.iter().rev() {
        if session.command(&Command::Rmd(directory.clone())).await?.is_completion() {
            continue;
        }
        for index in 0..files {
            // Not all of them need be there.
            session.command(&Command::Dele(format!("{directory}/{}", Files::name(index)))).await?;
        }
        let removed = session.must(Command::Rmd(directory.clone())).await.map(drop);
        first = first.and(removed);
    }
    session.quit().await;
    first
}

/// Whether the server takes the mode.
pub(crate) async fn speaks(target: &Target, mode: TransmissionMode) -> Result<bool, ClientError> {
    let watch = || Watch::new(Arc::new(Nobody), Who::Client, 1);
    let policy = Policy { mode, ..Policy::default() };
    match Session::open(RealNet::new(), target.server, &target.login, &policy, watch).await {
        Ok(session) => {
            session.quit().await;
            Ok(true)
        }
        Err(ClientError::Refused { command, .. }) if command.starts_with("MODE") => Ok(false),
        Err(error) => Err(error),
    }
}
