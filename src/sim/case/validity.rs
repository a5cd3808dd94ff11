//! What a case that somebody else wrote must keep to, so that its run cannot fail but by what it tells.

use super::Case;
use crate::sim::fault::Trigger;
use crate::sim::others::{LEAST_BEHIND_A_CROWD_US, Stranger, StrangerDeed, StrangerPlace, least_crowd};
use crate::sim::scenario::{MAX_DELIVERY_BYTES, MAX_FILE_BYTES, Problem, within};
use ftp_endpoint::client::{Direction, Opening, TlsWhen};
use ftp_proto::mode::TransmissionMode;
use ftp_proto::name::is_deceptive;
use ftp_proto::path::VirtualPath;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest that anything takes: more than eleven days.
const MAX_US: u64 = 1_000_000_000_000;
/// A stranger's, to ports; of a crowd each has a host of its own.
const MAX_VISITS: u64 = 1_000;
/// Names are printed as they stand, to the terminal and the page of whoever was sent the case.
const UNDECEPTIVE: &str = "a name without control characters, those of the direction of writing included";
/// Of a name, as most file systems have it.
const MAX_NAME_BYTES: usize = 255;

impl Case {
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.path.check("path")?;
        within("limits.virtual_time_us", self.limits.virtual_time_us, 1, MAX_US)?;
        self.timeouts.check("timeouts", MAX_US)?;
        self.disk.check("disk", MAX_US)?;
        for (key, name) in
            [("scenario", &self.scenario), ("variant", &self.variant), ("fault_name", &self.fault_name)]
        {
            if name.contains(is_deceptive) {
                return Err(Problem::new(key, UNDECEPTIVE).found(&format!("{name:?}")));
            }
        }
        self.check_files()?;
        self.check_policy()?;
        if let (Some(second), Trigger::WireByte(first)) = (self.second_wire_byte, self.fault.trigger) {
            within("second_wire_byte", second, first.saturating_add(1), u64::MAX)?;
        }
        if self.fault.kind.has_trigger() {
            let last = self.files.len() as u64 - u64::from(!self.listed);
            within("fault.target", self.fault.target.into(), 0, last)?;
        }
        self.check_listing()?;
        self.check_tls()?;
        self.check_others()?;
        let fault = serde_json::to_value(self.fault).unwrap_or_default();
        bounded("fault", &fault)
    }

    fn check_listing(&self) -> Result<(), Problem> {
        if !self.listed {
            return Ok(());
        }
        if self.policy.direction != Direction::Get {
            return Err(Problem::new("listed", "false of an upload, whose names are the client's own"));
        }
        if matches!(self.fault.trigger, Trigger::WireByte(_)) {
            return Err(Problem::new("listed", "false with a wire byte, of which the files' are counted"));
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<(), Problem> {
        let policy = &self.policy;
        let (Some(tls), TlsWhen::Required) = (self.tls, policy.tls) else {
            return match (self.tls, policy.tls) {
                (None, TlsWhen::Off) => Ok(()),
                _ => Err(Problem::new("policy.tls", "`required` where there is `tls`, else `off`")),
            };
        };
        within("tls.upload_tickets", tls.upload_tickets.into(), 0, 100)?;
        if (tls.client_end, tls.client_lingers) != (policy.tls_end, policy.tls_lingers) {
            return Err(Problem::new("policy.tls_end", "what `tls` says of the client"));
        }
        Ok(())
    }

    fn check_others(&self) -> Result<(), Problem> {
        if let Some(ingest) = self.ingest {
            within("ingest.poll_us", ingest.poll_us, 1_000, MAX_US)?;
            if self.old_files {
                return Err(Problem::new(
                    "old_files",
                    "none where there is an ingest, which would take them",
                ));
            }
        }
        if let Some(rival) = self.rival {
            within("rival.at_us", rival.at_us, 0, MAX_US)?;
            within("rival.lasts_us", rival.lasts_us, 0, MAX_US)?;
            if self.policy.direction != Direction::Put {
                return Err(Problem::new("rival", "none of a download, whose name is the client's own"));
            }
        }
        self.check_stranger()?;
        if self.rival.is_some() || self.source_change.is_some() {
            within("fault.target", self.fault.target.into(), 0, self.files.len() as u64 - 1)?;
        }
        Ok(())
    }

    fn check_stranger(&self) -> Result<(), Problem> {
        let Some(stranger) = self.stranger else { return Ok(()) };
        within("stranger.after_us", stranger.after_us, 0, MAX_US)?;
        within("stranger.visits", stranger.visits.into(), 1, MAX_VISITS)?;
        if matches!(self.fault.trigger, Trigger::WireByte(_)) {
            return Err(Problem::new("stranger", "none with a wire byte, of which the sender's are counted"));
        }
        if stranger.deed == StrangerDeed::Crowds {
            return self.check_crowd(stranger);
        }
        let on_data = stranger.deed.is_on_data();
        if !on_data && stranger.place != StrangerPlace::Elsewhere {
            return Err(Problem::new("stranger.place", "`elsewhere` of who comes to the control port"));
        }
        let overruns = stranger.deed == StrangerDeed::Overruns;
        if !on_data && self.tls.is_some() == overruns {
            return Err(Problem::new(
                "stranger.deed",
                "`injects` and `bares` with `tls`, `overruns` without it",
            ));
        }
        if overruns && self.policy.mode != TransmissionMode::Deflate {
            return Err(Problem::new("stranger.deed", "`overruns` where the mode is `deflate`"));
        }
        if stranger.tls && (self.tls.is_none() || on_data && self.policy.opening == Opening::Active) {
            return Err(Problem::new("stranger.tls", "false without `tls`, and where the server connects"));
        }
        Ok(())
    }

    fn check_crowd(&self, crowd: Stranger) -> Result<(), Problem> {
        if crowd.place != StrangerPlace::Elsewhere || crowd.tls {
            return Err(Problem::new("stranger", "`elsewhere`, in clear, of a crowd"));
        }
        within("stranger.after_us", crowd.after_us, LEAST_BEHIND_A_CROWD_US, MAX_US)?;
        let least = least_crowd(self.policy.parallel);
        within("stranger.visits", crowd.visits.into(), least.into(), MAX_VISITS)
    }

    fn check_files(&self) -> Result<(), Problem> {
        within("files", self.files.len() as u64, 1, 1_000_000)?;
        let mut names = BTreeSet::new();
        let mut all_bytes = 0u64;
        for (i, file) in self.files.iter().enumerate() {
            let key = format!("files.{i}.name");
            let found = format!("{:?}", file.name.chars().take(80).collect::<String>());
            let plain = !file.name.contains('/') && file.name.len() <= MAX_NAME_BYTES;
            let special = matches!(file.name.as_str(), "" | "." | "..");
            if !plain || special || VirtualPath::root().join(&file.name).is_err() {
                return Err(Problem::new(&key, "a name of up to 255 bytes without `/`").found(&found));
            }
            if file.name.contains(is_deceptive) {
                return Err(Problem::new(&key, UNDECEPTIVE).found(&found));
            }
            if !names.insert(&file.name) {
                return Err(Problem::new(&key, "each name once").found(&found));
            }
            within(&format!("files.{i}.size_bytes"), file.size_bytes, 0, MAX_FILE_BYTES)?;
            all_bytes += file.size_bytes;
        }
        within("files", all_bytes, 0, MAX_DELIVERY_BYTES)
    }

    fn check_policy(&self) -> Result<(), Problem> {
        let policy = &self.policy;
        within("policy.parallel", policy.parallel.into(), 1, 100)?;
        within("policy.pipeline_depth", policy.pipeline_depth.into(), 1, 1_000)?;
        within("policy.retries", policy.retries.into(), 0, 1_000)?;
        let most = Duration::from_micros(MAX_US);
        for (key, value) in [
            ("policy.connect_timeout", policy.connect_timeout),
            ("policy.data_timeout", policy.data_timeout),
            ("policy.reply_timeout", policy.reply_timeout),
            ("policy.retry_delay", policy.retry_delay),
        ] {
            if value > most {
                return Err(Problem::new(key, &format!("at most {most:?}")).found(&format!("{value:?}")));
            }
        }
        Ok(())
    }
}

/// Times and probabilities, wherever in a fault they stand.
fn bounded(key: &str, value: &Value) -> Result<(), Problem> {
    match value {
        Value::Object(members) => {
            members.iter().try_for_each(|(name, value)| bounded(&format!("{key}.{name}"), value))
        }
        Value::Number(number) => {
            let most = match key {
                _ if key.ends_with("_ppm") => 1_000_000,
                _ if key.ends_with("_us") => MAX_US,
                _ => u64::MAX,
            };
            within(key, number.as_u64().unwrap_or(0), 0, most)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::case::CaseError;
    use crate::sim::scenario::Scenario;
    use crate::sim::world;

    fn case(seed: u64) -> Value {
        let mut case = Case::draw(&Scenario::load("tiny").unwrap(), "block", seed).unwrap();
        case.files.truncate(2);
        case.fault.target %= 2;
        case.limits.virtual_time_us = 20_000_000;
        serde_json::to_value(case).unwrap()
    }

    /// The paths of all values that hold no others.
    fn leaves(value: &Value, path: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), all));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, value)| leaves(value, &format!("{path}/{i}"), all));
            }
            _ => all.push(path.to_owned()),
        }
    }

    /// Whatever stands in one place, the case is refused by name, or its run comes to its end.
    #[test]
    fn no_value_in_any_place_makes_a_run_panic() {
        let odd = [0, 1, 7, 1_000_001, 1 << 31, u64::from(u32::MAX), 1 << 40, u64::MAX].map(Value::from);
        let names = [
            "",
            ".",
            "..",
            "a/b",
            "/",
            "a\0b",
            "a\r\nDELE b",
            "\u{1b}[2J",
            &"n".repeat(256),
            &"n".repeat(255),
        ];
        let odd: Vec<Value> = odd.into_iter().chain(names.map(Value::from)).collect();
        let (mut refused, mut run) = (0, 0);
        for seed in [0, 2, 4, 6, 8, 12] {
            let case = case(seed);
            let mut paths = Vec::new();
            leaves(&case, "", &mut paths);
            for (path, value) in paths.iter().flat_map(|path| odd.iter().map(move |value| (path, value))) {
                let mut case = case.clone();
                *case.pointer_mut(path).unwrap() = value.clone();
                match Case::from_json(&case.to_string()) {
                    Err(_) => refused += 1,
                    // As large as is allowed takes its time.
                    Ok(case) if case.files.iter().any(|file| file.size_bytes > 10_000_000) => {}
                    Ok(case) => {
                        world::judge(&case).unwrap();
                        run += 1;
                    }
                }
            }
        }
        assert!(refused > 1_000 && run > 500, "{refused} {run}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let told = |path: &str, value: Value| {
            let mut case = case(0);
            *case.pointer_mut(path).unwrap() = value;
            match Case::from_json(&case.to_string()).unwrap_err() {
                CaseError::Invalid(problem) => problem.to_string(),
                other => panic!("{other}"),
            }
        };
        assert_eq!(
            told("/files/1/name", "a/b".into()),
            "key `files.1.name`: found \"a/b\", expected a name of up to 255 bytes without `/`"
        );
        for key in ["files.1.name", "scenario", "variant", "fault_name"] {
            for (c, shown) in
                [('\u{1b}', "1b"), ('\u{9b}', "9b"), ('\u{202e}', "202e"), ('\0', "0"), ('\r', "r")]
            {
                let told = told(&format!("/{}", key.replace('.', "/")), format!("a{c}b").into());
                assert!(told.starts_with(&format!("key `{key}`: found \"a\\")), "{told}");
                assert!(told.contains(shown) && !told.contains(c), "{told}");
            }
        }
        assert!(told("/files/1/name", "file-00000.dat".into()).contains("each name once"));
        assert!(told("/files/0/size_bytes", (1u64 << 60).into()).starts_with("key `files.0.size_bytes`"));
        assert!(told("/path/rtt_us", 0.into()).starts_with("key `path.rtt_us`"));
    }
}
