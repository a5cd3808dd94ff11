//! A transfer that tells what the path can carry: how long it took, and at which rate the simulation takes as
//! long. So slow start, which a division of bytes by seconds would take for a slow path, counts for nothing.

use super::amount::{Amount, Path};
use super::case::{At, SimFile, Stage};
use super::ways::scenario;
use crate::lab::compare::RunError;
use crate::lab::expected::round_trips;
use crate::lab::stats;
use crate::sim::scenario::{Direction, VariantSpec};
use crate::sim::workload::Content;
use ftp_endpoint::client::{Client, ClientError};
use ftp_endpoint::net::{Net, Time};
use rand::Rng;
use std::time::Duration;
use turmoil_tcp::seeds;

/// Sizes of uploads, until one takes long enough.
const SIZES_BYTES: [u64; 5] = [64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];
/// Long enough for the path to decide, not slow start.
const LONG: Duration = Duration::from_millis(1_500);
/// All transfers together; the last may take longer.
const LIMIT: Duration = Duration::from_secs(8);
/// Uploads for the loss: too small to fill a queue on the way, so that what is lost is lost on the way.
const LIGHT_BYTES: u64 = 64 << 10;
const LIGHT_FILES: u64 = 40;
const LIGHT_LIMIT: Duration = Duration::from_secs(6);
/// Of the last size.
const REPETITIONS: usize = 3;
/// The slowest and the fastest path that is tried, in bits a second.
const SLOWEST: f64 = 8_000.0;
const FASTEST: f64 = 10e9;
/// Simulations until the time is [`NEAR`] what was measured, at most.
const STEPS: u32 = 12;
const NEAR: f64 = 0.005;
/// What a path that decides adds to the time.
const NOTICED: f64 = 0.05;
/// A full segment of Ethernet, with time stamps.
const SEGMENT_BYTES: u64 = 1_448;

/// What was transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which way.
    pub direction: Direction,
    /// Under TLS.
    pub tls: bool,
    /// The size of the files that took longest.
    pub bytes: u64,
    /// How long each of them took, sorted, in microseconds, from the first command to the last reply.
    pub took_us: Vec<u64>,
    /// Segments of light uploads, and how many segments this machine sent again meanwhile, where it tells.
    pub light: Option<Light>,
}

/// What of light uploads was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Light {
    /// Full segments.
    pub segments: u64,
    /// Segments sent again.
    pub sent_again: u64,
}

/// What a sample says of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Bits a second.
    pub rate: Amount,
    /// It did not fill the path: the rate is at least so much.
    pub is_least: bool,
    /// Parts per million, where light uploads told.
    pub loss: Option<Amount>,
}

/// Uploads files that fill no queue, one over the other; gives their segments.
pub async fn light<N: Net>(net: &N, client: &mut Client<N>, path: &str) -> Result<u64, ClientError> {
    let content = vec![0; LIGHT_BYTES as usize];
    let began = net.now();
    let mut files = 0;
    while files == 0 || files < LIGHT_FILES && net.now() - began < LIGHT_LIMIT {
        client.store(path, &content[..]).await?;
        files += 1;
    }
    Ok(files * LIGHT_BYTES.div_ceil(SEGMENT_BYTES))
}

/// Uploads files of growing size as `path`, one over the other.
pub async fn upload<N: Net>(
    net: &N,
    client: &mut Client<N>,
    path: &str,
) -> Result<(u64, Vec<u64>), ClientError> {
    let mut content = vec![0; SIZES_BYTES[SIZES_BYTES.len() - 1] as usize];
    seeds::stream(0, "sample").fill_bytes(&mut content);
    let began = net.now();
    let mut last = (0, Duration::ZERO);
    for bytes in SIZES_BYTES {
        let sent = net.now();
        client.store(path, &content[..bytes as usize]).await?;
        last = (bytes, net.now() - sent);
        if last.1 >= LONG || net.now() - began >= LIMIT {
            break;
        }
    }
    let (bytes, first) = last;
    let mut took = vec![us(first)];
    while took.len() < REPETITIONS && net.now() - began < LIMIT {
        let sent = net.now();
        client.store(path, &content[..bytes as usize]).await?;
        took.push(us(net.now() - sent));
    }
    took.sort_unstable();
    Ok((bytes, took))
}

/// Downloads `path` and throws it away.
pub async fn download<N: Net>(
    net: &N,
    client: &mut Client<N>,
    path: &str,
) -> Result<(u64, Vec<u64>), ClientError> {
    let began = net.now();
    let (mut bytes, mut took) = (0, Vec::new());
    while took.is_empty() || took.len() < REPETITIONS && net.now() - began < LIMIT {
        let asked = net.now();
        bytes = client.fetch(path, tokio::io::sink()).await?;
        took.push(us(net.now() - asked));
    }
    took.sort_unstable();
    Ok((bytes, took))
}

fn us(time: Time) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Segments sent again since the start of this machine's network, by `/proc/net/snmp`'s text.
pub fn sent_again(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split(' ').position(|name| name == "RetransSegs")?;
    values.split(' ').nth(at)?.parse().ok()
}

impl Light {
    /// Where nothing was sent again, none: the figure is an observation, not a bound.
    fn loss(self) -> Amount {
        let lost = self.sent_again.min(self.segments);
        let ppm = |share: f64| (share * 1e6).round() as u64;
        match stats::wilson(lost, self.segments) {
            Some(it) if lost > 0 => {
                Amount::measured(ppm(lost as f64 / self.segments as f64), ppm(it.low), ppm(it.high))
            }
            _ => Amount::exactly(0),
        }
    }
}

impl Sample {
    /// The path that would take as long in the simulation; `known` has its round trip, and its loss where that
    /// is known.
    pub fn path(&self, known: &Path, loss_is_known: bool) -> Result<Found, RunError> {
        let mut path = known.clone();
        let loss = self.light.filter(|_| !loss_is_known).map(|light| light.loss());
        if let Some(found) = loss {
            path.loss_ppm = Amount::exactly(found.value.min(500_000));
        }
        let (value, is_least) = self.rate(&path, self.median_us())?;
        let (low, _) = self.rate(&path, self.took_us[self.took_us.len() - 1])?;
        let (high, _) = self.rate(&path, self.took_us[0])?;
        Ok(Found { rate: Amount::measured(value, low, high), is_least, loss })
    }

    fn median_us(&self) -> u64 {
        self.took_us[self.took_us.len() / 2]
    }

    /// The rate at which the simulation takes `took_us`; and whether a faster path would take as long: then it is
    /// the one below which it would have taken noticeably longer.
    fn rate(&self, path: &Path, took_us: u64) -> Result<(u64, bool), RunError> {
        let bits = self.bytes as f64 * 8.0;
        let at_best = self.simulated(path, FASTEST as u64)? as f64;
        // A share of it is this machine's and the server's own.
        let is_least = at_best > took_us as f64 * (1.0 - NOTICED);
        let took = if is_least { at_best.max(took_us as f64) * (1.0 + NOTICED) } else { took_us as f64 };
        let least = (bits * 1e6 / took).clamp(SLOWEST, FASTEST);
        // Where the path decides, time is a line over the seconds that a bit takes: by secants, between bounds.
        let (mut slow, mut fast) = (least, FASTEST);
        let mut rate = least;
        for _ in 0..STEPS {
            let takes = self.simulated(path, rate as u64)? as f64;
            if (takes / took - 1.0).abs() < NEAR {
                break;
            }
            *(if takes > took { &mut slow } else { &mut fast }) = rate;
            // The line through this point whose slope is the file's bits.
            let bit_s = 1.0 / rate + (took - takes) / 1e6 / bits;
            let next = 1.0 / bit_s;
            rate = if bit_s > 0.0 && next > slow && next < fast { next } else { (slow * fast).sqrt() };
        }
        Ok((rate as u64, is_least))
    }

    /// The time of one file over a path of that rate.
    fn simulated(&self, path: &Path, rate: u64) -> Result<u64, RunError> {
        let path = Path { rate_bits_per_s: Amount::exactly(rate), ..path.clone() };
        let variant = self.variant();
        let run = |bytes: u64| {
            let file = SimFile { size_bytes: bytes, content: Content::Random };
            let stage = Stage::new(self.direction, At::Figures.path(&path), &[file]).undisturbed();
            stage.run(&variant, 0).map(|(_, outcome)| outcome)
        };
        let (whole, empty) = (run(self.bytes)?, run(0)?);
        let trips = round_trips(&variant, self.direction).map_or(0, |trips| trips.per_file);
        let flow_us =
            whole.duration_us.unwrap_or(u64::MAX / 2).saturating_sub(empty.duration_us.unwrap_or(0));
        Ok(flow_us + trips * path.rtt_us.value)
    }

    fn variant(&self) -> VariantSpec {
        let name = if self.tls { "stream-tls" } else { "stream" };
        scenario().variant(name).expect("a contender of the scenario").clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(rtt_us: u64) -> Path {
        Path {
            rtt_us: Amount::exactly(rtt_us),
            rate_bits_per_s: Amount::exactly(1),
            loss_ppm: Amount::exactly(0),
            login_us: 0,
        }
    }

    fn sample(bytes: u64, took_us: u64) -> Sample {
        Sample {
            direction: Direction::Put,
            tls: false,
            bytes,
            took_us: vec![took_us],
            light: Some(Light { segments: 500, sent_again: 0 }),
        }
    }

    /// 1 MiB at 20 ms and 10 Mbit/s: 0.91 s on the wire with headers, a little more with slow start.
    #[test]
    fn a_rate_is_found_through_slow_start() {
        let took = sample(1 << 20, 1).simulated(&path(20_000), 10_000_000).unwrap();
        assert!((900_000..1_200_000).contains(&took), "{took}");
        let found = sample(1 << 20, took).path(&path(20_000), false).unwrap();
        let rate = found.rate.value as f64;
        assert!((rate / 10e6 - 1.0).abs() < 0.02, "{found:?}");
        assert!(!found.is_least && found.loss.unwrap().value == 0);
    }

    #[test]
    fn a_sample_that_does_not_fill_the_path_says_at_least() {
        let found = sample(64 << 10, 250_000).path(&path(50_000), true).unwrap();
        assert!(found.is_least && found.loss.is_none() && found.rate.value > 5_000_000, "{found:?}");
    }

    #[test]
    fn a_loss_has_its_range_and_none_is_none() {
        let loss = Light { segments: 1_000, sent_again: 10 }.loss();
        assert_eq!((loss.value, loss.low < 6_000, loss.high > 15_000), (10_000, true, true), "{loss:?}");
        assert_eq!(Light { segments: 0, sent_again: 0 }.loss(), Amount::exactly(0));
    }

    #[test]
    fn segments_sent_again_are_read() {
        let text =
            "Ip: Forwarding\nIp: 1\nTcp: RtoMin OutSegs RetransSegs InErrs\nTcp: 200 9000 17 0\nUdp: x\n";
        assert_eq!((sent_again(text), sent_again("Udp: 1")), (Some(17), None));
    }
}
