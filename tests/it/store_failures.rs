//! A store that fails (L6): nothing is acknowledged that is not there, callers learn what is known, and after opening
//! again the state is what is stored.

use std::sync::Arc;
use std::time::Duration;

use highwater::Highwater;
use highwater::history::Order;
use highwater_protocol::message::{CompactReply, OpenCalls};
use highwater_protocol::{Abandoned, Kind, Outcome, PassId, Seq, SeqRange};
use highwater_storage::{Fault, FaultyStore, MemoryStore, Store};
use highwater_tests::host::Host;
use highwater_tests::world::{self, Environment, Shared};
use highwater_tests::{notation, oracle};

async fn over(script: &[Fault]) -> (Arc<FaultyStore>, Highwater, Host) {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let store = Arc::new(FaultyStore::new(inner, script.iter().copied()));
    let shared = Shared(Arc::clone(&store));
    let house = world::house(shared, Environment::Inline, world::gist(0)).await;
    let host = Host::open(&house, "s", world::by_wish()).await;
    (store, house, host)
}

/// The second commit of a session fails as `fault`; what was asked for then turns out to be stored or not.
async fn check(fault: Fault, kind: Kind, stored: bool) {
    let (store, _house, mut host) = over(&[fault]).await;
    host.append("u1: one").await;
    let entries = notation::entries("u2: two\nu3: three");
    let failed = host.session.append(entries.clone()).await.expect_err("the commit failed");
    assert_eq!(failed.kind(), kind);
    if kind == Kind::Unknown {
        let refused = host.session.append(entries.clone()).await;
        refused.expect_err("the store refuses writers until it is reopened");
    }
    store.reopen();

    let head = if stored { Seq(3) } else { Seq(1) };
    assert_eq!(host.session.status().await.expect("it works again").head, head);
    let retried = host.session.append(entries.clone()).await.expect("the retry is stored");
    let retried: Vec<_> = retried.iter().map(|receipt| (receipt.seq.0, receipt.known)).collect();
    assert_eq!(retried, [(2, stored), (3, stored)], "never twice");
    host.entries.extend(entries);
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_commit_that_was_stored_is_found_again() {
    check(Fault::AppendUnknownStored { nth: 2 }, Kind::Unknown, true).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_commit_that_was_lost_is_made_up_for_by_the_retry() {
    check(Fault::AppendUnknownLost { nth: 2 }, Kind::Unknown, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_surely_not_stored_may_be_retried_at_once() {
    check(Fault::AppendBusy { nth: 2 }, Kind::Retry, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_context_whose_record_is_lost_is_not_answered() {
    let (store, _house, mut host) = over(&[Fault::AppendUnknownLost { nth: 3 }]).await;
    host.append("u1: one").await;
    let before = host.blocks().await;
    let failed = host.session.context(OpenCalls::StandIn).await.expect_err("its record is lost");
    assert_eq!(failed.kind(), Kind::Unknown);
    store.reopen();
    let context = host.context().await;
    assert_eq!(context.call.0, 2, "the lost answer was none");
    assert_eq!(oracle::blocks_of(&context), before);
}

/// The commit of a pass's start, or of its splice, fails; nothing of it is seen, and a pass with this id runs next.
async fn check_pass(nth: u64, next: PassId) {
    let (_store, house, mut host) = over(&[Fault::AppendBusy { nth }]).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;
    let reply = host.session.compact(None, None).await.map_err(|error| error.kind());
    if next == PassId(1) {
        assert_eq!(reply, Err(Kind::Retry), "a start that is not stored is not told");
    } else {
        assert_eq!(reply, Ok(CompactReply::Started(PassId(1))));
        // Whoever waited for the outcome would be told that it was not stored.
        tokio::time::sleep(Duration::from_secs(10)).await;
        let outcome = host.session.settled(PassId(1)).await.map_err(|error| error.kind());
        assert_eq!(outcome, Ok(Outcome::Abandoned(Abandoned::Restarted)), "as the log has it");
    }
    assert_eq!(host.blocks().await, before, "nothing of the pass is seen");
    assert_eq!(host.compact(None).await, next);
    assert_eq!(host.settled(next).await, Outcome::Spliced);
    assert_eq!(world::compactions(&house).await, 0);
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_pass_whose_start_was_not_stored_never_was() {
    check_pass(42, PassId(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_pass_whose_splice_was_not_stored_is_abandoned() {
    check_pass(43, PassId(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_is_an_error_of_that_read_alone() {
    let (store, _house, mut host) = over(&[]).await;
    host.append("u1: one\nu2: two").await;
    store.inject(Fault::ReadFails { nth: 1 });
    let range = SeqRange::inclusive(Seq(1), Seq(2));
    let failed = host
        .session
        .history()
        .page(range, Order::OldestFirst, usize::MAX)
        .await
        .expect_err("the read fails");
    assert_eq!(failed.kind(), Kind::Storage);
    host.append("u3: three").await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_read_does_not_open_and_then_does() {
    let (store, house, mut host) = over(&[Fault::ReadFails { nth: 1 }]).await;
    host.append("u1: one").await;
    host.session.close().await.expect("it closes");
    let failed = host.session.status().await.expect_err("its log cannot be read");
    assert_eq!(failed.kind(), Kind::Storage);
    let mut other = Host::open(&house, "other", world::by_wish()).await;
    other.append("u1: another session lives").await;
    assert_eq!(host.session.status().await.expect("it opens now").head, Seq(1));
    store.inject(Fault::OpenBusy { nth: 5 });
    host.session.close().await.expect("it closes");
    let failed = host.session.status().await.expect_err("the store is busy");
    assert_eq!(failed.kind(), Kind::Retry);
    host.context().await;
}
