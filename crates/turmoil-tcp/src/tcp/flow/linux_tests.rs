//! What Linux's packetdrill scripts (tools/testing/selftests/net/packetdrill) hold of a sender, in our own words and
//! packet by packet. The README's table says which script is where, and which do not apply.

use super::tests::{Bench, RTT_US};

/// A sender whose application has written so many bytes.
struct Sender {
    bench: Bench,
    written: u32,
    sent: u32,
}

impl Sender {
    /// Connected, and the first of `written` bytes are sent.
    fn new(written: u32) -> Self {
        let mut sender = Self { bench: Bench::new(), written, sent: 0 };
        let window = written.min(10_000);
        assert_eq!(sender.push(RTT_US), (0..window / 1000).map(|n| n * 1000).collect::<Vec<_>>());
        sender
    }

    /// The first bytes of the segments that go out now.
    fn push(&mut self, now_us: u64) -> Vec<u32> {
        self.bench.resend_lost(now_us);
        let room = self.bench.flow.room(now_us, u64::from(self.written - self.sent), 0);
        let end = self.sent + room as u32;
        self.bench.send(now_us, self.sent, end);
        self.sent = end;
        if self.bench.flow.frto_gives_up() {
            self.bench.resend_lost(now_us);
        }
        self.bench.taken().into_iter().map(|(first, _)| first).collect()
    }

    /// And what goes out then.
    fn ack(&mut self, now_us: u64, ack: u32, sacked: &[(u32, u32)]) -> Vec<u32> {
        self.bench.ack(now_us, ack, sacked);
        self.push(now_us)
    }

    fn write(&mut self, now_us: u64, bytes: u32) -> Vec<u32> {
        self.written += bytes;
        self.push(now_us)
    }

    /// The next timer, and what it sends.
    fn timer(&mut self) -> (u64, Vec<u32>) {
        let now_us = self.bench.flow.next_timer().unwrap();
        self.bench.flow.on_timer(now_us, self.written > self.sent);
        (now_us, self.push(now_us))
    }

    fn segments(&self) -> u64 {
        self.bench.flow.congestion.segments()
    }

    fn is_recovering(&self) -> bool {
        self.bench.flow.recovery.is_some()
    }
}

/// No segment.
const NONE: [u32; 0] = [];

const START_US: u64 = 2 * RTT_US;

/// prr-ss-10pkt-lost-1: what is in flight is the threshold through all of the recovery, and one segment is sent for
/// each that is delivered.
#[test]
fn with_one_of_ten_lost_one_is_sent_for_each_delivered() {
    let mut sender = Sender::new(10_000);
    assert_eq!(sender.ack(START_US, 0, &[(1_000, 2_000)]), NONE);
    assert_eq!(sender.ack(START_US + 1_000, 0, &[(1_000, 3_000)]), NONE);
    assert_eq!(sender.ack(START_US + 2_000, 0, &[(1_000, 4_000)]), [0]);
    assert!(sender.is_recovering());
    assert_eq!(sender.segments(), 7);
    assert_eq!(sender.write(START_US + 3_000, 7_000), NONE, "seven are in flight");
    for n in 0..6 {
        let sent = sender.ack(START_US + 4_000 + u64::from(n), 0, &[(1_000, 5_000 + n * 1_000)]);
        assert_eq!(sent, [10_000 + n * 1_000]);
    }
    assert_eq!(sender.ack(START_US + RTT_US + 3_000, 10_000, &[]), [16_000]);
    assert!(!sender.is_recovering());
    assert_eq!(sender.segments(), 7);
}

/// prr-ss-30pkt-lost1_4: four holes are filled by the acknowledgements of what is above them, and when all is
/// there the threshold's segments go at once.
#[test]
fn four_lost_of_ten_are_sent_again_one_for_each_delivered() {
    let mut sender = Sender::new(10_000);
    assert_eq!(sender.ack(START_US, 0, &[(4_000, 5_000)]), NONE);
    assert_eq!(sender.ack(START_US + 2_000, 0, &[(4_000, 6_000)]), NONE);
    for n in 0..4 {
        assert_eq!(sender.ack(START_US + 2_000, 0, &[(4_000, 7_000 + n * 1_000)]), [n * 1_000]);
    }
    let later = START_US + 2_000 + RTT_US;
    for n in 1..4 {
        assert_eq!(sender.ack(later, n * 1_000, &[(4_000, 10_000)]), NONE);
    }
    assert_eq!(sender.ack(later, 10_000, &[]), NONE);
    let sent = sender.write(later + 10_000, 10_000);
    assert_eq!(sent, (10..17).map(|n| n * 1_000).collect::<Vec<_>>());
}

/// prr-ss-30pkt-lost-1_4-11_16: limited transmit, conservation while fewer than the threshold are in flight, a
/// second one for an acknowledgement that advances and tells of no loss, and a lost retransmission found by one that
/// was sent after it.
#[test]
fn many_losses_are_repaired_without_a_burst() {
    let mut sender = Sender::new(20_000);
    let ms = |n: u64| START_US + n * 1_000;
    assert_eq!(sender.ack(ms(0), 0, &[(4_000, 5_000)]), [10_000], "limited transmit");
    assert_eq!(sender.ack(ms(2), 0, &[(4_000, 6_000)]), [11_000]);
    for n in 0..4u32 {
        let sent = sender.ack(ms(4 + 2 * u64::from(n)), 0, &[(4_000, 7_000 + n * 1_000)]);
        assert_eq!(sent, [n * 1_000]);
    }
    assert_eq!(sender.ack(ms(12), 0, &[(4_000, 11_000)]), [12_000]);
    assert_eq!(sender.ack(ms(14), 0, &[(4_000, 12_000)]), [13_000]);
    assert_eq!(sender.ack(ms(4) + RTT_US, 1_000, &[(4_000, 12_000)]), [14_000, 15_000]);
    let sent = sender.ack(ms(10) + RTT_US, 1_000, &[(2_000, 12_000)]);
    assert_eq!(sent, [1_000, 16_000], "the second retransmission was lost as well");
}

/// prr-ss-ack-below-snd_una-cubic.
#[test]
fn an_old_acknowledgement_in_recovery_sends_nothing() {
    let mut sender = Sender::new(20_000);
    sender.ack(START_US, 2_000, &[]);
    for end in [4_000, 5_000, 6_000] {
        sender.ack(START_US + 1_000, 2_000, &[(3_000, end)]);
    }
    assert!(sender.is_recovering());
    let segments = sender.segments();
    assert_eq!(sender.ack(START_US + 2_000, 1_000, &[(3_000, 6_000)]), NONE);
    assert_eq!(sender.segments(), segments);
}

/// limited-transmit-sack (RFC 3042): the first two duplicates let a new segment out each; as it was reordering only,
/// there is no recovery.
#[test]
fn two_duplicates_send_new_data_and_reordering_is_no_loss() {
    let mut sender = Sender::new(15_000);
    assert_eq!(sender.ack(START_US, 0, &[(1_000, 2_000)]), [10_000]);
    assert_eq!(sender.ack(START_US + 1_000, 0, &[(1_000, 3_000)]), [11_000]);
    let sent = sender.ack(START_US + 2_000, 3_000, &[]);
    assert_eq!(sent[..2], [12_000, 13_000]);
    assert!(!sender.is_recovering());
    assert_eq!(sender.bench.flow.retransmits(), 0);
}

/// sack-shift-sacked-7-3-4-8-9-fack: one selective acknowledgement is not believed before a quarter of the round trip
/// and Linux's two milliseconds; what it says then is lost is taken back where it arrives after all.
#[test]
fn a_single_duplicate_waits_for_reordered_segments() {
    let mut sender = Sender::new(10_000);
    assert_eq!(sender.ack(START_US, 0, &[(7_000, 8_000)]), NONE);
    let (at_us, sent) = sender.timer();
    assert_eq!((at_us, sent), (START_US + RTT_US / 4 + 2_000, vec![0]));
    assert_eq!(sender.bench.flow.lost, 6, "of seven one is sent again");
    assert_eq!(sender.ack(at_us + 2_000, 0, &[(3_000, 4_000), (7_000, 8_000)]), [1_000]);
    assert_eq!(sender.ack(at_us + 4_000, 0, &[(3_000, 5_000), (7_000, 8_000)]), [2_000]);
    sender.ack(at_us + RTT_US, 10_000, &[]);
    assert!(!sender.is_recovering());
    let flow = &sender.bench.flow;
    assert_eq!((flow.lost, flow.sacked, flow.in_flight.len()), (0, 0, 0));
}

/// slow-start-ack-per-1pkt, -2pkt, -4pkt: a segment more for each that is acknowledged, however many acknowledgements
/// say so.
#[test]
fn slow_start_counts_segments_and_not_acknowledgements() {
    for per_ack in [1, 2, 4] {
        let mut sender = Sender::new(100_000);
        for n in 1..=8 / per_ack {
            sender.ack(START_US, n * per_ack * 1_000, &[]);
            assert_eq!(sender.segments(), u64::from(10 + n * per_ack));
        }
    }
}

/// slow-start-app-limited-9-packets-out (RFC 7661): twice what was used and no more.
#[test]
fn nine_segments_that_do_not_fill_the_window_make_it_eighteen() {
    let mut sender = Sender::new(9_000);
    let windows = [2, 4, 6, 8, 9].map(|n| {
        sender.ack(START_US, n * 1_000, &[]);
        sender.segments()
    });
    assert_eq!(windows, [12, 14, 16, 18, 18]);
}

/// slow-start-ack-per-2pkt-send-5pkt and -6pkt: five segments fill no half of a window of ten, six do.
#[test]
fn less_than_half_a_window_does_not_grow_it() {
    for (segments, window) in [(5, 10), (6, 12)] {
        let mut sender = Sender::new(segments * 1_000);
        for n in 1..=segments {
            sender.ack(START_US, n * 1_000, &[]);
        }
        assert_eq!(sender.segments(), window, "{segments}");
    }
}

/// slow-start-after-win-update: an acknowledgement that only opens the peer's window is none of growth.
#[test]
fn a_window_update_does_not_grow_the_window() {
    let mut sender = Sender::new(10_000);
    sender.ack(START_US, 10_000, &[]);
    assert_eq!(sender.segments(), 20);
    for n in 0..5 {
        sender.ack(START_US + n, 10_000, &[]);
    }
    assert_eq!(sender.segments(), 20);
}

/// RFC 5682, as tcp_process_loss has it: a round trip grows beyond the timeout, all arrives, and the second
/// acknowledgement shows it: what was sent again was not lost, and the window is what it was.
#[test]
fn a_spurious_timeout_is_undone() {
    let mut sender = Sender::new(10_000);
    let (probed_us, _) = sender.timer();
    sender.bench.taken();
    let (at_us, sent) = sender.timer();
    assert!(at_us > probed_us);
    assert_eq!((sent, sender.segments()), (vec![0], 1));
    sender.written += 10_000;
    let sent = sender.ack(at_us + 1_000, 1_000, &[]);
    assert_eq!(sent, [10_000, 11_000], "new data, not what is thought lost");
    sender.ack(at_us + 2_000, 2_000, &[]);
    assert!(!sender.is_recovering());
    assert_eq!(sender.bench.flow.lost, 0);
    assert!(sender.segments() >= 10, "{}", sender.segments());
    assert_eq!(sender.bench.flow.retransmits(), 2, "the probe, and the first segment");
}

/// RFC 5682 step 3.a: the new data is selectively acknowledged instead, so the loss was real.
#[test]
fn a_timeout_after_a_real_loss_is_not_undone() {
    let mut sender = Sender::new(10_000);
    sender.timer();
    let (at_us, _) = sender.timer();
    sender.written += 10_000;
    assert_eq!(sender.ack(at_us + RTT_US, 1_000, &[]), [10_000, 11_000]);
    let sent = sender.ack(at_us + 2 * RTT_US, 1_000, &[(10_000, 11_000)]);
    assert_eq!(sent[0], 1_000);
    assert!(sender.is_recovering() && sender.segments() < 10);
}

/// RFC 8985 section 7.4.2: the probe has repaired the loss of the last segment, which is told to congestion control; had
/// both arrived, a duplicate would say so.
#[test]
fn a_probe_that_repairs_a_loss_lowers_the_window() {
    for (lost, window) in [(true, 7), (false, 10)] {
        let mut sender = Sender::new(5_000);
        let got = if lost { 4_000 } else { 5_000 };
        sender.ack(START_US, 4_000, &[]);
        let (at_us, sent) = sender.timer();
        assert_eq!(sent, [4_000]);
        sender.ack(at_us + RTT_US, 5_000, &[]);
        if got == 5_000 {
            sender.ack(at_us + RTT_US, 5_000, &[]);
        }
        sender.write(at_us + RTT_US, 1_000);
        sender.ack(at_us + 2 * RTT_US, 6_000, &[]);
        assert_eq!(sender.segments(), window, "lost: {lost}");
    }
}
