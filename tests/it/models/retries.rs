//! Errors that may pass: each attempt has a permit of its own, waits are drawn, the caller's deadline ends them, and once
//! something was told of an answer an error is final.

use std::time::Duration;

use highwater::Errand;
use highwater::model::{Endpoint, Increment, ModelError, Protocol};
use highwater_protocol::limit::{ByClass, Class, Key, Limits};
use highwater_protocol::retry::Backoff;
use highwater_tests::provider::{Fault, Provider, Refusal, Rules, Script};
use tokio::time::Instant;

use super::{
    ACCOUNT, behind, between, dialects, endpoint, gate, model, request,
    require_a_permit_for_each_call, scripted, secs, status,
};

/// What may pass, and nothing is told before it.
fn transient() -> [Fault; 13] {
    [
        Fault::Refused(Refusal::Internal),
        Fault::ErrorWith200(Refusal::Internal),
        Fault::ErrorEventAt(1, Refusal::Internal),
        Fault::Gateway(502),
        Fault::Garbage,
        Fault::Disconnect,
        Fault::DisconnectAt(1),
        Fault::DisconnectAt(60),
        Fault::Hang,
        Fault::StallAt(1),
        Fault::CutInCharacter,
        Fault::CutInLine,
        Fault::NoEnd,
    ]
}

/// Three callers share one slot, and the first three calls go wrong.
async fn pass_by(fault: Fault, protocol: Protocol, stream: bool) {
    let told = format!("{fault:?}, {protocol:?}, streamed: {stream}");
    let provider = scripted(1, Script::well().calls(0..3, fault)).await;
    let gate = gate(Limits::slots(1)).await;
    let endpoint = Endpoint { read_timeout: secs(20), ..endpoint(&provider, protocol, stream) };
    let model = behind(Key::of(ACCOUNT), endpoint);
    let (errand, request) = (Errand::new(gate.clone(), Class::Turn), request(20, 400));
    let call = || model.complete(&errand, &request);
    let (one, two, three) = tokio::join!(call(), call(), call());
    for answer in [one, two, three] {
        let answer = answer.unwrap_or_else(|error| panic!("{told}: {error}"));
        assert!(answer.whole().is_ok(), "{told}: {answer:?}");
    }
    let tally = provider.tally();
    assert_eq!(tally.calls.len(), 6, "{told}: three that went wrong, three that did not");
    assert_eq!((tally.most_in_flight, tally.limited_since(Duration::ZERO)), (1, 0), "{told}");
    assert_eq!(status(&gate).await.tally.failed, 3, "{told}");
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_under_a_permit_for_each_attempt() {
    for (protocol, stream) in dialects() {
        for fault in transient() {
            pass_by(fault, protocol, stream).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_between_attempts_are_drawn_from_a_span_that_doubles_up_to_its_cap() {
    let well_each_fourth =
        (0..160).filter(|number| number % 4 < 3).fold(Script::well(), |script, number| {
            script.call(number, Fault::Refused(Refusal::Internal))
        });
    let provider = scripted(1, well_each_fourth).await;
    let gate = gate(Limits::slots(1)).await;
    let backoff = Backoff { base: secs(4), cap: secs(10), attempts: 4 };
    let model = model(&provider, Protocol::OpenAiChat, true).retrying(backoff);
    let errand = Errand::new(gate, Class::Background);
    for _ in 0..40 {
        model.complete(&errand, &request(5, 20)).await.expect("the fourth attempt is answered");
    }
    let calls = provider.tally().calls;
    let wait_before = |number: usize| between(calls[number - 1].at, calls[number].at);
    for (retry, most) in [(1, 4), (2, 8), (3, 10)] {
        let waits: Vec<Duration> =
            (0..40).map(|request| wait_before(4 * request + retry)).collect();
        let longest = waits.iter().max().expect("there are waits");
        // A refusal takes no time, and timers are rounded up to a millisecond.
        assert!(*longest <= secs(most) + Duration::from_millis(1), "retry {retry}: {waits:?}");
        assert!(*longest >= secs(most) * 9 / 10, "retry {retry}: {waits:?}");
        let short = waits.iter().filter(|wait| **wait < secs(most) / 2).count();
        assert!((10..=30).contains(&short), "retry {retry}: half of them are short: {waits:?}");
    }
}

/// What a call met by its deadline of ten seconds.
struct Late {
    fault: Fault,
    backoff: Backoff,
    /// Whether it is over at the deadline, and not before.
    at_the_deadline: bool,
    error: fn(&ModelError) -> bool,
}

async fn end(late: &Late, protocol: Protocol, stream: bool) {
    let told = format!("{:?}, {protocol:?}, streamed: {stream}", late.fault);
    let provider = scripted(1, Script::well().calls(0..u64::MAX, late.fault.clone())).await;
    let gate = gate(Limits::slots(1)).await;
    let model = model(&provider, protocol, stream).retrying(late.backoff);
    let began = Instant::now();
    let deadline = began + secs(10);
    let errand = Errand::new(gate.clone(), Class::Turn).until(deadline);
    let error = model.complete(&errand, &request(20, 400)).await.expect_err("it never goes well");
    let took = began.elapsed();
    assert!((late.error)(&error), "{told}: {error:?}");
    assert!(took <= secs(10) + Duration::from_millis(1), "{told}: {took:?}");
    assert_eq!(took >= secs(10), late.at_the_deadline, "{told}: {took:?}");
    // The provider notices that the client has gone.
    tokio::time::sleep(secs(30)).await;
    let tally = provider.tally();
    assert!(tally.calls.iter().all(|call| call.at < secs(10)), "{told}: {:?}", tally.calls);
    assert!(!tally.calls.is_empty() && tally.in_flight == 0, "{told}: {:?}", tally.calls);
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_all_attempts_and_waits() {
    let gone = |error: &ModelError| matches!(error, ModelError::Transient { message: why, .. } if why.contains("before the deadline"));
    let refused = |error: &ModelError| matches!(error, ModelError::Transient { message: why, .. } if why.contains("answered 500"));
    let limited = |error: &ModelError| matches!(error, ModelError::RateLimited { .. });
    let often = Backoff { attempts: u32::MAX, ..Backoff::default() };
    let long = Backoff { base: secs(30), ..often };
    for late in [
        Late { fault: Fault::Hang, backoff: often, at_the_deadline: true, error: gone },
        Late { fault: Fault::StallAt(1), backoff: often, at_the_deadline: true, error: gone },
        Late { fault: Fault::StallAt(60), backoff: often, at_the_deadline: true, error: gone },
        // A pause that ends behind the deadline is waited for by nobody either.
        Late {
            fault: Fault::RefusedFor(Refusal::Limited, secs(60)),
            backoff: often,
            at_the_deadline: false,
            error: limited,
        },
        Late {
            fault: Fault::Refused(Refusal::Limited),
            backoff: often,
            at_the_deadline: false,
            error: limited,
        },
        // The wait that is drawn would end behind the deadline, so that nobody waits for it.
        Late {
            fault: Fault::Refused(Refusal::Internal),
            backoff: long,
            at_the_deadline: false,
            error: refused,
        },
    ] {
        for (protocol, stream) in dialects() {
            end(&late, protocol, stream).await;
        }
    }
}

const TEXT: &str = "The ferry leaves at seven and comes back at nine, unless there is fog on the river; \
                    then it stays, and the captain writes into the log that it did.";

#[tokio::test(start_paused = true)]
async fn once_something_was_told_an_error_is_final_and_nothing_is_told_twice() {
    for protocol in Protocol::ALL {
        for fault in [
            Fault::DisconnectAt(70),
            Fault::StallAt(70),
            Fault::ErrorEventAt(70, Refusal::Internal),
            Fault::ErrorEventAt(70, Refusal::Overloaded),
            Fault::NoEnd,
        ] {
            let script = Script::well().call(0, fault.clone());
            let text = Rules::says(|_| TEXT);
            let provider = Provider::start(Rules { script, text, ..Rules::default() }).await;
            let gate = gate(Limits::slots(1)).await;
            let model = model(&provider, protocol, true);
            let errand = Errand::new(gate.clone(), Class::Turn);
            let mut told = String::new();
            let mut listen = |increment| {
                if let Increment::Text(text) = increment {
                    told += &text;
                }
            };
            let request = request(20, 400);
            let failed = model.stream(&errand, &request, &mut listen).await;
            let error = failed.expect_err("the second attempt would have gone well");
            assert!(error.is_worth_a_retry(), "{fault:?}, {protocol:?}: {error:?}");
            assert!(!told.is_empty() && TEXT.starts_with(&told), "{fault:?}, {protocol:?}: {told}");
            assert_eq!(provider.tally().calls.len(), 1, "{fault:?}, {protocol:?}");
            assert_eq!(status(&gate).await.held(), ByClass::default(), "{fault:?}, {protocol:?}");
            // Nobody hears a whole answer in parts, so that it can be asked for again.
            let answer = model.complete(&errand, &request).await.expect("it goes well now");
            assert_eq!(answer.text, TEXT);
            require_a_permit_for_each_call(&gate, &provider).await;
        }
    }
}
