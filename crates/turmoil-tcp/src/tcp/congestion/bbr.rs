//! BBR, version 1, as Linux has it (tcp_bbr.c; Cardwell and others, CACM 2017): a model of the path, its bandwidth and its
//! shortest round trip, decides how fast is sent and how much may be in flight; a loss decides neither.
//!
//! Not modelled: the search for policers (lt_bw), and room for aggregated acknowledgements (extra_acked).

use super::{Ack, CongestionAvoidance, Pacing, State, Window};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// Gains are in 256ths.
const UNIT: u64 = 256;
/// 2 / ln 2, and its inverse.
const HIGH_GAIN: u64 = UNIT * 2885 / 1000 + 1;
const DRAIN_GAIN: u64 = UNIT * 1000 / 2885;
const CWND_GAIN: u64 = 2 * UNIT;
const CYCLE: [u64; 8] = [UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT];
/// The largest bandwidth of so many round trips counts.
const BANDWIDTH_ROUNDS: u64 = 10;
const MIN_RTT_US: u64 = 10_000_000;
const PROBE_RTT_US: u64 = 200_000;
const LEAST_WINDOW: u64 = 4;
/// The pipe is full when so many round trips have brought no quarter more.
const FULL_ROUNDS: u32 = 3;
/// Bandwidths are segments a microsecond, times 2^24.
const BANDWIDTH_SHIFT: u32 = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Startup,
    Drain,
    ProbeBandwidth,
    ProbeRtt,
}

#[derive(Debug)]
pub(super) struct Bbr {
    mss: u64,
    mode: Mode,
    /// Round trip and bandwidth, the largest first.
    bandwidths: VecDeque<(u64, u64)>,
    round: u64,
    round_starts: bool,
    /// A round trip ends when something is delivered that was sent with so many delivered.
    round_end: u64,
    full_bandwidth: u64,
    full_rounds: u32,
    full: bool,
    min_rtt: Option<(u64, u64)>,
    /// When the window was small enough that the shortest round trip is measured, if all goes well.
    probe_rtt_ends: Option<u64>,
    probe_rtt_round: bool,
    idle_restart: bool,
    phase: usize,
    phase_us: u64,
    luck: u64,
    prior_window: u64,
    state: State,
    conserve: bool,
    bytes_per_s: u64,
    seen_rtt: bool,
}

impl Bbr {
    /// `luck`: any number; decides where the cycle of gains begins.
    pub(super) fn new(mss: u64, luck: u64) -> Self {
        Self {
            mss,
            mode: Mode::Startup,
            bandwidths: VecDeque::new(),
            round: 0,
            round_starts: false,
            round_end: 0,
            full_bandwidth: 0,
            full_rounds: 0,
            full: false,
            min_rtt: None,
            probe_rtt_ends: None,
            probe_rtt_round: false,
            idle_restart: false,
            phase: 0,
            phase_us: 0,
            luck,
            prior_window: 0,
            state: State::Open,
            conserve: false,
            bytes_per_s: 0,
            seen_rtt: false,
        }
    }

    fn bandwidth(&self) -> u64 {
        self.bandwidths.front().map_or(0, |(_, bandwidth)| *bandwidth)
    }

    /// Of `bandwidth` and the shortest round trip, times `gain` (bbr_bdp).
    fn product(&self, bandwidth: u64, gain: u64, initial: u64) -> u64 {
        let Some((min_rtt_us, _)) = self.min_rtt else { return initial };
        let segments = u128::from(bandwidth) * u128::from(min_rtt_us) * u128::from(gain) / u128::from(UNIT);
        segments.div_ceil(1 << BANDWIDTH_SHIFT) as u64
    }

    /// Room for the bunches in which hosts send and acknowledge (bbr_quantization_budget).
    fn with_bunches(&self, segments: u64) -> u64 {
        let even = (segments + 3 * self.bunch()).next_multiple_of(2);
        if self.mode == Mode::ProbeBandwidth && self.phase == 0 { even + 2 } else { even }
    }

    fn in_flight(&self, gain: u64, initial: u64) -> u64 {
        self.with_bunches(self.product(self.bandwidth(), gain, initial))
    }

    /// Segments that leave at once: a millisecond's (bbr_tso_segs_goal).
    fn bunch(&self) -> u64 {
        let least = if self.bytes_per_s < 150_000 { 1 } else { 2 };
        ((self.bytes_per_s >> 10) / self.mss).clamp(least, 127)
    }

    fn pacing_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup => HIGH_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::ProbeBandwidth => CYCLE[self.phase],
            Mode::ProbeRtt => UNIT,
        }
    }

    fn window_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup | Mode::Drain => HIGH_GAIN,
            Mode::ProbeBandwidth => CWND_GAIN,
            Mode::ProbeRtt => UNIT,
        }
    }

    fn update_bandwidth(&mut self, ack: &Ack) {
        self.round_starts = false;
        let Some(sample) = ack.rate else { return };
        if sample.prior_delivered >= self.round_end {
            self.round_end = ack.total_delivered;
            self.round += 1;
            self.round_starts = true;
            self.conserve = false;
        }
        let bandwidth = (sample.delivered << BANDWIDTH_SHIFT) / sample.interval_us.max(1);
        if !sample.app_limited || bandwidth >= self.bandwidth() {
            self.bandwidths.retain(|(round, it)| *it > bandwidth && round + BANDWIDTH_ROUNDS >= self.round);
            self.bandwidths.push_back((self.round, bandwidth));
        }
    }

    fn update_phase(&mut self, ack: &Ack, initial: u64) {
        if self.mode != Mode::ProbeBandwidth {
            return;
        }
        let is_long = ack.now_us - self.phase_us > self.min_rtt.map_or(0, |(rtt_us, _)| rtt_us);
        let gain = CYCLE[self.phase];
        let is_over = match gain.cmp(&UNIT) {
            Ordering::Equal => is_long,
            Ordering::Greater => {
                is_long && (ack.lost > 0 || ack.prior_in_flight >= self.in_flight(gain, initial))
            }
            Ordering::Less => is_long || ack.prior_in_flight <= self.in_flight(UNIT, initial),
        };
        if is_over {
            (self.phase, self.phase_us) = ((self.phase + 1) % CYCLE.len(), ack.now_us);
        }
    }

    fn look_whether_full(&mut self, ack: &Ack) {
        let Some(sample) = ack.rate.filter(|_| !self.full && self.round_starts) else { return };
        if sample.app_limited {
            return;
        }
        if self.bandwidth() >= self.full_bandwidth * 5 / 4 {
            (self.full_bandwidth, self.full_rounds) = (self.bandwidth(), 0);
        } else {
            self.full_rounds += 1;
            self.full = self.full_rounds >= FULL_ROUNDS;
        }
    }

    fn drain(&mut self, ack: &Ack, window: &mut Window, initial: u64) {
        if self.mode == Mode::Startup && self.full {
            self.mode = Mode::Drain;
            window.ssthresh = self.in_flight(UNIT, initial);
        }
        if self.mode == Mode::Drain && ack.in_flight <= self.in_flight(UNIT, initial) {
            self.probe_bandwidth(ack.now_us);
        }
    }

    /// The cycle begins anywhere but with less than the bandwidth.
    fn probe_bandwidth(&mut self, now_us: u64) {
        self.luck = self.luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.mode = Mode::ProbeBandwidth;
        self.phase = (CYCLE.len() - (self.luck >> 33) as usize % (CYCLE.len() - 1)) % CYCLE.len();
        self.phase_us = now_us;
    }

    fn update_min_rtt(&mut self, ack: &Ack, window: &mut Window) {
        let now_us = ack.now_us;
        let expired = self.min_rtt.is_some_and(|(_, at_us)| now_us > at_us + MIN_RTT_US);
        if let Some(rtt_us) = ack.rtt_us
            && self.min_rtt.is_none_or(|(least_us, _)| rtt_us < least_us || expired)
        {
            self.min_rtt = Some((rtt_us, now_us));
        }
        if expired && !self.idle_restart && self.mode != Mode::ProbeRtt {
            self.mode = Mode::ProbeRtt;
            self.save_window(window);
            self.probe_rtt_ends = None;
        }
        if self.mode == Mode::ProbeRtt {
            match self.probe_rtt_ends {
                None if ack.in_flight <= LEAST_WINDOW => {
                    self.probe_rtt_ends = Some(now_us + PROBE_RTT_US);
                    self.probe_rtt_round = false;
                    self.round_end = ack.total_delivered;
                }
                Some(ends_us) => {
                    self.probe_rtt_round |= self.round_starts;
                    if self.probe_rtt_round && now_us > ends_us {
                        self.end_probe_rtt(now_us, window);
                    }
                }
                None => {}
            }
        }
        self.idle_restart &= ack.rate.is_none();
    }

    fn end_probe_rtt(&mut self, now_us: u64, window: &mut Window) {
        if let Some((_, at_us)) = &mut self.min_rtt {
            *at_us = now_us;
        }
        window.segments = window.segments.max(self.prior_window);
        if self.full {
            self.probe_bandwidth(now_us);
        } else {
            self.mode = Mode::Startup;
        }
    }

    fn save_window(&mut self, window: &Window) {
        let fresh = self.state == State::Open && self.mode != Mode::ProbeRtt;
        let segments = window.segments;
        self.prior_window = if fresh { segments } else { self.prior_window.max(segments) };
    }

    /// bbr_set_pacing_rate: a hundredth less than the bandwidth, and in slow start never less than before.
    fn pace(&mut self, gain: u64) {
        let per_s = u128::from(self.bandwidth()) * u128::from(self.mss) * u128::from(gain) / u128::from(UNIT);
        let bytes_per_s = ((per_s * 990_000) >> BANDWIDTH_SHIFT) as u64;
        if self.full || bytes_per_s > self.bytes_per_s {
            self.bytes_per_s = bytes_per_s;
        }
    }

    /// bbr_set_cwnd.
    fn set_window(&mut self, ack: &Ack, window: &mut Window, initial: u64) {
        if ack.delivered > 0 {
            let mut segments = window.segments.saturating_sub(ack.lost).max(1);
            if ack.state == State::Recovery && self.state != State::Recovery {
                // For a round trip as many are sent as are delivered.
                (self.conserve, self.round_end) = (true, ack.total_delivered);
                segments = ack.in_flight + ack.delivered;
            } else if ack.state == State::Open && self.state != State::Open {
                segments = segments.max(self.prior_window);
                self.conserve = false;
            }
            self.state = ack.state;
            if self.conserve {
                segments = segments.max(ack.in_flight + ack.delivered);
            } else {
                let target = self.in_flight(self.window_gain(), initial);
                if self.full {
                    segments = (segments + ack.delivered).min(target);
                } else if segments < target || ack.total_delivered < initial {
                    segments += ack.delivered;
                }
                segments = segments.max(LEAST_WINDOW);
            }
            window.segments = segments;
        }
        if self.mode == Mode::ProbeRtt {
            window.segments = window.segments.min(LEAST_WINDOW);
        }
    }
}

impl CongestionAvoidance for Bbr {
    fn is_model(&self) -> bool {
        true
    }

    fn grow(&mut self, _: u64, _: u64, _: &mut Window) {}

    fn ssthresh(&mut self, window: &Window) -> u64 {
        self.save_window(window);
        window.ssthresh
    }

    fn timed_out(&mut self) {
        self.state = State::Loss;
        self.full_bandwidth = 0;
        self.round_starts = true;
    }

    fn resumed(&mut self, _: u64, _: u64) {
        self.idle_restart = true;
        if self.mode == Mode::ProbeBandwidth {
            self.pace(UNIT);
        }
    }

    /// bbr_init_pacing_rate_from_rtt.
    fn established(&mut self, initial: u64, rtt_us: Option<u64>, mss: u64) {
        self.mss = mss;
        self.seen_rtt = rtt_us.is_some();
        let rtt_us = rtt_us.unwrap_or(1_000).max(1);
        self.bytes_per_s = initial * mss * 1_000_000 / rtt_us * HIGH_GAIN / UNIT;
    }

    fn model(&mut self, ack: &Ack, window: &mut Window, initial: u64) {
        if !self.seen_rtt
            && let Some(rtt_us) = ack.rtt_us
        {
            let mss = self.mss;
            self.established(initial, Some(rtt_us), mss);
        }
        self.update_bandwidth(ack);
        self.update_phase(ack, initial);
        self.look_whether_full(ack);
        self.drain(ack, window, initial);
        self.update_min_rtt(ack, window);
        self.pace(self.pacing_gain());
        self.set_window(ack, window, initial);
    }

    fn pacing(&self) -> Option<Pacing> {
        let (bytes_per_s, bunch) = (self.bytes_per_s.max(1), self.bunch());
        Some(Pacing { bytes_per_s, bunch })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, Congestion, RateSample};
    use super::*;

    const MSS: u64 = 1_000;
    const RTT_US: u64 = 50_000;

    /// Acknowledges round trip after round trip on a path of so many segments a round trip.
    struct Bench {
        cc: Congestion,
        now_us: u64,
        total: u64,
    }

    impl Bench {
        fn new() -> Self {
            let mut cc = Congestion::new(Algorithm::Bbr, MSS as u32, 10, 3);
            cc.established(Some(RTT_US));
            Self { cc, now_us: 0, total: 0 }
        }

        /// A round trip in which `segments` are delivered, of which `lost` were lost.
        fn round(&mut self, segments: u64, lost: u64, rtt_us: u64) {
            let prior_delivered = self.total;
            for n in 0..segments {
                self.total += 1;
                self.now_us += RTT_US / segments;
                let rate = RateSample {
                    delivered: segments,
                    interval_us: RTT_US,
                    prior_delivered: if n == 0 { prior_delivered } else { prior_delivered.saturating_sub(1) },
                    app_limited: false,
                };
                self.cc.model(&Ack {
                    now_us: self.now_us,
                    rate: (prior_delivered > 0 || n == 0).then_some(rate),
                    rtt_us: Some(rtt_us),
                    delivered: 1,
                    lost: if n == 0 { lost } else { 0 },
                    total_delivered: self.total,
                    in_flight: segments,
                    prior_in_flight: segments * 7 / 5,
                    state: if lost > 0 { State::Recovery } else { State::Open },
                });
            }
        }

        fn rate(&self) -> u64 {
            self.cc.pacing().unwrap().bytes_per_s
        }
    }

    /// 100 segments of 1000 bytes in 50 ms are 2 MB/s.
    fn full_pipe() -> Bench {
        let mut bench = Bench::new();
        for _ in 0..8 {
            bench.round(100, 0, RTT_US);
        }
        bench
    }

    #[test]
    fn it_starts_with_the_initial_window_in_a_round_trip_times_its_gain() {
        // Ten segments in 50 ms are 200 kB/s, times 2.89.
        assert_eq!(Bench::new().rate(), 200_000 * HIGH_GAIN / UNIT);
    }

    #[test]
    fn slow_start_ends_three_round_trips_after_the_bandwidth_has_stopped_growing() {
        let mut bench = Bench::new();
        bench.round(100, 0, RTT_US);
        for _ in 0..2 {
            bench.round(100, 0, RTT_US);
            assert!(bench.rate() > 5_000_000, "2.89 times the bandwidth: {}", bench.rate());
        }
        for _ in 0..4 {
            bench.round(100, 0, RTT_US);
        }
        assert!(bench.rate() <= 2_500_000, "at most 1.25 times: {}", bench.rate());
    }

    #[test]
    fn the_window_is_twice_the_product_and_room_for_bunches() {
        let bench = full_pipe();
        // A bunch is 1 ms of it, 2 segments; three of them, and two in the phase that probes.
        assert!((206..=208).contains(&bench.cc.segments()), "{}", bench.cc.segments());
    }

    #[test]
    fn the_rate_goes_through_the_cycle_of_gains() {
        let mut bench = full_pipe();
        let mut rates: Vec<u64> = (0..24)
            .map(|_| {
                bench.round(100, 0, RTT_US);
                bench.rate().div_ceil(10_000) * 10_000
            })
            .collect();
        rates.sort_unstable();
        rates.dedup();
        // 0.99 of 2 MB/s times 3/4, 1 and 5/4.
        assert_eq!(rates, [1_490_000, 1_980_000, 2_480_000]);
    }

    #[test]
    fn a_loss_changes_neither_the_rate_nor_what_the_window_comes_back_to() {
        let mut bench = full_pipe();
        let window = bench.cc.segments();
        bench.cc.begin_recovery();
        bench.round(100, 5, RTT_US);
        bench.round(100, 0, RTT_US);
        assert!(bench.cc.segments() + 2 >= window, "{} for {window}", bench.cc.segments());
        assert!(bench.rate() >= 1_480_000);
    }

    #[test]
    fn after_ten_seconds_the_round_trip_is_measured_with_four_segments() {
        let mut bench = full_pipe();
        let mut least = u64::MAX;
        for _ in 0..220 {
            bench.round(100, 0, RTT_US + 1_000);
            least = least.min(bench.cc.segments());
        }
        assert_eq!(least, LEAST_WINDOW);
    }
}
