//! The default token estimate beside exact counts, for each transcript of a folder, and how fast both are:
//! `cargo bench -p highwater-tests --bench tokens`. The folder is `HIGHWATER_TRANSCRIPTS`, or `shared/transcripts` beside the
//! workspace. Files that hold no readable messages are measured as plain text. Fails when one is out of bounds.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use highwater::count::{O200k, TokenCounter};
use highwater_protocol::{Entry, tokens};
use highwater_tests::transcript;

/// Estimates are within these hundredths of the exact count.
const BOUNDS: std::ops::RangeInclusive<f64> = 0.95..=1.10;
/// How often the texts are estimated; the fastest time counts.
const ROUNDS: u32 = 7;

fn main() -> ExitCode {
    let folder = transcript::folder();
    let mut all = Vec::new();
    let mut outside = 0;
    println!("{:<48} {:>9} {:>9} {:>9}  ratio", "transcript", "bytes", "exact", "estimate");
    for file in transcript::files(&folder) {
        let Some((texts, how)) = std::fs::read(&file).ok().and_then(texts) else {
            continue;
        };
        let bytes: usize = texts.iter().map(String::len).sum();
        let exact: u64 = texts.iter().map(|text| O200k.count(text).0).sum();
        let estimate: u64 = texts.iter().map(|text| tokens::estimate(text).0).sum();
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let ratio = estimate as f64 / exact.max(1) as f64;
        let far = if BOUNDS.contains(&ratio) { "" } else { "  OUT OF BOUNDS" };
        outside += u32::from(!far.is_empty());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        println!("{name:<48} {bytes:>9} {exact:>9} {estimate:>9}  {ratio:.3} {how}{far}");
        all.extend(texts);
    }
    if all.is_empty() {
        println!("no transcripts in {}", folder.display());
        return ExitCode::SUCCESS;
    }
    let bytes: usize = all.iter().map(String::len).sum();
    let speed = |name: &str, count: &dyn Fn(&str) -> u64, rounds: u32| {
        let fastest = (0..rounds).map(|_| time(&all, count)).min().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a speed for people")]
        let speed = bytes as f64 / 1e6 / fastest.as_secs_f64();
        println!("{name}: {speed:.0} MB/s");
    };
    speed("estimate", &|text| tokens::estimate(text).0, ROUNDS);
    speed("exact", &|text| O200k.count(text).0, 1);
    println!("{outside} out of bounds");
    if outside == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn time(texts: &[String], count: &dyn Fn(&str) -> u64) -> Duration {
    let started = Instant::now();
    std::hint::black_box(texts.iter().map(|text| count(text)).sum::<u64>());
    started.elapsed()
}

/// The texts that sizes are estimated from: those of the messages that a model sees, or the whole file.
fn texts(bytes: Vec<u8>) -> Option<(Vec<String>, &'static str)> {
    if let Ok((_, entries)) = transcript::read(&bytes) {
        let messages = entries.iter().map(Entry::message);
        let parts = messages.filter(|message| message.is_visible()).flat_map(|m| &m.parts);
        let texts: Vec<String> = parts.flat_map(|part| part.texts().map(str::to_owned)).collect();
        if !texts.is_empty() {
            return Some((texts, "messages"));
        }
    }
    String::from_utf8(bytes).ok().map(|text| (vec![text], "plain text"))
}
