//! Clients behind the gate: what their ends tell it, and what is never sent.

use std::collections::BTreeMap;

use highwater_protocol::limit::{Broke, Class, ClassKind, Key, KeyStatus, Limits, Rate};
use highwater_protocol::retry::Backoff;
use serde_json::json;

use super::*;
use crate::gate::{Errand, Gate};
use crate::model::GatedModel;

type Script = (Vec<Vec<u8>>, End);

async fn gate() -> Gate {
    let gate = Gate::new(1);
    let limits =
        Limits::slots(1).with(Quantity::InputTokens, Rate::per_minute(60_000).burst(10_000));
    gate.register("acme", limits, BTreeMap::new()).await.expect("legal limits");
    gate
}

async fn account(gate: &Gate) -> KeyStatus {
    gate.status_of("acme").await.expect("it answers").keys.remove(0)
}

async fn granted(gate: &Gate) -> u64 {
    gate.status_of("acme").await.expect("it answers").tally.granted.of(ClassKind::Turn)
}

/// A model at a server that plays scripts, and the server.
async fn model(protocol: Protocol, scripts: Vec<Script>) -> (GatedModel, Server) {
    let server = serve(scripts).await;
    let client = HttpClient::new(endpoint(protocol, &server)).expect("a client");
    (GatedModel::new(client, Key::of("acme"), TokenCount(100_000)), server)
}

fn well(protocol: Protocol) -> Script {
    (vec![answered("200 OK", JSON, &canned::body(protocol))], End::Close)
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_a_failure_asks_for_is_kept_by_the_next_try() {
    let protocol = Protocol::OpenAiChat;
    for (status, wait) in [("500 Oops", 40), ("408 Request Timeout", 3), ("409 Conflict", 7)] {
        let headers = format!("{JSON}retry-after: {wait}\r\n");
        let failing = || (vec![answered(status, &headers, "{}")], End::Close);
        let gate = gate().await;
        let errand = Errand::new(gate.clone(), Class::Turn);
        let soon = Backoff { base: Duration::from_millis(1), ..Backoff::default() };

        let (failed, _server) = model(protocol, vec![failing(), well(protocol)]).await;
        let began = Instant::now();
        failed.retrying(soon).complete(&errand, &asked()).await.expect("the second attempt");
        let took = began.elapsed().as_secs();
        assert!((wait..=wait + 1).contains(&took), "{status}: {took} s");

        let (failed, _server) = model(protocol, vec![failing()]).await;
        let began = Instant::now();
        let hurried = errand.until(began + Duration::from_secs(wait));
        let error = failed.retrying(soon).complete(&hurried, &asked()).await;
        let error = error.expect_err("nobody waits until the deadline");
        assert!(matches!(error, ModelError::Transient { retry_after: Some(_), .. }), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(1), "{status}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_until_the_deadline_has_failed_and_a_slow_one_has_not() {
    let protocol = Protocol::OpenAiChat;
    let head = answered("200 OK", EVENTS, &canned::first_part(protocol));
    let mut comments = vec![head.clone()];
    // The server waits a millisecond behind each.
    comments.extend(vec![b": still here\n\n".to_vec(); 50_000]);
    for (answer, deadline, failures, says) in [
        (vec![], 40, 1, "nothing came for 40"),
        (vec![head.clone()], 40, 1, "nothing came for"),
        (vec![], 20, 0, "it was given up while it was under way"),
        (vec![head], 20, 0, "it was given up while it was under way"),
        (comments, 40, 0, "it was given up while it was under way"),
    ] {
        let gate = gate().await;
        let (model, _server) = model(protocol, vec![(answer, End::Silence)]).await;
        let until = Instant::now() + Duration::from_secs(deadline);
        let errand = Errand::new(gate.clone(), Class::Turn).until(until);
        let error = model.complete(&errand, &asked()).await.expect_err("the deadline came");
        assert!(error.to_string().contains("no answer before the deadline"), "{error}");
        assert!(error.to_string().contains(says), "{deadline}: {error}");
        let failed = gate.status_of("acme").await.expect("it answers").tally.failed;
        assert_eq!(failed, failures, "{deadline}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_never_sent_takes_no_permit_and_tells_nothing_of_the_provider() {
    let protocol = Protocol::OpenAiChat;
    let said = r#"{"error":{"code":"invalid_api_key","message":"no"}}"#;
    let refusing = (vec![answered("401 Unauthorized", JSON, said)], End::Close);
    let (model, server) = model(protocol, vec![refusing]).await;
    let gate = gate().await;
    let errand = Errand::new(gate.clone(), Class::Turn).by_hand(true);
    model.complete(&errand, &asked()).await.expect_err("the key is wrong");
    let broken = account(&gate).await.broken;
    assert!(matches!(broken, Some((Broke::Spent, _))), "{broken:?}");
    let mut wrong = asked();
    wrong.parameters.insert("stream".to_owned(), json!(true));
    let no_body = Request { messages: Messages::Body("[]".to_owned()), ..asked() };
    for (request, says) in [(wrong, "the parameter stream"), (no_body, "no body of openai-chat")] {
        let error = model.complete(&errand, &request).await.expect_err("it cannot be sent");
        assert!(matches!(error, ModelError::Refused(_)), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(granted(&gate).await, 1, "the first alone");
    assert_eq!(account(&gate).await.broken, broken, "the breaker stays open");
    assert_eq!(server.requests.await.expect("one was played").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_has_cached_is_not_charged() {
    let protocol = Protocol::OpenAiChat;
    let uncounted = r#"{"choices":[{"message":{"content":"So."},"finish_reason":"stop"}]}"#;
    for (cached, charged) in [(0, 6_000), (5_500, 500), (9_999, 0)] {
        let gate = gate().await;
        let answer = (vec![answered("200 OK", JSON, uncounted)], End::Close);
        let (model, _server) = model(protocol, vec![answer]).await;
        let errand = Errand::new(gate.clone(), Class::Turn);
        let (input, cached) = (Some(TokenCount(6_000)), TokenCount(cached));
        let request = Request { input, cached, ..asked() };
        let before = account(&gate).await.rates[0].left;
        model.complete(&errand, &request).await.expect("an answer");
        let rates = account(&gate).await.rates;
        let left = rates.iter().find(|rate| rate.quantity == Quantity::InputTokens);
        // A thousand tokens come back each second, and no second has passed.
        let taken = before - left.expect("it is limited").left;
        assert!((charged.max(100) - 100..=charged).contains(&taken), "{cached}: {taken}");
    }
}
