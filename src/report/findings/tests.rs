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

#[test]
fn what_there_are_no_figures_of_has_no_sentence() {
    // Its fault is not `none`.
    let one = sentences(&compared(5..6, |_, _| false));
    assert!(one.iter().all(|sentence| !sentence.contains(": .")), "{one:?}");
    assert_eq!(one.len(), 1, "{one:?}");
    let none = sentences(&compared(0..96, |_, _| true));
    assert!(none.is_empty(), "{none:?}");
}
