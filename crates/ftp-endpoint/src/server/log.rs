//! One record for each file sent or received, and for each name changed, for a transfer log.

use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::name::is_deceptive;
use ftp_proto::time::civil;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Which way a file went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Movement {
    /// RETR.
    Sent,
    /// STOR, STOU, APPE.
    Received,
}

/// One transfer, done or failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransferRecord {
    /// The end of the transfer, in seconds since 1970 UTC; `None` without a calendar.
    pub ended_s: Option<i64>,
    /// From the opened file to its end, in microseconds.
    pub duration_us: u64,
    /// The control connection's number, from 1.
    pub session: u64,
    /// The client.
    pub peer: IpAddr,
    /// Who logged in.
    pub user: String,
    /// As the account says.
    pub anonymous: bool,
    /// Which way.
    pub movement: Movement,
    /// From the user's root.
    pub path: String,
    /// Payload moved.
    pub bytes: u64,
    /// TYPE's argument.
    pub data_type: String,
    /// MODE.
    pub mode: TransmissionMode,
    /// STRU.
    pub structure: Structure,
    /// Of the data connection, as "TLS 1.3"; `None` in clear.
    pub tls: Option<&'static str>,
    /// Why it failed; `None` for a file moved whole.
    pub error: Option<String>,
}

/// What has been done to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// DELE of a file.
    Delete,
    /// DELE of a name that is not there removes what a failed upload of the same user has left for it.
    DeletePartial,
    /// RMD.
    RemoveDirectory,
    /// MKD.
    MakeDirectory,
    /// RNTO.
    Rename,
    /// MFMT.
    SetModified,
}

/// One change, done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeRecord {
    /// What has been done.
    pub event: Change,
    /// In seconds since 1970 UTC; `None` without a calendar.
    pub ended_s: Option<i64>,
    /// The control connection's number, from 1.
    pub session: u64,
    /// The client.
    pub peer: IpAddr,
    /// Who logged in.
    pub user: String,
    /// As the account says.
    pub anonymous: bool,
    /// From the user's root; of a rename, what it was.
    pub path: String,
    /// What it is now, of a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
}

/// What a log is told. As JSON, with serde, `event` says which it is: `transfer`, or a [`Change`].
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum LogRecord<'a> {
    /// The end of a transfer.
    Transfer(&'a TransferRecord),
    /// A change of names.
    #[serde(untagged)]
    Change(&'a ChangeRecord),
}

impl LogRecord<'_> {
    /// A line as of xferlog(5), in UTC.
    pub fn xferlog(&self) -> String {
        match self {
            Self::Transfer(record) => record.xferlog(),
            Self::Change(record) => record.xferlog(),
        }
    }
}

/// Told of each transfer at its end, and of each change; must not block for long.
pub type TransferLog = Arc<dyn Fn(LogRecord<'_>) + Send + Sync>;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// "Tue Feb 29 00:00:00 2000".
fn date(ended_s: Option<i64>) -> String {
    let ended_s = ended_s.unwrap_or(0);
    let (year, month, day, hour, minute, second) = civil(ended_s);
    let weekday = DAYS[ended_s.div_euclid(86_400).rem_euclid(7) as usize];
    let month = MONTHS[usize::from(month) - 1];
    format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
}

/// The format has no quoting: blanks, and what could be taken for something else, become underscores.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_whitespace() || is_deceptive(c), "_")
}

impl TransferRecord {
    pub(super) fn end(&mut self, duration: Duration, now_s: Option<i64>) {
        self.ended_s = now_s;
        self.duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    }

    /// A line of xferlog(5), in UTC: date, seconds, host, bytes, file, type, action, direction,
    /// access mode, user, service, authentication, its user, completion.
    pub fn xferlog(&self) -> String {
        let seconds = self.duration_us.div_ceil(1_000_000);
        let kind = if self.data_type.starts_with('A') { 'a' } else { 'b' };
        let direction = match self.movement {
            Movement::Sent => 'o',
            Movement::Received => 'i',
        };
        let access = if self.anonymous { 'a' } else { 'r' };
        let completion = if self.error.is_none() { 'c' } else { 'i' };
        format!(
            "{} {seconds} {} {} {} {kind} _ {direction} {access} {} ftp 0 * {completion}",
            date(self.ended_s),
            self.peer,
            self.bytes,
            plain(&self.path),
            plain(&self.user),
        )
    }
}

impl ChangeRecord {
    /// A line in the form of xferlog(5), whose direction is `d` for what is deleted, as proftpd has it; and,
    /// which is ours, `m` for a directory that is made, `r` for a rename (old path, `->`, new path) and `t`
    /// for a time that is set. Directories end with a slash.
    pub fn xferlog(&self) -> String {
        let (direction, end) = match self.event {
            Change::Delete | Change::DeletePartial => ('d', ""),
            Change::RemoveDirectory => ('d', "/"),
            Change::MakeDirectory => ('m', "/"),
            Change::Rename => ('r', ""),
            Change::SetModified => ('t', ""),
        };
        let new = self.new_path.as_ref().map(|path| format!("->{}", plain(path))).unwrap_or_default();
        let access = if self.anonymous { 'a' } else { 'r' };
        format!(
            "{} 0 {} 0 {}{new}{end} b _ {direction} {access} {} ftp 0 * c",
            date(self.ended_s),
            self.peer,
            plain(&self.path),
            plain(&self.user),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_xferlog() {
        let record = TransferRecord {
            ended_s: Some(951_782_400),
            duration_us: 1_500_000,
            session: 1,
            peer: "10.0.0.2".parse().unwrap(),
            user: "u".into(),
            anonymous: false,
            movement: Movement::Received,
            path: "/a b".into(),
            bytes: 12,
            data_type: "I".into(),
            mode: TransmissionMode::Block,
            structure: Structure::File,
            tls: None,
            error: None,
        };
        assert_eq!(record.xferlog(), "Tue Feb 29 00:00:00 2000 2 10.0.0.2 12 /a_b b _ i r u ftp 0 * c");
    }
    #[test]
    fn changes_have_lines_of_their_own() {
        let record = |event, path: &str, new_path: Option<&str>| ChangeRecord {
            event,
            ended_s: Some(951_782_400),
            session: 1,
            peer: "10.0.0.2".parse().unwrap(),
            user: "u".into(),
            anonymous: false,
            path: path.into(),
            new_path: new_path.map(str::to_owned),
        };
        for (record, wanted) in [
            (record(Change::Delete, "/a\u{202e} b", None), "/a__b b _ d r u ftp 0 * c"),
            (record(Change::RemoveDirectory, "/d", None), "/d/ b _ d r u ftp 0 * c"),
            (record(Change::MakeDirectory, "/d", None), "/d/ b _ m r u ftp 0 * c"),
            (record(Change::Rename, "/a", Some("/b")), "/a->/b b _ r r u ftp 0 * c"),
            (record(Change::SetModified, "/a", None), "/a b _ t r u ftp 0 * c"),
        ] {
            let line = LogRecord::Change(&record).xferlog();
            assert_eq!(line, format!("Tue Feb 29 00:00:00 2000 0 10.0.0.2 0 {wanted}"));
        }
    }
}
