//! Time: latencies to the millisecond over sockets, many clients at once, and the same run twice.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::limit::Quantity;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::client::{Client, once, request};
use crate::provider::{CLASS_HEADER, Latency, Limits, Protocol, Provider, Rules, Spread, Tally};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_answer_takes_its_latency_and_not_a_millisecond_more() {
    let latency = Latency::constant(2 * SECOND, Duration::from_millis(10));
    let text = Rules::says(|_| "abcd".repeat(50));
    let provider = Provider::start(Rules { latency, text, ..Rules::default() }).await;
    let far = tokio::spawn(tokio::time::sleep(Duration::from_hours(1)));
    for stream in [false, true] {
        for protocol in Protocol::ALL {
            let asked = Instant::now();
            let answer = timeout(Duration::from_secs(3), once(&provider, protocol, stream));
            assert_eq!(answer.await.expect("in time").status, 200);
            assert_eq!(asked.elapsed(), Duration::from_millis(2_500), "{protocol:?}");
        }
    }
    far.abort();
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_of_a_stream_comes_before_its_tokens() {
    let latency = Latency::constant(2 * SECOND, Duration::from_millis(100));
    let provider = Provider::start(Rules { latency, ..Rules::default() }).await;
    let mut client = Client::new(&provider).await;
    let asked = Instant::now();
    let protocol = Protocol::AnthropicMessages;
    client.ask(protocol, &request(protocol, 100, true), "").await;
    assert!(client.more().await);
    assert_eq!(asked.elapsed(), 2 * SECOND);
    assert_eq!(client.answer().await.status, 200);
    assert!(asked.elapsed() > 3 * SECOND);
}

/// Ten clients that call without a pause over connections that they keep for fifty calls, and a timer each that must never
/// fire.
async fn crowd(seed: u64) -> (Tally, Duration) {
    let latency = Latency {
        first: Spread::LogNormal { median: SECOND, sigma: 0.7 },
        per_token: Spread::Uniform(Duration::from_millis(1), Duration::from_millis(30)),
        ..Latency::NONE
    };
    let limits = Limits::none().slots(10).per_minute(Quantity::Requests, 100_000);
    let rules = Rules { limits, latency, seed, ..Rules::default() };
    let provider = Arc::new(Provider::start(rules).await);
    let mut clients = JoinSet::new();
    for at in 0..10 {
        let provider = Arc::clone(&provider);
        clients.spawn(async move {
            let mut client = Client::new(&provider).await;
            for call in 0..300 {
                let protocol = Protocol::ALL[(at + call) % 3];
                let body = request(protocol, 50, call % 2 == 0);
                let answer = timeout(60 * SECOND, async {
                    client.ask(protocol, &body, &format!("{CLASS_HEADER}: {at}\r\n")).await;
                    client.answer().await
                });
                let answer = answer.await.expect("no timeout is jumped to");
                assert!(answer.status == 200 && answer.whole, "{answer:?}");
                if call % 50 == 49 {
                    client = Client::new(&provider).await;
                }
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no client fails");
    }
    (provider.tally(), provider.elapsed())
}

#[tokio::test(start_paused = true)]
async fn thousands_of_calls_over_kept_connections_lose_no_time() {
    let tally = crowd(1).await.0;
    assert_eq!((tally.calls.len(), tally.admitted().count()), (3_000, 3_000));
    assert_eq!((tally.most_in_flight, tally.in_flight, tally.connections), (10, 0, 70));
    for client in 0..10 {
        let calls: Vec<_> = tally.of_class(&client.to_string()).collect();
        assert_eq!(calls.len(), 300);
        for two in calls.windows(2) {
            assert_eq!(two[0].ended, Some(two[1].at), "the next call comes at once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_run() {
    let mut runs = Vec::new();
    for seed in [2, 2, 3] {
        let (tally, elapsed) = crowd(seed).await;
        let times = tally.calls.iter().map(|call| (call.at, call.ended));
        runs.push((elapsed, times.collect::<Vec<_>>()));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[1], runs[2]);
}
