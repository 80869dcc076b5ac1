//! Children that run and approvals that are waited for: known behind every summary, until they end.

use std::sync::Arc;

use highwater_protocol::{CallEnd, CallRef, Outcome, Resolution, Seq};
use highwater_storage::MemoryStore;
use highwater_tests::host::Host;
use highwater_tests::world::{self, Environment, Shared};

async fn says(host: &Host, seq: Seq, id: &str, end: CallEnd, detail: &str) {
    let resolution = Resolution::new(end, detail).expect("a short detail");
    let call = CallRef { seq, id: id.into() };
    assert!(host.session.resolve(call, resolution).await.expect("the call is known"));
}

/// A session with a child that runs and a call that waits for approval.
async fn delegated(host: &mut Host) {
    host.append("u1: Do both. ~60\na1 call k1 child, p1 delete").await;
    says(host, Seq(2), "k1", CallEnd::RunningChild, "child 7").await;
    says(host, Seq(2), "p1", CallEnd::AwaitingApproval, "delete the old berth?").await;
    assert!(host.session.track("ship", Some("by Friday")).await.expect("it is tracked"));
    host.context().await;
}

/// Covers all but the last two entries.
async fn passed(host: &mut Host, name: &str) {
    host.chat(name, 12, 60).await;
    let pass = host.compact(Some(Seq(host.entries.len() as u64 - 2))).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
}

#[tokio::test(start_paused = true)]
async fn a_child_and_an_approval_are_told_behind_every_summary_and_after_a_crash() {
    let store = Arc::new(MemoryStore::new());
    let shared = || Shared(Arc::clone(&store));
    let mut house = world::house(shared(), Environment::Inline, world::gist(1)).await;
    let mut host = Host::open(&house, "s", world::by_wish()).await;
    delegated(&mut host).await;
    for round in 0..4 {
        passed(&mut host, &format!("round{round}")).await;
        let body = host.context().await.body();
        for fact in ["running child", "child 7", "awaiting approval", "old berth?", "by Friday"] {
            assert_eq!(body.matches(fact).count(), 1, "{fact} in round {round}: {body}");
        }
        house = world::house(shared(), Environment::Inline, world::gist(1)).await;
        host.move_to(&house).await;
    }
    host.append("r1 k1: the child is done").await;
    says(&host, Seq(2), "p1", CallEnd::Abandoned, "").await;
    passed(&mut host, "last").await;
    let body = host.context().await.body();
    assert!(!body.contains("running child") && !body.contains("awaiting approval"), "{body}");
    assert!(body.contains("by Friday"), "the task is still open");
}

#[tokio::test(start_paused = true)]
async fn what_a_child_says_beside_a_pass_and_behind_it_is_shown_once() {
    let (_house, mut host) = Host::alone(world::gist(10), world::by_wish()).await;
    delegated(&mut host).await;
    host.chat("fill", 12, 60).await;
    let pass = host.compact(Some(Seq(12))).await;
    host.append("r1 k1: the child speaks").await;
    assert_eq!(
        host.settled(pass).await,
        Outcome::Spliced,
        "what came behind the mark is no change"
    );
    let body = host.context().await.body();
    assert_eq!(body.matches("the child speaks").count(), 1, "{body}");
    assert!(!body.contains("running child"), "it has spoken before the splice was made: {body}");
    host.append("r2 k1: and once more").await;
    let body = host.context().await.body();
    assert_eq!(body.matches("and once more").count(), 1, "{body}");
}
