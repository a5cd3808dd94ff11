//! Instructions that the codecs take for 1 MiB, counted by valgrind's callgrind: they do not depend
//! on what else the machine does. `cargo bench --bench instructions` compares them with the
//! committed baseline, `benches/instructions.csv`, and fails when one has grown by more than 2 %.
//! With `-- --update` it writes the baseline anew, which needs a reason in the commit.
//!
//! Counts depend on the compiler, the C library (memcpy) and the vector instructions of the CPU, so
//! that the baseline names them. Where they are others the counts are printed, not judged.

mod common;

use common::codec::*;
use ftp_proto::mode::{Coding, Encoder, TransmissionMode};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Growth that fails the comparison.
const TOLERANCE: f64 = 0.02;

type Run = Box<dyn Fn()>;

/// callgrind counts in here only, and writes a file of counts whenever it is left.
#[inline(never)]
fn measured_instructions(run: &dyn Fn()) {
    run();
    black_box(());
}

/// Each case with its name, its bytes checked.
fn cases() -> Vec<(String, Run)> {
    let mut all: Vec<(String, Run)> = Vec::new();
    for (kind, payload) in kinds() {
        let payload: &'static [u8] = payload.leak();
        for (name, coding) in codings() {
            let mut wire = Vec::new();
            encode(coding, payload, |bytes| wire.extend_from_slice(bytes));
            let wire: &'static [u8] = wire.leak();
            check(payload, name, |sink| decode_events(coding, wire, sink));
            check(payload, name, |sink| decode_gathered(coding, wire, sink));
            let mut add = |way: &str, run: Run| all.push((format!("{kind}/{name}-{way}"), run));
            add("encode", Box::new(move || encode(coding, black_box(payload), discard)));
            add("decode", Box::new(move || decode_gathered(coding, black_box(wire), discard)));
            if coding.mode != TransmissionMode::Compressed {
                add("encode-borrowed", Box::new(move || encode_borrowed(coding, black_box(payload))));
                add("decode-borrowed", Box::new(move || decode_events(coding, black_box(wire), discard)));
            }
        }
    }
    all
}

fn discard(bytes: &[u8]) {
    black_box(bytes);
}

fn encode_borrowed(coding: Coding, payload: &[u8]) {
    let mut encoder = Encoder::new(coding);
    let mut out = Borrowing::default();
    for piece in payload.chunks(PIECE_BYTES) {
        out.framing.clear();
        out.parts.clear();
        encoder.encode(piece, end_after(payload, piece), &mut out);
        black_box((&out.framing, &out.parts));
    }
}

/// What counts depend on beside the code.
fn conditions() -> String {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok();
        let text =
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.lines().next().unwrap_or("unknown").to_owned()
    };
    let rustc = said(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), "--version");
    format!(
        "{rustc}; {}; {}; vectors {}",
        said("getconf", "GNU_LIBC_VERSION"),
        std::env::consts::ARCH,
        vectors()
    )
}

/// callgrind shows programs the CPU's vectors up to AVX2.
fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "basic"
}

/// Runs this program under callgrind; counts by case.
fn count(names: &[String]) -> Result<BTreeMap<String, u64>, String> {
    let scratch = std::env::temp_dir().join(format!("ftpsim-instructions-{}", std::process::id()));
    std::fs::create_dir(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let counts = count_in(&scratch, names);
    // Only a directory of temporary files.
    let _ = std::fs::remove_dir_all(&scratch);
    counts
}

fn count_in(scratch: &Path, names: &[String]) -> Result<BTreeMap<String, u64>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=instructions::measured_instructions"])
        .arg("--dump-after=instructions::measured_instructions")
        .arg(format!("--callgrind-out-file={}/counts", scratch.display()))
        .arg(program)
        .arg("--run")
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut counts = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let path = scratch.join(format!("counts.{}", index + 1));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
        let total = total.filter(|total| *total > 0);
        counts.insert(name.clone(), total.ok_or_else(|| format!("{}: no total", path.display()))?);
    }
    Ok(counts)
}

fn baseline_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.csv")
}

/// The conditions in a comment, then a row a case.
fn write_baseline(counts: &BTreeMap<String, u64>) -> std::io::Result<()> {
    let mut text = format!("# {}\ncase,instructions\n", conditions());
    for (name, count) in counts {
        let _ = writeln!(text, "{name},{count}");
    }
    std::fs::write(baseline_path(), text)
}

fn read_baseline() -> Result<(String, BTreeMap<String, u64>), String> {
    let path = baseline_path();
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let conditions = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().to_owned();
    let row = |line: &str| {
        let (name, count) = line.split_once(',')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    Ok((conditions, text.lines().filter_map(row).collect()))
}

/// Prints what differs; whether something has grown too much, or is missing on one side.
fn compare(old: &BTreeMap<String, u64>, new: &BTreeMap<String, u64>) -> bool {
    let mut worse = false;
    for (name, &count) in new {
        let Some(&before) = old.get(name).filter(|before| **before > 0) else {
            println!("{name:<40} {count:>12}  not in the baseline");
            worse = true;
            continue;
        };
        let change = count as f64 / before as f64 - 1.0;
        let verdict = match change {
            c if c > TOLERANCE => "  GROWN",
            c if c < -TOLERANCE => "  less",
            _ => "",
        };
        worse |= change > TOLERANCE;
        println!("{name:<40} {before:>12} {count:>12} {:>+8.2} %{verdict}", change * 100.0);
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        println!("{name:<40} is in the baseline only");
        worse = true;
    }
    worse
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let cases = cases();
    if has("--run") {
        cases.iter().for_each(|(_, run)| measured_instructions(&**run));
        return ExitCode::SUCCESS;
    }
    // `cargo bench -- codec` selects among criterion's benchmarks; this is not one of them.
    if arguments.iter().any(|argument| !argument.starts_with('-')) {
        return ExitCode::SUCCESS;
    }
    let names: Vec<String> = cases.into_iter().map(|(name, _)| name).collect();
    let counts = match count(&names) {
        Ok(counts) => counts,
        Err(error) => {
            eprintln!("instructions: {error}\nInstall valgrind to count instructions.");
            return ExitCode::from(2);
        }
    };
    if has("--update") {
        return match write_baseline(&counts) {
            Ok(()) => {
                println!("{} cases written to {}", counts.len(), baseline_path().display());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("instructions: {}: {error}", baseline_path().display());
                ExitCode::from(2)
            }
        };
    }
    let (made_with, old) = match read_baseline() {
        Ok(baseline) => baseline,
        Err(error) => {
            eprintln!("instructions: {error}; `cargo bench --bench instructions -- --update` writes it");
            return ExitCode::from(2);
        }
    };
    let worse = compare(&old, &counts);
    if made_with != conditions() {
        println!("\nNot judged: the baseline was made with {made_with}; here it is {}.", conditions());
        return ExitCode::SUCCESS;
    }
    if worse {
        println!(
            "\nMore instructions than the baseline by over {:.0} %, or other cases. If that is meant: \
             cargo bench --bench instructions -- --update, and say in the commit why.",
            TOLERANCE * 100.0
        );
        return ExitCode::from(1);
    }
    println!("\nNo case takes over {:.0} % more instructions than the baseline.", TOLERANCE * 100.0);
    ExitCode::SUCCESS
}
