use super::*;
use crate::lab::compare::{Runs, compare};
use crate::lab::run;
use std::cell::Cell;
use std::collections::BTreeMap;
use tempfile::TempDir;

fn scenario() -> Scenario {
    let mut scenario = Scenario::load("tiny").unwrap();
    scenario.variants.truncate(2);
    scenario
}

const SEEDS: SeedRange = SeedRange { start: 3, end: 8 };

fn write_shard(scenario: &Scenario, shard: Shard, out: &Path) -> Result<u64, CompareError> {
    let run = |variant: &_, seed| run::run(scenario, variant, seed);
    write(&Runs { scenario, seeds: SEEDS, run }, shard, NonZeroUsize::MIN, &place(out, shard), || ())
}

fn place(out: &Path, shard: Shard) -> PathBuf {
    out.join(shard.index.to_string())
}

fn results(scenario: &Scenario, from: Source<'_>) -> Result<BTreeMap<String, Vec<u8>>, CompareError> {
    let out = TempDir::new().unwrap();
    let options = Options { seeds: SEEDS, jobs: NonZeroUsize::MIN, out: out.path(), from };
    compare(scenario, options, |variant, seed| run::run(scenario, variant, seed), || ())?;
    let files = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap());
    Ok(files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect())
}

#[test]
fn shards_put_together_are_the_whole() {
    let (scenario, out) = (scenario(), TempDir::new().unwrap());
    let whole = results(&scenario, Source::Run).unwrap();
    // More shards than seeds, and one that has nothing to do, as well.
    for count in [1, 3, 11] {
        let out = out.path().join(count.to_string());
        let shards: Vec<Shard> = (1..=count).map(|index| Shard { index, count }).collect();
        let units: u64 = shards.iter().map(|shard| write_shard(&scenario, *shard, &out).unwrap()).sum();
        assert_eq!(units, 10);
        let directories: Vec<PathBuf> = shards.iter().map(|shard| place(&out, *shard)).collect();
        assert_eq!(results(&scenario, Source::Shards(&directories)).unwrap(), whole, "{count} shards");
    }
}

#[test]
fn a_killed_shard_goes_on_behind_its_last_whole_line() {
    let (scenario, out) = (scenario(), TempDir::new().unwrap());
    let shard = Shard { index: 2, count: 2 };
    assert_eq!(write_shard(&scenario, shard, out.path()).unwrap(), 5);
    let done = place(out.path(), shard).join("tiny.jsonl");
    let part = done.with_extension("jsonl.part");
    let whole = fs::read(&done).unwrap();
    assert_eq!(write_shard(&scenario, shard, out.path()).unwrap(), 0, "it is done");
    let line_ends: Vec<usize> =
        (0..whole.len()).filter(|index| whole[*index] == b'\n').map(|index| index + 1).collect();
    // Killed anywhere: in the header, in a line, between two, behind all.
    for (cut, left) in [
        (0, 5),
        (7, 5),
        (line_ends[0], 5),
        (line_ends[0] + 9, 5),
        (line_ends[2], 3),
        (line_ends[3] - 1, 3),
        (whole.len(), 0),
    ] {
        fs::remove_file(&done).unwrap();
        fs::write(&part, &whole[..cut]).unwrap();
        assert_eq!(write_shard(&scenario, shard, out.path()).unwrap(), left, "cut at {cut}");
        assert!(fs::read(&done).unwrap() == whole && !part.exists(), "cut at {cut}");
    }
}

#[test]
fn what_another_has_left_there_is_no_part_of_it() {
    let (scenario, out) = (scenario(), TempDir::new().unwrap());
    let shard = Shard { index: 1, count: 2 };
    write_shard(&scenario, shard, out.path()).unwrap();
    let mut other = scenario.clone();
    other.path.rtt_us += 1;
    let directories = [place(out.path(), shard), place(out.path(), Shard { index: 2, count: 2 })];
    let error = results(&other, Source::Shards(&directories)).unwrap_err().to_string();
    assert!(error.contains("is not shard 1/2 of what is asked for"), "{error}");
    let error = results(&scenario, Source::Shards(&directories)).unwrap_err().to_string();
    assert!(error.contains("2/tiny.jsonl"), "{error}");
    // It is written anew, the beginning of another one, too.
    let done = directories[0].join("tiny.jsonl");
    fs::rename(&done, done.with_extension("jsonl.part")).unwrap();
    assert_eq!(write_shard(&other, shard, out.path()).unwrap(), 5);
}

#[test]
fn a_shard_that_lacks_a_line_or_has_a_torn_one_is_refused() {
    let (scenario, out) = (scenario(), TempDir::new().unwrap());
    let shard = Shard { index: 1, count: 1 };
    write_shard(&scenario, shard, out.path()).unwrap();
    let directories = [place(out.path(), shard)];
    let file = directories[0].join("tiny.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let error = |text: &str| {
        fs::write(&file, text).unwrap();
        results(&scenario, Source::Shards(&directories)).unwrap_err().to_string()
    };
    let short = whole[..whole.len() - 1].rfind('\n').unwrap() + 1;
    assert!(error(&whole[..short]).contains("has 9 units of 10"));
    assert!(error(&whole[..whole.len() - 2]).contains("has 9 units of 10"));
    assert!(error("").contains("has 0 units of 10"));
    let twice = format!("{whole}{}", &whole[short..]);
    assert!(error(&twice).contains("has 11 units of 10"));
    let torn = whole.replacen("\"seed\":4", "\"seed\":", 1);
    assert!(error(&torn).contains("line 4"), "{}", error(&torn));
    let older = whole.replace(&format!("\"version\":\"{VERSION}\""), "\"version\":\"0.0.1\"");
    assert!(error(&older).contains("is not shard 1/1"));
}

#[test]
fn two_processes_at_one_shard_do_not_mix() {
    let (scenario, out) = (scenario(), TempDir::new().unwrap());
    let shard = Shard { index: 1, count: 1 };
    let refused = Cell::new(false);
    let run = |variant: &_, seed| run::run(&scenario, variant, seed);
    let runs = Runs { scenario: &scenario, seeds: SEEDS, run };
    write(&runs, shard, NonZeroUsize::MIN, &place(out.path(), shard), || {
        if !refused.get() {
            let error = write_shard(&scenario, shard, out.path()).unwrap_err().to_string();
            assert!(error.contains("another process is at work"), "{error}");
            refused.set(true);
        }
    })
    .unwrap();
    assert!(refused.get());
}
