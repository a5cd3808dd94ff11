use super::*;
use crate::sim::scenario::Scenario;

/// What is committed of the scenario's results.
fn committed(name: &str) -> Grid {
    let path = format!("{}/results/{name}/grid.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let rows = csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap();
    let scenario = Scenario::load(name).unwrap();
    Grid { scenario, rows, claims: Vec::new(), violations: Vec::new(), written: Vec::new() }
}

fn standing(grid: &Grid) -> (Standing, String) {
    let claim = published(grid).unwrap();
    (claim.standing, claim.figure)
}

#[test]
fn pipelining_holds_the_rate_as_published() {
    let mut grid = committed("gridftp-pipelining");
    let (holds, figure) = standing(&grid);
    assert_eq!(holds, Standing::Holds, "{figure}");
    assert!(figure.contains("TeraGrid 2007") && figure.contains("at 100 kB"), "{figure}");
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
    let mut grid = committed("persistent-connections");
    let (holds, figure) = standing(&grid);
    assert_eq!(holds, Standing::Holds, "{figure}");
    assert!(figure.contains("SIGCOMM 1997") && figure.contains("over 3 of 3 paths"), "{figure}");
    let first = grid.rows.iter_mut().find(|row| row.variant == "block-pipelined").unwrap();
    first.duration_us = Some(60_000_000);
    assert_eq!(standing(&grid).0, Standing::Conditional);
    grid.rows.retain(|row| row.variant != "stream-parallel");
    assert_eq!(standing(&grid).0, Standing::Untested);
}

#[test]
fn markers_cost_what_the_rfc_counts() {
    let mut grid = committed("restart-markers");
    let (holds, figure) = standing(&grid);
    assert_eq!(holds, Standing::Holds, "{figure}");
    assert!(figure.contains("10 of 10 cells") && figure.contains("2046 markers"), "{figure}");
    for row in grid.rows.iter_mut().filter(|row| row.variant == "marker-1m") {
        row.framing_overhead_bytes += 1;
    }
    assert_eq!(standing(&grid).0, Standing::Conditional);
    grid.rows.retain(|row| row.variant == "block");
    assert_eq!(standing(&grid).0, Standing::Untested);
}

#[test]
fn other_grids_have_no_such_claim() {
    assert_eq!(published(&committed("round-trips")), None);
}
