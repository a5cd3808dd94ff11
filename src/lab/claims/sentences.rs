//! What people say. A sentence about block and compressed mode names of the two what was run.

use ftp_proto::mode::TransmissionMode;

pub(super) const CLOSE_IS_THE_END: &str =
    "In stream mode the end of file is the closing of the data connection; no command says so.";
pub(super) const WHATEVER_ARRIVES: &str =
    "In stream mode whatever arrives on the data connection becomes the file.";
pub(super) const CANNOT_TELL: &str = "Stream mode cannot tell an early close from the end of the file.";
pub(super) const SAFE: &str = "A file that a 226 has answered is safe.";
pub(super) const CONNECTION_PER_FILE: OfModes = OfModes {
    both: "Stream mode needs a new data connection for each file; block and compressed mode do not.",
    block: "Stream mode needs a new data connection for each file; block mode does not.",
    compressed: "Stream mode needs a new data connection for each file; compressed mode does not.",
};
pub(super) const MORE_RELIABLE: OfModes = OfModes {
    both: "Block and compressed mode are more reliable.",
    block: "Block mode is more reliable.",
    compressed: "Compressed mode is more reliable.",
};
pub(super) const FASTER: OfModes = OfModes {
    both: "Block and compressed mode are faster for many small files.",
    block: "Block mode is faster for many small files.",
    compressed: "Compressed mode is faster for many small files.",
};
pub(super) const SMALL_OVERHEAD: OfModes = OfModes {
    both: "They cost a small overhead.",
    block: "Block mode costs a small overhead.",
    compressed: "Compressed mode costs a small overhead.",
};
const THE_MODES: OfModes =
    OfModes { both: "block and compressed mode", block: "block mode", compressed: "compressed mode" };

/// A sentence about both modes that mark the end of a file, and about each alone.
pub(super) struct OfModes {
    pub(super) both: &'static str,
    block: &'static str,
    compressed: &'static str,
}

impl OfModes {
    /// About the modes that were run; where neither was, it is not tested, and names what would have been.
    pub(super) fn of(&self, modes: impl Iterator<Item = TransmissionMode> + Clone) -> &'static str {
        let has = |mode| modes.clone().any(|run| run == mode);
        match (has(TransmissionMode::Block), has(TransmissionMode::Compressed)) {
            (true, false) => self.block,
            (false, true) => self.compressed,
            _ => self.both,
        }
    }
}

/// `block and compressed mode`, or the one of them that was run.
pub(super) fn the_modes(modes: impl Iterator<Item = TransmissionMode> + Clone) -> &'static str {
    THE_MODES.of(modes)
}
