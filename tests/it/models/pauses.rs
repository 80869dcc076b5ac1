//! Refusals for limits and for too much to do: the key is left alone for as long as the provider says, by everybody (G4).

use std::time::Duration;

use highwater::model::{GatedModel, Protocol, Request};
use highwater::{Errand, Gate};
use highwater_protocol::limit::{Class, Key, Limits, Paused};
use highwater_protocol::retry::Backoff;
use highwater_tests::provider::{
    Call, Fault, Latency, Provider, Refusal, RetryAfter, Rules, Script,
};
use tokio::time::sleep;

use super::{
    ACCOUNT, account, behind, between, endpoint, gate, model, request,
    require_a_permit_for_each_call, secs, status,
};

const CLASSES: [Class; 4] = [
    Class::Turn,
    Class::Compaction { fill: 0 },
    Class::Compaction { fill: 100 },
    Class::Background,
];

/// What a pause may last for at most that the provider said: parts of a second of a date are rounded up on both sides, and
/// up to a tenth is drawn.
fn at_most(said: Duration) -> Duration {
    (said + secs(1)) * 11 / 10
}

/// Calls once for each class, and once by hand, all of them at once.
fn call_in_every_class(gate: &Gate, model: &GatedModel) -> tokio::task::JoinSet<()> {
    let mut calling = tokio::task::JoinSet::new();
    let by_hand = Errand::new(gate.clone(), Class::Turn).by_hand(true);
    let errands = CLASSES.map(|class| Errand::new(gate.clone(), class));
    for errand in errands.into_iter().chain([by_hand]) {
        let model = model.clone();
        calling.spawn(async move {
            model.complete(&errand, &request(10, 40)).await.expect("it is answered at last");
        });
    }
    calling
}

async fn pause(refusal: Refusal, retry_after: RetryAfter, protocol: Protocol) {
    const SAID: Duration = Duration::from_secs(20);
    let told = format!("{refusal:?}, {retry_after:?}, {protocol:?}");
    // Half a second in, so that dates are no whole seconds.
    let script = Script::well().call(0, Fault::RefusedFor(refusal, SAID));
    let provider = Provider::start(Rules { script, retry_after, ..Rules::default() }).await;
    sleep(Duration::from_millis(500)).await;
    let gate = gate(Limits::slots(8).reserve(50)).await;
    let model = model(&provider, protocol, true);
    let mut refused = {
        let (model, errand) = (model.clone(), Errand::new(gate.clone(), Class::Turn));
        tokio::spawn(async move { model.complete(&errand, &request(10, 40)).await })
    };
    sleep(secs(1)).await;
    let mut others = call_in_every_class(&gate, &model);
    sleep(secs(1)).await;
    let (left, why) = account(&gate).await.paused.unwrap_or_else(|| panic!("{told}: no pause"));
    let expected =
        if refusal == Refusal::Limited { Paused::RateLimited } else { Paused::Overloaded };
    assert_eq!(why, expected, "{told}");
    assert!(left + secs(2) >= SAID && left + secs(2) <= at_most(SAID), "{told}: {left:?}");
    assert_eq!(provider.tally().calls.len(), 1, "{told}: nobody else has called");

    (&mut refused).await.expect("no panic").unwrap_or_else(|error| panic!("{told}: {error}"));
    while let Some(done) = others.join_next().await {
        done.expect("all are answered");
    }
    let (calls, status) = (provider.tally().calls, status(&gate).await);
    assert_eq!(calls.len(), 2 + CLASSES.len() + 1, "{told}");
    for call in &calls[1..] {
        let after = between(calls[0].at, call.at);
        assert!(after >= SAID && after <= at_most(SAID), "{told}: {after:?}");
    }
    let counted = (status.tally.rate_limited, status.tally.overloaded);
    let expected = if expected == Paused::RateLimited { (1, 0) } else { (0, 1) };
    assert_eq!(counted, expected, "{told}");
    assert_eq!(account(&gate).await.paused, None, "{told}");
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn no_call_of_any_class_arrives_before_the_provider_may_be_asked_again() {
    for refusal in [Refusal::Limited, Refusal::Unavailable, Refusal::Overloaded] {
        for retry_after in [RetryAfter::Seconds, RetryAfter::Date] {
            for protocol in Protocol::ALL {
                pause(refusal, retry_after, protocol).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_one_model_holds_for_that_model_alone() {
    let script = Script::well().call(0, Fault::RefusedFor(Refusal::Limited, secs(20)));
    let provider = Provider::start(Rules { script, ..Rules::default() }).await;
    let gate = gate(Limits::slots(8)).await;
    let errand = Errand::new(gate.clone(), Class::Turn);
    let at = |name| {
        let endpoint = endpoint(&provider, Protocol::AnthropicMessages, true);
        behind(Key::with_model(ACCOUNT, name), endpoint)
            .retrying(Backoff { attempts: 1, ..Backoff::default() })
    };
    let (small, large) = (at("small-1"), at("large-1"));
    small.complete(&errand, &request(10, 40)).await.expect_err("it is refused");
    large.complete(&errand, &request(10, 40)).await.expect("another model is not");
    small.complete(&errand, &request(10, 40)).await.expect("behind the pause");
    let times: Vec<Duration> = provider.tally().calls.iter().map(|call| call.at).collect();
    assert_eq!(times[..2], [Duration::ZERO; 2]);
    assert!(times[2] >= secs(20), "{times:?}");
}

/// The times between calls, of which the first so many are refused without a word about when to come back.
async fn unsaid(refusal: Refusal, refused: u64) -> Vec<Duration> {
    let script = Script::well().calls(0..refused, Fault::Refused(refusal));
    let rules = Rules { script, retry_after: RetryAfter::Silent, ..Rules::default() };
    let provider = Provider::start(rules).await;
    let gate = gate(Limits::slots(1)).await;
    let often = Backoff { attempts: u32::MAX, ..Backoff::default() };
    let model = model(&provider, Protocol::OpenAiResponses, true).retrying(often);
    let errand = Errand::new(gate.clone(), Class::Turn);
    model.complete(&errand, &request(10, 40)).await.expect("it is answered at last");
    // After an answer the next refusal is the first one again.
    provider.play(Script::well().call(refused + 1, Fault::Refused(refusal)));
    model.complete(&errand, &request(10, 40)).await.expect("it is answered again");
    require_a_permit_for_each_call(&gate, &provider).await;
    let calls = provider.tally().calls;
    calls.windows(2).map(|pair| between(pair[0].at, pair[1].at)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_nobody_states_doubles_and_begins_anew_after_an_answer() {
    // Four in a row: the fifth that has too much to do would open the breaker.
    for (refusal, pauses) in [
        (Refusal::Limited, &[1, 2, 4, 8, 16, 32, 60, 60][..]),
        (Refusal::Unavailable, &[1, 2, 4, 8]),
        (Refusal::Overloaded, &[1, 2, 4, 8]),
    ] {
        let waits = unsaid(refusal, pauses.len() as u64).await;
        let expected = pauses.iter().copied().chain([0, 1]);
        assert_eq!(waits.len(), pauses.len() + 2, "{refusal:?}: {waits:?}");
        for (wait, pause) in waits.iter().zip(expected) {
            let most = secs(pause) + (secs(pause) / 10).max(Duration::from_millis(250));
            let most = if pause == 0 { Duration::ZERO } else { most };
            let between = *wait >= secs(pause) && *wait <= most + Duration::from_millis(1);
            assert!(between, "{refusal:?}: {waits:?}");
        }
    }
}

/// Two calls at once that are told to come back at different times, and one that asks a second later.
async fn two_at_once(first: Fault, second: Fault) -> Vec<Call> {
    let script = Script::well().call(0, first).call(1, second);
    // One that is answered ends within the pause.
    let latency = Latency::constant(secs(5), Duration::ZERO);
    let provider = Provider::start(Rules { script, latency, ..Rules::default() }).await;
    let gate = gate(Limits::slots(8)).await;
    let model = model(&provider, Protocol::OpenAiChat, true);
    let errand = Errand::new(gate.clone(), Class::Turn);
    let asked: Request = request(10, 40);
    let later = async {
        sleep(secs(6)).await;
        let paused = account(&gate).await.paused;
        assert!(paused.is_some_and(|(left, _)| left >= secs(24)), "{paused:?}");
        model.complete(&errand, &asked).await
    };
    let call = || model.complete(&errand, &asked);
    let (one, two, three) = tokio::join!(call(), call(), later);
    for answer in [one, two, three] {
        answer.expect("it is answered at last");
    }
    provider.tally().calls
}

#[tokio::test(start_paused = true)]
async fn neither_a_shorter_answer_nor_a_good_one_shortens_a_pause() {
    let refused = |after| Fault::RefusedFor(Refusal::Limited, secs(after));
    let answered = Fault::CloseAfter;
    for (first, second) in [
        (refused(30), refused(2)),
        (refused(2), refused(30)),
        (refused(30), Fault::Refused(Refusal::Overloaded)),
        (Fault::Refused(Refusal::Overloaded), refused(30)),
        (refused(30), answered.clone()),
        (answered, refused(30)),
    ] {
        let told = format!("{first:?} and {second:?}");
        let calls = two_at_once(first, second).await;
        assert_eq!(calls[1].at, calls[0].at, "{told}: both were under way");
        let early = calls[2..].iter().filter(|call| call.at < secs(30)).count();
        assert_eq!(early, 0, "{told}: {calls:?}");
    }
}
