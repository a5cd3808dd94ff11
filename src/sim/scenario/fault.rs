//! Faults as scenarios write them.

use super::error::Problem;
use super::within;
use crate::sim::fault::{FaultKind, FaultName, Given, Need};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of fault that seeds draw from. The keys a kind does not take are `None`, those it takes
/// are present: [`super::Scenario::parse`] sees to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "A kind of fault that seeds draw from.", transform = super::schema::keys_by_kind)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// What goes wrong.
    #[schemars(schema_with = "super::schema::fault_names")]
    pub kind: FaultName,
    /// How tables and CSV call it; the kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::PLAIN_NAME))]
    pub name: Option<String>,
    /// The share of packets that is lost, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 999_999))]
    pub loss_ppm: Option<u32>,
    /// How long a process or host stays down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after_us: Option<u64>,
    /// How long it lasts; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub for_us: Option<u64>,
    /// How many connections are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub times: Option<u32>,
    /// How much longer each write takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub delay_us: Option<u64>,
    /// It strikes so long after the target has been reported delivered, whatever `triggers` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub after_reply_us: Option<u64>,
    /// Whether the server, when it loses the control connection during an upload, goes on and
    /// publishes what comes (half of the servers in use) or aborts (RFC 959 section 4.1.1, QUIT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfers_outlive_control: Option<bool>,
    /// Whether the sender, when it cannot go on, ends its data connection in order as at the end of the file, under
    /// TLS with close_notify, as many programs do, or resets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_unfinished: Option<bool>,
}

impl FaultSpec {
    /// How tables and CSV call it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.as_str())
    }

    /// The fault with its parameters, for the plan of a case. `xor` is what corruption changes.
    pub fn planned(&self, xor: u8) -> FaultKind {
        self.kind.with(Given {
            restart_after_us: self.restart_after_us,
            for_us: self.for_us,
            times: self.times,
            delay_us: self.delay_us,
            loss_ppm: self.loss_ppm,
            xor: Some(xor),
        })
    }

    /// Every key that a kind may take, what is given for it, and the least and the most of it.
    fn given(&self) -> [(&'static str, Option<u64>, u64, u64); 8] {
        [
            ("loss_ppm", self.loss_ppm.map(u64::from), 1, 999_999),
            ("restart_after_us", self.restart_after_us, 0, u64::MAX),
            ("for_us", self.for_us, 1, 1_000_000_000_000),
            ("times", self.times.map(u64::from), 1, 1_000),
            ("delay_us", self.delay_us, 1, 1_000_000_000),
            ("after_reply_us", self.after_reply_us, 0, 1_000_000_000),
            ("transfers_outlive_control", self.transfers_outlive_control.map(u64::from), 0, 1),
            ("ends_unfinished", self.ends_unfinished.map(u64::from), 0, 1),
        ]
    }

    /// `index`: in the scenario's list.
    pub(super) fn check(&self, index: usize) -> Result<(), Problem> {
        let given = self.given();
        let taken = self.kind.about().parameters;
        for (key, value, _, _) in given {
            let present = value.is_some();
            match taken.iter().find(|(name, _)| *name == key) {
                None if present => {
                    let keys = taken.iter().map(|(name, _)| format!("`{name}`"));
                    let keys: Vec<_> = ["`kind`".into(), "`name`".into()].into_iter().chain(keys).collect();
                    return Err(Problem::new(
                        &format!("faults.{index}.{key}"),
                        &format!("only {} with kind = \"{}\"", keys.join(", "), self.kind),
                    ));
                }
                Some((_, Need::Required)) if !present => {
                    return Err(Problem::new(
                        &format!("faults.{index}"),
                        &format!("the key `{key}` with kind = \"{}\"", self.kind),
                    ));
                }
                _ => {}
            }
        }
        for (key, value, least, most) in given {
            if let Some(value) = value {
                within(&format!("faults.{index}.{key}"), value, least, most)?;
            }
        }
        Ok(())
    }
}
