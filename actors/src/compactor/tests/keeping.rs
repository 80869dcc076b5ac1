//! Finished chunk summaries outlive their pass, so that the next one pays only for what is new (V7).

use std::time::Duration;

use tokio::time::timeout;

use super::ground::{desk, pass, pressed, run, says, scripted, stretch};
use crate::compactor::Desk;
use crate::summarize::{Calls, Extractive, Step, Summarizer};

/// A desk whose summarizer says "A part." to each call after a second.
async fn counted() -> (Desk, Calls) {
    let summarizer = scripted([says("A part.")]);
    let calls = summarizer.calls();
    (desk(summarizer).await, calls)
}

#[tokio::test(start_paused = true)]
async fn a_pass_after_an_abandoned_one_calls_only_for_what_is_new() {
    let (desk, calls) = counted().await;
    let abandoned = timeout(Duration::from_millis(2_500), pass(&desk, &[stretch(4, 100)])).await;
    assert!(abandoned.is_err(), "four chunks take four seconds");
    assert_eq!(calls.count(), 3, "two were answered");
    let ended = pass(&desk, &[stretch(6, 100)]).await;
    assert_eq!(calls.count(), 3 + 4 + 1, "four chunks are new, and the merge");
    assert_eq!(ended.only(), ("A part.", "scripted"));
}

#[tokio::test(start_paused = true)]
async fn the_same_pass_again_calls_nobody() {
    let (desk, calls) = counted().await;
    let first = pass(&desk, &[stretch(4, 100)]).await;
    assert_eq!(calls.count(), 5);
    let again = pass(&desk, &[stretch(4, 100)]).await;
    assert_eq!((calls.count(), again.took), (5, Duration::ZERO));
    assert_eq!(again.summaries, first.summaries);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_helps_a_pass_that_is_hurried() {
    let (desk, calls) = counted().await;
    pass(&desk, &[stretch(4, 100)]).await;
    let ended = run(&desk, &[stretch(5, 100)], pressed(true), None).await;
    assert_eq!(calls.count(), 5);
    assert_eq!(ended.only().1, "scripted+extractive");
}

#[tokio::test(start_paused = true)]
async fn another_cap_or_focus_is_another_question() {
    let (desk, calls) = counted().await;
    pass(&desk, &[stretch(1, 100)]).await;
    pass(&desk, &[stretch(1, 99)]).await;
    assert_eq!(calls.count(), 2);
    run(&desk, &[stretch(1, 100)], pressed(false), Some("berths")).await;
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_second_try_is_found_before_the_first_is_made_again() {
    let summarizer = scripted([Step::empty(Duration::ZERO), says("The gist.")]);
    let calls = summarizer.calls();
    let desk = desk(summarizer).await;
    pass(&desk, &[stretch(1, 100)]).await;
    pass(&desk, &[stretch(1, 100)]).await;
    assert_eq!(calls.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_no_model_wrote_is_not_kept() {
    assert!(Extractive.is_deterministic());
    let summarizer = scripted([Step::Fail { after: Duration::ZERO, why: "no".to_owned() }]);
    let calls = summarizer.calls();
    let desk = desk(summarizer).await;
    for pass_number in 1..=3 {
        pass(&desk, &[stretch(1, 100)]).await;
        assert_eq!(calls.count(), 2 * pass_number, "the model gets another chance");
    }
}
