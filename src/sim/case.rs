//! A case: everything a run depends on, drawn before it. Readable, self-contained JSON.

mod validity;

use super::fault::{Fault, FaultKind, Trigger, TriggerName};
use super::others::{Ingest, Rival, SourceChange, Stranger};
use super::scenario::{self, Cell, DiskSpec, Limits, PathSpec, Scenario, Timeouts, TlsSpec, VariantSpec};
use super::signature::Signature;
use super::trace;
use super::workload::{self, FileSpec};
use ftp_endpoint::client::{Direction, Policy, TlsWhen};
use ftp_proto::mutant::Mutant;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::time::Duration;
use turmoil_tcp::path::bandwidth_delay_bytes;
use turmoil_tcp::seeds;

/// The form of the JSON; a case of another version is refused.
pub const VERSION: u32 = 1;

/// Everything that a run depends on, and some names that it does not depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The form of the JSON; always [`VERSION`] in a case that was read.
    pub version: u32,
    /// Where it was drawn; the run does not depend on these names.
    pub scenario: String,
    /// The name of the contender in the scenario.
    pub variant: String,
    /// The name of the fault in the scenario.
    pub fault_name: String,
    /// Names the run; the network's own draws (losses, ports, sequence numbers) come from it.
    pub seed: u64,
    /// The path between the two hosts.
    pub path: PathSpec,
    /// What ends a run that does not end by itself.
    pub limits: Limits,
    /// How long client and server wait for each other.
    pub timeouts: Timeouts,
    /// How the client delivers: direction, mode and habits.
    pub policy: Policy,
    /// What the server does where servers differ.
    pub server: ServerOptions,
    /// The receiver, server or client, writes files under their final names as they come
    /// ([`ftp_endpoint::store::memory::MemoryStore::writing_in_place`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes_in_place: bool,
    /// The client learns the names from the server's listing of the directory, and fetches what is in it, as `get -r`
    /// and `mirror` do. A fault whose target is the number of the files strikes the listing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// Of a fault at a wire byte ([`Trigger::WireByte`]): it strikes again at this later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_wire_byte: Option<u64>,
    /// The receiver answers for a file, and the client reports it, when it would survive a loss of power
    /// ([`ftp_endpoint::store::Store::is_durable`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub durable: bool,
    /// Everything goes under TLS, in this way; what of it is the client's stands in `policy` as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// How both hosts' disks keep what is written.
    #[serde(default, skip_serializing_if = "DiskSpec::is_default")]
    pub disk: DiskSpec,
    /// Each file of the delivery has an older one under its name at the receiver ([`super::others::old`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub old_files: bool,
    /// When the fault strikes, the target becomes another at the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_change: Option<SourceChange>,
    /// Who takes files at the receiver as they appear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest: Option<Ingest>,
    /// Who else writes under the target's name at the server, while it is uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rival: Option<Rival>,
    /// Who else connects to the server, or to the client where it awaits data connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stranger: Option<Stranger>,
    /// The files of the delivery, in the order in which the client delivers them.
    pub files: Vec<FileSpec>,
    /// What goes wrong, where and when.
    pub fault: Fault,
    /// A defect that the run has on purpose ([`ftp_proto::mutant`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "planted")]
    pub mutant: Option<Mutant>,
    /// How the run goes, where that is known; the run does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Signature>,
}

/// Habits in which servers differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerOptions {
    /// [`ftp_endpoint::server::Config::transfers_outlive_control`].
    pub transfers_outlive_control: bool,
    /// [`ftp_endpoint::server::Config::takes_cut_deflate`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_cut_deflate: bool,
    /// [`ftp_endpoint::server::Config::ends_unfinished`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_unfinished: bool,
}

/// Why there is no case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The scenario has no contender of that name.
    #[error("scenario {scenario} has no variant `{variant}`{hint}; it has: {known}")]
    NoVariant {
        /// The scenario's name.
        scenario: String,
        /// The name that was asked for.
        variant: String,
        /// The name that may have been meant, as a part of the sentence; empty where none comes near.
        hint: String,
        /// The names that there are, separated by commas.
        known: String,
    },
    /// The case was written by another version of the program.
    #[error("a case of version {found}; this program reads version {VERSION}")]
    Version {
        /// The version that its JSON gives.
        found: u64,
    },
    /// It is no JSON, or JSON of another form.
    #[error("not a case: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It says something that no run can do.
    #[error("not a case that can be run: {0}")]
    Invalid(#[from] scenario::Problem),
}

impl Case {
    /// What `scenario`, `variant` and `seed` name: the same files and fault for every variant.
    pub fn draw(scenario: &Scenario, variant: &str, seed: u64) -> Result<Self, CaseError> {
        let contender = scenario.variant(variant).ok_or_else(|| CaseError::NoVariant {
            scenario: scenario.name.clone(),
            variant: variant.to_owned(),
            hint: scenario::hint(variant, scenario.variants.iter().map(|known| known.name.as_str())),
            known: scenario.variants.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        let stratum = scenario.stratum(seed);
        let files = draw_files(scenario, seed);
        let fault = match scenario.wire_byte(seed) {
            Some(place) => {
                let (target, trigger) = in_turn(place, &stratum.fault, &files);
                Fault { kind: stratum.fault.planned(0x20), target, trigger }
            }
            None => draw_fault(seed, &stratum, &files, &path(scenario, seed)),
        };
        let ends_unfinished = stratum.fault.ends_unfinished.unwrap_or(false);
        Ok(Self {
            version: VERSION,
            scenario: scenario.name.clone(),
            variant: variant.to_owned(),
            fault_name: stratum.fault.name().to_owned(),
            seed,
            path: path(scenario, seed),
            limits: scenario.limits(),
            timeouts: scenario.timeouts.clone(),
            policy: Policy {
                ends_unfinished: ends_unfinished && stratum.direction == Direction::Put,
                ..policy(contender, &scenario.timeouts, stratum.direction)
            },
            server: ServerOptions {
                transfers_outlive_control: stratum.fault.transfers_outlive_control.unwrap_or(false),
                takes_cut_deflate: contender.takes_cut_deflate,
                ends_unfinished: ends_unfinished && stratum.direction == Direction::Get,
            },
            writes_in_place: contender.writes_in_place,
            listed: contender.listed && stratum.direction == Direction::Get,
            second_wire_byte: scenario.second_wire_byte(seed),
            durable: contender.durable,
            tls: contender.tls,
            disk: scenario.disk,
            old_files: scenario.world.old_files,
            source_change: scenario.world.source_change,
            ingest: scenario.world.ingest,
            rival: scenario.world.rival(seed),
            stranger: scenario.world.stranger(seed),
            files,
            fault,
            mutant: None,
            expected: None,
        })
    }

    /// Twelve hexadecimal digits of the SHA-256 of all that the run depends on.
    pub fn id(&self) -> String {
        let json = serde_json::to_vec(&Self { expected: None, ..self.clone() });
        let json = json.expect("a case is plain data");
        trace::hex(&Sha256::digest(json)[..6])
    }

    /// The case as JSON for a person to read, with a newline at its end.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a case is plain data");
        json.push('\n');
        json
    }

    /// The case that [`Case::to_json`] has written; an error when it could not be run.
    pub fn from_json(json: &str) -> Result<Self, CaseError> {
        let value: serde_json::Value = serde_json::from_str(json)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(VERSION) => Err(CaseError::Version { found }),
            _ => {
                let case: Self = serde_json::from_str(json)?;
                case.check()?;
                Ok(case)
            }
        }
    }

    /// Whether [`Case::from_json`] takes it.
    pub fn is_valid(&self) -> bool {
        self.check().is_ok()
    }

    /// One line for a person.
    pub fn summary(&self) -> String {
        let (path, policy) = (&self.path, &self.policy);
        format!(
            "seed {}: {:?} {:?}/{:?}, {} files of {} bytes, verify {:?}, publish {:?}, pipeline {}, parallel {}, \
             rtt {} us, {} bit/s, loss {} ppm, fault {} at file {} {:?}",
            self.seed,
            policy.direction,
            policy.mode,
            policy.structure,
            self.files.len(),
            self.files.iter().map(|file| file.size_bytes).sum::<u64>(),
            policy.verify,
            policy.publish,
            policy.pipeline_depth,
            policy.parallel,
            path.rtt_us,
            path.bandwidth_bits_per_s,
            path.loss_ppm,
            self.fault_name,
            self.fault.target,
            self.fault.trigger,
        )
    }

    /// The file that the fault strikes; `None` for faults without a place, and for those of a listing.
    pub fn target(&self) -> Option<&FileSpec> {
        self.is_anchored().then(|| self.files.get(self.fault.target as usize)).flatten()
    }

    /// Whether the fault strikes the listing.
    pub fn strikes_listing(&self) -> bool {
        self.listed && self.is_anchored() && self.fault.target as usize == self.files.len()
    }

    /// How many lines MLSD has of a directory with so many files: its own comes first.
    pub fn lines_of_listing(files: usize) -> u32 {
        files as u32 + 1
    }

    /// Whether a name in the listing may have become another's on the way, which the client then asks for: in place a
    /// file that is refused leaves its name.
    pub fn may_misread_names(&self) -> bool {
        self.strikes_listing() && matches!(self.fault.kind, FaultKind::Corrupt { .. })
    }

    fn is_anchored(&self) -> bool {
        self.fault.kind.has_trigger() && !matches!(self.fault.trigger, Trigger::WireByte(_))
    }
}

fn path(scenario: &Scenario, seed: u64) -> PathSpec {
    let path = scenario.path.clone();
    let Some(Cell { rtt_us, bandwidth_bits_per_s, loss_ppm, .. }) = scenario.cell(seed) else { return path };
    let queue_bytes = bandwidth_delay_bytes(rtt_us, bandwidth_bits_per_s).max(path.queue_bytes);
    PathSpec { rtt_us, bandwidth_bits_per_s, queue_bytes, loss_ppm, ..path }
}

/// With [`Scenario::every_wire_byte`] the same for every seed, so that only the fault differs.
fn draw_files(scenario: &Scenario, seed: u64) -> Vec<FileSpec> {
    let workload = &scenario.workload;
    let mix = &workload.content;
    let what = workload::Draw {
        files: workload.files,
        size_bytes: workload.size_bytes.into(),
        weights: [mix.random, mix.text, mix.runs],
    };
    if let Some(Cell { delivery, .. }) = scenario.cell(seed) {
        let size_bytes = (delivery.file_size_bytes, delivery.file_size_bytes);
        return workload::draw(seed, workload::Draw { files: delivery.files, size_bytes, ..what });
    }
    let mut files = workload::draw(if scenario.every_wire_byte { 0 } else { seed }, what);
    for (file, size_bytes) in files.iter_mut().zip(&workload.sizes_bytes) {
        file.size_bytes = *size_bytes;
    }
    files
}

/// The place of a scenario of [`Scenario::every_wire_byte`] at which a fault strikes, and the file: each wire byte; or
/// the moment after each file; or, of a disk, each payload byte of each file and the end after it.
fn in_turn(place: u64, fault: &scenario::FaultSpec, files: &[FileSpec]) -> (u32, Trigger) {
    if let Some(us) = fault.after_reply_us {
        return (u32::try_from(place).unwrap_or(u32::MAX), Trigger::AfterReply(us));
    }
    if !fault.kind.is_of_a_disk() {
        return (0, Trigger::WireByte(place));
    }
    let mut byte = place;
    for (file, target) in files.iter().zip(0..) {
        match byte.cmp(&file.size_bytes) {
            Ordering::Less => return (target, Trigger::PayloadByte(byte)),
            Ordering::Equal => return (target, Trigger::AfterLastByte),
            Ordering::Greater => byte -= file.size_bytes + 1,
        }
    }
    // Beyond the last there is nothing to strike.
    (u32::MAX, Trigger::AfterLastByte)
}

fn draw_fault(seed: u64, stratum: &scenario::Stratum, files: &[FileSpec], path: &PathSpec) -> Fault {
    let mut rng = seeds::stream(seed, "fault");
    let target = rng.random_range(0..files.len());
    let size_bytes = files[target].size_bytes;
    let byte = rng.random_range(0..size_bytes.max(1));
    // Each drawn always, so that no trigger moves another's draws.
    let nth = rng.random_range(0..2);
    let round_trips_us = (8 + files.len() as u64) * path.rtt_us;
    let at_us = rng.random_range(1..=round_trips_us);
    let xor = rng.random_range(1..=u8::MAX);
    let trigger = match stratum.trigger {
        _ if stratum.fault.after_reply_us.is_some() => {
            Trigger::AfterReply(stratum.fault.after_reply_us.unwrap_or_default())
        }
        Some(TriggerName::PayloadByte) if size_bytes > 0 => Trigger::PayloadByte(byte),
        Some(TriggerName::AfterLastByte) => Trigger::AfterLastByte,
        Some(TriggerName::InsideHeader) => Trigger::InsideHeader(byte),
        Some(TriggerName::AfterHeader) => Trigger::AfterHeader(byte),
        Some(TriggerName::BeforeFinal) => Trigger::BeforeFinal,
        Some(TriggerName::BeforeCommand) => Trigger::BeforeCommand(nth),
        Some(TriggerName::BeforeReply) => Trigger::BeforeReply(nth),
        Some(TriggerName::AtTime) => Trigger::AtTimeUs(at_us),
        Some(TriggerName::AfterReply) => Trigger::AfterReply(after_reply_us(seed)),
        Some(TriggerName::AfterLine) => Trigger::AfterLine(line(seed, files.len())),
        Some(TriggerName::PayloadByte | TriggerName::BeforeFirstByte) | None => Trigger::BeforeFirstByte,
    };
    let target = if matches!(trigger, Trigger::AfterLine(_)) { files.len() } else { target };
    Fault { kind: stratum.fault.planned(xor), target: target as u32, trigger }
}

/// In a stream of its own: of the listing at least a line does not pass.
fn line(seed: u64, files: usize) -> u32 {
    seeds::stream(seed, "line").random_range(0..Case::lines_of_listing(files))
}

/// In a stream of its own: for so long ext4 may take to bring a file to the disk, and a little longer.
fn after_reply_us(seed: u64) -> u64 {
    seeds::stream(seed, "after reply").random_range(0..=Trigger::LONGEST_AFTER_REPLY_US)
}

fn policy(contender: &VariantSpec, timeouts: &Timeouts, direction: Direction) -> Policy {
    let tls = contender.tls.unwrap_or_default();
    Policy {
        tls: if contender.tls.is_some() { TlsWhen::Required } else { TlsWhen::Off },
        tls_end: tls.client_end,
        tls_lingers: tls.client_lingers,
        takes_cut_deflate: contender.takes_cut_deflate,
        direction,
        mode: contender.mode,
        deflate_level: contender.deflate_level,
        structure: contender.structure,
        representation: contender.representation,
        verify: contender.verify,
        publish: contender.publish,
        retries: contender.retries,
        retry_delay: Duration::from_micros(timeouts.retry_delay_us),
        reuse_data_connection: contender.reuse_data_connection,
        pipeline_depth: contender.pipeline_depth,
        asks_ahead: contender.asks_ahead,
        resume: contender.resume,
        marker_interval_bytes: contender.marker_interval_bytes,
        parallel: contender.parallel,
        reply_timeout: Duration::from_micros(timeouts.reply_us),
        data_timeout: Duration::from_micros(timeouts.data_idle_us),
        connect_timeout: Duration::from_micros(timeouts.connect_us),
        ..Policy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(variant: &str, seed: u64) -> Case {
        Case::draw(&Scenario::load("tiny").unwrap(), variant, seed).unwrap()
    }

    #[test]
    fn contenders_of_a_seed_get_the_same_files_and_fault() {
        for seed in 0..48 {
            let (stream, block) = (case("stream", seed), case("block", seed));
            assert_eq!(stream.files, block.files);
            assert_eq!(stream.fault, block.fault);
            assert_eq!(stream.policy.direction, block.policy.direction);
            assert_ne!(stream.id(), block.id());
        }
    }

    #[test]
    fn json_is_read_back_and_other_versions_are_refused() {
        let case = case("block", 7);
        assert_eq!(Case::from_json(&case.to_json()).unwrap(), case);
        let newer = case.to_json().replace("\"version\": 1", "\"version\": 2");
        let error = Case::from_json(&newer).unwrap_err().to_string();
        assert_eq!(error, "a case of version 2; this program reads version 1");
    }

    #[test]
    fn an_unknown_variant_is_named_with_the_known_ones() {
        let error = Case::draw(&Scenario::load("tiny").unwrap(), "steam", 0).unwrap_err().to_string();
        assert!(error.contains("`steam`") && error.contains("stream"), "{error}");
    }
}
