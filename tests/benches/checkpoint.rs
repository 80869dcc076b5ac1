//! Does a checkpoint cost what is new, or what is there? An agent of 2,000 turns with passes on, over one redb file: each
//! turn is a question, a call and its result, an answer and a context, then a checkpoint and its export. Prints the bytes
//! written per export and the time that checkpoint and export took, in the first and in the last tenth of the turns.
//! Every tenth has turns of the same sizes, so that the ratio is not one of luck. Ends by restoring the last checkpoint.
//!
//! Run: `cargo bench -p highwater-tests --bench checkpoint`

use std::path::Path;
use std::time::{Duration, Instant};

use highwater::storage::export::{Source, Verified};
use highwater::storage::{MemoryStore, RedbOptions, RedbStore};
use highwater::summarize::Extractive;
use highwater::{Highwater, SessionHandle};
use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Digest, Error, Format, SessionId, TokenCount};
use highwater_tests::notation;

const TURNS: usize = 2_000;
const TENTH: usize = TURNS / 10;
/// The most that the last tenth may write, as a multiple of the first.
const TARGET: f64 = 1.2;

/// What one export cost.
struct Cost {
    bytes: u64,
    took: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (store, backup) = (dir.path().join("store"), dir.path().join("backup"));
    let store = RedbStore::open(&store, RedbOptions::default()).expect("a new store");
    let house = Highwater::builder(store).summarizer(Extractive).start().await?;
    let budget = Budget::of_window(TokenCount(100_000))?;
    let config = SessionConfig::new(budget, Format::Anthropic);
    let session = house.open(SessionId::parse("agent")?, config).await?;
    let mut costs = Vec::with_capacity(TURNS);
    for turn in 0..TURNS {
        play(&session, turn).await?;
        let started = Instant::now();
        let checkpoint = session.checkpoint().await?;
        let done = session.export(checkpoint, None, &backup).await?;
        costs.push(Cost { bytes: done.bytes, took: started.elapsed() });
    }
    let resets = session.status().await?.resets;
    house.close().await?;
    report(&costs, resets);
    restore(&backup);
    Ok(())
}

/// One turn of an agent: about 10 KB of text, now and then a large result.
async fn play(session: &SessionHandle, turn: usize) -> Result<(), Error> {
    let result = if turn % 20 == 7 { 6_000 } else { 300 + turn % 7 * 150 };
    let lines = [
        format!("u{turn}: {}", words(turn, 0, 40)),
        format!("a{turn} call c{turn} read: {}", words(turn, 1, 60)),
        format!("r{turn} c{turn}: {}", words(turn, 2, result)),
        format!("b{turn}: {}", words(turn, 3, 120)).replacen('b', "a0", 1),
    ];
    session.append(notation::entries(&lines.join("\n"))).await?;
    let answer = session.context(OpenCalls::Refuse).await?;
    assert!(matches!(answer, ContextReply::Ready(_)), "no context: {answer:?}");
    Ok(())
}

/// Words that follow no rule, of a vocabulary like that of prose.
fn words(turn: usize, part: usize, count: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "fer", "ry", "tide", "har", "bour", "lo", "g", "ca", "ble", "win", "d", "ster", "n",
        "pier", "mo", "or",
    ];
    let mut text = String::new();
    let mut seed = Digest::of_parts(&[&turn.to_le_bytes(), &part.to_le_bytes()]);
    for number in 0..count {
        if number % 16 == 0 {
            seed = Digest::of(&seed.0);
        }
        for byte in &seed.0[number % 16 * 2..][..2] {
            text.push_str(SYLLABLES[usize::from(byte % 16)]);
            text.push_str(SYLLABLES[usize::from(byte / 16)]);
        }
        text.push(if number % 12 == 11 { '.' } else { ' ' });
    }
    text
}

fn report(costs: &[Cost], resets: u64) {
    let (first, last) = (&costs[..TENTH], &costs[TURNS - TENTH..]);
    println!("{TURNS} turns, {resets} resets, an export behind each");
    for (name, tenth) in [("first tenth", first), ("last tenth", last)] {
        let mut took: Vec<Duration> = tenth.iter().map(|cost| cost.took).collect();
        took.sort_unstable();
        let (p50, p99) = (took[TENTH / 2], took[TENTH * 99 / 100]);
        println!(
            "{name:12} {:>9.0} bytes an export  p50 {p50:>8.1?}  p99 {p99:>8.1?}",
            mean(tenth)
        );
    }
    let ratio = mean(last) / mean(first);
    println!("bytes written, last / first: {ratio:.3} (at most {TARGET})");
    let all: u64 = costs.iter().map(|cost| cost.bytes).sum();
    println!("{all} bytes written in all");
}

fn mean(costs: &[Cost]) -> f64 {
    let bytes: u64 = costs.iter().map(|cost| cost.bytes).sum();
    f64::from(u32::try_from(bytes).expect("a tenth writes less than 4 GiB"))
        / f64::from(u32::try_from(costs.len()).expect("a few hundred"))
}

fn restore(backup: &Path) {
    let source = Source { dir: backup, session: None, checkpoint: None };
    let started = Instant::now();
    let verified = Verified::read(&source, &mut |_, _| {}).expect("the export is whole");
    let verifying = started.elapsed();
    let store = MemoryStore::new();
    let started = Instant::now();
    let done = verified.write(&store, None, &mut |_, _| {}).expect("it is restored");
    let (records, writing) = (done.records, started.elapsed());
    println!(
        "restored {records} records: verified in {verifying:.1?}, written to memory in {writing:.1?}"
    );
}
