//! One record for each file sent or received, for a transfer log.

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
    /// Why it failed; `None` for a file moved whole.
    pub error: Option<String>,
}

/// Told of each transfer at its end; must not block for long.
pub type TransferLog = Arc<dyn Fn(&TransferRecord) + Send + Sync>;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl TransferRecord {
    pub(super) fn end(&mut self, duration: Duration, now_s: Option<i64>) {
        self.ended_s = now_s;
        self.duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    }

    /// A line of xferlog(5), in UTC: date, seconds, host, bytes, file, type, action, direction,
    /// access mode, user, service, authentication, its user, completion.
    pub fn xferlog(&self) -> String {
        let ended_s = self.ended_s.unwrap_or(0);
        let (year, month, day, hour, minute, second) = civil(ended_s);
        let weekday = DAYS[ended_s.div_euclid(86_400).rem_euclid(7) as usize];
        let month = MONTHS[usize::from(month) - 1];
        let seconds = self.duration_us.div_ceil(1_000_000);
        // The format has no quoting: blanks, and what could be taken for something else, become underscores.
        let plain = |text: &str| text.replace(|c: char| c.is_whitespace() || is_deceptive(c), "_");
        let kind = if self.data_type.starts_with('A') { 'a' } else { 'b' };
        let direction = match self.movement {
            Movement::Sent => 'o',
            Movement::Received => 'i',
        };
        let access = if self.anonymous { 'a' } else { 'r' };
        let completion = if self.error.is_none() { 'c' } else { 'i' };
        format!(
            "{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year} {seconds} {} {} {} {kind} _ \
             {direction} {access} {} ftp 0 * {completion}",
            self.peer,
            self.bytes,
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
            error: None,
        };
        assert_eq!(record.xferlog(), "Tue Feb 29 00:00:00 2000 2 10.0.0.2 12 /a_b b _ i r u ftp 0 * c");
    }
}
