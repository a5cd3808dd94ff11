//! What each command does, one file a family.

mod files;
pub(super) mod hash;
mod information;
mod listing;
mod login;
mod parameters;
pub(super) mod transfers;

use ftp_proto::command::Command;

/// Everything else is answered by 530.
pub fn is_allowed_before_login(command: &Command) -> bool {
    matches!(
        command,
        Command::User(_)
            | Command::Pass(_)
            | Command::Acct(_)
            | Command::Quit
            | Command::Rein
            | Command::Syst
            | Command::Help(_)
            | Command::Noop
            | Command::Feat
            | Command::Opts(_)
            | Command::Host(_)
            | Command::Lang(_)
            | Command::Clnt(_)
            | Command::Abor
    ) || information::tells_nothing(command)
}

/// Commands that use the data connection.
pub fn is_transfer(command: &Command) -> bool {
    matches!(
        command,
        Command::Retr(_)
            | Command::Stor(_)
            | Command::Stou
            | Command::Appe(_)
            | Command::List(_)
            | Command::Nlst(_)
            | Command::Mlsd(_)
    )
}
