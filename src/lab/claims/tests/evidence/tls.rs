//! Over TLS and in deflate mode.

use super::*;
use crate::lab::claims::tls::{CURES, MARKS};

/// A mark that both ends demand; of whoever demands none, what is lost is the condition.
#[test]
fn tls_and_deflate_cure_what_both_ends_demand() {
    let all = results("ftps", &ALL);
    let cured = "Where both ends demand close_notify, files were lost silently in 0 of 432 runs with a fault, by \
                 stream-tls-lax in 36 of 144, by stream-tls-lax-server in 27 of 144, by stream-tls-lax-client in 9 of \
                 144; in clear in 36 of 144.";
    let marked = "Where both ends demand the end of the zlib stream, files were lost silently in 0 of 288 runs with a \
                  fault; where a close will do, as for proftpd and lftp, in 36 of 144.";
    for (sentence, figure, strict) in [(CURES, cured, "stream-tls12"), (MARKS, marked, "deflate-tls")] {
        says(&as_it_is(&all, sentence), Standing::Conditional, &[figure]);
        says(&with(&all, sentence, of(strict, "reset"), |row| loses(row, 1)), Standing::Fails, &["in 1 of "]);
        says(
            &with(&all, sentence, of(strict, "none"), |row| loses(row, 1)),
            Standing::Conditional,
            &[figure],
        );
        let is_lax = |row: &SummaryRecord| row.variant.contains("-lax");
        says(&with(&all, sentence, is_lax, |row| loses(row, 0)), Standing::Holds, &[]);
        let few_lax = with(&all, sentence, is_lax, |row| {
            (row.runs_counted, row.runs_with_silent_loss) = (u64::from(row.fault == "reset"), 0);
        });
        says(&few_lax, Standing::NotEnough, &["To say that nothing is lost takes 59 "]);
        let few = with(&all, sentence, |row| !is_lax(row), |row| runs(row, 3));
        says(&few, Standing::NotEnough, &["To say that nothing is lost takes 59 "]);
        let strict_alone = as_it_is(&without(&all, |variant| variant.name.contains("-lax")), sentence);
        says(&strict_alone, Standing::Holds, &[]);
        assert!(!strict_alone.figure.contains("where a close will do"), "{strict_alone:?}");
    }
    let in_clear = without(&all, |variant| variant.tls.is_some());
    assert!(judge(&in_clear).iter().all(|claim| !claim.claim.contains("TLS")));
    let undeflated =
        without(&all, |variant| variant.name.starts_with("deflate") && !variant.takes_cut_deflate);
    assert!(judge(&undeflated).iter().all(|claim| claim.claim != MARKS));
}

#[test]
fn quiet_files_are_whole_over_tls_but_for_who_closes_too_soon() {
    let all = results("ftps", &ALL);
    let sentence = "Over TLS, a file that a 226 has answered is whole as long as nothing goes wrong.";
    let hasty = "Undisturbed, stream-tls-hasty lost files silently in 12 of 24 runs: its client closes with session \
                 tickets of TLS 1.3 unread";
    says(
        &as_it_is(&all, sentence),
        Standing::Conditional,
        &[hasty, "The others lost files in 0 of 240 runs."],
    );
    let patient = without(&all, |variant| variant.name == "stream-tls-hasty");
    says(&as_it_is(&patient, sentence), Standing::Holds, &["Undisturbed, files were lost in 0 of 240 runs."]);
    let alone = without(&all, |variant| variant.tls.is_some() && variant.name != "stream-tls-hasty");
    says(&as_it_is(&alone, sentence), Standing::Fails, &[hasty]);
    let lost = with(&patient, sentence, of("stream-tls12", "none"), |row| loses(row, 1));
    says(
        &lost,
        Standing::Conditional,
        &["Undisturbed, stream-tls12 lost files silently in 1 of 24 runs. The others"],
    );
    // Who waits for the tickets, or is sent none, loses for another reason.
    for (client_lingers, upload_tickets) in [(true, 2), (false, 0)] {
        let mut other = all.clone();
        let hasty = other.scenario.variants.iter_mut().find(|variant| variant.name == "stream-tls-hasty");
        let tls = hasty.unwrap().tls.as_mut().unwrap();
        (tls.client_lingers, tls.upload_tickets) = (client_lingers, upload_tickets);
        let told = "stream-tls-hasty lost files silently in 12 of 24 runs. The others";
        says(&as_it_is(&other, sentence), Standing::Conditional, &[told]);
    }
    let few = with(&patient, sentence, |_| true, |row| runs(row, 5));
    says(&few, Standing::NotEnough, &["takes 59 undisturbed runs that ended; there are 50."]);
}

/// Half a round trip a file is none that costs next to nothing.
#[test]
fn a_connection_under_tls_is_cheap_where_it_takes_less_than_half_a_round_trip_more() {
    let all = results("ftps", &ALL);
    let sentence = "A TLS connection for each file costs next to nothing.";
    let takes = |extra_round_trips: f64| {
        let rtt_us = all.scenario.path.rtt_us as f64;
        let change = |row: &mut SummaryRecord| {
            let extra = if row.variant == "stream-tls" { extra_round_trips } else { 0.0 };
            let files = (row.files / row.runs_counted) as f64;
            row.duration_median_us = Some((files * rtt_us * (4.0 + extra)) as u64);
        };
        with(&all, sentence, |row| row.fault == "none", change)
    };
    // Beside those that believe the reply as well, wait for the tickets and demand the end.
    let told = "Over 50 ms of round trip a file takes stream 200 ms, stream-tls 300 ms: 2.0 round trips more; stream-tls12 \
                200 ms; stream-tls-full 200 ms; block-tls 200 ms; block-pipelined-tls 200 ms; deflate-tls 200 ms; block 200 ms; \
                block-pipelined 200 ms.";
    says(&takes(2.0), Standing::Fails, &[told]);
    let mut moved = all.clone();
    let sized = moved.scenario.variants.iter().position(|variant| variant.name == "stream-tls-size").unwrap();
    moved.scenario.variants[..=sized].rotate_right(1);
    assert_eq!(as_it_is(&moved, sentence), as_it_is(&all, sentence));
    says(&takes(0.5), Standing::Fails, &[": 0.5 round trips more"]);
    says(&takes(0.25), Standing::Holds, &[": 0.2 round trips more", "; block "]);
    says(&as_it_is(&without(&all, |variant| variant.tls.is_none()), sentence), Standing::Untested, &[]);
}
