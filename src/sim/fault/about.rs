//! What a row of the table of faults says, and what follows from it.

use super::kind::ROWS;
use super::{FaultKind, FaultName};
use std::fmt;

/// The side of a transfer, whichever host it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The host from which the files come: the client of an upload, the server of a download.
    Sender,
    /// The host to which they go.
    Receiver,
}

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere in particular: it is there from the start of the run to its end, or not at all.
    Throughout,
    /// It takes a side's process.
    Process(Side),
    /// It takes a side's host.
    Power(Side),
    /// The middlebox cuts the data connection of the target.
    Data,
    /// The middlebox does something else when the place has come: to the control connection, to
    /// connections to come, to the whole path.
    Path,
    /// A side's store.
    Disk(Side),
}

/// Whether a scenario must give a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A scenario without the key is refused.
    Required,
    /// What happens without the key is told at the fault.
    Optional,
}

/// A row of the table.
#[derive(Debug)]
pub struct About {
    /// The kind of fault that the row is about.
    pub kind: FaultName,
    /// The name that scenarios, cases, tables and CSV have for it.
    pub name: &'static str,
    /// One line for a person.
    pub line: &'static str,
    /// What happens, in full; lines as they stand in the source.
    pub paragraph: &'static str,
    /// Who can notice it, and by what.
    pub noticed: &'static str,
    /// The keys that a scenario gives beside `kind` and `name`.
    pub parameters: &'static [(&'static str, Need)],
    /// What the fault takes or disturbs.
    pub strikes: Place,
    /// It may outlast every retry, or strike each of them: a delivery need not come about.
    pub lasts: bool,
    /// The receiver cannot know of it before it publishes the file: the file is whole by all it sees.
    pub hidden: bool,
}

impl About {
    /// The paragraph's lines, without the space that follows `///` in the source.
    pub fn paragraph_lines(&self) -> impl Iterator<Item = &'static str> {
        self.paragraph.lines().map(str::trim)
    }
}

impl FaultName {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; ROWS.len()] = {
        let mut all = [Self::None; ROWS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = ROWS[index].kind;
            index += 1;
        }
        all
    };

    /// The row of this kind.
    pub fn about(self) -> &'static About {
        &ROWS[self as usize]
    }

    /// The name that scenarios, cases, tables and CSV have for it.
    pub fn as_str(self) -> &'static str {
        self.about().name
    }

    /// Whether it strikes at a side's store, where there are payload bytes and no wire bytes.
    pub fn is_of_a_disk(self) -> bool {
        matches!(self.about().strikes, Place::Disk(_))
    }

    /// Whether it strikes once, at a trigger (the others act from the start to the end).
    pub fn has_trigger(self) -> bool {
        self.about().strikes != Place::Throughout
    }
}

impl fmt::Display for FaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FaultKind {
    /// The row of this kind, whatever the parameters.
    pub fn about(&self) -> &'static About {
        self.without().about()
    }

    /// The name that scenarios, cases, tables and CSV have for it.
    pub fn name(&self) -> &'static str {
        self.about().name
    }

    /// Whether it strikes at one place of one file.
    pub fn has_trigger(&self) -> bool {
        self.without().has_trigger()
    }

    /// Whose process or host it takes.
    pub fn victim(&self) -> Option<Side> {
        match (self.about().strikes, self) {
            (Place::Process(side) | Place::Power(side), _) => Some(side),
            (Place::Disk(side), Self::ReadError { restart_after_us: Some(_) }) => Some(side),
            _ => None,
        }
    }

    /// Whether the host goes with the process.
    pub fn takes_power(&self) -> bool {
        matches!(self.about().strikes, Place::Power(_))
    }

    /// The side in whose store it strikes.
    pub fn disk(&self) -> Option<Side> {
        match self.about().strikes {
            Place::Disk(side) => Some(side),
            _ => None,
        }
    }

    /// When a victim is started again.
    pub fn restart_after_us(&self) -> Option<u64> {
        match *self {
            Self::SenderDies { restart_after_us } | Self::ReceiverDies { restart_after_us } => {
                Some(restart_after_us)
            }
            Self::SenderPowerLoss { restart_after_us }
            | Self::ReceiverPowerLoss { restart_after_us }
            | Self::ReadError { restart_after_us } => restart_after_us,
            _ => None,
        }
    }

    /// Beyond what the path loses anyway.
    pub fn loss_ppm(&self) -> u32 {
        match *self {
            Self::Loss { loss_ppm } => loss_ppm,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::Given;

    #[test]
    fn each_kind_stands_at_its_index_under_the_name_that_serde_gives_it() {
        for (index, about) in ROWS.iter().enumerate() {
            assert_eq!(about.kind as usize, index, "{}", about.name);
            assert_eq!(serde_json::to_value(about.kind).unwrap(), about.name);
            let kind = about.kind.with(Given::default());
            assert_eq!(serde_json::to_value(kind).unwrap()["kind"], about.name);
            assert_eq!(kind.without(), about.kind);
        }
    }

    #[test]
    fn only_a_fault_without_a_place_needs_no_paragraph_of_more_than_a_line() {
        for about in ROWS {
            assert!(about.paragraph_lines().count() > 1 || about.kind == FaultName::None, "{}", about.name);
            assert!(!about.noticed.is_empty() && !about.line.is_empty(), "{}", about.name);
        }
    }
}
