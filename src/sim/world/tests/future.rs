//! A run that goes on otherwise is the run until then.

use super::*;

fn lossy(seed: u64) -> Case {
    let mut case = Case::draw(&Scenario::load("tiny").unwrap(), "stream", seed).unwrap();
    case.path.loss_ppm = 50_000;
    case.path.jitter_us = 300;
    case
}

fn events(case: &Case, future: Option<Future>) -> Vec<trace::TraceEvent> {
    run_into(case, Keep { events: true, trace_hash: true, ..Keep::default() }, future).unwrap().events
}

#[test]
fn up_to_its_beginning_a_future_is_the_run() {
    let mut differing = 0;
    for seed in 0..8 {
        let case = lossy(seed);
        let run = events(&case, None);
        let middle = run[run.len() / 2].at_us;
        for luck in 0..3 {
            let from = SimTime::from_us(middle + 1);
            let future = events(&case, Some(Future { from, seed: luck }));
            let until = |events: &[trace::TraceEvent]| events.partition_point(|event| event.at_us <= middle);
            assert_eq!(run[..until(&run)], future[..until(&future)], "seed {seed}");
            differing += u32::from(run != future);
        }
    }
    assert!(differing > 12, "another luck makes another run: {differing}");
}

#[test]
fn without_luck_there_is_one_future() {
    let case = Case::draw(&Scenario::load("tiny").unwrap(), "stream", 4).unwrap();
    let future = Future { from: SimTime::default(), seed: 9 };
    assert_eq!(events(&case, None), events(&case, Some(future)));
}

#[test]
fn a_future_that_never_begins_is_the_run() {
    let case = lossy(3);
    let future = Future { from: SimTime::NEVER, seed: 9 };
    assert_eq!(events(&case, None), events(&case, Some(future)));
}
