//! What a session costs that the house knows and nobody uses: bytes that are allocated for each, once its actor has ended,
//! with its handle kept by the host and without. Allocations are counted exactly, so that it does not depend on what an
//! allocator keeps. Some sessions are opened and left first, so that what grows once has grown.
//!
//! Run: `cargo bench -p highwater-tests --bench idle`

use std::ops::Range;
use std::time::Duration;

use highwater::{Highwater, SessionHandle};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, EntryId, Format, TokenCount};
use highwater_storage::{RedbOptions, RedbStore};
use highwater_tests::world;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Sessions that are opened before anything is counted: the tables of the house have doubled for the last time then.
const BEFORE: usize = 2_100;
/// Sessions that are counted.
const COUNTED: usize = 1_500;
/// Sessions that are opened at once.
const AT_ONCE: usize = 50;
const CACHE_BYTES: usize = 1 << 20;
/// What was appended last lies in memory until it is written down from the redo log: as much as the log has room for, and
/// nothing of it a session's own. A small log keeps that out of what is counted.
const REDO_BYTES: u64 = 64 << 10;
/// What one of them may cost.
const MOST_BYTES: i64 = 300;

/// Opens a session, says something in it, and leaves it.
async fn visit(house: Highwater, number: usize) -> SessionHandle {
    let budget = Budget::of_window(TokenCount(48_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let handle = house.open(world::named(&format!("session-{number}")), config).await;
    let handle = handle.expect("it opens");
    let id = EntryId::parse("e1").expect("a legal id");
    let said = Entry::user(id, "hello").expect("a small entry");
    handle.append(vec![said.into()]).await.expect("it is stored");
    handle.close().await.expect("its actor ends");
    handle
}

async fn visits(house: &Highwater, numbers: Range<usize>) -> Vec<SessionHandle> {
    let mut handles = Vec::with_capacity(numbers.len());
    for first in numbers.clone().step_by(AT_ONCE) {
        let some = first..numbers.end.min(first + AT_ONCE);
        let visits: JoinSet<_> = some.map(|number| visit(house.clone(), number)).collect();
        handles.extend(visits.join_all().await);
    }
    while house.gauges().live_sessions > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    handles
}

/// What is allocated and not given back.
fn allocated() -> i64 {
    i64::try_from(dhat::HeapStats::get().curr_bytes).expect("less than that")
}

fn each(bytes: i64) -> i64 {
    bytes / i64::try_from(COUNTED).expect("few")
}

#[tokio::main]
async fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let dir = tempfile::tempdir().expect("a directory");
    let options =
        RedbOptions { cache_bytes: CACHE_BYTES, redo_bytes: REDO_BYTES, ..RedbOptions::default() };
    let store = RedbStore::open(dir.path(), options).expect("a new store");
    let house = Highwater::builder(store).start().await.expect("a house");
    let before = visits(&house, 0..BEFORE).await;
    let start = allocated();
    let handles = visits(&house, BEFORE..BEFORE + COUNTED).await;
    let kept = allocated() - start;
    drop(handles);
    let dropped = allocated() - start;
    println!("sessions that are known and idle, {COUNTED} of them behind {BEFORE} others:");
    let rows = [(each(kept), "kept by the host"), (each(dropped), "dropped")];
    for (bytes, handle) in rows {
        let verdict = if bytes <= MOST_BYTES { "ok" } else { "MISSED" };
        println!(
            "  {bytes:>6} bytes each of at most {MOST_BYTES}, with its handle {handle}: {verdict}"
        );
    }
    drop(before);
    house.close().await.expect("closed");
}
