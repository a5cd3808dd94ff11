use super::cuts::wire_bytes;
use super::*;

fn scenario() -> Scenario {
    Scenario::load("truth-table").unwrap()
}

fn strip(variant: &str, direction: usize, cut: &str) -> Vec<TruthRecord> {
    let scenario = scenario();
    let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
    let mut case = Case::draw(&scenario, variant, scenario.seed_of(direction, 0, 0)).unwrap();
    let bytes = wire_bytes(&mut case).unwrap();
    let row = |n| super::cut_at(&scenario, variant, (direction, fault, n)).unwrap();
    (0..bytes)
        .map(|n| {
            let (row, violations) = row(n);
            assert_eq!(violations, []);
            assert_eq!((row.wire_byte, row.fault_fired), (Some(n), true), "{variant} {cut}");
            row
        })
        .collect()
}

fn positions(rows: &[TruthRecord]) -> String {
    rows.iter().map(|row| row.position.unwrap().as_str().chars().next().unwrap()).collect()
}

#[test]
fn an_early_close_in_stream_mode_is_silent_at_each_payload_byte_and_nowhere_else() {
    for direction in [0, 1] {
        let rows = strip("stream", direction, "early_close");
        // Three files: 3 bytes, none, 30, and the FIN of each connection.
        assert_eq!(positions(&rows), format!("pppcc{}c", "p".repeat(30)));
        for row in &rows {
            let (left, effect) = match row.position {
                Some(Part::Payload) => (Left::Part, Effect::Silent),
                _ => (Left::Whole, Effect::Unharmed),
            };
            assert_eq!((row.left, row.effect), (left, effect), "{row:?}");
            assert_eq!((row.noticed_by_sender, row.noticed_by_receiver), (false, false), "{row:?}");
            assert_eq!(row.reported, Reported::Delivered);
        }
    }
}

#[test]
fn block_mode_loses_nothing_wherever_it_is_cut() {
    for cut in ["early_close", "sender_dies"] {
        let rows = strip("block", 0, cut);
        assert!(positions(&rows).starts_with("hhhpppeeehhhp"), "{}", positions(&rows));
        assert!(rows.iter().all(|row| row.effect != Effect::Silent && row.exposed == 0));
        let inside = rows.iter().filter(|row| row.position == Some(Part::Payload) && row.file == 2);
        assert!(inside.clone().count() == 30 && inside.clone().all(|row| row.noticed_by_receiver));
    }
}

/// Nobody is left to compare sizes when the client that uploads dies.
#[test]
fn a_dead_client_checks_no_size() {
    let rows = strip("stream-size", 0, "sender_dies");
    let payload = rows.iter().filter(|row| row.position == Some(Part::Payload));
    assert!(payload.clone().all(|row| (row.effect, row.left) == (Effect::Silent, Left::Part)));
    assert!(payload.clone().all(|row| row.reported == Reported::Nothing));
    // A server that aborts with the control connection hears of the data connection's end before.
    let watched = strip("stream-size", 0, "sender_dies_watched");
    let payload = watched.iter().filter(|row| row.position == Some(Part::Payload));
    assert!(payload.clone().all(|row| (row.effect, row.left) == (Effect::Silent, Left::Part)));
}

#[test]
fn a_plan_names_every_cut_once() {
    let lengths = vec![(0, 0, 3), (0, 1, 2), (1, 0, 1)];
    let plan = Plan { lengths, places: vec![None, None] };
    assert_eq!(plan.runs(), 12);
    let cuts: Vec<_> = (0..12).map(|index| plan.cut(index)).collect();
    assert_eq!(cuts[..4], [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 2), (0, 0, 1, 0)]);
    assert_eq!(
        cuts[6..],
        [(0, 1, 0, 0), (0, 1, 0, 1), (0, 1, 1, 0), (0, 1, 1, 1), (1, 0, 0, 0), (1, 0, 1, 0)]
    );
    let plan = Plan { lengths: vec![(0, 0, 3)], places: vec![None, Some(2)] };
    assert_eq!(plan.runs(), 5);
    assert_eq!([2, 3, 4].map(|index| plan.cut(index)), [(0, 0, 0, 2), (0, 0, 1, 0), (0, 0, 1, 1)]);
}

/// RFC 8446 section 6.1: close_notify says that its sender sends no more, not that a file was whole.
#[test]
fn a_sender_that_stops_and_closes_in_order_makes_the_mark_of_tls_itself() {
    let scenario = Scenario::load("ftps-truth").unwrap();
    let row = |variant: &str, direction, cut: &str, place| {
        let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
        let (row, violations) = super::cut_at(&scenario, variant, (direction, fault, place)).unwrap();
        assert_eq!((violations.len(), row.fault_fired), (0, true), "{row:?}");
        assert_eq!((row.wire_byte, row.position), (None, None));
        row
    };
    // Files of 3 and 12 bytes: before the second byte of the one, before the last of the other, behind it.
    for (place, file, byte, ends) in [(1, 0, 1, false), (15, 1, 11, false), (16, 1, 12, true)] {
        for variant in ["stream-tls", "stream-tls12"] {
            let put = row(variant, 0, "sender_stops", place);
            assert_eq!((put.file, put.payload_byte), (file, Some(byte)));
            assert_eq!(put.left, if ends { Left::Whole } else { Left::Part }, "{put:?}");
            assert_eq!(put.effect == Effect::Silent, !ends, "{put:?}");
            assert!(!put.noticed_by_receiver);
            // Who downloads has the server's reply to wait for.
            assert_ne!(row(variant, 1, "sender_stops", place).effect, Effect::Silent);
        }
        for (variant, cut) in [
            ("block-tls", "sender_stops"),
            ("deflate-tls", "sender_stops"),
            ("stream-tls", "sender_stops_by_reset"),
            ("stream-tls-lax", "sender_stops_by_reset"),
        ] {
            let row = row(variant, 0, cut, place);
            assert_eq!((row.noticed_by_receiver, row.left == Left::Part), (!ends, false), "{row:?}");
        }
    }
}

/// A power cut long after the reply, or with syncs before it, takes nothing; else everything that young.
#[test]
fn only_what_is_synced_or_old_outlives_the_power() {
    let scenario = scenario();
    let row = |variant: &str, direction, cut: &str, file| {
        let fault = scenario.faults.iter().position(|fault| fault.name() == cut).unwrap();
        let (row, violations) = super::cut_at(&scenario, variant, (direction, fault, file)).unwrap();
        assert_eq!((violations.len(), row.fault_fired, row.file), (0, true, file as u32), "{row:?}");
        row
    };
    for direction in [0, 1] {
        for file in 0..3 {
            // A file of no bytes has none to lose, but its name.
            for variant in ["stream", "block"] {
                let at_once = row(variant, direction, "power_cut_at_once", file);
                assert_eq!((at_once.effect, at_once.left), (Effect::Silent, Left::Nothing), "{at_once:?}");
                assert_eq!(at_once.verdict, Verdict::Evaporated);
                assert_eq!((at_once.wire_byte, at_once.position), (None, None));
            }
            for cut in ["power_cut_at_once", "power_cut_1s", "power_cut_5s", "power_cut_10s"] {
                for variant in ["stream-durable", "block-pipelined-durable"] {
                    let row = row(variant, direction, cut, file);
                    assert_eq!((row.effect, row.left), (Effect::Unharmed, Left::Whole), "{row:?}");
                }
            }
        }
    }
}
