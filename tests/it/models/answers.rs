//! Answers that are none, numbers that cannot be, and requests that are wrong: errors by what the caller does next, of
//! which none is tried again, and none spoils what the gate counts.

use std::time::Duration;

use highwater::Errand;
use highwater::model::{Broken, GatedModel, ModelError, Protocol};
use highwater::summarize::Model;
use highwater_protocol::limit::{Class, Limits, Quantity, Rate};
use highwater_protocol::prompt::Rendered;
use highwater_protocol::{TokenCount, limit::Amounts};
use highwater_tests::provider::{
    self, Fault, Latency, Provider, Refusal, Rules, Script, WrongUsage,
};

use super::{
    Load, account, between, dialects, gate, model, request, require_a_permit_for_each_call, run,
    scripted, secs, status,
};

/// A call that goes wrong: which error it is, and what it says.
async fn check(fault: Fault, is: impl Fn(&ModelError) -> bool, says: &str) {
    for (protocol, stream) in dialects() {
        let told = format!("{fault:?}, {protocol:?}, streamed: {stream}");
        let provider = scripted(1, Script::well().call(0, fault.clone())).await;
        let gate = gate(Limits::slots(1)).await;
        let model = model(&provider, protocol, stream);
        let errand = Errand::new(gate.clone(), Class::Compaction { fill: 50 });
        let error = summarize(&model, &errand).await.expect_err("the next call would go well");
        assert!(is(&error) && !error.is_worth_a_retry(), "{told}: {error:?}");
        assert!(error.to_string().contains(says), "{told}: {error}");
        assert_eq!(provider.tally().calls.len(), 1, "{told}: it is not tried again");
        // The provider has answered, however: nothing is held against it.
        assert_eq!(status(&gate).await.tally.failed, 0, "{told}");
        assert!(account(&gate).await.broken.is_none(), "{told}");
        summarize(&model, &errand).await.unwrap_or_else(|error| panic!("{told}: {error}"));
        require_a_permit_for_each_call(&gate, &provider).await;
    }
}

/// Asks as a summarizer does.
async fn summarize(model: &GatedModel, errand: &Errand) -> Result<String, ModelError> {
    let messages = vec!["The ferry leaves at seven.".to_owned()];
    let prompt = Rendered { system: "Summarize.", messages };
    Model::complete(model, prompt, TokenCount(400), errand).await.map(|completion| completion.text)
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_off_or_empty_or_reasoning_alone_is_no_summary() {
    let is_broken = |error: &ModelError, expected| matches!(error, ModelError::Broken { why, .. } if *why == expected);
    let truncated = |error: &ModelError| is_broken(error, Broken::Truncated);
    check(Fault::MaxTokens, truncated, "cut off at the most tokens that were asked for").await;
    let empty = |error: &ModelError| is_broken(error, Broken::Empty);
    check(Fault::Empty, empty, "the answer is empty").await;
    let reasoning = |error: &ModelError| is_broken(error, Broken::ReasoningOnly);
    check(Fault::ReasoningOnly, reasoning, "reasoning and nothing else").await;
}

#[tokio::test(start_paused = true)]
async fn the_providers_word_for_the_end_of_an_answer_says_what_it_is() {
    let refused = |error: &ModelError| matches!(error, ModelError::Refused(_));
    for word in ["content_filter", "refusal"] {
        let says = format!("the answer ended with {word}: ");
        check(Fault::EndsWith(word), refused, &says).await;
    }
    let unfinished =
        |error: &ModelError| matches!(error, ModelError::Broken { why: Broken::Unfinished, .. });
    check(Fault::EndsWith("pause_turn"), unfinished, "the answer ended with pause_turn: ").await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_openai_does_not_show_a_project_is_harmless_to_its_others() {
    for (protocol, stream) in dialects() {
        if protocol == Protocol::AnthropicMessages {
            continue;
        }
        let script = Script::well().call(0, Fault::Refused(Refusal::NoAccess));
        let provider = scripted(1, script).await;
        let gate = gate(Limits::slots(1)).await;
        let model = model(&provider, protocol, stream);
        let errand = Errand::new(gate.clone(), Class::Turn);
        let error = summarize(&model, &errand).await.expect_err("it is refused");
        assert!(matches!(error, ModelError::Refused(_)), "{error:?}");
        assert!(error.to_string().contains("answered 403: Project"), "{error}");
        assert_eq!(account(&gate).await.broken, None, "{protocol:?}, streamed: {stream}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_wrong_is_answered_by_what_to_do_about_it() {
    let too_long = |error: &ModelError| matches!(error, ModelError::TooLong(_));
    check(Fault::Refused(Refusal::TooLong), too_long, "make the request smaller").await;
    check(Fault::Refused(Refusal::TooLarge), too_long, "make the request smaller").await;
    let refused = |error: &ModelError| matches!(error, ModelError::Refused(_));
    check(Fault::Refused(Refusal::Policy), refused, "answered 400").await;
    check(Fault::Refused(Refusal::NoModel), refused, "check the model's name").await;
    check(Fault::Gateway(404), refused, "check the model's name and the base URL").await;
}

/// Of tokens there are so many each minute.
const EACH_MINUTE: u64 = 60_000;

/// A provider and a gate of the same limits, of which tokens are the narrow ones.
async fn narrow(script: Script) -> (Provider, highwater::Gate) {
    let limits = provider::Limits::none()
        .slots(20)
        .per_minute(Quantity::InputTokens, EACH_MINUTE)
        .per_minute(Quantity::OutputTokens, EACH_MINUTE);
    let latency = Latency::constant(secs(1), Duration::ZERO);
    let provider = Provider::start(Rules { limits, latency, script, ..Rules::default() }).await;
    let rate = Rate::per_minute(EACH_MINUTE);
    let known =
        Limits::slots(20).with(Quantity::InputTokens, rate).with(Quantity::OutputTokens, rate);
    (provider, gate(known).await)
}

/// Calls whose usage is told wrong, and then a load that uses all that there is.
async fn count(name: &str, fault: Fault, protocol: Protocol, stream: bool) {
    let told = format!("{name}, {protocol:?}, streamed: {stream}");
    let (provider, gate) = narrow(Script::well().calls(0..5, fault)).await;
    let model = model(&provider, protocol, stream);
    let errand = Errand::new(gate.clone(), Class::Turn);
    for _ in 0..5 {
        let answer = model.complete(&errand, &request(300, 40)).await;
        answer.unwrap_or_else(|error| panic!("{told}: {error}"));
    }
    // A count that could be is believed: it is made up for within the two minutes that a burst and a call take.
    let began = provider.elapsed();
    let answer = model.complete(&errand, &request(300, 40)).await;
    answer.unwrap_or_else(|error| panic!("{told}: {error}"));
    let waited = between(began, provider.elapsed());
    assert!(waited <= secs(5 * 120), "{told}: {waited:?}");
    tokio::time::sleep(secs(120)).await;
    for rate in account(&gate).await.rates {
        let whole = Rate::per_minute(rate.per_minute).at_once();
        assert_eq!(rate.left, whole, "{told}: all {} are there again", rate.quantity);
    }
    let load = Load { callers: 30, calls: 90, tokens: (3_000, 200), seed: 9 };
    assert_eq!(run(load, &gate, &[model]).await, 0, "{told}");
    assert_eq!(provider.tally().limited_since(Duration::ZERO), 0, "{told}: no limit is met");
    require_a_permit_for_each_call(&gate, &provider).await;
}

#[tokio::test(start_paused = true)]
async fn usage_that_is_told_wrong_spoils_no_count() {
    for (protocol, stream) in dialects() {
        for wrong in [WrongUsage::TooLow, WrongUsage::Absurd, WrongUsage::Missing] {
            count(&format!("{wrong:?}"), Fault::Usage(wrong), protocol, stream).await;
        }
    }
}

/// A good answer with these counts of tokens in it, which are any JSON.
fn counting(protocol: Protocol, input: &str, output: &str) -> Fault {
    let body = match protocol {
        Protocol::AnthropicMessages => format!(
            r#"{{"id":"m","type":"message","role":"assistant","model":"small-1","stop_reason":"end_turn",
            "content":[{{"type":"text","text":"Well."}}],
            "usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
        ),
        Protocol::OpenAiChat => format!(
            r#"{{"id":"c","object":"chat.completion","choices":[{{"index":0,"finish_reason":"stop",
            "message":{{"role":"assistant","content":"Well."}}}}],
            "usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#
        ),
        Protocol::OpenAiResponses => format!(
            r#"{{"id":"r","object":"response","status":"completed","output":[{{"type":"message","role":"assistant",
            "content":[{{"type":"output_text","text":"Well."}}]}}],
            "usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
        ),
    };
    Fault::Raw { status: 200, content_type: "application/json", headers: Vec::new(), body }
}

#[tokio::test(start_paused = true)]
async fn counts_that_cannot_be_are_no_debt_and_no_gift() {
    for protocol in Protocol::ALL {
        for (input, output) in [
            ("0", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("4294967295", "4294967295"),
            ("340282366920938463463374607431768211456", "1"),
            ("-1", "-1"),
            ("1e300", "0.5"),
            ("\"many\"", "[]"),
            ("null", "null"),
            ("300", "18446744073709551616"),
        ] {
            let fault = counting(protocol, input, output);
            count(&format!("{input} and {output}"), fault, protocol, false).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_that_goes_on_ends_in_an_error_and_in_a_breaker_that_lets_go_again() {
    for (protocol, stream) in dialects() {
        let told = format!("{protocol:?}, streamed: {stream}");
        let provider = scripted(1, Script::well().calls(0..5, Fault::Garbage)).await;
        let gate = gate(Limits::slots(1)).await;
        let model = model(&provider, protocol, stream);
        let errand = Errand::new(gate.clone(), Class::Turn);
        // Four times, and once more: the gate lets no retry through, and the error is what called for it.
        for _ in 0..2 {
            let error = summarize(&model, &errand).await.expect_err("garbage");
            let is = matches!(
                error,
                ModelError::Broken { why: Broken::Malformed, .. } | ModelError::Transient { .. }
            );
            assert!(is, "{told}: {error:?}");
        }
        let error = summarize(&model, &errand).await.expect_err("the breaker is open");
        assert!(matches!(error, ModelError::Gate(_)), "{told}: {error:?}");
        tokio::time::sleep(secs(30)).await;
        summarize(&model, &errand).await.unwrap_or_else(|error| panic!("{told}: {error}"));
        assert_eq!(provider.tally().calls.len(), 6, "{told}");
        require_a_permit_for_each_call(&gate, &provider).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_is_given_back_and_what_was_used_over_the_estimate_is_owed() {
    let used = |input: u64, output: u64| {
        counting(Protocol::AnthropicMessages, &input.to_string(), &output.to_string())
    };
    let left = async |fault: Fault| {
        let (provider, gate) = narrow(Script::well().call(0, fault)).await;
        let model = model(&provider, Protocol::AnthropicMessages, false);
        let errand = Errand::new(gate.clone(), Class::Turn);
        let mut asked = request(10, 1_000);
        asked.input = Some(TokenCount(2_000));
        model.complete(&errand, &asked).await.expect("it is answered");
        let rates = account(&gate).await.rates;
        let left = |quantity| {
            rates.iter().find(|rate| rate.quantity == quantity).expect("it is limited").left
        };
        Amounts::new(left(Quantity::InputTokens), left(Quantity::OutputTokens))
    };
    let whole = Rate::per_minute(EACH_MINUTE).at_once();
    let expected = |input, output| Amounts::new(whole - input, whole - output);
    assert_eq!(left(used(500, 30)).await, expected(500, 30));
    assert_eq!(left(used(9_000, 1_000)).await, expected(9_000, 1_000));
    assert_eq!(left(used(0, 0)).await, expected(0, 0));
    let estimated = left(counting(Protocol::AnthropicMessages, "null", "7")).await;
    assert_eq!(estimated, expected(2_000, 1_000), "without a count the estimate stands");
    let absurd = left(used(1_000_000_000_000, 1_000_000_000_000)).await;
    assert_eq!(absurd, expected(2_000, 1_000), "nor with one that no call can reach");
}
