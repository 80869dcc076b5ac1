//! What a session costs that the house knows and nobody uses: the memory of the process per session, once its actor has
//! ended, with its handle kept by the host and without. Thousands are opened and left first, so that caches and the
//! allocator's stock are there.
//!
//! Run: `cargo bench -p highwater-tests --bench idle`

use std::time::Duration;

use highwater::{Highwater, SessionHandle};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, EntryId, Format, TokenCount};
use highwater_storage::{RedbOptions, RedbStore};
use highwater_tests::machine::resident_bytes;
use highwater_tests::world;
use tokio::task::JoinSet;

/// Sessions that are opened before anything is measured.
const BEFORE: usize = 20_000;
/// Sessions that are measured.
const MEASURED: usize = 100_000;
/// Sessions that are opened at once.
const AT_ONCE: usize = 500;
const CACHE_BYTES: usize = 16 << 20;

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

async fn visits(house: &Highwater, numbers: std::ops::Range<usize>) -> Vec<SessionHandle> {
    let mut handles = Vec::with_capacity(numbers.len());
    for first in numbers.clone().step_by(AT_ONCE) {
        let last = numbers.end.min(first + AT_ONCE);
        let visits: JoinSet<_> = (first..last).map(|number| visit(house.clone(), number)).collect();
        handles.extend(visits.join_all().await);
    }
    // Those that were told last end now.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(house.gauges().live_sessions, 0);
    handles
}

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = RedbOptions { cache_bytes: CACHE_BYTES, ..RedbOptions::default() };
    let store = RedbStore::open(dir.path(), options).expect("a new store");
    let house = Highwater::builder(store).start().await.expect("a house");
    let mut before = Vec::new();
    for (what, kept) in [("handle dropped", false), ("handle kept", true)] {
        let from = if kept { BEFORE + MEASURED } else { 0 };
        before.push(visits(&house, from..from + BEFORE).await);
        let (start, from) = (resident_bytes("VmRSS:"), from + BEFORE);
        let handles = visits(&house, from..from + MEASURED).await;
        let kept_handles = if kept { handles } else { Vec::new() };
        let grown = resident_bytes("VmRSS:").saturating_sub(start);
        println!(
            "{what}: {} bytes for each of {MEASURED} known and idle sessions",
            grown / MEASURED as u64
        );
        drop(kept_handles);
    }
    house.close().await.expect("closed");
}
