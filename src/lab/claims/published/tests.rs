use super::*;
use crate::lab::claims::tests::committed;

fn standing(grid: &Grid) -> (Standing, String) {
    let claim = published(grid).unwrap();
    (claim.standing, claim.figure)
}

#[test]
fn pipelining_holds_the_rate_as_published() {
    let mut grid = committed("gridftp-pipelining", "grid.csv");
    let (holds, figure) = standing(&grid);
    assert_eq!(holds, Standing::Holds, "{figure}");
    assert!(figure.contains("TeraGrid 2007") && figure.contains("at 100 kB"), "{figure}");
    let told = "with 100 % of 59 Mbit/s at 1000 kB, 98 % at 100 kB, 32 % at 10 kB in block-pipelined, \
                with 54 % of 59 Mbit/s at 1000 kB, 10 % at 100 kB, 1 % at 10 kB in block.";
    assert!(figure.ends_with(told), "{figure}");
    // As fast with it as without.
    let one: Vec<_> = grid.rows.iter().filter(|row| row.variant == "block").cloned().collect();
    for row in grid.rows.iter_mut().filter(|row| row.variant == "block-pipelined") {
        let key = |row: &GridRecord| (row.rtt_us, row.file_size_bytes);
        row.duration_us = one.iter().find(|one| key(one) == key(row)).unwrap().duration_us;
    }
    assert_eq!(standing(&grid).0, Standing::Fails);
    grid.rows.retain(|row| row.rtt_us < WIDE_AREA_US);
    assert_eq!(standing(&grid).0, Standing::Untested);
}

#[test]
fn one_connection_is_faster_as_published() {
    let mut grid = committed("persistent-connections", "grid.csv");
    let (holds, figure) = standing(&grid);
    assert_eq!(holds, Standing::Holds, "{figure}");
    assert!(figure.contains("SIGCOMM 1997") && figure.contains("over 3 of 3 paths"), "{figure}");
    let first = grid.rows.iter_mut().find(|row| row.variant == "block-pipelined").unwrap();
    first.duration_us = Some(60_000_000);
    assert_eq!(standing(&grid).0, Standing::Conditional);
    let pipelined = grid.rows.iter_mut().filter(|row| row.variant == "block-pipelined");
    pipelined.for_each(|row| row.duration_us = Some(60_000_000));
    assert_eq!(standing(&grid).0, Standing::Fails);
    // As fast is not faster.
    for row in grid.rows.iter_mut().filter(|row| row.variant == "stream-parallel") {
        row.duration_us = Some(60_000_000);
    }
    assert_eq!(standing(&grid).0, Standing::Fails);
    grid.rows.retain(|row| row.variant != "stream-parallel");
    assert_eq!(standing(&grid).0, Standing::Untested);
}

#[test]
fn markers_cost_what_the_rfc_counts() {
    let mut grid = committed("restart-markers", "grid.csv");
    let (holds, figure) = standing(&grid);
    assert_eq!(holds, Standing::Holds, "{figure}");
    assert!(figure.contains("10 of 10 cells") && figure.contains("2046 markers"), "{figure}");
    let told = "10 of 10 cells take exactly what that makes; marker-16k, with 2046 markers, takes 25754 bytes more where \
                25754 are counted, 12.6 a marker, and 52.34 ms more: ";
    assert!(figure.contains(told), "{figure}");
    // Files that end before their first marker show nothing.
    let mut short = grid.clone();
    short.rows.iter_mut().for_each(|row| row.file_size_bytes = 16_384);
    assert_eq!(standing(&short).0, Standing::Untested);
    for row in grid.rows.iter_mut().filter(|row| row.variant == "marker-1m") {
        row.framing_overhead_bytes += 1;
    }
    assert_eq!(standing(&grid).0, Standing::Conditional);
    let others = grid.rows.iter_mut().filter(|row| !["block", "marker-1m"].contains(&row.variant.as_str()));
    others.for_each(|row| row.framing_overhead_bytes += 1);
    assert_eq!(standing(&grid).0, Standing::Fails);
    grid.rows.retain(|row| row.variant == "block");
    assert_eq!(standing(&grid).0, Standing::Untested);
}

#[test]
fn other_grids_have_no_such_claim() {
    assert_eq!(published(&committed("round-trips", "grid.csv")), None);
}
