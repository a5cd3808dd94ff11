//! Congestion control, pure: segments and microseconds in, a window out, as Linux counts (segments, not bytes).
//! The window itself with slow start and restart after idle is here; how it grows above the slow start
//! threshold and what a loss makes of it is CUBIC's (`cubic`, with `hystart`) or NewReno's (`new_reno`);
//! how it shrinks during a recovery is `prr`. Integers only, so that every machine computes the same.

mod bbr;
mod cubic;
mod hystart;
mod new_reno;
mod prr;

use prr::Reduction;

/// A congestion control: how much may be in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Algorithm {
    /// CUBIC (RFC 9438) with HyStart as in Linux, whose default it is.
    #[default]
    Cubic,
    /// RFC 5681 and the window of RFC 6582.
    NewReno,
    /// BBR, version 1, as in Linux: paced by a model of the path's bandwidth and round trip.
    Bbr,
}

impl Algorithm {
    fn start(self, mss: u64, luck: u64) -> Box<dyn CongestionAvoidance> {
        match self {
            Algorithm::Bbr => Box::new(bbr::Bbr::new(mss, luck)),
            Algorithm::Cubic => Box::<cubic::Cubic>::default(),
            Algorithm::NewReno => Box::<new_reno::NewReno>::default(),
        }
    }
}

/// The congestion window, in segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub segments: u64,
    pub ssthresh: u64,
    /// Segments acknowledged that have not yet moved the window.
    credit: u64,
}

impl Window {
    fn new(segments: u64) -> Self {
        Self { segments, ssthresh: u64::MAX, credit: 0 }
    }

    pub(crate) fn in_slow_start(&self) -> bool {
        self.segments < self.ssthresh
    }

    /// Slow start takes of the segments acknowledged what leads up to the threshold; the rest.
    fn slow_start(&mut self, acked: u64) -> u64 {
        let grown = acked.min(self.ssthresh.saturating_sub(self.segments));
        self.segments += grown;
        acked - grown
    }

    /// A segment more for each `per` that are acknowledged (Linux: tcp_cong_avoid_ai).
    fn add(&mut self, per: u64, acked: u64) {
        if self.credit >= per {
            self.credit = 0;
            self.segments += 1;
        }
        self.credit += acked;
        self.segments += self.credit / per;
        self.credit %= per;
    }
}

/// A round trip measured on a segment that was sent once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RttSample {
    pub now_us: u64,
    pub rtt_us: u64,
    /// What is acknowledged, and what is sent, up to now.
    pub una: u32,
    pub nxt: u32,
}

/// How fast segments were delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    pub delivered: u64,
    pub interval_us: u64,
    /// Segments delivered when the newest of them was sent.
    pub prior_delivered: u64,
    pub app_limited: bool,
}

/// Where the sender is in its recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Recovery,
    Loss,
}

/// An acknowledgement, for an algorithm that models the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub now_us: u64,
    pub rate: Option<RateSample>,
    pub rtt_us: Option<u64>,
    /// Segments newly delivered and newly thought lost.
    pub delivered: u64,
    pub lost: u64,
    pub total_delivered: u64,
    pub in_flight: u64,
    pub prior_in_flight: u64,
    pub state: State,
}

/// How fast segments may leave, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pacing {
    pub bytes_per_s: u64,
    pub bunch: u64,
}

/// What algorithms differ in.
pub(crate) trait CongestionAvoidance: std::fmt::Debug + Send {
    /// The round trip was measured.
    fn measured(&mut self, _: &RttSample, _: &mut Window) {}

    /// So many segments were delivered while the window was the limit.
    fn grow(&mut self, now_us: u64, acked: u64, window: &mut Window);

    /// The threshold after a loss.
    fn ssthresh(&mut self, window: &Window) -> u64;

    /// The retransmission timer expired.
    fn timed_out(&mut self) {}

    /// Nothing was in flight for so long, and sending goes on.
    fn resumed(&mut self, _now_us: u64, _idle_us: u64) {}

    /// The connection is there, and perhaps its round trip was measured.
    fn established(&mut self, _initial: u64, _rtt_us: Option<u64>, _mss: u64) {}

    /// Whether it decides on the window alone, by [`CongestionAvoidance::model`] (Linux: cong_control).
    fn is_model(&self) -> bool {
        false
    }

    /// An acknowledgement.
    fn model(&mut self, _: &Ack, _: &mut Window, _initial: u64) {}

    /// `None`: segments leave as the window allows.
    fn pacing(&self) -> Option<Pacing> {
        None
    }
}

#[derive(Debug)]
pub(crate) struct Congestion {
    avoidance: Box<dyn CongestionAvoidance>,
    mss: u64,
    initial: u64,
    window: Window,
    reduction: Option<Reduction>,
    /// What an undo goes back to.
    before: Option<Window>,
}

impl Congestion {
    /// `luck`: any number; what an algorithm leaves to chance is decided by it.
    pub(crate) fn new(algorithm: Algorithm, mss: u32, initial_segments: u32, luck: u64) -> Self {
        Self {
            avoidance: algorithm.start(u64::from(mss), luck),
            mss: u64::from(mss),
            initial: u64::from(initial_segments),
            window: Window::new(u64::from(initial_segments)),
            reduction: None,
            before: None,
        }
    }

    /// The congestion window in bytes.
    pub(crate) fn window(&self) -> u64 {
        self.window.segments * self.mss
    }

    /// The congestion window in segments.
    pub(crate) fn segments(&self) -> u64 {
        self.window.segments
    }

    pub(crate) fn in_slow_start(&self) -> bool {
        self.window.in_slow_start()
    }

    /// The peer's segments are smaller than thought; only before data flows.
    pub(crate) fn set_mss(&mut self, mss: u32) {
        self.mss = u64::from(mss);
    }

    /// A SYN was lost more than once: begin with one segment (RFC 5681 section 3.1).
    pub(crate) fn syn_was_lost(&mut self) {
        self.window.segments = 1;
    }

    pub(crate) fn measured(&mut self, sample: &RttSample) {
        self.avoidance.measured(sample, &mut self.window);
    }

    /// So many segments were delivered outside of fast recovery, and the window, not the application, held the
    /// sender back.
    pub(crate) fn grow(&mut self, now_us: u64, acked: u64) {
        let left = if self.in_slow_start() { self.window.slow_start(acked) } else { acked };
        if left > 0 {
            self.avoidance.grow(now_us, left, &mut self.window);
        }
    }

    pub(crate) fn established(&mut self, rtt_us: Option<u64>) {
        self.avoidance.established(self.initial, rtt_us, self.mss);
    }

    pub(crate) fn is_model(&self) -> bool {
        self.avoidance.is_model()
    }

    pub(crate) fn model(&mut self, ack: &Ack) {
        self.avoidance.model(ack, &mut self.window, self.initial);
    }

    pub(crate) fn pacing(&self) -> Option<Pacing> {
        self.avoidance.pacing()
    }

    fn lower_threshold(&mut self) {
        self.before = Some(self.window);
        self.window.ssthresh = self.avoidance.ssthresh(&self.window).max(2);
        self.window.credit = 0;
    }

    /// Segments were lost: from here on the window follows what is delivered, until [`Self::end_recovery`].
    pub(crate) fn begin_recovery(&mut self) {
        let prior = self.window.segments;
        self.lower_threshold();
        if !self.is_model() {
            self.reduction = Some(Reduction::new(prior, self.window.ssthresh));
        }
    }

    /// An acknowledgement during recovery: `in_flight` segments are left after it.
    pub(crate) fn recover(&mut self, in_flight: u64, delivered: u64, all_is_well: bool) {
        if let Some(reduction) = &mut self.reduction
            && delivered > 0
        {
            self.window.segments = in_flight + reduction.may_send(in_flight, delivered, all_is_well);
        }
    }

    /// A segment was sent, whichever.
    pub(crate) fn sent(&mut self) {
        if let Some(reduction) = &mut self.reduction {
            reduction.sent += 1;
        }
    }

    pub(crate) fn end_recovery(&mut self) {
        if self.reduction.take().is_some() {
            self.window.segments = self.window.ssthresh;
        }
    }

    /// The retransmission timer expired with `in_flight` segments not thought lost: one more is sent (RFC 5681
    /// section 3.1). `first`: the threshold was not yet lowered for what is outstanding.
    pub(crate) fn on_timeout(&mut self, first: bool, in_flight: u64) {
        if first {
            self.lower_threshold();
        }
        self.reduction = None;
        self.window.segments = in_flight + 1;
        self.window.credit = 0;
        self.avoidance.timed_out();
    }

    /// What was sent again had not been lost (Linux: tcp_undo_cwnd_reduction).
    pub(crate) fn undo(&mut self) {
        self.reduction = None;
        if let Some(before) = self.before.take() {
            self.window.segments = self.window.segments.max(before.segments);
            self.window.ssthresh = self.window.ssthresh.max(before.ssthresh);
        }
    }

    /// Linux's tcp_current_ssthresh: what was reached is not forgotten.
    fn keep_threshold(&mut self) {
        self.window.ssthresh = self.window.ssthresh.max(self.window.segments / 2 + self.window.segments / 4);
    }

    /// Nothing was in flight for `idle_us`, and sending goes on: the window is halved for each retransmission
    /// timeout of it, down to the initial window (RFC 5681 section 4.1, RFC 2861, tcp_cwnd_restart).
    pub(crate) fn resumed(&mut self, now_us: u64, idle_us: u64, rto_us: u64) {
        self.avoidance.resumed(now_us, idle_us);
        if idle_us <= rto_us || self.is_model() {
            return;
        }
        self.keep_threshold();
        let restart = self.initial.min(self.window.segments);
        let mut left = idle_us.saturating_sub(rto_us);
        while left > 0 && self.window.segments > restart {
            self.window.segments = (self.window.segments / 2).max(restart);
            left = left.saturating_sub(rto_us);
        }
    }

    /// For a retransmission timeout no more than `used` segments were in flight (RFC 2861,
    /// tcp_cwnd_application_limited).
    pub(crate) fn application_limited(&mut self, used: u64) {
        let used = used.max(self.initial);
        if !self.is_model() && used < self.window.segments {
            self.keep_threshold();
            self.window.segments = (self.window.segments + used) / 2;
        }
    }
}

#[cfg(test)]
mod tests;
