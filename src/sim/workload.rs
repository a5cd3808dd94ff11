//! The files of a delivery: drawn once from the seed, the same bytes for every contender.

use ftp_proto::repr::{Conversion, Converted, Outgoing};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use turmoil_tcp::seeds;

/// What a file is filled with; they differ in what compressed mode makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Incompressible.
    Random,
    /// Words and lines: hardly any runs.
    Text,
    /// Runs of one byte, up to 200 long, between short random strings: fixed-width records.
    Runs,
}

/// A file by description; [`FileSpec::bytes`] makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Its name, without a directory.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// What it is full of.
    pub content: Content,
    /// The seed of its bytes: the same seed, size and content make the same bytes.
    pub content_seed: u64,
}

const WORDS: &[&str] = &[
    "account", "balance", "carried", "delivery", "entry", "forward", "goods", "invoice", "journal", "ledger",
    "margin", "number", "order", "parcel", "quantity", "received", "shipment", "total", "unit", "voucher",
];

/// What decides the bytes of a file.
type Key = (u64, u64, Content);

/// Files that were made, for whoever asks for the same again.
struct Kept {
    /// With the run that has asked for them last.
    files: BTreeMap<Key, (u64, Arc<[u8]>)>,
    bytes: usize,
    /// Counts runs.
    run: u64,
}

/// So many bytes of files are kept that nobody has asked for of late.
const KEPT_BYTES: usize = 8 << 20;
/// Runs whose files are kept in any case: those under way hold theirs themselves, and the next one is probably another
/// contender's on the same seed.
const RECENT_RUNS: u64 = 2;

/// Every contender is sent the files of a seed, one after the other, on whichever thread.
static KEPT: Mutex<Kept> = Mutex::new(Kept::new());

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    const fn new() -> Self {
        Self { files: BTreeMap::new(), bytes: 0, run: 0 }
    }

    fn begin_run(&mut self) {
        self.run += 1;
        let of_late = self.run.saturating_sub(RECENT_RUNS);
        if self.bytes > KEPT_BYTES {
            self.files.retain(|_, (run, _)| *run >= of_late);
            self.bytes = self.files.values().map(|(_, bytes)| bytes.len()).sum();
        }
    }

    fn of(&mut self, key: &Key) -> Option<Arc<[u8]>> {
        let (run, bytes) = self.files.get_mut(key)?;
        *run = self.run;
        Some(bytes.clone())
    }

    /// Another thread may have made it meanwhile.
    fn keep(&mut self, key: Key, made: &Arc<[u8]>) {
        if self.files.insert(key, (self.run, made.clone())).is_none() {
            self.bytes += made.len();
        }
    }
}

/// A run begins: files that the last ones have not asked for may go.
pub fn begin_run() {
    lock(&KEPT).begin_run();
}

impl FileSpec {
    /// Its bytes, which are kept for a while.
    pub fn shared_bytes(&self) -> Arc<[u8]> {
        self.kept_in(&KEPT)
    }

    /// While it is made, others are looked up.
    fn kept_in(&self, kept: &Mutex<Kept>) -> Arc<[u8]> {
        let key = (self.content_seed, self.size_bytes, self.content);
        let known = lock(kept).of(&key);
        known.unwrap_or_else(|| {
            let made: Arc<[u8]> = self.bytes().into();
            lock(kept).keep(key, &made);
            made
        })
    }

    /// How many bytes of payload it is on a data connection.
    pub fn sent_bytes(&self, conversion: Conversion) -> u64 {
        if conversion.keeps_size() {
            return self.size_bytes;
        }
        let mut sent = Converted::default();
        match Outgoing::new(conversion).convert(&self.shared_bytes(), true, &mut sent) {
            Ok(()) => sent.bytes.len() as u64,
            // What cannot be converted is not sent to its end.
            Err(_) => u64::MAX,
        }
    }

    /// Its bytes, made anew at each call.
    pub fn bytes(&self) -> Vec<u8> {
        let mut rng = seeds::stream(self.content_seed, "content");
        let size = usize::try_from(self.size_bytes).expect("a simulated file fits in memory");
        let mut bytes = Vec::with_capacity(size + 256);
        while bytes.len() < size {
            match self.content {
                Content::Random => random(&mut rng, size - bytes.len(), &mut bytes),
                Content::Text => line(&mut rng, &mut bytes),
                Content::Runs => {
                    let literal = rng.random_range(1..=40);
                    random(&mut rng, literal, &mut bytes);
                    let byte = *[0, b' ', b'0', 0xff].get(rng.random_range(0..4)).expect("one of four");
                    let length = rng.random_range(4..=200);
                    bytes.extend(std::iter::repeat_n(byte, length));
                }
            }
        }
        bytes.truncate(size);
        bytes
    }
}

fn random(rng: &mut ChaCha12Rng, length: usize, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.resize(start + length, 0);
    rng.fill_bytes(&mut bytes[start..]);
}

fn line(rng: &mut ChaCha12Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(3..10) {
        bytes.extend(WORDS[rng.random_range(0..WORDS.len())].as_bytes());
        bytes.push(b' ');
    }
    bytes.extend(rng.random_range(0..1_000_000u32).to_string().into_bytes());
    bytes.push(b'\n');
}

/// What to draw: `size_bytes` inclusive; `weights` of random, text and runs.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// How many files.
    pub files: u32,
    /// The smallest size and the largest.
    pub size_bytes: (u64, u64),
    /// How often each content is drawn, in proportion to the others.
    pub weights: [u32; 3],
}

/// The files of the run named `seed`.
pub fn draw(seed: u64, what: Draw) -> Vec<FileSpec> {
    let mut rng = seeds::stream(seed, "files");
    (0..what.files)
        .map(|index| FileSpec {
            name: format!("file-{index:05}.dat"),
            size_bytes: size(&mut rng, what.size_bytes),
            content: content(&mut rng, what.weights),
            content_seed: rng.next_u64(),
        })
        .collect()
}

/// Log-uniform by octaves, in whole numbers: an octave of the range evenly, then a size evenly in
/// what of the octave the range holds.
fn size(rng: &mut ChaCha12Rng, (min, max): (u64, u64)) -> u64 {
    let octave = |size: u64| 64 - size.leading_zeros();
    let drawn = rng.random_range(octave(min)..=octave(max));
    let (low, high) = if drawn == 0 { (0, 0) } else { (1 << (drawn - 1), (1u64 << (drawn - 1)) * 2 - 1) };
    rng.random_range(low.max(min)..=high.min(max))
}

fn content(rng: &mut ChaCha12Rng, weights: [u32; 3]) -> Content {
    let mut draw = rng.random_range(0..weights.iter().sum::<u32>());
    for (weight, content) in weights.into_iter().zip([Content::Random, Content::Text, Content::Runs]) {
        if draw < weight {
            return content;
        }
        draw -= weight;
    }
    unreachable!("the draw is below the sum of the weights")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ftp_proto::mode::Structure;
    use ftp_proto::repr::{RecordForm, Representation};

    const DRAW: Draw = Draw { files: 300, size_bytes: (100, 16_384), weights: [1, 1, 1] };

    #[test]
    fn files_have_their_sizes_and_depend_on_the_seed_alone() {
        let files = draw(5, DRAW);
        assert_eq!(files, draw(5, DRAW));
        assert_ne!(files, draw(6, DRAW));
        for file in &files {
            assert!((100..=16_384).contains(&file.size_bytes));
            assert_eq!(file.bytes().len() as u64, file.size_bytes);
        }
        // Log-uniform: about as many below as above the geometric mean of 1,280 bytes.
        let small = files.iter().filter(|file| file.size_bytes < 1_280).count();
        assert!((90..=210).contains(&small), "{small} of 300 are small");
    }

    /// In TYPE A each line ends in one byte more, and its end is none of a record's bytes.
    #[test]
    fn a_file_is_as_long_on_the_way_as_its_type_makes_it() {
        let text = FileSpec { name: "f".into(), size_bytes: 1_000, content: Content::Text, content_seed: 1 };
        let lines = text.bytes().iter().filter(|byte| **byte == b'\n').count() as u64;
        assert!(lines > 5);
        let sent = |representation, structure| {
            let record_form = RecordForm::Plain;
            text.sent_bytes(Conversion { representation, structure, record_form })
        };
        assert_eq!(sent(Representation::Ascii, Structure::File), 1_000 + lines);
        assert_eq!(sent(Representation::Ascii, Structure::Record), 1_000 - lines);
        assert_eq!(sent(Representation::Image, Structure::Record), 1_000);
    }

    #[test]
    fn files_of_a_run_differ_from_one_another() {
        let files = draw(1, DRAW);
        let mut bytes: Vec<Vec<u8>> = files.iter().map(FileSpec::bytes).collect();
        bytes.sort();
        bytes.dedup();
        assert_eq!(bytes.len(), files.len());
    }

    #[test]
    fn bytes_that_were_kept_are_those_made_anew() {
        // More than is kept, twice.
        let files = draw(2, Draw { files: 120, size_bytes: (100_000, 200_000), weights: [1, 1, 1] });
        let kept = Mutex::new(Kept::new());
        for file in files.iter().chain(&files) {
            lock(&kept).begin_run();
            assert_eq!(file.kept_in(&kept)[..], file.bytes());
        }
        assert!(Arc::ptr_eq(&files[119].kept_in(&kept), &files[119].kept_in(&kept)));
        lock(&kept).begin_run();
        let kept = lock(&kept);
        assert!(kept.bytes <= KEPT_BYTES && kept.files.len() < 120);
        assert_eq!(kept.bytes, kept.files.values().map(|(_, bytes)| bytes.len()).sum::<usize>());
    }

    #[test]
    fn files_go_that_the_last_runs_have_not_asked_for_when_there_are_many() {
        let mut kept = Kept::new();
        let key = |seed| (seed, 0, Content::Random);
        let large: Arc<[u8]> = vec![0; KEPT_BYTES].into();
        kept.begin_run();
        kept.keep(key(1), &Arc::from([1]));
        kept.begin_run();
        kept.keep(key(2), &large);
        kept.keep(key(2), &large);
        for _ in 0..RECENT_RUNS {
            kept.begin_run();
            assert!(
                kept.of(&key(2)).is_some_and(|bytes| Arc::ptr_eq(&bytes, &large)),
                "it was asked for of late"
            );
        }
        assert_eq!((kept.of(&key(1)), kept.bytes), (None, KEPT_BYTES));
        for _ in 0..=RECENT_RUNS {
            kept.begin_run();
        }
        // What is kept is not too much.
        assert!(kept.of(&key(2)).is_some());
        kept.keep(key(3), &Arc::from([1]));
        for _ in 0..=RECENT_RUNS {
            kept.begin_run();
        }
        assert_eq!((kept.files.len(), kept.bytes), (0, 0));
    }

    #[test]
    fn size_zero_can_be_drawn() {
        let files = draw(3, Draw { files: 50, size_bytes: (0, 1), weights: [1, 0, 0] });
        assert!(files.iter().any(|file| file.size_bytes == 0));
    }
}
