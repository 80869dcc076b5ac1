//! Instructions of the hot paths, which do not depend on what else the machine does: each case is counted by callgrind
//! and compared with what was accepted before. Ends with 1 when one takes more than it may; with `--accept` what is
//! counted becomes what is expected. Why not by a library: docs/benchmarks.md.
//!
//! Run: `cargo bench -p highwater-tests --bench counts [-- [PART OF A NAME] [--accept]]`
#![expect(clippy::cast_precision_loss, reason = "changes in percent for people")]

mod append;
mod callgrind;
mod context;
mod expected;
mod ground;
mod pass;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use expected::Expected;

/// By so many percent a case may be above what is expected: between two runs of one program counts differ by less than
/// one, and code that is compiled otherwise for the sake of its neighbour is no news.
const MOST_PERCENT: f64 = 5.0;

const SHORT: u64 = 1_000;
const LONG: u64 = 100_000;

/// Something whose instructions are counted.
struct Case {
    name: &'static str,
    /// The entries of the session that it is played in.
    entries: u64,
    /// Plays it over the store in a directory.
    play: fn(&Path),
}

const CASES: [Case; 15] = [
    Case { name: "append-read", entries: SHORT, play: append::read },
    Case { name: "append-decided-1k", entries: SHORT, play: append::decided },
    Case { name: "append-decided-100k", entries: LONG, play: append::decided },
    Case { name: "append-committed-1k", entries: SHORT, play: append::committed },
    Case { name: "append-committed-100k", entries: LONG, play: append::committed },
    Case { name: "append-in-a-house-1k", entries: SHORT, play: append::in_a_house },
    Case { name: "append-in-a-house-100k", entries: LONG, play: append::in_a_house },
    Case { name: "context-decided-1k", entries: SHORT, play: context::decided },
    Case { name: "context-decided-100k", entries: LONG, play: context::decided },
    Case { name: "context-in-a-house-1k", entries: SHORT, play: context::in_a_house },
    Case { name: "context-in-a-house-100k", entries: LONG, play: context::in_a_house },
    Case { name: "plan-1k", entries: SHORT, play: pass::plan },
    Case { name: "plan-100k", entries: LONG, play: pass::plan },
    Case { name: "splice-1k", entries: SHORT, play: pass::splice },
    Case { name: "splice-100k", entries: LONG, play: pass::splice },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, dir] = &args[..]
        && flag == "--play"
    {
        let case = CASES.iter().find(|case| case.name == name).expect("a name of a case");
        (case.play)(Path::new(dir));
        return ExitCode::SUCCESS;
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if !has("--bench") {
        println!("counts: it counts under `cargo bench` alone, nothing is counted");
        return ExitCode::SUCCESS;
    }
    let Some(valgrind) = callgrind::version() else {
        println!("counts: valgrind is not installed, nothing is counted");
        return ExitCode::SUCCESS;
    };
    let parts: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_meant = |case: &&Case| parts.iter().all(|part| case.name.contains(part.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(is_meant).collect();
    let (mut expected, tools) = (Expected::read(), expected::tools(&valgrind));
    let (counts, missed) = compare(&cases, &expected);
    println!("callgrind_annotate {}/CASE.out tells where they went", callgrind::kept().display());
    if has("--accept") {
        let has_all = cases.len() == CASES.len();
        let kept = if has_all { BTreeMap::new() } else { std::mem::take(&mut expected.counts) };
        let counts = kept.into_iter().chain(counts).collect();
        Expected { tools: Some(tools), counts }.write();
        println!("accepted");
        return ExitCode::SUCCESS;
    }
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("more than {MOST_PERCENT} % above what is expected, or not expected at all:");
    println!("  {}", missed.join(", "));
    println!("expected are counts with {}", expected.tools.as_deref().unwrap_or("nothing yet"));
    println!("this was counted with    {tools}");
    println!("to accept it: cargo bench -p highwater-tests --bench counts -- --accept");
    ExitCode::FAILURE
}

/// Counts cases and prints how they compare. Tells the counts, and which cases are above what they may take.
fn compare(cases: &[&Case], expected: &Expected) -> (BTreeMap<String, u64>, Vec<&'static str>) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut grown: BTreeMap<u64, PathBuf> = BTreeMap::new();
    let (mut counts, mut missed) = (BTreeMap::new(), Vec::new());
    println!("{:<24} {:>14} {:>14} {:>9}", "case", "instructions", "expected", "change");
    for case in cases {
        let store = grown.entry(case.entries).or_insert_with(|| {
            let store = dir.path().join(case.entries.to_string());
            ground::grow(&store, case.entries);
            store
        });
        let own = ground::copy(store, dir.path().join(case.name));
        let count = callgrind::count(case.name, &own);
        std::fs::remove_dir_all(own).expect("it is ours");
        counts.insert(case.name.to_owned(), count);
        let Some(before) = expected.counts.get(case.name) else {
            println!("{:<24} {count:>14} {:>14} {:>9}", case.name, "-", "-");
            missed.push(case.name);
            continue;
        };
        let change = (count as f64 / *before as f64 - 1.0) * 100.0;
        println!("{:<24} {count:>14} {before:>14} {change:>+7.2} %", case.name);
        if change > MOST_PERCENT {
            missed.push(case.name);
        }
    }
    (counts, missed)
}
