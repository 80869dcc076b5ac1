//! When passes start, and when they start again: after one that landed, after reports of usage that are wrong, after many
//! that failed, beside a child.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use highwater::summarize::{Completion, SummarizeError, Summarizer, SummaryRequest};
use highwater_protocol::message::Notice;
use highwater_protocol::{Outcome, TokenCount, Usage};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;

#[tokio::test(start_paused = true)]
async fn after_a_pass_none_starts_before_the_view_has_grown_to_the_trigger_again() {
    let (_house, mut host) = Host::alone(world::gist(0), world::automatic()).await;
    let mut notices = host.session.notices();
    let (mut starts, mut landed, mut size) = (0, TokenCount::ZERO, TokenCount::ZERO);
    for round in 0..200 {
        let before = size;
        host.append(&format!("u{round}: message {round} ~60")).await;
        size = host.session.status().await.expect("it answers").view;
        for notice in drain(&mut notices) {
            match notice {
                Notice::PassStarted { .. } => {
                    starts += 1;
                    assert!(before <= world::budget().trigger(), "{before} was enough already");
                    assert!(before >= landed, "it has grown since");
                }
                Notice::Spliced { after, .. } => {
                    landed = after;
                    assert!(after <= world::budget().landing());
                }
                _ => {}
            }
        }
        // A context says nothing about sizes that a later trigger could take for the view's.
        host.context().await;
    }
    assert!((5..=20).contains(&starts), "{starts} passes over 200 messages");
}

/// A splice: in which round it came, and the size of the view before it and after it.
type Splice = (usize, TokenCount, TokenCount);

/// What a host reports whose figure is that of another request, made long before the last compaction.
const STALE: TokenCount = TokenCount(1_000_000);

/// Plays 200 messages. For each context the host reports what `counted` makes of its round and its estimated size, and
/// reports it once more, which must not count.
async fn splices_beside_reports(counted: impl Fn(usize, TokenCount) -> TokenCount) -> Vec<Splice> {
    let (_house, mut host) = Host::alone(world::gist(0), world::automatic()).await;
    let mut notices = host.session.notices();
    let mut splices = Vec::new();
    for round in 0..200 {
        host.append(&format!("u{round}: message {round} ~60")).await;
        let context = host.context().await;
        let input = counted(round, context.tokens);
        let report = || {
            let usage = Usage { input, ..Usage::default() };
            host.session.report_usage(context.call, "a-model", usage)
        };
        assert!(report().await.expect("it answers"), "each context is reported once");
        assert!(!report().await.expect("it answers"), "and not again");
        host.session.status().await.expect("it answers");
        for notice in drain(&mut notices) {
            match notice {
                Notice::Spliced { before, after, .. } => splices.push((round, before, after)),
                Notice::PassEnded { outcome, .. } => panic!("{outcome}"),
                _ => {}
            }
        }
    }
    splices
}

#[tokio::test(start_paused = true)]
async fn reports_that_are_always_stale_and_high_halve_the_marks_and_make_no_loop_of_passes() {
    let honest = splices_beside_reports(|_, estimated| estimated).await;
    let stale = splices_beside_reports(|_, _| STALE).await;
    assert!(stale.len() > honest.len(), "it is believed: {} and {}", stale.len(), honest.len());
    assert!(stale.len() <= 4 * honest.len(), "{} and {}", stale.len(), honest.len());
    let half = |mark: TokenCount| TokenCount(mark.0 / 2);
    let (trigger, landing) = (half(world::budget().trigger()), half(world::budget().landing()));
    for (_, before, after) in &stale {
        assert!(*before > trigger && *after <= landing, "from {before} to {after}");
    }
    for pair in stale.windows(2) {
        assert!(pair[0].0 + 5 <= pair[1].0, "the view has to grow in between: {pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_high_report_among_true_ones_starts_no_pass() {
    let honest = splices_beside_reports(|_, estimated| estimated).await;
    let one_of_four = |round, estimated| if round % 4 == 3 { STALE } else { estimated };
    assert!((5..=20).contains(&honest.len()), "{} passes", honest.len());
    assert_eq!(splices_beside_reports(one_of_four).await, honest);
}

/// Dies in the compactor until it is well.
struct Sick(Arc<AtomicBool>);

#[async_trait]
impl Summarizer for Sick {
    fn name(&self) -> &'static str {
        "sick"
    }

    fn window(&self) -> TokenCount {
        assert!(self.0.load(Ordering::Relaxed), "it is not well");
        TokenCount(100_000)
    }

    async fn summarize(&self, _request: SummaryRequest) -> Result<Completion, SummarizeError> {
        Ok(Completion::whole("It is well."))
    }
}

#[tokio::test(start_paused = true)]
async fn after_many_passes_that_failed_the_next_is_tried_and_lands() {
    let well = Arc::new(AtomicBool::new(false));
    let (_house, mut host) = Host::alone(Sick(Arc::clone(&well)), world::automatic()).await;
    let mut notices = host.session.notices();
    let (mut failed, mut spliced) = (0, 0);
    for round in 0..600 {
        host.chat(&format!("fill{round}"), 1, 60).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        for notice in drain(&mut notices) {
            match notice {
                Notice::PassEnded { outcome: Outcome::Failed(_), .. } => failed += 1,
                Notice::PassEnded { outcome, .. } => panic!("{outcome}"),
                Notice::Spliced { .. } => spliced += 1,
                _ => {}
            }
        }
        well.store(failed >= 20, Ordering::Relaxed);
    }
    assert_eq!(failed, 20, "it is tried for as long as the trouble lasts");
    assert!(spliced >= 5, "{spliced} passes since");
    assert!(host.context().await.body().contains("It is well."));
}

#[tokio::test(start_paused = true)]
async fn what_a_child_says_in_its_own_session_counts_there_alone() {
    let (house, mut parent) = Host::alone(world::gist(1), world::automatic()).await;
    parent.append("u1: Have it looked up. ~60\na1 call c1 child").await;
    let before = parent.session.status().await.expect("it answers");
    let mut child = Host::open(&house, "child", world::automatic()).await;
    child.chat("work", 60, 60).await;
    assert!(child.covered().await.is_some() || child.pass().await.is_some());
    assert_eq!(parent.session.status().await.expect("it answers"), before);
    parent.append("r1 c1: what the child found ~20").await;
    let after = parent.session.status().await.expect("it answers");
    assert!(after.view < before.view + TokenCount(100), "what is handed over counts");
    assert_eq!(after.pass, None);
}
