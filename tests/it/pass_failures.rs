//! Summarizers that go wrong, each in its own way: the pass lands all the same, with the words of the deterministic
//! summarizer, and says so (V12). Passes that end without a splice leave the guard and the permit free (V6, V9).

use std::time::Duration;

use async_trait::async_trait;
use highwater::summarize::{
    Completion, Scripted, Step, SummarizeError, Summarizer, SummaryRequest,
};
use highwater_protocol::limit::ClassKind;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Abandoned, Outcome, TokenCount};
use highwater_tests::host::Host;
use highwater_tests::world;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn config() -> SessionConfig {
    SessionConfig { pass_deadline: Duration::from_mins(1), ..world::by_wish() }
}

/// A pass over these steps is spliced in after so many seconds, by this author; so is the next one.
async fn check(steps: &[Step], secs: u64, author: &str) {
    let told = format!("{steps:.80?}");
    let (house, mut host) = Host::alone(Scripted::new(steps.iter().cloned()), config()).await;
    host.chat("fill", 20, 60).await;
    let started = Instant::now();
    let pass = host.compact(None).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced, "{told}");
    assert_eq!(started.elapsed(), Duration::from_secs(secs), "{told}");
    let body = host.context().await.body();
    assert!(body.contains(&format!(", made by {author} in ")), "{told}: {body}");
    assert_eq!(host.pass().await, None, "the guard is free");
    let gate = world::gate(&house).await;
    let compactions = ClassKind::Compaction;
    let left = (gate.held().of(compactions), gate.waiting.of(compactions));
    assert_eq!(left, (0, 0), "the permit came back");

    host.chat("more", 20, 60).await;
    let next = host.compact(None).await;
    assert_eq!(next, pass.next());
    assert_eq!(host.settled(next).await, Outcome::Spliced, "{told}");
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn one_bad_answer_costs_one_more_call() {
    let long = "word ".repeat(5_000);
    for bad in [
        Step::too_many_requests(SECOND),
        Step::empty(SECOND),
        world::says(1, " \n\t "),
        world::says(1, &long),
        Step::error_text(SECOND),
        Step::TooLong { after: SECOND },
        Step::CutOff { after: SECOND, text: "The gi".to_owned() },
    ] {
        check(&[bad, world::says(5, "The gist of it.")], 6, "scripted").await;
    }
    check(&[Step::Panic, world::says(5, "The gist of it.")], 5, "scripted").await;
}

#[tokio::test(start_paused = true)]
async fn a_summarizer_that_never_succeeds_is_stood_in_for() {
    check(&[Step::too_many_requests(SECOND)], 2, "extractive").await;
    check(&[Step::TooLong { after: SECOND }], 2, "extractive").await;
    check(&[Step::Panic], 0, "extractive").await;
}

#[tokio::test(start_paused = true)]
async fn a_summarizer_that_hangs_or_is_too_slow_is_not_waited_for_up_to_the_deadline() {
    check(&[Step::Hang], 48, "extractive").await;
    check(&[world::says(61, "Too late.")], 48, "extractive").await;
}

/// Panics where no call is under way: in the compactor itself.
struct Deadly;

#[async_trait]
impl Summarizer for Deadly {
    fn name(&self) -> &'static str {
        "deadly"
    }

    fn window(&self) -> TokenCount {
        panic!("it cannot say")
    }

    async fn summarize(&self, _request: SummaryRequest) -> Result<Completion, SummarizeError> {
        Ok(Completion::whole("Never asked."))
    }
}

#[tokio::test(start_paused = true)]
async fn a_compactor_that_dies_fails_its_pass_and_leaves_no_trace_in_the_view() {
    let (house, mut host) = Host::alone(Deadly, config()).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;
    for _ in 0..2 {
        let pass = host.compact(None).await;
        let outcome = host.settled(pass).await;
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome}");
        assert_eq!(host.blocks().await, before, "nothing has changed");
        assert_eq!(host.pass().await, None, "the guard is free");
    }
    assert_eq!(world::compactions(&house).await, 0);
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_automatic_pass_is_not_tried_again_before_the_view_has_grown() {
    let (_house, mut host) = Host::alone(Scripted::new([Step::Hang]), world::automatic()).await;
    let mut passes = Vec::new();
    for round in 0..80 {
        host.chat(&format!("fill{round}"), 1, 30).await;
        if let Some(pass) = host.session.cancel().await.expect("it answers") {
            assert_eq!(host.settled(pass).await, Outcome::Abandoned(Abandoned::Cancelled));
            passes.push(host.session.status().await.expect("it answers").view.0);
        }
    }
    assert!(passes.len() >= 2, "it is tried again at last: {passes:?}");
    let growth = world::budget().retry_growth().0;
    for pair in passes.windows(2) {
        assert!(pair[1] >= pair[0] + growth, "tried again too early: {passes:?}");
    }
}
