//! What a scenario or a case must keep to, so that its run makes sense and its names can stand in tables, files
//! and command lines.

use super::error::{Problem, parse_toml};
use super::source::text_of;
use super::{DiskSpec, FaultSpec, PathSpec, Scenario, Timeouts, limit};
use crate::sim::fault::TriggerName;
use ftp_endpoint::client::Direction;
use ftp_proto::name::is_deceptive;
use turmoil_tcp::path::PathConfig;

/// A simulated file is held in memory.
pub(in crate::sim) const MAX_FILE_BYTES: u64 = 1 << 30;
/// All files of a delivery are, at both ends.
pub(in crate::sim) const MAX_DELIVERY_BYTES: u64 = 4 << 30;

const PLAIN: &str = "a name of a-z, 0-9, `_` and, but for the first character, `-`";

impl Scenario {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if !is_plain(&self.name) {
            return Err(Problem::new("name", PLAIN).found(&format!("{:?}", self.name)));
        }
        printable("question", &self.question)?;
        self.check_companions()?;
        self.path.check("path")?;
        self.check_workload()?;
        if let Some(grid) = &self.grid {
            grid.check(self)?;
        }
        if self.seeds.is_empty() && !self.every_wire_byte && self.grid.is_none() {
            return Err(Problem::new("seeds", "the seeds to run, for instance \"0..960\""));
        }
        if self.cut_twice && !self.every_wire_byte {
            return Err(Problem::new("cut_twice", "every_wire_byte = true beside it"));
        }
        if self.cut_twice && self.faults.iter().any(|fault| fault.kind.is_of_a_disk()) {
            return Err(Problem::new("cut_twice", "no fault of a disk, which strikes at no wire byte"));
        }
        if let Some(limit_us) = self.limits.virtual_time_us {
            within("limits.virtual_time_us", limit_us, 1, limit::MAX_US)?;
        }
        self.timeouts.check("timeouts", self.limits.virtual_time_us.unwrap_or(limit::MAX_US))?;
        self.disk.check("disk", 1_000_000_000)?;
        if self.directions.is_empty() || self.directions[1..].contains(&self.directions[0]) {
            return Err(Problem::new("directions", "`put`, `get` or both, each once"));
        }
        self.check_faults()?;
        self.world.check(self)?;
        self.check_variants()
    }

    fn check_faults(&self) -> Result<(), Problem> {
        unique_names("faults", self.faults.iter().map(FaultSpec::name))?;
        self.faults.iter().enumerate().try_for_each(|(i, fault)| fault.check(i))?;
        if self.triggers().is_empty() {
            return Err(Problem::new("triggers", "at least one"));
        }
        let lists = self.directions == [Direction::Get] && self.variants.iter().all(|v| v.listed);
        if self.triggers().contains(&TriggerName::AfterLine) && !lists {
            let expected =
                "no `after_line`, or directions = [\"get\"] and `listed = true` of every contender";
            return Err(Problem::new("triggers", expected));
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), Problem> {
        unique_names("variants", self.variants.iter().map(|v| v.name.as_str()))?;
        for (i, v) in self.variants.iter().enumerate() {
            printable(&format!("variants.{i}.note"), &v.note)?;
            within(&format!("variants.{i}.retries"), v.retries.into(), 0, 1_000)?;
            within(&format!("variants.{i}.pipeline_depth"), v.pipeline_depth.into(), 1, 1_000)?;
            within(&format!("variants.{i}.parallel"), v.parallel.into(), 1, 100)?;
            if v.pipeline_depth > 1 && !(v.mode.is_framed() && v.reuse_data_connection) {
                let expected = "1, or block or compressed mode with reuse_data_connection = true";
                return Err(Problem::new(&format!("variants.{i}.pipeline_depth"), expected));
            }
            if v.listed && self.every_wire_byte {
                let expected = "false with every_wire_byte, which counts the files' bytes";
                return Err(Problem::new(&format!("variants.{i}.listed"), expected));
            }
            if v.marker_interval_bytes.is_some() && !v.mode.is_framed() {
                let expected = "none in stream and deflate mode, which have no restart markers";
                return Err(Problem::new(&format!("variants.{i}.marker_interval_bytes"), expected));
            }
        }
        Ok(())
    }

    fn check_workload(&self) -> Result<(), Problem> {
        let w = &self.workload;
        within("workload.files", w.files.into(), 1, 1_000_000)?;
        let [smallest, largest] = w.size_bytes;
        if smallest > largest {
            let found = format!("[{smallest}, {largest}]");
            return Err(Problem::new("workload.size_bytes", "the smallest size first").found(&found));
        }
        within("workload.size_bytes.1", largest, 0, MAX_FILE_BYTES)?;
        for (i, size_bytes) in w.sizes_bytes.iter().enumerate() {
            within(&format!("workload.sizes_bytes.{i}"), *size_bytes, 0, MAX_FILE_BYTES)?;
        }
        if !w.sizes_bytes.is_empty() && w.sizes_bytes.len() != w.files as usize {
            let expected = format!("{} sizes, one a file", w.files);
            return Err(Problem::new("workload.sizes_bytes", &expected));
        }
        let each = if w.sizes_bytes.is_empty() { largest } else { 0 };
        let all = w.sizes_bytes.iter().sum::<u64>().max(each.saturating_mul(w.files.into()));
        if all > MAX_DELIVERY_BYTES {
            let expected = format!(
                "at most {MAX_DELIVERY_BYTES} bytes in all files together, which a run holds in memory"
            );
            return Err(Problem::new("workload.files", &expected).found(&format!("up to {all}")));
        }
        let mix = &w.content;
        for (key, weight) in [("random", mix.random), ("text", mix.text), ("runs", mix.runs)] {
            within(&format!("workload.content.{key}"), weight.into(), 0, 1_000_000)?;
        }
        if mix.random == 0 && mix.text == 0 && mix.runs == 0 {
            return Err(Problem::new("workload.content", "at least one weight above 0"));
        }
        Ok(())
    }

    /// They make parts of this one's report, and have none of their own.
    fn check_companions(&self) -> Result<(), Problem> {
        for (i, name) in self.companions.iter().enumerate() {
            let problem = |expected: &str| {
                Problem::new(&format!("companions.{i}"), expected).found(&format!("{name:?}"))
            };
            let (text, file) = text_of(name).map_err(|error| problem("a scenario").because(&error))?;
            let companion: Self = parse_toml(&text, &file)
                .map_err(|error| problem("a scenario without errors").because(&error))?;
            if companion.grid.is_none() && (!companion.every_wire_byte || companion.cut_twice) {
                return Err(problem("a scenario with a grid, or with every_wire_byte = true"));
            }
        }
        Ok(())
    }
}

impl PathSpec {
    /// `key`: of the path, before its own keys.
    pub(in crate::sim) fn check(&self, key: &str) -> Result<(), Problem> {
        within(&format!("{key}.rtt_us"), self.rtt_us, PathConfig::MIN_RTT_US, 60_000_000)?;
        within(&format!("{key}.bandwidth_bits_per_s"), self.bandwidth_bits_per_s, 1_000, 1_000_000_000_000)?;
        within(&format!("{key}.queue_bytes"), self.queue_bytes, 1_500, 1 << 40)?;
        within(&format!("{key}.loss_ppm"), self.loss_ppm.into(), 0, 999_999)?;
        if let Some(burst) = &self.burst_loss {
            within(&format!("{key}.burst_loss.enter_ppm"), burst.enter_ppm.into(), 1, 1_000_000)?;
            within(&format!("{key}.burst_loss.leave_ppm"), burst.leave_ppm.into(), 1, 1_000_000)?;
            within(&format!("{key}.burst_loss.good_loss_ppm"), burst.good_loss_ppm.into(), 0, 999_999)?;
            within(&format!("{key}.burst_loss.bad_loss_ppm"), burst.bad_loss_ppm.into(), 1, 1_000_000)?;
        }
        within(&format!("{key}.reorder_ppm"), self.reorder_ppm.into(), 0, 999_999)?;
        within(&format!("{key}.reorder_us"), self.reorder_us, u64::from(self.reorder_ppm > 0), 60_000_000)?;
        within(&format!("{key}.duplicate_ppm"), self.duplicate_ppm.into(), 0, 999_999)?;
        within(&format!("{key}.jitter_us"), self.jitter_us, 0, 60_000_000)?;
        Ok(())
    }
}

impl DiskSpec {
    pub(in crate::sim) fn check(&self, key: &str, most_us: u64) -> Result<(), Problem> {
        within(&format!("{key}.sync_us"), self.sync_us, 0, most_us)
    }
}

impl Timeouts {
    pub(in crate::sim) fn check(&self, key: &str, most_us: u64) -> Result<(), Problem> {
        for (name, value, least) in [
            ("connect_us", self.connect_us, 1),
            ("data_idle_us", self.data_idle_us, 1),
            ("reply_us", self.reply_us, 1),
            ("control_idle_us", self.control_idle_us, 1),
            ("retry_delay_us", self.retry_delay_us, 0),
        ] {
            within(&format!("{key}.{name}"), value, least, most_us)?;
        }
        Ok(())
    }
}

pub(in crate::sim) fn within(key: &str, value: u64, min: u64, max: u64) -> Result<(), Problem> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(Problem::new(key, &format!("{min} to {max}")).found(&value.to_string()))
    }
}

/// Names go into CSV cells, file names and command lines.
fn unique_names<'a>(key: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    let mut seen = Vec::new();
    for (i, name) in names.enumerate() {
        if !is_plain(name) {
            return Err(Problem::new(&format!("{key}.{i}"), PLAIN).found(&format!("{name:?}")));
        }
        if seen.contains(&name) {
            return Err(Problem::new(&format!("{key}.{i}"), "each `name` once").found(name));
        }
        seen.push(name);
    }
    if seen.is_empty() { Err(Problem::new(key, "at least one")) } else { Ok(()) }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    // What begins with `-` is an option on a command line.
    !name.is_empty() && name.len() <= 100 && name.chars().all(plain) && !name.starts_with('-')
}

/// Text for a person goes to terminals and into tables as it is.
fn printable(key: &str, text: &str) -> Result<(), Problem> {
    if text.contains(is_deceptive) {
        return Err(Problem::new(key, "one line without control characters").found(&format!("{text:?}")));
    }
    Ok(())
}
