//! Session actors that die, and what their callers notice.

mod opening;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use highwater_protocol::message::{Notice, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{
    Budget, Entry, EntryId, Format, Kind, Seq, SeqRange, SessionId, TokenCount,
};
use highwater_storage::{
    Access, Capabilities, MemoryStore, RedbOptions, RedbStore, Store, StoreError, Wrapping,
};
use ractor::ActorStatus;

use super::{LOOKED_OVER_FROM, RegistryState};
use crate::env::{Executor, Inline, Job};
use crate::history::Order;
use crate::{Highwater, Restore, SessionHandle, Told};

async fn opened() -> (Highwater, SessionHandle) {
    with_session(Highwater::builder(MemoryStore::new()).start().await.expect("a house")).await
}

async fn with_session(house: Highwater) -> (Highwater, SessionHandle) {
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let session = SessionId::parse("s").expect("a legal name");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let handle = house.open(session, config).await.expect("a session");
    (house, handle)
}

fn entry(name: &str) -> Arc<Entry> {
    let id = EntryId::parse(name).expect("a legal id");
    Arc::new(Entry::user(id, "hello").expect("a small entry"))
}

#[tokio::test]
async fn a_killed_session_actor_is_rebuilt_and_nothing_acknowledged_is_lost() {
    let (house, handle) = opened().await;
    let first = handle.append(vec![entry("a")]).await.expect("stored");
    for _ in 0..3 {
        let actor = handle.activate().await.expect("alive");
        actor.get_cell().kill_and_wait(None).await.expect("it ends");
        let again = handle.append(vec![entry("a")]).await.expect("known");
        assert!(again[0].known && again[0].seq == first[0].seq);
    }
    handle.context(OpenCalls::Refuse).await.expect("a context");
    house.close().await.expect("closed");
}

#[tokio::test]
async fn a_request_in_the_hands_of_a_dying_actor_is_unknown_and_safe_to_repeat() {
    let (house, handle) = opened().await;
    let actor = handle.activate().await.expect("alive");
    let append = handle.append(vec![entry("a")]);
    tokio::pin!(append);
    // One poll puts the request into the mailbox; the actor dies before anything else runs.
    tokio::select! {
        biased;
        _ = &mut append => {}
        () = std::future::ready(()) => actor.get_cell().kill(),
    }
    if let Err(error) = append.await {
        assert_eq!(error.kind(), Kind::Unknown, "{error}");
    }
    let repeated = handle.append(vec![entry("a")]).await.expect("stored once");
    assert_eq!(repeated[0].seq.0, 1);
    assert_eq!(actor.get_status(), ActorStatus::Stopped);
    house.close().await.expect("closed");
}

#[tokio::test]
async fn subscribers_outlive_the_actor() {
    let (house, handle) = opened().await;
    let mut notices = handle.notices();
    let actor = handle.activate().await.expect("alive");
    actor.get_cell().kill_and_wait(None).await.expect("it ends");
    let long = "the tide turns ".repeat(20_000);
    let id = EntryId::parse("long").expect("a legal id");
    let entries = [entry("q"), Arc::new(Entry::assistant(id, &long).expect("an entry"))];
    handle.append(entries.to_vec()).await.expect("stored");
    handle.append(vec![entry("b")]).await.expect("stored");
    handle.compact(None, None).await.expect("answered");
    let told = notices.next().await;
    assert!(matches!(told, Some(Told::Notice(Notice::PassStarted { .. }))), "{told:?}");
    house.close().await.expect("closed");
    while notices.next().await.is_some() {}
    assert!(handle.notices().next().await.is_none(), "a closed house tells nothing");
}

#[tokio::test]
async fn a_closed_session_opens_again_with_the_next_call_and_a_closed_house_does_not() {
    let (house, handle) = opened().await;
    handle.append(vec![entry("a")]).await.expect("stored");
    handle.close().await.expect("closed");
    let again = handle.append(vec![entry("a"), entry("b")]).await.expect("opened again");
    assert_eq!((again[0].known, again[1].seq.0), (true, 2));
    house.close().await.expect("closed");
    let refused = handle.append(vec![entry("c")]).await.expect_err("the house is gone");
    assert_eq!(refused.kind(), Kind::Closed);
    let range = SeqRange::inclusive(Seq(1), Seq(2));
    let refused = handle
        .history()
        .page(range, Order::OldestFirst, 1 << 20)
        .await
        .expect_err("the house is gone");
    assert_eq!(refused.kind(), Kind::Closed);
}

#[tokio::test]
async fn a_closed_house_gives_the_store_back_whoever_holds_a_handle() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let open = || RedbStore::open(dir.path(), RedbOptions::default());
    for _ in 0..20 {
        let house = Highwater::builder(open().expect("free")).start().await.expect("a house");
        let session = SessionId::parse("s").expect("a legal name");
        let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
        let config = SessionConfig::new(budget, Format::Anthropic);
        let handle = house.open(session, config).await.expect("a session");
        handle.append(vec![entry("a")]).await.expect("stored");
        house.close().await.expect("closed");
        drop(open().expect("the store is free at once"));
        drop(handle);
    }
}

#[tokio::test]
async fn another_format_is_refused_and_spoils_nothing() {
    let (house, handle) = opened().await;
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let other = SessionConfig::new(budget, Format::OpenAiChat);
    for _ in 0..2 {
        let refused = house.open(handle.session().clone(), other).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(Kind::Invalid));
        handle.append(vec![entry("a")]).await.expect("the first handle is as good as before");
        handle.close().await.expect("closed");
    }
    house.close().await.expect("closed");
}

#[tokio::test]
async fn a_call_right_behind_a_close_opens_the_session_again() {
    let (house, handle) = opened().await;
    for number in 0..50 {
        handle.close().await.expect("closed");
        handle.append(vec![entry(&format!("e{number}"))]).await.expect("opened again");
    }
    house.close().await.expect("closed");
}

#[tokio::test]
async fn who_waits_for_a_session_to_be_read_while_the_house_closes_is_told_so() {
    let builder = Highwater::builder(MemoryStore::new()).executor(Inline);
    let (house, handle) = with_session(builder.start().await.expect("a house")).await;
    handle.append(vec![entry("a")]).await.expect("stored");
    handle.close().await.expect("closed");
    // Both ask the registry before it does anything: it reads the session, and then hears that the house closes.
    let (append, closed) = tokio::join!(handle.append(vec![entry("b")]), house.close());
    closed.expect("closed");
    let refused = append.expect_err("nothing came of it");
    assert_eq!(refused.kind(), Kind::Closed, "{refused}");
}

#[tokio::test]
async fn a_house_that_closes_waits_for_a_session_that_is_closing_already() {
    let kept = Kept::default();
    let builder = Highwater::builder(MemoryStore::new()).executor(kept.clone());
    let house = builder.start().await.expect("a house");
    let opening = tokio::spawn(with_session(house));
    while !opening.is_finished() {
        kept.work().await;
    }
    let (house, handle) = opening.await.expect("it opens");
    let appends = tokio::spawn({
        let handle = handle.clone();
        async move { tokio::join!(handle.append(vec![entry("a")]), handle.append(vec![entry("b")])) }
    });
    yield_often().await;
    let closes = tokio::spawn(async move { handle.close().await });
    yield_often().await;
    let ends = tokio::spawn(house.close());
    yield_often().await;
    while !ends.is_finished() {
        kept.work().await;
    }
    let (first, second) = appends.await.expect("it does not panic");
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    closes.await.expect("it does not panic").expect("closed");
    ends.await.expect("it does not panic").expect("closed");
}

#[tokio::test]
async fn who_opens_a_session_in_another_format_while_it_is_read_is_refused() {
    let builder = Highwater::builder(MemoryStore::new()).executor(Inline);
    let house = builder.start().await.expect("a house");
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let open = |format| {
        let session = SessionId::parse("s").expect("a legal name");
        house.open(session, SessionConfig::new(budget, format))
    };
    let (one, other) = tokio::join!(open(Format::Anthropic), open(Format::OpenAiChat));
    one.expect("it opens");
    assert_eq!(other.err().map(|error| error.kind()), Some(Kind::Invalid));
    house.close().await.expect("closed");
}

/// Keeps what is to be done until it is told to do it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Job>>>);

impl Executor for Kept {
    fn write(&self, job: Job) {
        self.0.lock().expect("no job dies").push(job);
    }

    fn read(&self, job: Job) {
        self.0.lock().expect("no job dies").push(job);
    }

    fn finish(&self) {}
}

impl Kept {
    /// Does what is to be done. How much that was.
    async fn work(&self) -> usize {
        yield_often().await;
        let jobs = std::mem::take(&mut *self.0.lock().expect("no job dies"));
        let count = jobs.len();
        for job in jobs {
            job();
        }
        count
    }

    /// Drops what is to be done, as an executor does that takes nothing any more.
    async fn refuse(&self) {
        yield_often().await;
        let jobs = std::mem::take(&mut *self.0.lock().expect("no job dies"));
        assert!(!jobs.is_empty(), "nothing is to be done");
        drop(jobs);
    }
}

/// Everything that can go on goes on.
async fn yield_often() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn names_that_nobody_has_a_handle_of_are_forgotten_in_time() {
    let house = Highwater::builder(MemoryStore::new()).start().await.expect("a house");
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let name = |number: u32| SessionId::parse(&format!("s{number}")).expect("a legal name");
    let mut state = RegistryState::new(house.house.clone());
    let kept: Vec<_> = (0..10).map(|number| state.slot(&name(number), config)).collect();
    for number in 10..10_000 {
        drop(state.slot(&name(number), config));
        assert!(state.sessions.len() <= 2 * LOOKED_OVER_FROM, "{} are known", state.sessions.len());
    }
    assert!((0..10).all(|number| state.sessions.contains_key(&name(number))), "{kept:?}");
    house.close().await.expect("closed");
}

#[tokio::test]
async fn a_closed_house_exports_and_restores_nothing_and_says_why() {
    let (house, handle) = opened().await;
    handle.append(vec![entry("a")]).await.expect("stored");
    let checkpoint = handle.checkpoint().await.expect("marked");
    let dir = tempfile::tempdir().expect("a directory");
    let again = house.clone();
    house.close().await.expect("closed");
    let exported = handle.export(checkpoint, None, dir.path()).await.map(|_| ());
    let wanted = Restore { dir: dir.path().into(), session: None, checkpoint: None, into: None };
    let restored = again.restore(wanted).await.map(|_| ());
    for refused in [exported, restored] {
        assert_eq!(refused.expect_err("the house is gone").kind(), Kind::Closed);
    }
}

/// A store that panics or fails where this does.
struct Unwell<F>(MemoryStore, F);

impl<F: Fn(Access) -> Result<(), StoreError> + Send + Sync + 'static> Wrapping for Unwell<F> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.1(access)?;
        work(&self.0)
    }
}

#[tokio::test]
async fn a_store_that_panics_while_it_is_read_spoils_nothing_else() {
    let burns = Arc::new(AtomicBool::new(false));
    let is_burning = Arc::clone(&burns);
    let store = Unwell(MemoryStore::new(), move |access| {
        let is_read = matches!(access, Access::Read | Access::Look);
        assert!(!is_read || !is_burning.load(Ordering::Relaxed), "page {} is on fire", 7);
        Ok(())
    });
    let (house, handle) =
        with_session(Highwater::builder(store).start().await.expect("a house")).await;
    handle.append(vec![entry("a")]).await.expect("stored");
    burns.store(true, Ordering::Relaxed);
    let child = SessionId::parse("child").expect("a legal name");
    let forked = handle.fork(Some(Seq(1)), &child).await.expect_err("nothing can be read");
    let read = handle.history().count(SeqRange::inclusive(Seq(1), Seq(1))).await;
    for error in [forked, read.expect_err("nothing can be read")] {
        assert!(error.to_string().contains("page 7 is on fire"), "{error}");
        assert_ne!(error.kind(), Kind::Closed);
    }
    handle.append(vec![entry("b")]).await.expect("writes go on");
    burns.store(false, Ordering::Relaxed);
    handle.fork(Some(Seq(1)), &child).await.expect("forked");
    house.close().await.expect("closed");
}

#[tokio::test]
async fn a_store_that_panics_is_told_and_nobody_waits_for_ever() {
    for in_append in [true, false] {
        let store = Unwell(MemoryStore::new(), move |access| {
            assert!(access != Access::Open || in_append, "no session can be opened");
            assert!(access != Access::Append, "the disk is on fire");
            Ok(())
        });
        let house = Highwater::builder(store).start().await.expect("a house");
        let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
        let session = SessionId::parse("s").expect("a legal name");
        let config = SessionConfig::new(budget, Format::Anthropic);
        let answer = match house.open(session, config).await {
            Ok(handle) => handle.append(vec![entry("a")]).await.map(|_| ()),
            Err(error) => Err(error),
        };
        let error = answer.expect_err("the store panics");
        assert_eq!(error.kind(), Kind::Unknown, "{error}");
        house.close().await.expect("closed");
    }
}
