//! The run-length parse of compressed mode: which bytes go into byte strings, which into
//! replicated and filler strings.
//!
//! A byte string costs its bytes and one, a replicated string two, a filler string one. Going
//! from front to back, it is enough to know whether a byte string is open: a run is taken out of
//! an open byte string where that is shorter even with the count of the byte string that may
//! follow, and otherwise left in. Apart from the limit of 127 bytes to a byte string, that is the
//! shortest parse there is: an open byte string is worth at most the one byte that opening
//! another costs, so the cheaper of both choices is never worse later, and where both cost the
//! same the open byte string is at least as good. With the limit, every 127 bytes of data can
//! cost one byte more than the shortest parse.

/// Longest replicated or filler string (a 6-bit count).
pub const MAX_RUN_BYTES: usize = 63;

/// The next stretch of data for byte strings, and the run after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parse {
    /// Bytes for byte strings; any number.
    pub literal: usize,
    /// Bytes of the run that follows; 0 at the end of the data only.
    pub run: usize,
}

/// Parses the front of `data`; `run` and `literal` are both 0 only for empty data.
pub fn next(data: &[u8], filler: u8) -> Parse {
    let mut at = 0;
    while at < data.len() {
        let byte = data[at];
        let run = run_length(&data[at..]);
        let price = if byte == filler { 1 } else { 2 };
        let open = at > 0;
        if run + usize::from(!open) > price {
            // The odd byte of a run of 64, 127 ... is cheaper in a byte string, the one before or
            // else the one after.
            let odd = usize::from(byte != filler && run > 1 && run % MAX_RUN_BYTES == 1);
            return Parse { literal: if open { at + odd } else { 0 }, run: run - odd };
        }
        at += run;
    }
    Parse { literal: at, run: 0 }
}

fn run_length(data: &[u8]) -> usize {
    let byte = data[0];
    data.iter().position(|&other| other != byte).unwrap_or(data.len())
}
