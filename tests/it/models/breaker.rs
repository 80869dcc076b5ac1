//! A provider that will not answer is left alone: at once where a budget or a key is not accepted, after five failures in
//! a row otherwise; then one call tries, and one that a person asks for passes always (G4).

use std::time::Duration;

use highwater::model::{GatedModel, ModelError, Protocol};
use highwater::{Errand, Gate};
use highwater_protocol::Kind;
use highwater_protocol::limit::{Broke, Class, Key, Limits};
use highwater_protocol::retry::Backoff;
use highwater_tests::provider::{Fault, Provider, Refusal, Script};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{
    ACCOUNT, MODEL, account, behind, dialects, endpoint, gate, model, request,
    require_a_permit_for_each_call, scripted, secs, status,
};

/// What those are told who ask while one call tries.
const TRYING: &str = "one call is trying it now";

const CLASSES: [Class; 3] = [Class::Turn, Class::Compaction { fill: 100 }, Class::Background];

async fn ask(
    gate: &Gate,
    model: &GatedModel,
    class: Class,
    by_hand: bool,
) -> Result<(), ModelError> {
    let errand = Errand::new(gate.clone(), class).by_hand(by_hand);
    model.complete(&errand, &request(10, 40)).await.map(drop)
}

/// The same, beside whatever else goes on.
fn asking(gate: &Gate, model: &GatedModel) -> JoinHandle<Result<(), ModelError>> {
    let (gate, model) = (gate.clone(), model.clone());
    tokio::spawn(async move { ask(&gate, &model, Class::Turn, false).await })
}

/// What came of all of them.
async fn ends(callers: Vec<JoinHandle<Result<(), ModelError>>>) -> Vec<Result<(), ModelError>> {
    let mut ends = Vec::new();
    for caller in callers {
        ends.push(caller.await.expect("no panic"));
    }
    ends
}

/// Requires that the gate refuses at once, and says why and for how long.
fn check_refused(refused: &Result<(), ModelError>, why: &str) {
    let Err(ModelError::Gate(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.kind(), Kind::Retry, "{error}");
    let said = error.to_string();
    assert!(said.starts_with("no permit for a call of acme"), "{said}");
    assert!(said.contains(why), "{said}");
}

async fn spent(refusal: Refusal, status_code: u16, hint: &str, protocol: Protocol, stream: bool) {
    let told = format!("{refusal:?}, {protocol:?}, streamed: {stream}");
    let provider = scripted(8, Script::well().call(0, Fault::Refused(refusal))).await;
    let gate = gate(Limits::slots(8)).await;
    let model = model(&provider, protocol, stream);
    let error = ask(&gate, &model, Class::Turn, false).await.expect_err("it is refused");
    let is_spent = matches!(error, ModelError::Auth(_) | ModelError::Quota(_));
    assert!(is_spent && !error.is_worth_a_retry(), "{told}: {error:?}");
    let (said, host) = (error.to_string(), provider.address().to_string());
    for part in [&host, "model small-1", &format!("answered {status_code}: "), hint] {
        assert!(said.contains(part), "{told}: {said}");
    }
    let broken = account(&gate).await.broken;
    assert_eq!(broken, Some((Broke::Spent, Duration::from_mins(10))), "{told}");
    for class in CLASSES {
        let refused = ask(&gate, &model, class, false).await;
        check_refused(
            &refused,
            "its key or its budget is not accepted; it is tried again in 600.0 s",
        );
    }
    assert_eq!(provider.tally().calls.len(), 1, "{told}: nobody else reached it");
    let tally = status(&gate).await.tally;
    assert_eq!((tally.failed, tally.denied), (1, 3), "{told}");

    ask(&gate, &model, Class::Turn, true).await.expect("a person may try, and it is well again");
    assert_eq!(account(&gate).await.broken, None, "{told}");
    ask(&gate, &model, Class::Background, false).await.expect("everybody may call again");
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_paid_or_not_allowed_opens_it_at_once_and_says_what_to_do() {
    let (pay, key) = ("asking again does not help before more may be spent", "check the key");
    for (refusal, status, hint) in
        [(Refusal::Spent, 429, pay), (Refusal::Payment, 402, pay), (Refusal::Key, 401, key)]
    {
        for (protocol, stream) in dialects() {
            spent(refusal, status, hint, protocol, stream).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_the_key_may_not_use_is_left_alone_and_no_other_one() {
    for (protocol, stream) in dialects() {
        let told = format!("{protocol:?}, streamed: {stream}");
        // OpenAI says of such a model that it is not found: that is the request's fault.
        let refusal = match protocol {
            Protocol::AnthropicMessages => Refusal::NoAccess,
            Protocol::OpenAiChat | Protocol::OpenAiResponses => Refusal::Forbidden,
        };
        let script = Script::well().call(0, Fault::Refused(refusal));
        let provider = scripted(8, script).await;
        let gate = gate(Limits::slots(8)).await;
        let of =
            |name| behind(Key::with_model(ACCOUNT, name), endpoint(&provider, protocol, stream));
        let (large, small) = (of("large-1"), of(MODEL));
        let error = ask(&gate, &large, Class::Turn, false).await.expect_err("it is refused");
        let forbidden = matches!(error, ModelError::Forbidden(_)) && !error.is_worth_a_retry();
        assert!(forbidden, "{told}: {error:?}");
        assert!(error.to_string().contains("ask for access, or use another one"), "{error}");
        let refused = ask(&gate, &large, Class::Turn, false).await;
        check_refused(&refused, "its key may not use the model; it is tried again in 600.0 s");
        ask(&gate, &small, Class::Turn, false).await.expect("the account's other models are well");
        assert_eq!(account(&gate).await.broken, None, "{told}");
        require_a_permit_for_each_call(&gate, &provider).await;
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_when_it_opens_are_told_at_once() {
    let provider = scripted(1, Script::well().call(1, Fault::Refused(Refusal::Key))).await;
    let gate = gate(Limits::slots(1)).await;
    let model = model(&provider, Protocol::AnthropicMessages, true);
    let began = Instant::now();
    let ends = ends((0..5).map(|_| asking(&gate, &model)).collect()).await;
    assert_eq!(began.elapsed(), secs(1), "the time of the first call");
    assert!(ends[0].is_ok(), "{ends:?}");
    assert!(matches!(ends[1], Err(ModelError::Auth(_))), "{ends:?}");
    for refused in &ends[2..] {
        check_refused(refused, "its key or its budget is not accepted");
    }
    require_a_permit_for_each_call(&gate, &provider).await;
}

/// A provider that fails five times, at which the breaker opens, and then does as the script says.
async fn failing(script: Script) -> (Provider, Gate, GatedModel) {
    let script = script.calls(0..5, Fault::Refused(Refusal::Internal));
    let provider = scripted(8, script).await;
    let gate = gate(Limits::slots(8)).await;
    let once = Backoff { attempts: 1, ..Backoff::default() };
    let model = model(&provider, Protocol::OpenAiResponses, true).retrying(once);
    for number in 1..=5 {
        assert_eq!(account(&gate).await.broken, None, "{number} calls");
        let failed = ask(&gate, &model, Class::Turn, false).await;
        assert!(matches!(failed, Err(ModelError::Transient { .. })), "{failed:?}");
    }
    assert_eq!(account(&gate).await.broken, Some((Broke::Failing, secs(30))));
    (provider, gate, model)
}

/// Requires that nobody is let through, though every class asks.
async fn check_closed(gate: &Gate, model: &GatedModel, provider: &Provider, why: &str) {
    let before = provider.tally().calls.len();
    for class in CLASSES {
        check_refused(&ask(gate, model, class, false).await, why);
    }
    assert_eq!(provider.tally().calls.len(), before, "nobody reached it");
}

#[tokio::test(start_paused = true)]
async fn after_failures_in_a_row_one_call_tries_and_its_good_answer_lets_everybody_in() {
    let (provider, gate, model) = failing(Script::well()).await;
    check_closed(
        &gate,
        &model,
        &provider,
        "failed too often in a row; it is tried again in 30.0 s",
    )
    .await;
    sleep(secs(29)).await;
    check_closed(&gate, &model, &provider, "it is tried again in 1.0 s").await;
    sleep(secs(1)).await;
    let callers: Vec<_> = (0..6).map(|_| asking(&gate, &model)).collect();
    sleep(Duration::from_millis(500)).await;
    let tally = provider.tally();
    assert_eq!((tally.calls.len(), tally.in_flight), (6, 1), "one of them tries");
    check_closed(&gate, &model, &provider, TRYING).await;
    let together = ends(callers).await;
    assert!(together[0].is_ok(), "{together:?}");
    for refused in &together[1..] {
        check_refused(refused, TRYING);
    }
    assert_eq!(account(&gate).await.broken, None);
    for caller in ends((0..6).map(|_| asking(&gate, &model)).collect()).await {
        caller.expect("everybody is let in");
    }
    let times: Vec<Duration> = provider.tally().calls[5..].iter().map(|call| call.at).collect();
    assert_eq!(times[0], secs(30));
    assert_eq!(times[1..], [secs(31); 6], "as soon as the one that tries is answered");
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn a_try_that_fails_turns_everybody_away_for_twice_as_long() {
    let script = Script::well().calls(5..7, Fault::Disconnect);
    let (provider, gate, model) = failing(script).await;
    for (wait, next) in [(30, 60), (60, 120)] {
        sleep(secs(wait)).await;
        let ends = ends((0..4).map(|_| asking(&gate, &model)).collect()).await;
        assert!(matches!(ends[0], Err(ModelError::Transient { .. })), "{ends:?}");
        for refused in &ends[1..] {
            check_refused(refused, TRYING);
        }
        let again = format!("it is tried again in {next}.0 s");
        check_closed(&gate, &model, &provider, &again).await;
        assert_eq!(account(&gate).await.broken, Some((Broke::Failing, secs(next))));
    }
    assert_eq!(provider.tally().calls.len(), 7, "one call each time");
    sleep(secs(120)).await;
    ask(&gate, &model, Class::Turn, false).await.expect("it is well again");
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_person_asks_for_passes_an_open_one_and_its_answer_closes_it() {
    let script = Script::well().call(5, Fault::Disconnect);
    let (provider, gate, model) = failing(script).await;
    let failed = ask(&gate, &model, Class::Turn, true).await;
    assert!(matches!(failed, Err(ModelError::Transient { .. })), "{failed:?}");
    check_closed(&gate, &model, &provider, "it is tried again in 29.0 s").await;
    ask(&gate, &model, Class::Turn, true).await.expect("it reaches the provider");
    assert_eq!(account(&gate).await.broken, None);
    ask(&gate, &model, Class::Turn, false).await.expect("everybody may call again");
    require_a_permit_for_each_call(&gate, &provider).await;
}
