//! A pass ends with its summaries before its deadline, whatever its model does (V10).

use std::time::Duration;

use highwater_protocol::limit::{Amounts, Class, Key};
use tokio::sync::watch;
use tokio::time::sleep;

use super::ground::{DEADLINE, desk, pass, pressed, run, says, scripted, stretch};
use crate::gate::{HOUSE, PermitRequest, Pressure};
use crate::summarize::Step;

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_is_dropped_before_the_deadline() {
    let summarizer = scripted([says("The first."), Step::Hang]);
    let calls = summarizer.calls();
    let ended = pass(&desk(summarizer).await, &[stretch(4, 200)]).await;
    assert_eq!(ended.took, DEADLINE * 4 / 5);
    assert_eq!(calls.count(), 2, "nothing is asked of it any more");
    let (text, author) = ended.only();
    assert_eq!(author, "scripted+extractive");
    assert!(text.contains("The first.") && text.contains("#2 Message 2"), "{text}");
    assert_eq!(ended.told.last().map(String::as_str), Some("5 of 5"));
}

#[tokio::test(start_paused = true)]
async fn retries_are_covered_by_the_deadline() {
    let slow = Step::Fail { after: Duration::from_secs(30), why: "busy".to_owned() };
    let summarizer = scripted([slow]);
    let calls = summarizer.calls();
    let ended = pass(&desk(summarizer).await, &[stretch(4, 200)]).await;
    assert_eq!((ended.took, calls.count()), (DEADLINE * 4 / 5, 3));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_is_hurried_finishes_at_once() {
    let (press, pressed) = watch::channel(Pressure::default());
    let desk = desk(scripted([says("The first."), Step::Hang])).await;
    tokio::spawn(async move {
        sleep(Duration::from_secs(7)).await;
        press.send_replace(Pressure { fill: 95, hurried: true });
    });
    let ended = run(&desk, &[stretch(4, 200)], pressed, None).await;
    assert_eq!(ended.took, Duration::from_secs(7));
    assert_eq!(ended.only().1, "scripted+extractive");
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_begins_hurried_asks_no_model() {
    let summarizer = scripted([says("Never.")]);
    let calls = summarizer.calls();
    let ended = run(&desk(summarizer).await, &[stretch(4, 200)], pressed(true), None).await;
    assert_eq!((ended.took, calls.count()), (Duration::ZERO, 0));
    assert_eq!(ended.only().1, "extractive");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_gone_hurries_nobody() {
    let desk = desk(scripted([says("All.")])).await;
    let ended = run(&desk, &[stretch(1, 100)], pressed(false), None).await;
    assert_eq!(ended.only(), ("All.", "scripted"));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_gets_no_permit_finishes_without_one() {
    let summarizer = scripted([says("Never.")]);
    let calls = summarizer.calls();
    let desk = desk(summarizer).await;
    let turn = PermitRequest::new(Key::of(HOUSE), Class::Turn, Amounts::default());
    let held = desk.gate.acquire(turn).await.expect("a permit");
    tokio::spawn(async move {
        sleep(DEADLINE).await;
        drop(held);
    });
    let ended = pass(&desk, &[stretch(4, 200)]).await;
    assert_eq!((ended.took, calls.count()), (DEADLINE * 4 / 5, 0));
}
