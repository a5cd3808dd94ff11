//! Linux's times, as they were measured: one cell a line.

use crate::delivery::{CONGESTION, Path};

/// Which of a delivery's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Until the client is connected.
    Handshake,
    /// Until the server has read to the end.
    End,
    /// Until the client has the server's answer to that.
    Answer,
}

/// A line of the reference.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub case_name: String,
    pub case: Case,
    /// What the emulated path was set to; [`calibrate`] puts into `path` what it came to.
    rtt_ms: u64,
    pub path: Path,
    /// Deliveries that Linux made.
    pub n: usize,
    pub median_ms: f64,
    pub p90_ms: f64,
}

impl Cell {
    /// It is not compared, as the path is set by it.
    pub(crate) fn gives_the_path(&self) -> bool {
        self.case == Case::Handshake && self.path.loss_ppm == 0
    }

    /// The columns that name it in the table.
    pub(crate) fn name(&self) -> String {
        let Path { congestion, bits_per_s, loss_ppm, size_bytes, .. } = self.path;
        let (rtt_ms, rate_mbit) = (self.rtt_ms, bits_per_s / 1_000_000);
        let loss = f64::from(loss_ppm) / 1e6;
        format!("{},{congestion},{rtt_ms},{rate_mbit},{loss},{size_bytes}", self.case_name)
    }
}

const HEADER: &str = "case,cc,rtt_ms,rate_mbit,loss,size_bytes,n,mean_ms,median_ms,p90_ms";
/// A handshake does not depend on what is sent after it.
const HANDSHAKE_BYTES: usize = 1000;

pub(crate) fn read(text: &str) -> Result<Vec<Cell>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(format!("line 1 is not {HEADER}"));
    }
    let line = |(n, line): (usize, &str)| cell(line).ok_or(format!("line {}: {line}", n + 2));
    let mut cells = lines.enumerate().map(line).collect::<Result<Vec<Cell>, _>>()?;
    calibrate(&mut cells);
    Ok(cells)
}

/// A SYN and its answer, in bytes on the link.
const HANDSHAKE_WIRE_BYTES: u64 = 2 * 48;

/// The emulator had a little latency of its own, some 0.1 ms a round trip. It is in the handshakes without loss,
/// which depend on nothing else: they say how long the path really was.
fn calibrate(cells: &mut [Cell]) {
    let handshakes: Vec<Cell> = cells.iter().filter(|cell| cell.gives_the_path()).cloned().collect();
    for cell in cells {
        let of = handshakes
            .iter()
            .find(|it| it.rtt_ms == cell.rtt_ms && it.path.bits_per_s == cell.path.bits_per_s);
        if let Some(handshake) = of {
            let wire_us = HANDSHAKE_WIRE_BYTES * 8_000_000 / cell.path.bits_per_s;
            cell.path.rtt_us = (handshake.median_ms * 1e3).round() as u64 - wire_us;
        }
    }
}

fn cell(line: &str) -> Option<Cell> {
    let fields: Vec<&str> = line.split(',').collect();
    let [case_name, congestion, rtt_ms, rate_mbit, loss, size, n, _mean, median, p90] = fields[..] else {
        return None;
    };
    let case = match case_name {
        "handshake" => Case::Handshake,
        "file_eof" | "stream200_eof" => Case::End,
        "file_ack" | "stream200_ack" | "link_ack" => Case::Answer,
        _ => return None,
    };
    let (congestion, _) = CONGESTION.into_iter().find(|(name, _)| *name == congestion)?;
    let rtt_ms = rtt_ms.parse().ok()?;
    let path = Path {
        congestion,
        rtt_us: rtt_ms * 1000,
        bits_per_s: rate_mbit.parse::<u64>().ok()? * 1_000_000,
        loss_ppm: (loss.parse::<f64>().ok()? * 1e6).round() as u32,
        size_bytes: if case == Case::Handshake { HANDSHAKE_BYTES } else { size.parse().ok()? },
    };
    let (n, median_ms, p90_ms) = (n.parse().ok()?, median.parse().ok()?, p90.parse().ok()?);
    Some(Cell { case_name: case_name.to_owned(), case, rtt_ms, path, n, median_ms, p90_ms })
}
