use super::*;

const MSS: u64 = 1460;

fn cubic() -> Congestion {
    Congestion::new(Algorithm::Cubic, MSS as u32, 10, 0)
}

#[test]
fn slow_start_doubles_per_round_trip() {
    let mut cc = cubic();
    assert_eq!(cc.window(), 10 * MSS);
    cc.grow(50_000, 10);
    assert_eq!(cc.window(), 20 * MSS);
}

#[test]
fn an_idle_connection_starts_again_with_the_initial_window() {
    let mut cc = cubic();
    cc.grow(0, 70);
    assert_eq!(cc.segments(), 80);
    cc.resumed(0, 200_000, 250_000);
    assert_eq!(cc.segments(), 80);
    cc.resumed(0, 600_000, 250_000);
    assert_eq!(cc.segments(), 20);
    cc.resumed(0, 10_000_000, 250_000);
    assert_eq!(cc.segments(), 10);
}

/// RFC 2861 section 3.1: half way down to what was used, and the threshold keeps three quarters.
#[test]
fn a_window_that_is_not_used_comes_half_way_down_to_what_is() {
    let mut cc = cubic();
    cc.grow(0, 70);
    cc.window.ssthresh = 40;
    cc.application_limited(30);
    assert_eq!((cc.segments(), cc.window.ssthresh), (55, 60));
    cc.application_limited(2);
    assert_eq!(cc.segments(), 32, "never below the initial window: (55 + 10) / 2");
}

#[test]
fn a_timeout_leaves_one_segment_and_undoing_it_all_of_them() {
    let mut cc = cubic();
    cc.grow(0, 10);
    cc.on_timeout(true, 3);
    assert_eq!((cc.segments(), cc.window.ssthresh), (4, 14));
    cc.undo();
    assert_eq!((cc.segments(), cc.window.ssthresh), (20, u64::MAX));
}

#[test]
fn after_recovery_the_window_is_the_threshold() {
    let mut cc = cubic();
    cc.begin_recovery();
    cc.recover(9, 1, false);
    assert_eq!(cc.segments(), 10, "the first retransmission goes at once");
    cc.end_recovery();
    assert_eq!(cc.segments(), 7);
}
