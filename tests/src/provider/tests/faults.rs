//! Each misbehaviour as a client sees it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::client::{Answer, Client, once, request};
use crate::provider::{
    Fault, Limits, Outcome, Protocol, Provider, Reason, Refusal, Rules, Script, Tally, WrongUsage,
};

const ANTHROPIC: Protocol = Protocol::AnthropicMessages;

/// A provider of one slot on which every call goes wrong so.
async fn with(fault: Fault) -> Provider {
    let text = Rules::says(|_| "abcd".repeat(60));
    let script = Script::well().calls(0..u64::MAX, fault);
    Provider::start(Rules { limits: Limits::none().slots(1), text, script, ..Rules::default() })
        .await
}

/// The answers of the three protocols, not streamed and streamed, to calls that go wrong so.
async fn answers(fault: Fault) -> (Vec<(Protocol, bool, Answer)>, Tally) {
    let provider = with(fault).await;
    let mut answers = Vec::new();
    for protocol in Protocol::ALL {
        for stream in [false, true] {
            answers.push((protocol, stream, once(&provider, protocol, stream).await));
        }
    }
    (answers, provider.tally())
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_status_and_the_words_of_their_protocol() {
    for (refusal, anthropic, openai) in [
        (Refusal::TooLong, (400, "prompt is too long"), (400, "context_length_exceeded")),
        (Refusal::Policy, (400, "content filtering"), (400, "content_policy_violation")),
        (Refusal::Key, (401, "authentication_error"), (401, "invalid_api_key")),
        (Refusal::Payment, (402, "billing_error"), (402, "insufficient_balance")),
        (Refusal::Forbidden, (403, "permission_error"), (403, "unsupported_country")),
        (Refusal::NoModel, (404, "not_found_error"), (404, "model_not_found")),
        (Refusal::TooLarge, (413, "request_too_large"), (413, "request_too_large")),
        (Refusal::Limited, (429, "rate_limit_error"), (429, "rate_limit_exceeded")),
        (Refusal::Spent, (429, "API usage limits"), (429, "insufficient_quota")),
        (Refusal::Internal, (500, "api_error"), (500, "server_error")),
        (Refusal::Unavailable, (503, "api_error"), (503, "server_error")),
        (Refusal::Overloaded, (529, "overloaded_error"), (503, "overloaded")),
    ] {
        let (answers, tally) = answers(Fault::Refused(refusal)).await;
        for (protocol, _, answer) in answers {
            let (status, words) = if protocol == ANTHROPIC { anthropic } else { openai };
            assert_eq!((answer.status, answer.whole), (status, true), "{refusal:?}");
            assert!(answer.text().contains(words) && answer.json()["error"].is_object());
        }
        assert_eq!((tally.admitted().count(), tally.most_in_flight), (0, 0));
        assert!(tally.refused().contains_key(&Reason::Scripted(anthropic.0)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_json_and_errors_that_look_well_come_with_200() {
    let raw = Fault::Raw {
        status: 418,
        content_type: "text/plain",
        headers: vec![("retry-after", "soon".to_owned())],
        body: "tea".to_owned(),
    };
    for (fault, status, text) in [
        (Fault::Garbage, 200, "<<<<<"),
        (Fault::ErrorWith200(Refusal::Internal), 200, "\"error\""),
        (Fault::Gateway(502), 502, "<center><h1>502 Bad Gateway</h1>"),
        (raw, 418, "tea"),
    ] {
        for (_, _, answer) in answers(fault.clone()).await.0 {
            assert_eq!((answer.status, answer.whole), (status, true), "{fault:?}");
            assert!(answer.text().contains(text), "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn connections_break_before_and_within_an_answer() {
    let (nothing, tally) = answers(Fault::Disconnect).await;
    assert!(nothing.iter().all(|(_, _, answer)| answer.status == 0 && answer.body.is_empty()));
    assert!(tally.calls.iter().all(|call| call.outcome == Outcome::Broken));
    let (halves, tally) = answers(Fault::DisconnectAt(50)).await;
    for (_, stream, half) in halves {
        assert!(half.status == 200 && !half.whole && !half.body.is_empty());
        assert!(serde_json::from_slice::<Value>(&half.body).is_err());
        assert!(!stream || half.events().len() > 2, "whole events came");
    }
    assert_eq!((tally.in_flight, tally.most_in_flight), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_stalls_holds_its_slot_until_the_client_goes() {
    for fault in [Fault::Hang, Fault::StallAt(0), Fault::StallAt(50)] {
        for protocol in Protocol::ALL {
            for stream in [false, true] {
                let provider = with(fault.clone()).await;
                let call = once(&provider, protocol, stream);
                assert!(timeout(Duration::from_hours(24), call).await.is_err(), "{fault:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
                let tally = provider.tally();
                assert_eq!((tally.in_flight, tally.calls[0].outcome), (0, Outcome::Abandoned));
                assert!(tally.calls[0].ended >= Some(Duration::from_hours(24)));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_within_a_stream_is_an_event_of_the_protocol() {
    for (protocol, stream, answer) in answers(Fault::ErrorEventAt(50, Refusal::Overloaded)).await.0
    {
        if !stream {
            assert_eq!(answer.status, if protocol == ANTHROPIC { 529 } else { 503 });
            continue;
        }
        let events = answer.events();
        let (name, data) = events.last().expect("there are events");
        let (expected, place) = match protocol {
            Protocol::AnthropicMessages => ("error", "/error/type"),
            Protocol::OpenAiChat => ("", "/error/message"),
            Protocol::OpenAiResponses => ("error", "/code"),
        };
        assert!(answer.whole && events.len() > 3);
        assert_eq!(name, expected);
        assert!(
            data.pointer(place)
                .and_then(Value::as_str)
                .is_some_and(|told| told.contains("overloaded")),
            "{data}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_end_within_a_character_within_a_line_and_without_their_end() {
    for (_, _, answer) in answers(Fault::CutInCharacter).await.0 {
        let error = std::str::from_utf8(&answer.body).expect_err("half a character is none");
        assert!(answer.whole && error.error_len().is_none());
    }
    for (_, _, answer) in answers(Fault::CutInLine).await.0 {
        assert!(answer.whole && answer.text().ends_with('c'), "{}", answer.text());
    }
    for (protocol, stream, answer) in answers(Fault::NoEnd).await.0 {
        let text = answer.text();
        assert!(
            answer.whole && text.contains(if stream { "abcd" } else { "{" }),
            "{protocol:?}: {text}"
        );
        let ends = ["message_stop", "message_delta", "[DONE]", "\"stop\"", "response.completed"];
        assert!(!stream || !ends.iter().any(|end| text.contains(end)), "{protocol:?}: {text}");
        assert!(stream || serde_json::from_str::<Value>(&text).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_cut_off_empty_or_reasoning_alone() {
    let whole = |answers: Vec<(Protocol, bool, Answer)>| {
        answers.into_iter().filter(|(_, stream, _)| !stream).map(|(_, _, answer)| answer.json())
    };
    let cut: Vec<Value> = whole(answers(Fault::MaxTokens).await.0).collect();
    assert_eq!(cut[0]["stop_reason"], "max_tokens");
    assert_eq!(cut[1]["choices"][0]["finish_reason"], "length");
    assert_eq!(cut[2]["incomplete_details"]["reason"], "max_output_tokens");
    let empty: Vec<Value> = whole(answers(Fault::Empty).await.0).collect();
    assert_eq!(empty[0]["content"], serde_json::json!([]));
    assert_eq!(empty[1]["choices"][0]["message"]["content"], "");
    assert_eq!(empty[2]["output"], serde_json::json!([]));
    let thought: Vec<Value> = whole(answers(Fault::ReasoningOnly).await.0).collect();
    assert_eq!(thought[0]["content"].as_array().map(Vec::len), Some(1));
    assert_eq!(thought[0]["content"][0]["type"], "thinking");
    assert_eq!(thought[1]["choices"][0]["message"]["content"], "");
    assert_eq!(thought[2]["output"][0]["type"], "reasoning");
}

#[tokio::test(start_paused = true)]
async fn usage_is_too_low_absurd_or_missing_while_the_tally_is_right() {
    for (wrong, expected) in [
        (WrongUsage::TooLow, Some(6)),
        (WrongUsage::Absurd, Some(1_000_000_000_000)),
        (WrongUsage::Missing, None),
    ] {
        let (answers, tally) = answers(Fault::Usage(wrong)).await;
        for (protocol, stream, answer) in answers {
            if stream {
                let told = answer.text().contains("_tokens\":");
                assert_eq!(told, expected.is_some(), "{protocol:?}: {}", answer.text());
                continue;
            }
            let usage = &answer.json()["usage"];
            let name = if protocol == Protocol::OpenAiChat {
                "completion_tokens"
            } else {
                "output_tokens"
            };
            assert_eq!(usage[name].as_u64(), expected, "{protocol:?}");
        }
        assert!(tally.calls.iter().all(|call| call.took.output_tokens == 60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dribbling_answer_is_whole_and_slow() {
    for stream in [false, true] {
        let provider = with(Fault::Dribble(1, Duration::from_millis(10))).await;
        let answer = once(&provider, ANTHROPIC, stream).await;
        assert!(answer.whole && answer.status == 200);
        let bytes = u32::try_from(answer.body.len()).expect("a few");
        assert_eq!(provider.elapsed(), Duration::from_millis(10) * bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_after_an_answer_with_and_without_a_word() {
    for (close_each, script, told) in [
        (true, Script::well(), Some("close")),
        (false, Script::well().chance(1_000, Fault::CloseAfter), None),
    ] {
        let provider = Provider::start(Rules { script, close_each, ..Rules::default() }).await;
        let mut client = Client::new(&provider).await;
        let answer = client.call(ANTHROPIC, &request(ANTHROPIC, 20, true)).await;
        assert!(answer.whole);
        assert_eq!(answer.header("connection"), told);
        assert!(!client.more().await && client.read().is_empty(), "it is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_huge_answer_comes_whole_whatever_was_asked_for() {
    for stream in [false, true] {
        let provider = with(Fault::Huge(2_000_000)).await;
        let answer = once(&provider, ANTHROPIC, stream).await;
        assert!(answer.whole && answer.body.len() > 2_000_000, "{}", answer.body.len());
    }
}

#[tokio::test(start_paused = true)]
async fn faults_come_by_number_by_time_by_range_and_by_chance() {
    let second = Duration::from_secs(1);
    let refused = Fault::Refused;
    let script = Script::well()
        .call(1, refused(Refusal::Key))
        .calls(0..3, refused(Refusal::Internal))
        .during(10 * second..20 * second, refused(Refusal::Overloaded));
    let provider = Provider::start(Rules { script, ..Rules::default() }).await;
    let mut statuses = Vec::new();
    for wait in [0, 0, 0, 0, 10, 9, 1] {
        tokio::time::sleep(wait * second).await;
        statuses.push(once(&provider, ANTHROPIC, false).await.status);
    }
    assert_eq!(statuses, [500, 401, 500, 200, 529, 529, 200]);
    provider.play(Script::well().chance(250, refused(Refusal::Internal)));
    let mut client = Client::new(&provider).await;
    let mut failed = 0;
    for _ in 0..400 {
        let answer = client.call(ANTHROPIC, &request(ANTHROPIC, 20, false)).await;
        failed += u32::from(answer.status == 500);
    }
    assert!((70..130).contains(&failed), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_provider_ends_its_connections_and_listens_no_more() {
    let provider = with(Fault::Hang).await;
    let address = provider.address();
    let mut idle = Client::new(&provider).await;
    let mut waiting = Client::new(&provider).await;
    waiting.ask(ANTHROPIC, &request(ANTHROPIC, 20, true), "").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks, 3, "one accepts, two serve");
    drop(provider);
    assert!(!idle.more().await && !waiting.more().await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}
