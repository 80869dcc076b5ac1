//! With limits configured right: no refusal at all, and nothing left unused while work waits (G1).

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::limit::{Limits, Quantity, Rate};
use highwater_tests::provider::{self, Allowance, Counting, Latency, Provider, Rules, Spread};

use super::{Load, all_protocols, gate, run};

/// A provider's limits, and the same as the gate is told them.
struct Case {
    name: &'static str,
    slots: u32,
    rates: &'static [(Quantity, u64)],
    load: Load,
    reserve: u8,
}

/// Plays a load, of which no call is refused; the largest share of any limit that was used.
async fn play(case: &Case) -> f64 {
    let mut limits = provider::Limits::none().slots(case.slots);
    let mut known = Limits::slots(case.slots).reserve(case.reserve);
    for (quantity, per_minute) in case.rates {
        limits = limits.per_minute(*quantity, *per_minute);
        known = known.with(*quantity, Rate::per_minute(*per_minute));
    }
    let latency = Latency {
        first: Spread::LogNormal { median: Duration::from_millis(800), sigma: 0.5 },
        per_token: Spread::Uniform(Duration::from_millis(2), Duration::from_millis(6)),
        ..Latency::NONE
    };
    let provider = Provider::start(Rules { limits, latency, seed: 3, ..Rules::default() }).await;
    let gate = gate(known).await;
    let models = all_protocols(&provider);
    let began = provider.elapsed();
    let failed = run(case.load, &gate, &models).await;
    assert_eq!(failed, 0, "{}: every call is answered", case.name);
    let (tally, took) = (provider.tally(), provider.elapsed().saturating_sub(began));
    let refused = tally.refused();
    assert_eq!(
        refused,
        BTreeMap::new(),
        "{}: no call is refused for a limit, or at all",
        case.name
    );
    assert!(tally.most_in_flight <= case.slots, "{}: {}", case.name, tally.most_in_flight);
    let busy: f64 = tally
        .calls
        .iter()
        .map(|call| call.ended.unwrap_or(call.at).saturating_sub(call.at).as_secs_f64())
        .sum();
    let mut used = busy / (f64::from(case.slots) * took.as_secs_f64());
    for (quantity, per_minute) in case.rates {
        let most = Allowance { per_minute: *per_minute, burst: *per_minute }.most_within(took);
        let charged = tally.used(*quantity);
        #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
        let share = charged as f64 / most as f64;
        used = used.max(share);
    }
    used
}

const PLENTY: Load = Load { callers: 150, calls: 1_500, tokens: (2_000, 200), seed: 1 };

#[tokio::test(start_paused = true)]
async fn ten_thousand_mixed_calls_meet_no_limit_and_leave_none_unused() {
    let case = Case {
        name: "requests",
        slots: 40,
        rates: &[
            (Quantity::Requests, 600),
            (Quantity::InputTokens, 900_000),
            (Quantity::OutputTokens, 200_000),
        ],
        load: Load { callers: 200, calls: 10_000, ..PLENTY },
        reserve: 25,
    };
    let used = play(&case).await;
    assert!(used >= 0.9, "{used} of what the limits allow");
}

#[tokio::test(start_paused = true)]
async fn whatever_limits_it_is_used_and_never_exceeded() {
    let input: &[_] = &[(Quantity::Requests, 3_000), (Quantity::InputTokens, 300_000)];
    for (name, slots, rates, reserve) in [
        ("slots", 6, &[(Quantity::Requests, 100_000)][..], 34),
        ("input tokens", 60, input, 25),
        ("all tokens", 60, &[(Quantity::Tokens, 400_000)][..], 0),
        ("output tokens", 60, &[(Quantity::OutputTokens, 20_000)][..], 50),
    ] {
        let used = play(&Case { name, slots, rates, load: PLENTY, reserve }).await;
        assert!(used >= 0.9, "{name}: {used} of what the limits allow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_counts_by_the_minute_is_met_by_a_burst_beside_the_rate() {
    let limits = provider::Limits::none().per_minute(Quantity::Requests, 600);
    let latency = Latency::constant(Duration::from_secs(1), Duration::ZERO);
    let counting = Counting::Windows;
    let provider = Provider::start(Rules { limits, latency, counting, ..Rules::default() }).await;
    // Rate and burst together are what a minute allows.
    let rate = Rate::per_minute(560).burst(40);
    let gate = gate(Limits::slots(100).with(Quantity::Requests, rate)).await;
    let load = Load { callers: 100, calls: 3_000, tokens: (50, 20), seed: 5 };
    assert_eq!(run(load, &gate, &all_protocols(&provider)).await, 0);
    assert_eq!(provider.tally().limited_since(Duration::ZERO), 0);
    assert!(provider.elapsed() <= Duration::from_secs(300 * 10 / 9), "{:?}", provider.elapsed());
}
