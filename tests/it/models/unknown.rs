//! With limits that nobody told the gate: it learns them, from headers or from refusals, and few calls are refused behind
//! the first minute.

use std::time::Duration;

use highwater_protocol::limit::{Limits, Quantity};
use highwater_tests::provider::{
    self, Counting, Headers, Latency, Provider, RetryAfter, Rules, Spread,
};

use super::{Load, all_protocols, gate, run, secs};

struct Case {
    limits: provider::Limits,
    headers: Headers,
    retry_after: RetryAfter,
    counting: Counting,
}

/// The calls behind the first minute, those of them that met a limit, and how long all took.
async fn play(case: &Case) -> (usize, usize, Duration) {
    let latency = Latency {
        first: Spread::LogNormal { median: Duration::from_millis(900), sigma: 0.4 },
        per_token: Spread::Constant(Duration::from_millis(4)),
        ..Latency::NONE
    };
    let rules = Rules {
        limits: case.limits.clone(),
        headers: case.headers,
        retry_after: case.retry_after,
        counting: case.counting,
        latency,
        seed: 11,
        ..Rules::default()
    };
    let provider = Provider::start(rules).await;
    let gate = gate(Limits::slots(64).reserve(25)).await;
    let load = Load { callers: 80, calls: 6_000, tokens: (1_000, 200), seed: 2 };
    run(load, &gate, &all_protocols(&provider)).await;
    let tally = provider.tally();
    let late = tally.calls.iter().filter(|call| call.at >= secs(60)).count();
    (late, tally.limited_since(secs(60)), provider.elapsed())
}

#[tokio::test(start_paused = true)]
async fn limits_that_nobody_told_are_learned_within_a_minute() {
    let none = provider::Limits::none;
    let requests = none().per_minute(Quantity::Requests, 300);
    let tokens = none()
        .per_minute(Quantity::InputTokens, 200_000)
        .per_minute(Quantity::OutputTokens, 60_000);
    let (told, silent) = (Headers::Told, Headers::Silent);
    let (seconds, never) = (RetryAfter::Seconds, RetryAfter::Silent);
    for (name, limits, headers, retry_after, counting) in [
        ("requests, told", requests.clone(), told, seconds, Counting::Bucket),
        ("tokens, told", tokens.clone(), told, seconds, Counting::Bucket),
        ("requests, refusals with a time", requests.clone(), silent, seconds, Counting::Bucket),
        ("tokens, refusals with a date", tokens, silent, RetryAfter::Date, Counting::Bucket),
        ("requests, silent refusals", requests.clone(), silent, never, Counting::Bucket),
        ("requests by the minute", requests.clone(), silent, seconds, Counting::Windows),
        ("requests by the minute, told", requests, told, seconds, Counting::Windows),
        ("calls at once, silent", none().slots(7), silent, never, Counting::Bucket),
        ("calls at once, with a time", none().slots(7), silent, seconds, Counting::Bucket),
    ] {
        let case = Case { limits, headers, retry_after, counting };
        let (late, limited, took) = play(&case).await;
        assert!(late >= 1_000, "{name}: {late} calls are too few to tell");
        assert!(limited * 100 <= late, "{name}: {limited} of {late} calls were refused");
        // Kept to exactly, each of these limits lets them through in 12 to 20 minutes. Who refuses calls at once and says
        // when to come back is taken for one that limits a rate, and used less.
        let minutes = if name == "calls at once, with a time" { 60 } else { 30 };
        assert!(took <= secs(minutes * 60), "{name}: {took:?} for what is done in 20 minutes");
    }
}
