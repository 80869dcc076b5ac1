//! A clear, and what could bring back what it took away: a pass in flight, a crash, a late result.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::message::OpenCalls;
use highwater_protocol::{Abandoned, Outcome, Seq};
use highwater_storage::MemoryStore;
use highwater_tests::host::Host;
use highwater_tests::world::{self, Environment, Shared};

/// Instructions, and enough for a pass.
async fn talked(host: &mut Host) {
    host.append("s1: Be brief.").await;
    host.chat("old", 20, 60).await;
}

#[tokio::test(start_paused = true)]
async fn a_clear_beats_a_pass_in_flight() {
    let (house, mut host) = Host::alone(world::gist(60), world::by_wish()).await;
    talked(&mut host).await;
    let pass = host.compact(None).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(host.clear().await);
    assert_eq!(host.settled(pass).await, Outcome::Abandoned(Abandoned::Cleared));
    tokio::time::sleep(Duration::from_mins(10)).await;
    let blocks = host.blocks().await;
    assert_eq!(blocks.len(), 1, "the instructions alone, whatever came late: {blocks:?}");
    assert_eq!(world::compactions(&house).await, 0);
    assert!(!host.clear().await, "a second one has nothing to do");
}

#[tokio::test(start_paused = true)]
async fn a_clear_at_the_instant_of_the_result_leaves_nothing_of_either() {
    let mut ends = Vec::new();
    for after_millis in [9_999, 10_000, 10_001] {
        let (_house, mut host) = Host::alone(world::gist(10), world::by_wish()).await;
        talked(&mut host).await;
        let pass = host.compact(None).await;
        tokio::time::sleep(Duration::from_millis(after_millis)).await;
        assert!(host.clear().await);
        ends.push(host.settled(pass).await);
        assert_eq!(host.blocks().await.len(), 1, "after {after_millis} ms");
        assert_eq!(host.covered().await, None);
        host.append("unew: A new start.").await;
        assert_eq!(host.blocks().await.len(), 2);
    }
    assert_eq!(ends[0], Outcome::Abandoned(Abandoned::Cleared));
    assert_eq!(ends[2], Outcome::Spliced, "both ways were met");
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_a_clear_and_the_next_append_leaves_the_session_cleared() {
    let store = Arc::new(MemoryStore::new());
    let shared = || Shared(Arc::clone(&store));
    let first = world::house(shared(), Environment::Inline, world::gist(60)).await;
    let mut host = Host::open(&first, "s", world::by_wish()).await;
    talked(&mut host).await;
    host.compact(None).await;
    assert!(host.clear().await);

    // The first house is not closed: it is gone for the second, as a process that was killed is.
    let second = world::house(shared(), Environment::Inline, world::gist(1)).await;
    host.move_to(&second).await;
    assert_eq!(host.blocks().await.len(), 1, "neither the old words nor a half of anything");
    let receipts = host.append("unew: A new start.").await;
    assert!(!receipts[0].known);
    assert_eq!(host.append("unew: A new start.").await[0].seq, receipts[0].seq);
    assert_eq!(host.blocks().await.len(), 2);
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_said_before_a_clear_reaches_a_context_or_a_summary_behind_it() {
    let (summarizer, prompts) = super::asked::asked(1, "What came after.");
    let (_house, mut host) = Host::alone(summarizer, world::by_wish()).await;
    talked(&mut host).await;
    host.append("aold call c1 ls").await;
    assert!(host.clear().await);
    let status = host.session.status().await.expect("it answers");
    assert!(status.open_calls.is_empty(), "a call from before is not waited for");
    host.append("rold c1: old out").await;
    host.chat("new", 20, 60).await;
    let context = host.context().await;
    let body = context.body();
    assert!(!body.contains("of old") && !body.contains("tool_result"), "{body}");
    let pass = host.compact(None).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert!(!prompts.last().contains("of old"), "the summarizer is not told either");
    let shown = host.context().await.body();
    assert!(shown.contains("What came after.") && !shown.contains("of old"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn clearing_appending_and_compacting_at_once_are_done_one_after_another() {
    let (_house, mut host) = Host::alone(world::gist(1), world::by_wish()).await;
    talked(&mut host).await;
    let session = host.session.clone();
    let entries = highwater_tests::notation::entries("unew: A new start.");
    let (compacted, cleared, stored, context) = tokio::join!(
        session.compact(None, None),
        session.clear(),
        session.append(entries.clone()),
        session.context(OpenCalls::StandIn),
    );
    compacted.expect("it answers");
    assert!(cleared.expect("it is cleared"));
    assert_eq!(stored.expect("it is stored")[0].seq, Seq(22));
    let highwater_protocol::message::ContextReply::Ready(context) = context.expect("it answers")
    else {
        panic!("nothing is open or too large")
    };
    assert_eq!(context.blocks().count(), 2, "the instructions and the new words");
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(host.covered().await, None);
}
