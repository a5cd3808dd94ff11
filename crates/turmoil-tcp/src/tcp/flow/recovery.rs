//! What an acknowledgement does to recovery and the congestion window, in the order of Linux's tcp_ack.

use super::acks::News;
use super::{Fate, Flow, Frto, Recovery};
use crate::segment::{after, before};
use crate::tcp::congestion::{Ack, State};

impl Flow {
    /// After what was delivered is noted.
    pub(super) fn step(&mut self, now_us: u64, advanced: bool, news: &News) {
        let delivered = news.delivered.len() as u64;
        if advanced {
            self.backoff = 0;
        }
        self.probe_is_answered(advanced, news);
        self.recovery_ends(advanced, news);
        let lost = self.detect_losses(now_us);
        if lost > 0 && self.recovery.is_none() {
            self.begin_fast_recovery(now_us);
        }
        if self.in_flight.is_empty() {
            self.any_resent = false;
            self.reorder_at = None;
        }
        if self.congestion.is_model() {
            self.model(now_us, lost as u64, news);
        } else if matches!(self.recovery, Some((Recovery::Fast, _))) {
            self.congestion.recover(self.segments_in_flight(), delivered, advanced && lost == 0);
        } else if advanced && self.is_window_limited() {
            self.congestion.grow(now_us, delivered);
        }
    }

    fn model(&mut self, now_us: u64, lost: u64, news: &News) {
        let delivered = news.delivered.len() as u64;
        let rate = self.rate.delivered(now_us, delivered, news.newest(), self.min_rtt_us);
        let state = match self.recovery {
            None => State::Open,
            Some((Recovery::Fast, _)) => State::Recovery,
            Some((Recovery::Timeout, _)) => State::Loss,
        };
        self.congestion.model(&Ack {
            now_us,
            rate,
            rtt_us: news.rtt_us,
            delivered,
            lost,
            total_delivered: self.rate.delivered,
            in_flight: self.segments_in_flight(),
            prior_in_flight: news.prior_in_flight,
            state,
        });
    }

    pub(super) fn begin_fast_recovery(&mut self, now_us: u64) {
        self.congestion.begin_recovery();
        self.recovery = Some((Recovery::Fast, self.nxt));
        self.probe = None;
        self.rearm(now_us);
    }

    /// RFC 8985 section 7.4.2 (Linux: tcp_process_tlp_ack): a probe that has repaired a loss tells of it.
    fn probe_is_answered(&mut self, advanced: bool, news: &News) {
        let Some(probe) = self.probe.filter(|probe| !before(self.una, probe.end)) else { return };
        if !probe.again {
            self.probe = None;
        } else if after(self.una, probe.end) {
            self.probe = None;
            self.congestion.begin_recovery();
            self.congestion.end_recovery();
        } else if !advanced && !news.sacked {
            // A duplicate: the original and the probe have both arrived.
            self.probe = None;
        }
    }

    fn recovery_ends(&mut self, advanced: bool, news: &News) {
        let Some((kind, point)) = self.recovery else { return };
        let is_over = !before(self.una, point);
        match kind {
            Recovery::Fast if is_over => {
                self.congestion.end_recovery();
                self.recovery = None;
            }
            Recovery::Timeout => {
                self.frto_hears(advanced, is_over, news);
                if self.recovery.is_some_and(|(_, point)| !before(self.una, point)) {
                    self.recovery = None;
                    self.frto = Frto::Off;
                }
            }
            Recovery::Fast => {}
        }
    }

    /// RFC 5682 section 3.1 with SACK (Linux: tcp_process_loss).
    fn frto_hears(&mut self, advanced: bool, is_over: bool, news: &News) {
        let Some((_, point)) = self.recovery.filter(|_| self.frto != Frto::Off) else { return };
        if news.has_original(point) {
            // Step 3.b: what was not sent again has arrived, so the timeout was spurious.
            for sent in &mut self.in_flight {
                if sent.fate == Fate::Lost {
                    sent.fate = Fate::InFlight;
                    self.lost -= 1;
                }
            }
            self.congestion.undo();
            self.recovery = None;
            self.frto = Frto::Off;
        } else if after(self.nxt, point) {
            if news.sacked {
                // Step 3.a: the loss was real.
                self.frto = Frto::Off;
            }
        } else if advanced && !is_over {
            // Step 2.b: new data shows it, if there is any to send.
            self.recovery = Some((Recovery::Timeout, self.nxt));
            self.frto = Frto::SendNew;
        }
    }

    /// Whether there was no new data to send for it (step 2.b): then what is thought lost is sent again after all.
    pub(crate) fn frto_gives_up(&mut self) -> bool {
        let gives_up = self.frto == Frto::SendNew;
        if gives_up {
            self.frto = Frto::Off;
        }
        gives_up
    }
}
