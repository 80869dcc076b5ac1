//! What is refused, and what is said of it.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use highwater_protocol::Kind;
use highwater_protocol::limit::{
    Amounts, Denied, Ending, Key, Limits, NotNow, Quantity, Rate, Report,
};
use tokio::time::{Instant, advance};

use super::{gate, turn};
use crate::gate::PermitRequest;

fn small() -> Limits {
    Limits::slots(1).with(Quantity::InputTokens, Rate::per_minute(5_000).burst(1_000))
}

#[tokio::test(start_paused = true)]
async fn an_unknown_provider_is_named_with_the_known_ones() {
    let gate = gate(small()).await;
    let wish = PermitRequest { key: Key::of("acmee"), ..turn() };
    let error = gate.acquire(wish).await.expect_err("it is not known");
    assert_eq!(error.kind(), Kind::NotFound);
    let said = "the gate knows no provider acmee; register it first. Known: acme";
    assert_eq!(error.to_string(), said);
    assert_eq!(gate.status_of("acmee").await.expect_err("nor here").kind(), Kind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_the_burst_is_refused_at_once() {
    let wish = PermitRequest { amounts: Amounts::new(1_001, 0), ..turn() };
    let error = gate(small()).await.acquire(wish).await.expect_err("it is too large");
    assert_eq!(error.kind(), Kind::TooLarge);
    let said = "no permit for a call of acme: it takes 1001 input tokens, and one call of its class may take 1000 at \
                most: make it smaller, or raise the burst";
    assert_eq!(error.to_string(), said);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_is_refused_and_one_that_passes_is_told() {
    let gate = gate(small()).await;
    advance(Duration::from_secs(5)).await;
    let past = PermitRequest { deadline: Some(Instant::now()), ..turn() };
    let error = gate.acquire(past).await.expect_err("it is too late");
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("its deadline has passed already"), "{error}");

    let held = gate.acquire(turn()).await.expect("a permit");
    let soon = PermitRequest { deadline: Some(Instant::now() + Duration::from_secs(3)), ..turn() };
    let error = gate.acquire(soon).await.expect_err("the slot is taken");
    assert_eq!(error.kind(), Kind::Retry);
    assert!(error.to_string().contains("while it waited for 3.0 s"), "{error}");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn the_same_registration_changes_nothing_and_another_one_is_a_conflict() {
    let gate = gate(small()).await;
    gate.register("acme", small(), BTreeMap::new()).await.expect("it is the same");
    for (limits, models) in [
        (Limits::slots(2), BTreeMap::new()),
        (small(), BTreeMap::from([("m".into(), Limits::slots(1))])),
    ] {
        let error = gate.register("acme", limits, models).await.expect_err("it is another one");
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.message().contains("acme with other limits"), "{error}");
    }
    let error = gate.register("none", Limits::slots(0), BTreeMap::new()).await;
    assert_eq!(error.expect_err("no slots").kind(), Kind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn what_is_spent_denies_with_the_time_until_it_is_tried_again() {
    let gate = gate(small()).await;
    let permit = gate.acquire(turn()).await.expect("a permit");
    permit.finish(Report::of(Ending::Spent));
    let error = gate.acquire(turn()).await.expect_err("the breaker is open");
    assert_eq!(error.kind(), Kind::Retry);
    let denied = error.source().and_then(|source| source.downcast_ref::<Denied>());
    let Some(Denied::NotNow(NotNow::Broken { expected, .. })) = denied else { panic!("{error:?}") };
    assert_eq!(*expected, Duration::from_mins(10));
    let by_hand = PermitRequest { manual: true, ..turn() };
    gate.acquire(by_hand).await.expect("a person may try");
}
