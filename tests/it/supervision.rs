//! A session's actor that dies is rebuilt from the log; handles stay valid, and the callers learn what is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater::Highwater;
use highwater::env::{Clock, Inline};
use highwater_protocol::message::Notice;
use highwater_protocol::{Kind, PassId, Timestamp};
use highwater_storage::MemoryStore;
use highwater_tests::host::{Host, drain};
use highwater_tests::{notation, world};

/// A clock that panics once when it is armed: whoever asks for the time then dies.
#[derive(Clone, Default)]
struct Trap(Arc<AtomicBool>);

impl Clock for Trap {
    fn now(&self) -> Timestamp {
        assert!(!self.0.swap(false, Ordering::SeqCst), "the clock was armed");
        Timestamp(1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_actor_that_dies_is_rebuilt_from_its_log() {
    let trap = Trap::default();
    let builder = Highwater::builder(MemoryStore::new()).summarizer(world::gist(3_000));
    let house = builder.executor(Inline).clock(trap.clone()).start().await.expect("it starts");
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    let mut other = Host::open(&house, "other", world::by_wish()).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;
    assert_eq!(host.compact(None).await, PassId(1));
    tokio::task::yield_now().await;

    let mut notices = host.session.notices();
    trap.0.store(true, Ordering::SeqCst);
    let lost = host.session.append(notation::entries("u1: lost?")).await;
    assert_eq!(lost.expect_err("the actor died").kind(), Kind::Unknown);
    host.append("u1: lost?").await;
    assert_eq!(host.blocks().await[..before.len()], before, "the same bytes");
    assert_eq!(host.pass().await, None, "the pass died with it");
    let failed = drain(&mut notices);
    assert!(failed.iter().any(|notice| matches!(notice, Notice::Failed(_))), "{failed:?}");
    assert_eq!(world::compactions(&house).await, 0);
    assert_eq!(host.compact(None).await, PassId(2));
    other.append("u: nothing happened here").await;
    host.require_whole_history().await;
    house.close().await.expect("it closes");
}
