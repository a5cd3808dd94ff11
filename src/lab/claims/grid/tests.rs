//! What the committed grid says to each claim, and what it would if some of its rows were others.

use super::*;
use crate::lab::claims::tests::{committed, otherwise, that_says};

fn wide_area() -> Grid {
    committed("wan-grid", "grid.csv")
}

fn claim(grid: &Grid, sentence: &str) -> Claim {
    that_says(judge_grid(grid), sentence)
}

/// The grid with the rows changed that `which` picks.
fn with(grid: &Grid, which: impl Fn(&GridRecord) -> bool, change: impl Fn(&mut GridRecord)) -> Grid {
    otherwise(grid, |rows| rows.iter_mut().filter(|row| which(row)).for_each(change))
}

fn without(grid: &Grid, which: impl Fn(&GridRecord) -> bool) -> Grid {
    otherwise(grid, |rows| rows.retain(|row| !which(row)))
}

/// The grid with those deliveries as fast as stream mode's over the same path.
fn as_fast(grid: &Grid, which: impl Fn(&GridRecord) -> bool) -> Grid {
    let stream: Vec<_> = grid.rows.iter().filter(|row| row.variant == "stream").cloned().collect();
    let key = |row: &GridRecord| {
        (row.direction, row.rtt_us, row.bandwidth_bits_per_s, row.loss.0, row.file_size_bytes)
    };
    with(grid, which, |row| {
        let same = stream.iter().find(|base| key(base) == key(row));
        row.duration_us = same.unwrap().duration_us;
    })
}

fn is_marked(row: &GridRecord) -> bool {
    ["block", "compressed"].contains(&row.variant.as_str())
}

/// The first cell of a contender.
fn first<'a>(grid: &Grid, variant: &'a str) -> impl Fn(&GridRecord) -> bool + use<'a> {
    let seed = grid.rows.iter().find(|row| row.variant == variant).unwrap().seed;
    move |row| row.variant == variant && row.seed == seed
}

#[test]
fn a_connection_per_file_is_every_stream_deliverys_and_no_other() {
    let grid = wide_area();
    let sentence = CONNECTION_PER_FILE.both;
    let holds = claim(&grid, sentence);
    assert_eq!(holds.standing, Standing::Holds);
    assert_eq!(
        holds.figure,
        "In 540 deliveries stream mode opened 1 data connection a file, block and compressed mode 1 a delivery at the \
         most."
    );
    for variant in ["block", "compressed"] {
        let again = with(&grid, first(&grid, variant), |row| row.data_connections = 2);
        assert_eq!(claim(&again, sentence).standing, Standing::Fails);
        assert!(claim(&again, sentence).figure.contains("mode 2 a delivery"));
    }
    let kept = with(&grid, first(&grid, "stream"), |row| row.data_connections = row.files - 1);
    assert_eq!(claim(&kept, sentence).standing, Standing::Fails);
    // What did not end is no evidence.
    let cut_off = with(&kept, first(&grid, "stream"), |row| row.duration_us = None);
    assert_eq!(claim(&cut_off, sentence).standing, Standing::Holds);
    assert!(claim(&cut_off, sentence).figure.starts_with("In 539 "));
    let pipelined = with(&grid, |row| row.variant == "block-pipelined", |row| row.data_connections = 9);
    assert_eq!(claim(&pipelined, sentence).standing, Standing::Holds, "one after the other is judged");
    let one = without(&grid, |row| row.variant == "stream" && !first(&grid, "stream")(row));
    assert!(claim(&one, sentence).figure.starts_with("In 1 delivery stream "), "{:?}", claim(&one, sentence));
    assert_eq!(claim(&without(&grid, |row| row.variant == "stream"), sentence).standing, Standing::Untested);
}

fn is_small(row: &GridRecord) -> bool {
    row.file_size_bytes <= SMALL_BYTES
}

/// Whoever comes first.
#[test]
fn stream_mode_is_who_opens_one_connection_at_a_time() {
    let grid = wide_area();
    let mut parallel_first = grid.clone();
    let variants = &mut parallel_first.scenario.variants;
    let parallel = variants.iter().position(|variant| variant.name == "stream-parallel").unwrap();
    variants[..=parallel].rotate_right(1);
    assert_eq!(judge_grid(&parallel_first), judge_grid(&grid));
}

/// Small files over some distance decide; others are a condition.
#[test]
fn faster_is_who_is_it_in_every_cell_far_away() {
    let grid = wide_area();
    let sentence = FASTER.both;
    let conditional = claim(&grid, sentence);
    assert_eq!(conditional.standing, Standing::Conditional);
    assert_eq!(
        conditional.figure,
        "Files of at most 16 KiB over 10 ms and more: 0.38 to 0.62 of stream's time in 180 cells; in a local network \
         0.38 to 0.94; larger files 0.33 to 1.54."
    );
    assert_eq!(conditional.command, "ftpsim compare wan-grid");
    let mut block_first = grid.clone();
    let variants = &mut block_first.scenario.variants;
    let block = variants.iter().position(|variant| variant.name == "block").unwrap();
    variants[..=block].rotate_right(1);
    assert_eq!(claim(&block_first, sentence), conditional);
    let everywhere = without(&grid, |row| !is_small(row));
    assert_eq!(claim(&everywhere, sentence).standing, Standing::Holds);
    let slower = |row: &mut GridRecord| row.duration_us = Some(1 << 50);
    let near = with(&everywhere, |row| is_marked(row) && row.rtt_us < 10_000, slower);
    assert_eq!(claim(&near, sentence).standing, Standing::Conditional);
    // Losses hit one contender and not the other; the contenders that are judged are the plain ones.
    for which in [
        |row: &GridRecord| row.loss != Ppm(0),
        |row: &GridRecord| row.variant == "block-pipelined" || row.variant == "stream-size",
    ] {
        assert_eq!(claim(&with(&everywhere, which, slower), sentence), claim(&everywhere, sentence));
    }
    // As fast is not faster; and 10 ms are far.
    let far = |row: &GridRecord| row.rtt_us == 10_000 && row.loss == Ppm(0) && row.file_size_bytes == 100;
    let alike = as_fast(&everywhere, |row| row.variant == "block" && far(row));
    let fails = claim(&alike, sentence);
    assert_eq!(fails.standing, Standing::Fails);
    assert!(fails.figure.contains(" to 1.00 of stream's time"), "{fails:?}");
    assert!(fails.figure.ends_with("in a local network 0.38 to 0.94."), "{fails:?}");
    let near = claim(&as_fast(&everywhere, |row| is_marked(row) && row.rtt_us < 10_000), sentence);
    assert_eq!(near.standing, Standing::Conditional);
    assert!(near.figure.ends_with("in a local network 1.00."), "{near:?}");
    let is_large = |row: &GridRecord| is_marked(row) && !is_small(row);
    let large = claim(&as_fast(&grid, is_large), sentence);
    assert_eq!(large.standing, Standing::Conditional);
    assert!(large.figure.ends_with("larger files 1.00."), "{large:?}");
    let faster = with(&grid, is_large, |row| row.duration_us = Some(1));
    assert_eq!(claim(&faster, sentence).standing, Standing::Holds);
    let is_far = |row: &GridRecord| row.rtt_us >= 10_000;
    assert_eq!(claim(&without(&everywhere, is_far), sentence).standing, Standing::Untested);
}

/// Of the largest files, less than one in a hundred.
#[test]
fn a_small_overhead_is_a_small_share_of_large_files() {
    let grid = wide_area();
    let sentence = SMALL_OVERHEAD.both;
    let holds = claim(&grid, sentence);
    assert_eq!(holds.standing, Standing::Holds);
    assert_eq!(
        holds.figure,
        "Of incompressible files framing takes 3 to 8258 bytes a file, 0.005 to 0.788 % of the largest; all packets \
         together are more than stream's in 86 of 360 cells without losses: the connections saved weigh more elsewhere."
    );
    let hundredth = |row: &mut GridRecord| row.framing_overhead_bytes = row.payload_bytes as i64 / 100 + 1;
    let large = with(&grid, |row| row.variant == "block" && row.file_size_bytes == 1_048_576, hundredth);
    let conditional = claim(&large, sentence);
    assert_eq!(conditional.standing, Standing::Conditional);
    assert!(conditional.figure.contains(" to 1.000 % of the largest"), "{conditional:?}");
    // One in a hundred is not less.
    let exactly = with(&large, is_marked, |row| {
        (row.payload_bytes, row.framing_overhead_bytes) = (1_000_000, 10_000);
    });
    let exactly = claim(&exactly, sentence);
    assert_eq!(exactly.standing, Standing::Conditional);
    assert!(exactly.figure.contains(" 1.000 % of the largest"), "{exactly:?}");
    let smaller = with(&grid, |row| row.variant == "block" && row.file_size_bytes < 1_048_576, hundredth);
    assert_eq!(claim(&smaller, sentence).standing, Standing::Holds);
    // As many bytes are no more.
    let base = with(
        &grid,
        |row| ["stream", "block", "compressed"].contains(&row.variant.as_str()),
        |row| {
            row.wire_bytes = 1;
        },
    );
    assert!(claim(&base, sentence).figure.contains("more than stream's in 0 of 360 cells"));
    let lossy = with(&base, |row| row.variant == "block" && row.loss != Ppm(0), |row| row.wire_bytes = 2);
    assert!(claim(&lossy, sentence).figure.contains("more than stream's in 0 of 360 cells"));
    let block = without(&grid, |row| ["compressed", "stream"].contains(&row.variant.as_str()));
    let block = claim(&block, sentence);
    assert!(block.figure.contains("in 0 of 180 cells"), "nothing to compare with: {block:?}");
}
