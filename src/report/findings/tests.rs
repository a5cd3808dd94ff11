use super::*;
use crate::report::terminal::tests::{compared, comparison};

#[test]
fn sentences_are_of_runs_that_ended() {
    let comparison = comparison();
    let whole = sentences(&comparison).join("\n");
    let lost = "stream lost files without telling anyone in 5 of 81 runs with a fault (6.2 %); a download under \
                \"early close\" in 43 % of its runs.";
    assert!(whole.contains(lost), "{whole}");
    let lost: Vec<(&str, u64)> =
        comparison.losses.iter().map(|loss| (loss.variant.as_str(), loss.seed)).collect();
    let cut = compared(0..96, |variant, seed| lost.contains(&(&variant.name, seed)));
    assert_eq!(cut.unfinished.len(), 5);
    let cut = sentences(&cut).join("\n");
    assert!(cut.contains("stream, stream-size, block and compressed lost none silently in 76 runs"), "{cut}");
    assert!(!cut.contains("without telling anyone"), "{cut}");
    let cut = sentences(&compared(0..96, |variant, seed| variant.name == "block" && seed >= 50)).join("\n");
    assert!(cut.contains("lost none silently in 41 runs with a fault each (so at most 7.0 %"), "{cut}");
}

/// To the letter, for people read them.
#[test]
fn sentences_have_the_figures_of_undisturbed_runs() {
    let mut comparison = comparison();
    let is_more = |row: &&mut SummaryRecord| row.variant == "compressed";
    for row in comparison.evidence.iter_mut().filter(is_more) {
        row.wire_bytes = row.payload_bytes / 10 * 11;
    }
    let is_slow = |row: &&mut SummaryRecord| row.fault == "none" && row.direction == Direction::Get;
    comparison.evidence.iter_mut().find(is_slow).unwrap().duration_median_us = Some(8_000_000);
    let takes = [("uploading", "4.04"), ("downloading", "8.00")].map(|(way, seconds)| {
        format!(
            "Undisturbed, {way} the 6 files takes stream {seconds} s; of that time, stream-size 1.00, block 0.23 and compressed \
             0.23."
        )
    });
    assert_eq!(speed(&comparison), takes);
    let beside = "All packets of both directions together, beside the payload: ";
    let each = "stream nothing, stream-size nothing, block 7.0 % less and compressed 10 % more.";
    assert_eq!(overhead(&comparison).unwrap(), format!("{beside}{each}"));
    // Who has delivered nothing is beside nothing.
    for row in comparison.evidence.iter_mut().filter(|row| row.variant != "block") {
        row.payload_bytes = 0;
    }
    assert_eq!(overhead(&comparison).unwrap(), format!("{beside}block 7.0 % less."));
}

/// Who has had no run with a fault, and who has lost nothing.
#[test]
fn of_whom_there_is_nothing_to_say_nothing_is_said() {
    let mut comparison = comparison();
    assert_eq!(worst(&comparison, "stream"), "; a download under \"early close\" in 43 % of its runs");
    assert_eq!(worst(&comparison, "block"), "");
    assert_eq!(reliability(&comparison).len(), 4);
    for row in comparison.evidence.iter_mut().filter(|row| row.variant == "block") {
        row.runs_counted = 0;
    }
    assert!(reliability(&comparison).iter().all(|reliability| reliability.variant != "block"));
}

#[test]
fn what_did_not_end_is_told_with_what_shows_it() {
    assert_eq!(unfinished(&comparison()), None);
    let mut cut = compared(0..96, |variant, seed| variant.name == "block" && seed % 32 == 3);
    let limit_us = cut.scenario.limits().virtual_time_us;
    for (stuck_files, files) in [([1, 0, 0], "1 file was"), ([6, 5, 0], "11 files were")] {
        cut.unfinished.iter_mut().zip(stuck_files).for_each(|(run, stuck)| run.stuck_files = stuck);
        let told = format!(
            "3 of 384 runs did not end within limits.virtual_time_us = {limit_us}: {files} left without a word. No claim and \
             no sentence is of these runs; the tables count them. The first: ftpsim replay tiny --variant block --seed 3"
        );
        assert_eq!(unfinished(&cut), Some(told));
    }
}

#[test]
fn a_fate_has_a_heading() {
    let told = "Evaporated: files acknowledged, then lost with the receiver's power";
    assert_eq!(heading(Verdict::Evaporated), told);
}

#[test]
fn what_there_are_no_figures_of_has_no_sentence() {
    // Its fault is not `none`.
    let one = sentences(&compared(5..6, |_, _| false));
    assert!(one.iter().all(|sentence| !sentence.contains(": .")), "{one:?}");
    assert_eq!(one.len(), 1, "{one:?}");
    let none = sentences(&compared(0..96, |_, _| true));
    assert!(none.is_empty(), "{none:?}");
}
