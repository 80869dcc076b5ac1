//! Limits from outside: exactly at them and one over, what fills up again, what headers tell, and slots.

use std::time::Duration;

use highwater_protocol::limit::Quantity;
use serde_json::json;
use tokio::time::sleep;

use super::client::{Answer, Client, once, request};
use crate::dice::Dice;
use crate::provider::{
    Bound, Counting, Fault, Headers, Latency, Limits, Outcome, Protocol, Provider, Reason,
    RetryAfter, Rules, Script, Settling,
};

const ANTHROPIC: Protocol = Protocol::AnthropicMessages;

/// A prompt counts ten tokens, an answer has five.
fn counted(limits: Limits) -> Rules {
    let text = Rules::says(|_| "abcd".repeat(5));
    Rules { limits, text, count: |_| 10, ..Rules::default() }
}

/// Calls that may answer 20 tokens, in groups: seconds to wait before, calls, and how many of them are answered.
async fn check(rules: Rules, protocol: Protocol, groups: &[(u64, usize, usize)]) {
    let provider = Provider::start(rules).await;
    let mut client = Client::new(&provider).await;
    for (at, (wait, calls, expected)) in groups.iter().enumerate() {
        sleep(Duration::from_secs(*wait)).await;
        let mut answered = 0;
        for _ in 0..*calls {
            let answer = client.call(protocol, &request(protocol, 20, false)).await;
            assert!(matches!(answer.status, 200 | 429), "{answer:?}");
            answered += usize::from(answer.status == 200);
        }
        assert_eq!(answered, *expected, "group {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_gives_its_burst_and_then_what_has_run_in() {
    let requests = |burst| Limits::none().rate(Quantity::Requests, 6, burst);
    check(counted(requests(3)), ANTHROPIC, &[(0, 4, 3), (9, 1, 0), (1, 2, 1)]).await;
    check(counted(requests(3)), ANTHROPIC, &[(0, 3, 3), (3_600, 4, 3)]).await;
    let input = Limits::none().per_minute(Quantity::InputTokens, 30);
    check(counted(input), ANTHROPIC, &[(0, 4, 3), (19, 1, 0), (1, 2, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_window_gives_all_of_it_anew_at_the_minute() {
    let limits = Limits::none().per_minute(Quantity::Requests, 3);
    let rules = Rules { counting: Counting::Windows, ..counted(limits) };
    check(rules, ANTHROPIC, &[(50, 2, 2), (9, 2, 1), (1, 4, 3), (59, 1, 0), (1, 1, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn output_is_charged_by_its_most_and_corrected_at_anthropic_alone() {
    let limits = Limits::none().per_minute(Quantity::OutputTokens, 40);
    check(counted(limits.clone()), ANTHROPIC, &[(0, 10, 5)]).await;
    check(counted(limits.clone()), Protocol::OpenAiChat, &[(0, 10, 2)]).await;
    let kept = Rules { settling: Settling::Kept, ..counted(limits.clone()) };
    check(kept, ANTHROPIC, &[(0, 10, 2)]).await;
    let windows = Rules { counting: Counting::Windows, ..counted(limits) };
    check(windows, ANTHROPIC, &[(0, 10, 5), (60, 10, 5)]).await;
    let total = Limits::none().per_minute(Quantity::Tokens, 60);
    check(counted(total), Protocol::OpenAiResponses, &[(0, 4, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_costs_a_request_where_the_rules_say_so() {
    let limits =
        Limits::none().per_minute(Quantity::Requests, 6).rate(Quantity::InputTokens, 60, 10);
    let groups = [(0, 4, 1), (10, 1, 1), (10, 1, 1), (10, 1, 1), (10, 1, 1), (10, 1, 1), (0, 1, 0)];
    check(counted(limits.clone()), ANTHROPIC, &groups).await;
    let counts = Rules { refused_count: true, ..counted(limits) };
    check(counts, ANTHROPIC, &[(0, 9, 1), (10, 1, 1), (10, 1, 1), (0, 5, 0)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_above_the_burst_is_never_admitted() {
    let limits = Limits::none().rate(Quantity::Tokens, 6_000, 29);
    let provider = Provider::start(counted(limits)).await;
    let protocol = Protocol::OpenAiChat;
    let answer = Client::new(&provider).await.call(protocol, &request(protocol, 20, false)).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text().contains("Request too large for m"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), None, "there is nothing to wait for");
    let refused = provider.tally().refused();
    let reason = Reason::Limit(Bound::Rate(Quantity::Tokens));
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), [(reason, 1)]);
}

fn told(answer: &Answer, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| answer.header(name).unwrap_or("-").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn headers_tell_what_is_left_also_of_answers_that_are_fine() {
    let limits = Limits::none()
        .per_minute(Quantity::Requests, 60)
        .per_minute(Quantity::InputTokens, 600)
        .per_minute(Quantity::OutputTokens, 1_200);
    let provider = Provider::start(counted(limits)).await;
    sleep(Duration::from_secs(5)).await;
    let first = once(&provider, ANTHROPIC, false).await;
    let names = |what: &str| {
        ["limit", "remaining", "reset"].map(|end| format!("anthropic-ratelimit-{what}-{end}"))
    };
    for (what, expected) in [
        ("requests", ["60", "59", "2026-01-01T00:00:06Z"]),
        ("input-tokens", ["600", "590", "2026-01-01T00:00:06Z"]),
        ("output-tokens", ["1200", "1195", "2026-01-01T00:00:06Z"]),
        ("tokens", ["1800", "1785", "2026-01-01T00:00:06Z"]),
    ] {
        let names = names(what);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(told(&first, &names), expected, "{what}");
    }
    assert_eq!(first.header("date"), Some("Thu, 01 Jan 2026 00:00:05 GMT"));
    assert_eq!(first.header("request-id"), Some("req_000000000000000000000000"));
}

#[tokio::test(start_paused = true)]
async fn openai_tells_of_requests_and_of_tokens() {
    let limits =
        Limits::none().per_minute(Quantity::Requests, 3).per_minute(Quantity::Tokens, 2_200);
    let provider = Provider::start(counted(limits)).await;
    let answers = [
        once(&provider, Protocol::OpenAiChat, false).await,
        once(&provider, Protocol::OpenAiResponses, true).await,
    ];
    let names = ["limit", "remaining", "reset"].map(|part| {
        ["requests", "tokens"].map(|quantity| format!("x-ratelimit-{part}-{quantity}"))
    });
    let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let one = ["3", "2200", "2", "2090", "20s", "3s"];
    let two = ["3", "2200", "1", "1980", "40s", "6s"];
    assert_eq!([told(&answers[0], &names), told(&answers[1], &names)], [one, two]);
    assert_eq!(answers[1].header("x-request-id"), Some("req_000000000000000000000001"));
}

#[tokio::test(start_paused = true)]
async fn rounded_and_silent_headers_are_rounded_and_silent() {
    let limits = Limits::none().per_minute(Quantity::InputTokens, 10_000);
    for (headers, expected) in
        [(Headers::Told, "9990"), (Headers::Rounded, "10000"), (Headers::Silent, "-")]
    {
        let provider = Provider::start(Rules { headers, ..counted(limits.clone()) }).await;
        let answer = once(&provider, ANTHROPIC, false).await;
        assert_eq!(told(&answer, &["anthropic-ratelimit-input-tokens-remaining"]), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_to_come_back_and_then_there_is_room() {
    let limits = Limits::none().rate(Quantity::Requests, 8, 1);
    for (retry_after, expected) in [
        (RetryAfter::Seconds, "8"),
        (RetryAfter::Date, "Thu, 01 Jan 2026 00:00:08 GMT"),
        (RetryAfter::Silent, "-"),
    ] {
        let provider = Provider::start(Rules { retry_after, ..counted(limits.clone()) }).await;
        assert_eq!(once(&provider, ANTHROPIC, false).await.status, 200);
        let refused = once(&provider, ANTHROPIC, true).await;
        assert_eq!(
            (refused.status, refused.json()["error"]["type"].as_str()),
            (429, Some("rate_limit_error"))
        );
        assert_eq!(told(&refused, &["retry-after"]), [expected]);
        sleep(Duration::from_secs(8)).await;
        assert_eq!(once(&provider, ANTHROPIC, false).await.status, 200);
    }
    let overloaded = Script::well().call(
        0,
        Fault::RefusedFor(crate::provider::Refusal::Overloaded, Duration::from_millis(2_100)),
    );
    let provider = Provider::start(Rules { script: overloaded, ..Rules::default() }).await;
    let refused = once(&provider, ANTHROPIC, false).await;
    assert_eq!((refused.status, refused.header("retry-after")), (529, Some("3")));
}

#[tokio::test(start_paused = true)]
async fn slots_hold_for_the_account_and_for_a_model_in_it() {
    let second = Duration::from_secs(1);
    let rules = Rules {
        limits: Limits::none().slots(2),
        models: [("small".to_owned(), Limits::none().slots(1))].into(),
        latency: Latency::constant(second, Duration::ZERO),
        ..counted(Limits::none())
    };
    let provider = Provider::start(rules).await;
    let mut clients = Vec::new();
    for model in ["small", "small", "m", "m"] {
        let mut client = Client::new(&provider).await;
        let mut body = request(ANTHROPIC, 20, true);
        body["model"] = json!(model);
        client.ask(ANTHROPIC, &body, "x-highwater-class: turn\r\n").await;
        sleep(Duration::from_millis(10)).await;
        clients.push(client);
    }
    let mut statuses = Vec::new();
    for client in &mut clients {
        statuses.push(client.answer().await.status);
    }
    assert_eq!(statuses, [200, 429, 200, 429]);
    let tally = provider.tally();
    assert_eq!((tally.most_in_flight, tally.in_flight), (2, 0));
    assert_eq!(tally.most_by_model["small"], 1);
    assert_eq!(tally.refused()[&Reason::Limit(Bound::Slots)], 2);
    assert_eq!(tally.limited_since(Duration::from_millis(20)), 1);
    assert_eq!(tally.of_class("turn").count(), 4);
    assert_eq!(
        (tally.used(Quantity::OutputTokens), tally.charged(Quantity::OutputTokens)),
        (10, 40)
    );
    assert_eq!(once(&provider, ANTHROPIC, false).await.status, 200, "the slots are free again");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_frees_its_slot_at_once() {
    let rules = Rules {
        limits: Limits::none().slots(1).rate(Quantity::OutputTokens, 6, 100),
        latency: Latency {
            tokens_per_event: 1,
            ..Latency::constant(Duration::ZERO, Duration::from_secs(1))
        },
        ..counted(Limits::none())
    };
    let provider = Provider::start(rules).await;
    let mut client = Client::new(&provider).await;
    client.ask(ANTHROPIC, &request(ANTHROPIC, 100, true), "").await;
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(provider.tally().in_flight, 1);
    drop(client);
    sleep(Duration::from_millis(1)).await;
    let call = &provider.tally().calls[0];
    assert_eq!((call.outcome, call.took.output_tokens), (Outcome::Abandoned, 2));
    let answer = once(&provider, ANTHROPIC, false).await;
    assert_eq!(answer.status, 429, "98 of 100 are there, and a quarter of one has run in");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(once(&provider, ANTHROPIC, false).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_text_that_panics_frees_its_slot() {
    let text = Rules::says(|asked| {
        assert!(asked.number > 0, "on purpose");
        "well"
    });
    let rules = Rules { limits: Limits::none().slots(1), text, ..Rules::default() };
    let provider = Provider::start(rules).await;
    assert_eq!(once(&provider, ANTHROPIC, false).await.status, 0);
    assert_eq!(provider.tally().calls[0].outcome, Outcome::Abandoned);
    assert_eq!(once(&provider, ANTHROPIC, false).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn each_key_is_an_account_and_a_wrong_one_is_refused() {
    let limits = Limits::none().rate(Quantity::Requests, 1, 1);
    let provider = Provider::start(counted(limits.clone())).await;
    let mut client = Client::new(&provider).await;
    let mut statuses = Vec::new();
    for key in ["x-api-key: a", "x-api-key: b", "authorization: Bearer a", "x-api-key: c"] {
        client.ask(ANTHROPIC, &request(ANTHROPIC, 20, false), &format!("{key}\r\n")).await;
        statuses.push(client.answer().await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 200]);
    let key = Some("secret".to_owned());
    let provider = Provider::start(Rules { key, ..counted(Limits::none()) }).await;
    let mut client = Client::new(&provider).await;
    for (protocol, header, expected) in [
        (ANTHROPIC, "x-api-key: secret\r\n", 200),
        (ANTHROPIC, "x-api-key: wrong\r\n", 401),
        (Protocol::OpenAiChat, "x-api-key: secret\r\n", 401),
        (Protocol::OpenAiChat, "authorization: Bearer secret\r\n", 200),
        (Protocol::OpenAiResponses, "authorization: Basic secret\r\n", 401),
        (Protocol::OpenAiResponses, "", 401),
    ] {
        client.ask(protocol, &request(protocol, 20, false), header).await;
        assert_eq!(client.answer().await.status, expected, "{protocol:?} {header}");
    }
    assert_eq!(provider.tally().refused()[&Reason::Key], 4);
}

/// Every span of a run, from each admitted call to each later one.
#[tokio::test(start_paused = true)]
async fn no_span_of_a_run_gives_more_than_the_bucket_allows_and_all_of_it_is_used() {
    let limits =
        Limits::none().rate(Quantity::Requests, 120, 10).rate(Quantity::InputTokens, 3_000, 400);
    let count = |text: &str| 5 + text.len() as u64 % 41;
    let provider = Provider::start(Rules { count, ..counted(limits.clone()) }).await;
    let mut client = Client::new(&provider).await;
    let mut dice = Dice::new(5);
    let calls = 400;
    for _ in 0..calls {
        let mut body = request(ANTHROPIC, 20, false);
        body["system"] = json!("x".repeat(dice.index(60)));
        client.call(ANTHROPIC, &body).await;
        sleep(Duration::from_millis(dice.below(400))).await;
    }
    let tally = provider.tally();
    let admitted: Vec<_> = tally.admitted().collect();
    assert!((50..calls).contains(&admitted.len()), "{} were admitted", admitted.len());
    for (quantity, allowance) in &limits.rates {
        for (at, first) in admitted.iter().enumerate() {
            let mut granted = 0;
            for call in &admitted[at..] {
                granted += call.took.of(*quantity);
                let most = allowance.most_within(call.at.saturating_sub(first.at));
                assert!(granted <= most, "{granted} {quantity} where {most} are allowed");
            }
        }
    }
    let most = limits.rates[&Quantity::Requests].most_within(provider.elapsed());
    let used = tally.used(Quantity::Requests);
    assert!(used * 10 >= most * 9, "{used} of {most} requests were used");
}
