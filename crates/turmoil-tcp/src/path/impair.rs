//! What a path does to packets beside independent loss: losses in bursts, delays that vary,
//! packets that overtake or come twice. Each draws from a seeded stream of its own, one a direction,
//! so that none moves another's draws.

use super::Direction;
use crate::seeds;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

const MILLION: u32 = 1_000_000;

/// Losses in bursts: the Gilbert-Elliott model, a path that is good or bad and may change with each
/// packet. In the long run a share of `enter / (enter + leave)` of the packets finds it bad; it is
/// bad for `1 / leave` packets in the mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct BurstLoss {
    /// A good path turns bad before a packet.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 1_000_000)))]
    pub enter_ppm: u32,
    /// A bad path turns good before a packet.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 1_000_000)))]
    pub leave_ppm: u32,
    /// A packet is lost on a good path.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0, max = 999_999)))]
    pub good_loss_ppm: u32,
    /// A packet is lost on a bad path.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 1_000_000)))]
    pub bad_loss_ppm: u32,
}

/// All absent: a path that only delays and, by its queue and its independent loss, drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairments {
    /// Losses in bursts.
    pub burst_loss: Option<BurstLoss>,
    /// So many packets come later by `reorder_us`; those behind them do not wait.
    pub reorder_ppm: u32,
    /// How much later those come.
    pub reorder_us: u64,
    /// So many packets are put on the link twice, one behind the other.
    pub duplicate_ppm: u32,
    /// Each packet comes later by up to so much, evenly drawn; none overtakes another by it.
    pub jitter_us: u64,
}

#[cfg(feature = "serde")]
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One direction of the path.
pub(super) struct Impair {
    what: Impairments,
    bad: bool,
    bursts: ChaCha12Rng,
    order: ChaCha12Rng,
    copies: ChaCha12Rng,
    jitter: ChaCha12Rng,
    /// When the last packet with jitter arrives: the next one comes no sooner.
    latest_ns: u64,
}

impl Impair {
    pub(super) fn new(what: Impairments, seed: u64, direction: Direction) -> Self {
        let stream = |purpose: &str| seeds::stream(seed, &format!("{purpose} {}", direction.name()));
        Self {
            what,
            bad: false,
            bursts: stream("burst loss"),
            order: stream("reordering"),
            copies: stream("duplication"),
            jitter: stream("jitter"),
            latest_ns: 0,
        }
    }

    /// Draws from another seed from now on; whether the path is bad, and what is under way, stays as it is.
    pub(super) fn redraw(&mut self, seed: u64, direction: Direction) {
        *self = Self { bad: self.bad, latest_ns: self.latest_ns, ..Self::new(self.what, seed, direction) };
    }

    /// Whether the path's bursts take the next packet.
    pub(super) fn loses(&mut self) -> bool {
        let Some(model) = self.what.burst_loss else { return false };
        let turns = if self.bad { model.leave_ppm } else { model.enter_ppm };
        self.bad ^= happens(&mut self.bursts, turns);
        happens(&mut self.bursts, if self.bad { model.bad_loss_ppm } else { model.good_loss_ppm })
    }

    /// Whether the next packet goes twice.
    pub(super) fn doubles(&mut self) -> bool {
        self.what.duplicate_ppm > 0 && happens(&mut self.copies, self.what.duplicate_ppm)
    }

    /// When a packet that would arrive at `arrives_ns` does arrive; never sooner.
    pub(super) fn arrival_ns(&mut self, mut arrives_ns: u64) -> u64 {
        if self.what.jitter_us > 0 {
            arrives_ns += self.jitter.random_range(0..=self.what.jitter_us * 1000);
            arrives_ns = arrives_ns.max(self.latest_ns);
            self.latest_ns = arrives_ns;
        }
        if self.what.reorder_ppm > 0 && happens(&mut self.order, self.what.reorder_ppm) {
            arrives_ns += self.what.reorder_us * 1000;
        }
        arrives_ns
    }
}

fn happens(rng: &mut ChaCha12Rng, ppm: u32) -> bool {
    rng.random_range(0..MILLION) < ppm
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u32 = 200_000;

    fn impair(what: Impairments) -> Impair {
        Impair::new(what, 1, Direction::Up)
    }

    fn near(found: f64, expected: f64, share: f64) {
        assert!((found - expected).abs() <= expected * share, "{found} for {expected}");
    }

    #[test]
    fn burst_loss_is_gilbert_and_elliotts() {
        let model =
            BurstLoss { enter_ppm: 10_000, leave_ppm: 200_000, good_loss_ppm: 1_000, bad_loss_ppm: 500_000 };
        let mut path = impair(Impairments { burst_loss: Some(model), ..Impairments::default() });
        let (mut lost, mut bad, mut bursts) = (0, 0, 0);
        for _ in 0..PACKETS {
            let was_bad = path.bad;
            lost += u32::from(path.loses());
            bad += u32::from(path.bad);
            bursts += u32::from(path.bad && !was_bad);
        }
        let share_bad = 10_000.0 / 210_000.0;
        near(f64::from(bad) / f64::from(PACKETS), share_bad, 0.05);
        near(f64::from(bad) / f64::from(bursts), 5.0, 0.05);
        near(f64::from(lost) / f64::from(PACKETS), share_bad * 0.5 + (1.0 - share_bad) * 0.001, 0.05);
    }

    #[test]
    fn duplicates_and_reordered_packets_are_as_many_as_said() {
        let mut path = impair(Impairments {
            reorder_ppm: 50_000,
            reorder_us: 3_000,
            duplicate_ppm: 20_000,
            ..Impairments::default()
        });
        let (mut late, mut twice) = (0, 0);
        for at_ns in 0..u64::from(PACKETS) {
            let delay_ns = path.arrival_ns(at_ns) - at_ns;
            assert!(delay_ns == 0 || delay_ns == 3_000_000);
            late += u32::from(delay_ns > 0);
            twice += u32::from(path.doubles());
        }
        near(f64::from(late) / f64::from(PACKETS), 0.05, 0.05);
        near(f64::from(twice) / f64::from(PACKETS), 0.02, 0.05);
    }

    #[test]
    fn jitter_is_even_and_keeps_the_order() {
        let mut path = impair(Impairments { jitter_us: 1_000, ..Impairments::default() });
        // They come at one packet a second: none has to wait for the one before.
        let delays: Vec<u64> = (1..=u64::from(PACKETS))
            .map(|s| path.arrival_ns(s * 1_000_000_000) - s * 1_000_000_000)
            .collect();
        let mean = delays.iter().sum::<u64>() as f64 / delays.len() as f64;
        near(mean, 500_000.0, 0.01);
        assert!(*delays.iter().max().unwrap() <= 1_000_000);
        let mut path = impair(Impairments { jitter_us: 1_000, ..Impairments::default() });
        let arrivals: Vec<u64> = (0..1_000).map(|n| path.arrival_ns(n * 1_000)).collect();
        assert!(arrivals.is_sorted());
    }

    #[test]
    fn without_impairments_nothing_is_drawn_or_moved() {
        let mut path = impair(Impairments::default());
        for at_ns in 0..100 {
            assert!(!path.loses() && !path.doubles());
            assert_eq!(path.arrival_ns(at_ns), at_ns);
        }
        use rand::Rng;
        assert_eq!(path.jitter.next_u64(), seeds::stream(1, "jitter up").next_u64());
        assert_eq!(path.bursts.next_u64(), seeds::stream(1, "burst loss up").next_u64());
    }
}
