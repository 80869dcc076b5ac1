//! How much memory a house takes over a history that is much larger: 1 GB over 2,000 sessions, with a budget of 64 MB.
//! Every session is visited in several rounds, several at once, entries appended, contexts asked for; the memory of the
//! process is sampled after each visit, and the system says what it was at most in between.
//!
//! Run: `cargo bench -p highwater-tests --bench memory`

#![expect(clippy::cast_precision_loss, reason = "ratios for people")]

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use highwater::Highwater;
use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, EntryId, Format, TokenCount};
use highwater_storage::{RedbOptions, RedbStore, Store};
use highwater_tests::machine::resident_bytes;
use highwater_tests::world;

const SESSIONS: u64 = 2_000;
const ROUNDS: u64 = 5;
/// Sessions that are visited at once.
const AT_ONCE: usize = 8;
/// Entries that a visit appends, and the bytes of each: 1 GB in all.
const ENTRIES: u64 = 50;
const ENTRY_BYTES: usize = 2_000;
const BUDGET_BYTES: u64 = 64 << 20;
const CACHE_BYTES: usize = 16 << 20;

fn entry(session: u64, number: u64) -> Arc<Entry> {
    let id = EntryId::parse(&format!("e{number}")).expect("a legal id");
    let mut text = String::with_capacity(ENTRY_BYTES);
    let mut seed = session * 7_919 + number;
    while text.len() < ENTRY_BYTES - 50 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write!(text, "word{} ", (seed >> 33) % 5_000).expect("a string takes everything");
    }
    let said =
        if number.is_multiple_of(2) { Entry::user(id, &text) } else { Entry::assistant(id, &text) };
    Arc::new(said.expect("a small entry"))
}

/// What was seen while sessions were visited.
#[derive(Default)]
struct Seen {
    process: AtomicU64,
    counted: AtomicU64,
    samples: AtomicU64,
}

/// Appends to a session what belongs to a round, and asks for a context.
async fn visit(house: &Highwater, number: u64, round: u64) {
    let budget = Budget::of_window(TokenCount(48_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let session = house.open(world::named(&format!("s{number}")), config).await;
    let session = session.expect("it opens");
    let entries = (0..ENTRIES).map(|n| entry(number, round * ENTRIES + n));
    for entry in entries.collect::<Vec<_>>().chunks(10) {
        session.append(entry.to_vec()).await.expect("it is stored");
    }
    let answer = session.context(OpenCalls::StandIn).await.expect("an answer");
    assert!(matches!(answer, ContextReply::Ready(_)), "{answer:?}");
}

/// Visits all sessions, as one of several that do.
async fn visits(house: Highwater, first: u64, seen: Arc<Seen>) {
    for round in 0..ROUNDS {
        for number in (first..SESSIONS).step_by(AT_ONCE) {
            visit(&house, number, round).await;
            seen.process.fetch_max(resident_bytes("VmRSS:"), Ordering::Relaxed);
            seen.counted.fetch_max(house.gauges().resident_bytes, Ordering::Relaxed);
            seen.samples.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let base = resident_bytes("VmRSS:");
    let options = RedbOptions { cache_bytes: CACHE_BYTES, ..RedbOptions::default() };
    let store = Arc::new(RedbStore::open(dir.path(), options).expect("a store"));
    let started = Instant::now();
    let seen = Arc::<Seen>::default();
    let gauges = runtime.block_on(async {
        let builder = Highwater::builder(world::Shared(Arc::clone(&store)));
        let house = builder.resident_bytes(BUDGET_BYTES).start().await.expect("a house");
        let visitors = (0..AT_ONCE as u64)
            .map(|first| tokio::spawn(visits(house.clone(), first, Arc::clone(&seen))));
        for visitor in visitors.collect::<Vec<_>>() {
            visitor.await.expect("it has visited all of its sessions");
        }
        let gauges = house.gauges();
        house.close().await.expect("it closes");
        gauges
    });
    let most = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let (process, samples) = (most(&seen.process), most(&seen.samples));
    let peak = resident_bytes("VmHWM:");
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let history = SESSIONS * ROUNDS * ENTRIES * ENTRY_BYTES as u64;
    println!(
        "{:.0} MB of entries over {SESSIONS} sessions in {:.0?}",
        mb(history),
        started.elapsed()
    );
    println!("store: {:.0} MB", mb(store.usage().expect("figures").bytes));
    println!(
        "budget {:.0} MB; counted at most {:.0} MB",
        mb(BUDGET_BYTES),
        mb(most(&seen.counted))
    );
    println!(
        "process: {:.0} MB before, at most {:.0} MB in {samples} samples, {:.0} MB between them",
        mb(base),
        mb(process),
        mb(peak)
    );
    println!("above the budget at most {:.0} MB", mb(peak.max(process)) - mb(BUDGET_BYTES));
    println!("{gauges:?}");
}
