//! Checkpoints, exports and restores through the public handle: a restored session renders the same bytes and goes on.

use std::path::Path;

use highwater::storage::MemoryStore;
use highwater::{Highwater, Restore};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Checkpoint, Context, Format, Kind, LogPos, Outcome, Record, Seq};
use highwater_storage::{PageLimit, Store};
use highwater_tests::host::{self, Host};
use highwater_tests::world::{self, Environment, Shared};

async fn house(store: impl Store) -> Highwater {
    world::house(store, Environment::Inline, world::gist(0)).await
}

/// A checkpoint, and the context that was answered behind it.
struct Marked {
    checkpoint: Checkpoint,
    context: Context,
}

/// Marks and exports, and asks for what is shown.
async fn mark(host: &mut Host, dir: &Path) -> Marked {
    let checkpoint = host.session.checkpoint().await.expect("it is marked");
    let done = host.session.export(checkpoint, None, dir).await.expect("it is exported");
    assert_eq!(done.checkpoint, checkpoint);
    let context = host.context().await;
    assert_eq!(context.digest, checkpoint.digest, "the marker is of what is shown");
    Marked { checkpoint, context }
}

/// Restores a checkpoint into a new store, opens it, and requires that its context is the same.
async fn require_same(dir: &Path, marked: &Marked, config: SessionConfig) {
    let house = house(MemoryStore::new()).await;
    let wanted = Restore {
        dir: dir.to_owned(),
        session: None,
        checkpoint: Some(marked.checkpoint.position),
        into: Some(world::named("restored")),
    };
    let done = house.restore(wanted).await.expect("it is restored");
    assert_eq!(done.checkpoint, marked.checkpoint);
    let session = house.open(done.session, config).await.expect("it opens");
    let context = host::context(&session).await;
    let at = marked.checkpoint.position;
    assert_eq!(context.digest, marked.context.digest, "{at}");
    assert_eq!((context.call, context.resets), (marked.context.call, marked.context.resets));
    assert!(context.body() == marked.context.body(), "the same bytes at {at}");
    house.close().await.expect("it closes");
}

#[tokio::test(start_paused = true)]
async fn a_restored_session_renders_the_same_bytes_whatever_happened_to_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (house, mut host) = Host::alone(world::gist(0), world::by_wish()).await;
    let mut marks = Vec::new();
    host.append("s: Be brief.\nu: Where is the ferry? ~100\na1 call c1 ls, c2 cat").await;
    marks.push(mark(&mut host, dir.path()).await);
    host.append("r2 c1: too late ~30\nu3: well? ~80").await;
    host.append("a4 call c9 cat\nr5 c9: a large file ~2000").await;
    host.chat("x", 8, 60).await;
    host.session.pin(Seq(2), true).await.expect("it is pinned");
    let pass = host.compact(Some(Seq(host.entries.len() as u64 - 4))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    marks.push(mark(&mut host, dir.path()).await);
    host.edit(Seq(host.entries.len() as u64), "u99: said otherwise ~20").await.expect("edited");
    host.session.track("ship", Some("by Friday")).await.expect("it is tracked");
    marks.push(mark(&mut host, dir.path()).await);
    let to = Seq(host.entries.len() as u64 - 3);
    assert!(host.rewind(to).await);
    marks.push(mark(&mut host, dir.path()).await);
    host.chat("y", 3, 200).await;
    marks.push(mark(&mut host, dir.path()).await);
    let resets: Vec<u64> = marks.iter().map(|marked| marked.context.resets).collect();
    assert!(resets.is_sorted() && resets[0] < resets[3], "{resets:?}");
    for marked in &marks {
        require_same(dir.path(), marked, world::by_wish()).await;
    }
    house.close().await.expect("it closes");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_beside_a_pass_and_in_another_format_comes_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let (house, mut host) = Host::alone(world::gist(60), world::by_wish()).await;
    host.chat("x", 8, 60).await;
    host.switch(world::budget(), Format::OpenAiChat).await;
    let pass = host.compact(Some(Seq(6))).await;
    let during = mark(&mut host, dir.path()).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let after = mark(&mut host, dir.path()).await;
    let config = SessionConfig::new(world::budget(), Format::OpenAiChat);
    for marked in [&during, &after] {
        require_same(dir.path(), marked, SessionConfig { automatic: false, ..config }).await;
    }
    house.close().await.expect("it closes");
}

#[tokio::test(start_paused = true)]
async fn a_restored_session_goes_on_where_it_stood_and_is_exported_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let (first, mut host) = Host::alone(world::gist(0), world::automatic()).await;
    host.chat("x", 30, 60).await;
    mark(&mut host, dir.path()).await;
    let away = host.leave();
    first.close().await.expect("it closes");
    let second = house(MemoryStore::new()).await;
    let wanted =
        Restore { dir: dir.path().to_owned(), session: None, checkpoint: None, into: None };
    second.restore(wanted.clone()).await.expect("it is restored");
    // The oracle goes on too: what the host saw before is a prefix of what it sees now.
    let mut host = away.enter(&second).await;
    host.chat("y", 30, 60).await;
    host.require_whole_history().await;
    let marked = mark(&mut host, dir.path()).await;
    require_same(dir.path(), &marked, world::by_wish()).await;
    let refused = second.restore(wanted).await.expect_err("it has gone on");
    assert_eq!(refused.kind(), Kind::Conflict, "{refused}");
    host.chat("z", 1, 9).await;
    second.close().await.expect("it closes");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_one_small_record_however_long_the_session() {
    let store = std::sync::Arc::new(MemoryStore::new());
    let house = house(Shared(store.clone())).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    host.chat("x", 40, 40).await;
    let before = store.usage().expect("figures").encoded_bytes;
    let checkpoint = host.session.checkpoint().await.expect("it is marked");
    let bytes = store.usage().expect("figures").encoded_bytes - before;
    assert!(bytes < 100, "{bytes} bytes");
    let page = store.read(&world::named("s"), LogPos(0), PageLimit { bytes: 1 << 30 });
    let last = page.expect("the log").records.pop().expect("records");
    assert_eq!(last.0, checkpoint.position);
    assert!(matches!(last.1, Record::Checkpointed { seq: Seq(40), .. }), "{last:?}");
    house.close().await.expect("it closes");
}
