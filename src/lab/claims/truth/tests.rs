//! What the committed truth tables say to each claim, and what they would if a row of theirs were another.

use super::*;
use crate::lab::claims::tests::{committed, otherwise, that_says};

fn table(name: &str) -> TruthTable {
    committed(name, "truth-table.csv")
}

fn claim(table: &TruthTable, sentence: &str) -> Claim {
    that_says(judge_truth(table), sentence)
}

/// What the claim would be without the rows that `which` picks.
fn without(table: &TruthTable, sentence: &str, which: impl Fn(&TruthRecord) -> bool) -> Claim {
    claim(&otherwise(table, |rows| rows.retain(|row| !which(row))), sentence)
}

/// The table with the first row of those that `which` picks changed.
fn with_one(
    table: &TruthTable,
    which: impl Fn(&TruthRecord) -> bool,
    change: impl FnOnce(&mut TruthRecord),
) -> TruthTable {
    otherwise(table, |rows| change(rows.iter_mut().find(|row| which(row)).unwrap()))
}

/// Closed by a middlebox before a byte of a file.
fn closed(variant: &'static str) -> impl Fn(&TruthRecord) -> bool + Copy {
    move |row| row.variant == variant && row.cut == "early_close" && row.position == Some(Part::Payload)
}

fn of(variant: &'static str, cut: &'static str) -> impl Fn(&TruthRecord) -> bool + Copy {
    move |row| row.variant == variant && row.cut == cut
}

fn silent(row: &mut TruthRecord) {
    row.effect = Effect::Silent;
}

/// Every one; that records tell what files do not is a condition only where they tell all.
#[test]
fn a_close_is_the_end_where_each_leaves_a_part() {
    let table = table("truth-table");
    let conditional = claim(&table, CLOSE_IS_THE_END);
    assert_eq!(conditional.standing, Standing::Conditional);
    assert_eq!(
        conditional.figure,
        "A close made by a middlebox was taken for the end of the file at 132 of 132 payload bytes. With STRU R, \
         which has a mark of its own, at 0 of 132."
    );
    assert_eq!(conditional.command, "ftpsim replay truth-table --variant stream --seed 0");
    let records = |row: &TruthRecord| row.variant == "stream-record";
    assert_eq!(without(&table, CLOSE_IS_THE_END, records).standing, Standing::Holds, "no records were tried");
    let part = |row: &mut TruthRecord| row.left = Left::Part;
    let some_part = with_one(&table, closed("stream-record"), part);
    assert_eq!(claim(&some_part, CLOSE_IS_THE_END).standing, Standing::Holds);
    let none_left = with_one(&some_part, closed("stream"), |row| row.left = Left::Nothing);
    assert_eq!(claim(&none_left, CLOSE_IS_THE_END).standing, Standing::Fails);
    for of_no_account in [
        with_one(&some_part, of("stream", "reset"), |row| row.left = Left::Nothing),
        otherwise(&some_part, |rows| {
            let missed = rows.iter_mut().find(|row| closed("stream")(row)).unwrap();
            (missed.left, missed.fault_fired) = (Left::Nothing, false);
        }),
    ] {
        assert_eq!(claim(&of_no_account, CLOSE_IS_THE_END).standing, Standing::Holds);
    }
    let closes = |row: &TruthRecord| row.variant == "stream" && row.cut.ends_with("_close");
    for sentence in [CLOSE_IS_THE_END, WHATEVER_ARRIVES, CANNOT_TELL] {
        assert_eq!(without(&table, sentence, closes).standing, Standing::Untested);
    }
}

/// Whoever comes first.
#[test]
fn stream_mode_is_who_believes_the_reply_and_writes_in_place() {
    let table = table("truth-table");
    let names = |table: &TruthTable| [0, 1].map(|nth| table.scenario.variants[nth].name.clone());
    assert_eq!(names(&table), ["stream", "stream-size"]);
    let mut swapped = table.clone();
    swapped.scenario.variants.swap(0, 1);
    for sentence in [CLOSE_IS_THE_END, WHATEVER_ARRIVES, CANNOT_TELL, MORE_RELIABLE.both] {
        assert_eq!(claim(&swapped, sentence), claim(&table, sentence));
    }
}

#[test]
fn whatever_arrives_is_the_file_where_each_close_leaves_a_part() {
    let table = table("truth-table");
    let holds = claim(&table, WHATEVER_ARRIVES);
    assert_eq!(holds.standing, Standing::Holds);
    assert!(holds.figure.contains("before each of 132 payload bytes"), "{}", holds.figure);
    assert!(holds.figure.ends_with("name 132 times, and the client called the file delivered 132 times."));
    let failed = with_one(&table, closed("stream"), |row| row.reported = Reported::Failed);
    assert!(claim(&failed, WHATEVER_ARRIVES).figure.ends_with("the file delivered 131 times."));
    let whole = with_one(&table, closed("stream"), |row| row.left = Left::Whole);
    let fails = claim(&whole, WHATEVER_ARRIVES);
    assert_eq!(fails.standing, Standing::Fails);
    assert!(fails.figure.contains("name 131 times"), "{}", fails.figure);
}

/// One side that notices one close is enough against it, and one silent loss of who compares sizes against their
/// being a condition.
#[test]
fn nobody_can_tell_a_close_where_no_side_notices_any() {
    let table = table("truth-table");
    let conditional = claim(&table, CANNOT_TELL);
    assert_eq!(conditional.standing, Standing::Conditional);
    assert_eq!(
        conditional.figure,
        "Of 132 early closes before a payload byte neither side noticed 132. Whoever compares SIZE lost 0 of 132 \
         silently; but of 144 deaths of the sender 66, for the dead compare nothing."
    );
    let notices: [fn(&mut TruthRecord); 2] =
        [|row| row.noticed_by_sender = true, |row| row.noticed_by_receiver = true];
    for noticed in notices {
        let fails = claim(&with_one(&table, closed("stream"), noticed), CANNOT_TELL);
        assert_eq!(fails.standing, Standing::Fails);
        assert!(fails.figure.contains("neither side noticed 131."), "{}", fails.figure);
    }
    let sizes_lost = claim(&with_one(&table, closed("stream-size"), silent), CANNOT_TELL);
    assert_eq!(sizes_lost.standing, Standing::Holds);
    assert!(sizes_lost.figure.contains("Whoever compares SIZE lost 1 of 132"), "{}", sizes_lost.figure);
    let nobody_compares = without(&table, CANNOT_TELL, |row| row.variant == "stream-size");
    assert_eq!(nobody_compares.standing, Standing::Holds);
    let none_died = without(&table, CANNOT_TELL, |row| row.cut.starts_with("sender_dies"));
    assert!(none_died.figure.ends_with("lost 0 of 132 silently."), "{}", none_died.figure);
}

/// Of cuts, that is: what a loss of power takes has nothing to do with modes.
#[test]
fn more_reliable_is_who_loses_a_smaller_share_of_cuts() {
    let table = table("truth-table");
    let sentence = MORE_RELIABLE.both;
    let conditional = claim(&table, sentence);
    assert_eq!(conditional.standing, Standing::Conditional);
    assert!(
        conditional.figure.starts_with("Of 432 cuts of stream 198 were silent losses, of "),
        "{conditional:?}"
    );
    assert!(
        conditional
            .figure
            .ends_with("0; with more care stream mode had none either: stream-rename, stream-record."),
        "{conditional:?}"
    );
    assert_eq!(conditional.command, "ftpsim compare truth-table");
    let careful = |row: &TruthRecord| ["stream-record", "stream-rename"].contains(&row.variant.as_str());
    let careless = otherwise(&table, |rows| rows.retain(|row| !careful(row)));
    let holds = claim(&careless, sentence);
    assert_eq!(holds.standing, Standing::Holds);
    assert!(holds.figure.ends_with("0."), "{holds:?}");
    // As large a share is none that is smaller; of so many rows of each, as many.
    let alike = otherwise(&careless, |rows| {
        let is_reset = |row: &TruthRecord| row.fault_fired && row.cut == "reset";
        rows.retain(|row| ["stream", "block"].contains(&row.variant.as_str()) && is_reset(row));
        for variant in ["stream", "block"] {
            let rows = rows.iter_mut().filter(|row| row.variant == variant);
            rows.take(72)
                .enumerate()
                .for_each(|(nth, row)| row.effect = [Effect::Silent, Effect::Told][nth % 2]);
        }
        let mut kept = 0;
        rows.retain(|row| {
            row.variant == "stream" || {
                kept += 1;
                kept <= 72
            }
        });
    });
    let fails = claim(&alike, sentence);
    assert_eq!(fails.standing, Standing::Fails);
    assert!(
        fails.figure.starts_with("Of 72 cuts of stream 36 were silent losses, of 72 cuts of "),
        "{fails:?}"
    );
    // Half as many are fewer, though not in every way of counting.
    let half = otherwise(&alike, |rows| {
        let lost = rows.iter_mut().filter(|row| row.variant == "block" && row.effect == Effect::Silent);
        lost.take(18).for_each(|row| row.effect = Effect::Told);
    });
    let half = claim(&half, sentence);
    assert_eq!(half.standing, Standing::Holds);
    assert!(half.figure.contains("of 72 cuts of ") && half.figure.ends_with(" 18."), "{half:?}");
    let one = otherwise(&alike, |rows| {
        let mut lost = rows.iter_mut().filter(|row| row.effect == Effect::Silent);
        lost.next().unwrap();
        lost.for_each(|row| row.effect = Effect::Told);
    });
    let one = claim(&one, sentence);
    assert_eq!(one.standing, Standing::Holds);
    assert!(one.figure.starts_with("Of 72 cuts of stream 1 was a silent loss, of 72 cuts of "), "{one:?}");
    for lacking in ["stream", "block"] {
        assert_eq!(without(&alike, sentence, |row| row.variant == lacking).standing, Standing::Untested);
    }
}

/// Each moment is a sample: few that lose nothing show nothing.
#[test]
fn a_file_is_safe_where_enough_losses_of_power_take_none() {
    let table = table("truth-table");
    let conditional = claim(&table, SAFE);
    assert_eq!(conditional.standing, Standing::Conditional);
    assert!(conditional.figure.ends_with("before it answers, in 0 of 90."), "{conditional:?}");
    let powers = |row: &TruthRecord| row.cut.starts_with("power_cut");
    let durable = |row: &TruthRecord| row.variant.ends_with("-durable") && powers(row);
    let of_durable = |left: usize| {
        claim(
            &otherwise(&table, |rows| {
                let mut kept = 0;
                rows.retain(|row| {
                    !durable(row) || {
                        kept += 1;
                        kept <= left
                    }
                });
            }),
            SAFE,
        )
    };
    assert_eq!(of_durable(LOSSLESS_RUNS as usize).standing, Standing::Conditional);
    let few = of_durable(LOSSLESS_RUNS as usize - 1);
    assert_eq!((few.standing, few.command.as_str()), (Standing::NotEnough, "ftpsim compare power-cut"));
    assert!(few.figure.ends_with("takes 59 power cuts; there are 58."), "{few:?}");
    assert_eq!(of_durable(0).standing, Standing::Fails, "who syncs nothing loses some");
    let lost = otherwise(&table, |rows| rows.iter_mut().filter(|row| durable(row)).take(1).for_each(silent));
    assert_eq!(claim(&lost, SAFE).standing, Standing::Fails);
    let none = otherwise(&table, |rows| rows.retain(|row| !powers(row)));
    assert!(judge_truth(&none).iter().all(|claim| claim.claim != SAFE));
}

/// That a client that stops makes the mark itself is a condition, not a loss of who demands it.
#[test]
fn a_mark_cures_where_who_demands_it_loses_nothing() {
    let table = table("ftps-truth");
    for (sentence, strict, lax) in [
        (CURES, "Where both ends demand close_notify, 0 of ", "; where a FIN will do, 295 of "),
        (MARKS, "Where both ends demand the end of the zlib stream, 0 of ", "; where a FIN will do, 105 of "),
    ] {
        let conditional = claim(&table, sentence);
        assert_eq!(conditional.standing, Standing::Conditional);
        assert!(
            conditional.figure.starts_with(strict) && conditional.figure.contains(lax),
            "{conditional:?}"
        );
        assert!(conditional.figure.contains(" cuts lost files silently"), "{conditional:?}");
        let demands = if sentence == CURES { "stream-tls12" } else { "deflate-tls" };
        let lost = with_one(&table, of(demands, "reset"), silent);
        assert_eq!(claim(&lost, sentence).standing, Standing::Fails);
        let strict_alone = otherwise(&table, |rows| rows.retain(|row| !row.variant.ends_with("-lax")));
        let alone = claim(&strict_alone, sentence);
        assert!(!alone.figure.contains("where a FIN will do"), "{alone:?}");
        let stops = |row: &TruthRecord| row.cut == "sender_stops";
        assert_eq!(without(&strict_alone, sentence, stops).standing, Standing::Holds);
        let undemanded = otherwise(&table, |rows| {
            rows.retain(|row| row.variant.ends_with("-lax") || !row.variant.starts_with(&demands[..6]));
        });
        assert!(judge_truth(&undemanded).iter().all(|claim| claim.claim != sentence));
    }
    let words = " A client that cannot read its file to the end, ends the connection in order and exits makes the mark \
                 itself: 30 of 30 such stops lost files silently, 0 of 30 where the mode has a mark of its own.";
    assert!(claim(&table, CURES).figure.ends_with(words), "{}", claim(&table, CURES).figure);
    let strict_alone = otherwise(&table, |rows| rows.retain(|row| !row.variant.ends_with("-lax")));
    assert_eq!(claim(&strict_alone, CURES).standing, Standing::Conditional);
    let told = otherwise(&strict_alone, |rows| {
        rows.iter_mut().filter(|row| row.cut == "sender_stops").for_each(|row| row.effect = Effect::Told);
    });
    assert_eq!(claim(&told, CURES).standing, Standing::Holds);
}
