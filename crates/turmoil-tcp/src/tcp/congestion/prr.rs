//! Proportional rate reduction (RFC 6937, RFC 9937; Linux: tcp_cwnd_reduction): during a recovery the window comes down to the
//! threshold in step with what is delivered, instead of at once.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reduction {
    prior: u64,
    ssthresh: u64,
    delivered: u64,
    /// Segments sent since it began.
    pub sent: u64,
}

impl Reduction {
    pub(super) fn new(prior: u64, ssthresh: u64) -> Self {
        Self { prior: prior.max(1), ssthresh, delivered: 0, sent: 0 }
    }

    /// How many segments may be sent after an acknowledgement that has delivered some and has left `in_flight`.
    /// `all_is_well`: it has advanced what is acknowledged, and shown no further loss (RFC 9937's SafeACK).
    pub(super) fn may_send(&mut self, in_flight: u64, delivered: u64, all_is_well: bool) -> u64 {
        self.delivered += delivered;
        let may = if in_flight > self.ssthresh {
            (self.ssthresh * self.delivered).div_ceil(self.prior).saturating_sub(self.sent)
        } else {
            let owed = self.delivered.saturating_sub(self.sent).max(delivered) + u64::from(all_is_well);
            owed.min(self.ssthresh - in_flight)
        };
        // The first retransmission is not to wait.
        may.max(u64::from(self.sent == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6937 section 3's first example: 20 segments in flight, one of them lost, half as many after it. One is
    /// sent for every second acknowledgement.
    #[test]
    fn one_loss_halves_the_rate_of_sending() {
        let mut reduction = Reduction::new(20, 10);
        let (mut in_flight, mut sent) = (19, Vec::new());
        for _ in 0..19 {
            in_flight -= 1;
            let may = reduction.may_send(in_flight, 1, false);
            reduction.sent += may;
            in_flight += may;
            sent.push(may);
        }
        assert_eq!(sent[..6], [1, 0, 1, 0, 1, 0]);
        assert_eq!(sent.iter().sum::<u64>(), 10);
        assert_eq!(in_flight, 10, "the threshold is reached when what was in flight is delivered");
    }

    /// Fifteen of twenty are lost: fewer than the threshold are in flight, and as many are sent as are delivered
    /// (conservation of packets), or one more where all is well.
    #[test]
    fn a_burst_of_losses_does_not_make_a_burst_of_segments() {
        let mut reduction = Reduction::new(20, 10);
        assert_eq!(reduction.may_send(4, 1, false), 1);
        reduction.sent += 1;
        assert_eq!(reduction.may_send(4, 1, false), 1);
        reduction.sent += 1;
        assert_eq!(reduction.may_send(4, 1, true), 2);
        reduction.sent += 2;
        assert_eq!(reduction.may_send(9, 5, true), 1, "never beyond the threshold");
    }
}
