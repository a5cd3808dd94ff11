use super::*;
use crate::lab::why::{Options, why};
use crate::sim::scenario::Scenario;
use std::num::NonZeroUsize;

fn found(variant: &str, seed: u64) -> (Case, Why) {
    let case = Case::draw(&Scenario::load("tiny").unwrap(), variant, seed).unwrap();
    let options = Options { futures: 100, steps: 10, seed: 0, jobs: NonZeroUsize::MIN };
    let why = why(&case, &options, || ()).unwrap();
    (case, why)
}

#[test]
fn the_terminal_tells_when_it_was_decided() {
    let (case, why) = found("stream", 8);
    let text = render(&case, &why, Style { width: 80, colour: false });
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_page_needs_nothing_else_and_its_picture_has_every_step() {
    for variant in ["stream", "block"] {
        let (case, why) = found(variant, 8);
        let page = html::render(&case, &why, "ftpsim why tiny");
        assert_eq!(page.matches("<g><title>").count(), why.steps.len() + 1);
        assert_eq!(page.contains("<line class=decisive"), variant == "stream");
        for outside in ["src=", "@import", "<script", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}

#[test]
fn json_has_the_curve_and_the_words() {
    let (case, why) = found("stream", 8);
    let json = to_json(&case, &why);
    assert_eq!(json["why"]["steps"].as_array().unwrap().len(), why.steps.len());
    assert_eq!(json["why"]["point_of_no_return"], why.point_of_no_return.unwrap());
    assert_eq!(json["why"]["at_first"]["lost_silently"], why.at_first.lost_silently);
    assert!(json["sentences"][1].as_str().unwrap().starts_with("The point of no return: 0.566592 s"));
}
