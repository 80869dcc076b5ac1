//! What becomes of batches that are committed together, and when commits begin. Paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{
    Budget, Entry, EntryId, Format, LogPos, Record, SessionId, Timestamp, TokenCount,
};
use highwater_storage::{
    Access, BatchId, Capabilities, Epoch, MemoryStore, RedbOptions, RedbStore, SessionBatch,
    Shared, Store, StoreError, Wrapping,
};
use tokio::time::{Instant, sleep};

use super::append;
use crate::env::Inline;
use crate::{Highwater, SessionHandle};

fn id(name: &str) -> SessionId {
    SessionId::parse(name).expect("a legal name")
}

fn batch(name: &str) -> SessionBatch {
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let record = Record::Opened { at: Timestamp(0), format: Format::Anthropic, budget };
    SessionBatch {
        session: id(name),
        epoch: Epoch(1),
        head: LogPos(0),
        batch: BatchId(1),
        records: vec![record],
    }
}

#[test]
fn no_session_fails_for_anothers_fault() {
    let store = MemoryStore::new();
    for name in ["a", "c"] {
        store.open_session(&id(name)).expect("opened");
    }
    let results = append(&store, &[batch("a"), batch("never opened"), batch("c")]);
    let stored: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true], "{results:?}");
}

const EVERY: Duration = Duration::from_millis(10);

/// A house and sessions in it, all of which have said something.
struct Played {
    store: Arc<MemoryStore>,
    sessions: Vec<SessionHandle>,
}

impl Played {
    async fn of(count: usize) -> Self {
        let store = Arc::new(MemoryStore::new());
        let builder = Highwater::builder(Shared(Arc::clone(&store))).executor(Inline);
        let house = builder.commit_every(EVERY).start().await.expect("a house");
        let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
        let mut sessions = Vec::new();
        for number in 0..count {
            let config = SessionConfig::new(budget, Format::Anthropic);
            let handle = house.open(id(&format!("s{number}")), config).await.expect("it opens");
            says(&handle, 0).await;
            sessions.push(handle);
        }
        sleep(EVERY * 2).await;
        Self { store, sessions }
    }

    fn commits(&self) -> u64 {
        self.store.usage().expect("it is known").commits
    }
}

async fn says(session: &SessionHandle, number: usize) {
    let id = EntryId::parse(&format!("e{number}")).expect("a legal id");
    let entry = Entry::user(id, "hello").expect("a small entry");
    session.append(vec![Arc::new(entry)]).await.expect("it is stored");
}

#[tokio::test(start_paused = true)]
async fn sessions_that_come_one_by_one_share_commits() {
    let played = Played::of(40).await;
    let (before, began) = (played.commits(), Instant::now());
    let mut waiting = Vec::new();
    for session in &played.sessions {
        let session = session.clone();
        waiting.push(tokio::spawn(async move { says(&session, 1).await }));
        sleep(Duration::from_millis(1)).await;
    }
    for said in waiting {
        said.await.expect("it is stored");
    }
    let commits = played.commits() - before;
    // One at once for the first, and then one every ten milliseconds.
    assert!((4..=6).contains(&commits), "{commits}");
    assert!(began.elapsed() <= Duration::from_millis(40) + EVERY, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_straight_back_waits_for_nothing() {
    for sessions in [1, 2, 30] {
        let played = Played::of(sessions).await;
        let began = Instant::now();
        let writers = played.sessions.iter().cloned().map(|session| {
            tokio::spawn(async move {
                for number in 1..20 {
                    says(&session, number).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("all is stored");
        }
        // The last ones, who wait for those who say nothing more, wait until it is time.
        assert!(began.elapsed() <= EVERY * 3, "{sessions}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_after_a_while_is_committed_at_once() {
    let played = Played::of(3).await;
    for session in &played.sessions {
        let began = Instant::now();
        says(session, 1).await;
        assert!(began.elapsed().is_zero(), "{:?}", began.elapsed());
        sleep(EVERY).await;
    }
}

/// A store that counts how often it is asked to write behind. The first time that fails, the second time it panics.
struct Counting {
    store: RedbStore,
    times: Arc<AtomicUsize>,
}

impl Wrapping for Counting {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if access == Access::Behind {
            match self.times.fetch_add(1, Ordering::Relaxed) {
                0 => return Err(StoreError::Busy("not now".into())),
                1 => panic!("while it writes behind"),
                _ => {}
            }
        }
        work(&self.store)
    }
}

#[tokio::test(start_paused = true)]
async fn what_appends_leave_is_written_down_behind_them_and_its_failures_are_nobodys() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = RedbOptions { redo_bytes: 8 << 10, ..RedbOptions::default() };
    let store = RedbStore::open(dir.path(), options).expect("a store");
    let times = Arc::new(AtomicUsize::new(0));
    let counting = Counting { store, times: Arc::clone(&times) };
    let house = Highwater::builder(counting).executor(Inline).start().await.expect("a house");
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let session = house.open(id("a"), config).await.expect("it opens");
    for number in 0..60 {
        let name = EntryId::parse(&format!("e{number}")).expect("a legal id");
        let entry = Entry::user(name, &"said ".repeat(80)).expect("a small entry");
        session.append(vec![Arc::new(entry)]).await.expect("it is stored");
    }
    let times = times.load(Ordering::Relaxed);
    // Asked again each time until it is done, and then not before the log is half full once more.
    assert!((4..30).contains(&times), "{times} times");
}
