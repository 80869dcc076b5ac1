//! Passes that go wrong, each in its own way: the view is as it was, the guard and the permit are free, and the next pass
//! runs (V4, V6, V11, V12).

use std::time::Duration;

use highwater::summarize::{Scripted, Step};
use highwater_protocol::message::Notice;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Abandoned, Outcome, Refused};
use highwater_tests::host::{Host, drain};
use highwater_tests::world;

/// The first pass of a session ends as `expected` without a trace in the view; the second is spliced.
async fn check(first: Step, expected: impl FnOnce(&Outcome) -> bool) {
    let told = format!("{first:?}");
    let summarizer = Scripted::new([first, world::says(5, "The gist of it.")]);
    let config = SessionConfig { pass_deadline: Duration::from_mins(1), ..world::by_wish() };
    let (house, mut host) = Host::alone(summarizer, config).await;
    host.chat("fill", 20, 60).await;
    let before = host.blocks().await;

    let pass = host.compact(None).await;
    let outcome = host.settled(pass).await;
    assert!(expected(&outcome), "{told:.80} ended in {outcome}");
    assert_eq!(host.blocks().await, before, "nothing has changed");
    assert_eq!(host.pass().await, None, "the guard is free");
    let gate = house.gate().status().await.expect("it answers");
    assert_eq!((gate.compactions, gate.waiting_compactions), (0, 0), "the permit came back");

    let next = host.compact(None).await;
    assert_eq!(next, pass.next());
    assert_eq!(host.settled(next).await, Outcome::Spliced);
    host.context().await;
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_summarizer_fails_its_pass() {
    let fails = Step::Fail { after: Duration::from_secs(3), why: "over capacity".to_owned() };
    check(
        fails,
        |outcome| matches!(outcome, Outcome::Failed(why) if why.contains("over capacity")),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_summarizer_is_overdue_at_the_deadline() {
    check(Step::Hang, |outcome| *outcome == Outcome::Abandoned(Abandoned::Overdue)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_is_too_late() {
    let overdue = |outcome: &Outcome| *outcome == Outcome::Abandoned(Abandoned::Overdue);
    check(world::says(61, "Too late."), overdue).await;
}

#[tokio::test(start_paused = true)]
async fn a_panicking_summarizer_fails_its_pass() {
    check(Step::Panic, |outcome| matches!(outcome, Outcome::Failed(_))).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_refused() {
    for empty in ["", " \n\t "] {
        let refused = |outcome: &Outcome| *outcome == Outcome::Refused(Refused::Empty);
        check(world::says(1, empty), refused).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_longer_than_what_it_covers_is_refused() {
    let long = "word ".repeat(5_000);
    let refused = |outcome: &Outcome| *outcome == Outcome::Refused(Refused::NotSmaller);
    check(world::says(1, &long), refused).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_automatic_pass_is_not_tried_again_before_the_view_has_grown() {
    let fails = Step::Fail { after: Duration::ZERO, why: "always".to_owned() };
    let (_house, mut host) = Host::alone(Scripted::new([fails]), world::automatic()).await;
    let mut notices = host.session.notices();
    let mut passes = Vec::new();
    for round in 0..80 {
        host.chat(&format!("fill{round}"), 1, 30).await;
        let failed = |notice: &Notice| {
            matches!(notice, Notice::PassEnded { outcome: Outcome::Failed(_), .. })
        };
        if drain(&mut notices).iter().any(failed) {
            passes.push(host.session.status().await.expect("it answers").view.0);
        }
    }
    assert!(passes.len() >= 2, "it is tried again at last: {passes:?}");
    let growth = world::budget().retry_growth().0;
    for pair in passes.windows(2) {
        assert!(pair[1] >= pair[0] + growth, "tried again too early: {passes:?}");
    }
}
