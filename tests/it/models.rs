//! Models behind the gate, over real sockets: clients, permits and a provider that holds them to its limits.

mod answers;
mod breaker;
mod capacity;
mod house;
mod pauses;
mod retries;
mod secrets;
mod turns;
mod unknown;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::model::{Endpoint, GatedModel, HttpClient, Messages, Protocol, Request};
use highwater::{Errand, Gate};
use highwater_protocol::TokenCount;
use highwater_protocol::limit::{ByClass, Class, Key, KeyStatus, Limits, ProviderStatus};
use highwater_protocol::prompt::Rendered;
use highwater_tests::dice::Dice;
use highwater_tests::provider::{self, Latency, Provider, Rules, Script};

/// The account and the model of all tests here.
const ACCOUNT: &str = "acme";
const MODEL: &str = "small-1";

async fn gate(limits: Limits) -> Gate {
    let gate = Gate::new(7);
    gate.register(ACCOUNT, limits, BTreeMap::new()).await.expect("legal limits");
    gate
}

fn endpoint(provider: &Provider, protocol: Protocol, stream: bool) -> Endpoint {
    Endpoint { stream, ..Endpoint::new(protocol, provider.url(), MODEL) }
}

/// A model at an endpoint, behind a key of the gate.
fn behind(key: Key, endpoint: Endpoint) -> GatedModel {
    let client = HttpClient::new(endpoint).expect("a legal endpoint");
    GatedModel::new(client, key, TokenCount(200_000))
}

fn model(provider: &Provider, protocol: Protocol, stream: bool) -> GatedModel {
    behind(Key::of(ACCOUNT), endpoint(provider, protocol, stream))
}

/// A provider with so many slots that answers after a second, but for what a script says.
async fn scripted(slots: u32, script: Script) -> Provider {
    let limits = provider::Limits::none().slots(slots);
    let latency = Latency::constant(secs(1), Duration::ZERO);
    Provider::start(Rules { limits, latency, script, ..Rules::default() }).await
}

/// How the account stands.
async fn status(gate: &Gate) -> ProviderStatus {
    gate.status_of(ACCOUNT).await.expect("it answers")
}

/// How the account alone stands, without its models.
async fn account(gate: &Gate) -> KeyStatus {
    status(gate).await.keys.remove(0)
}

/// Requires that nobody holds a permit or waits for one, and that each permit was one call of the provider's.
async fn require_a_permit_for_each_call(gate: &Gate, provider: &Provider) {
    let status = status(gate).await;
    let (held, waiting) = (status.held(), status.waiting);
    assert_eq!((held, waiting), (ByClass::default(), ByClass::default()), "nothing is left over");
    let granted: u64 = status.tally.granted.iter().map(|(_, granted)| granted).sum();
    assert_eq!(granted, provider.tally().calls.len() as u64, "a permit for each call");
}

/// A prompt of about so many tokens.
fn request(tokens: u64, max_output: u64) -> Request {
    let words = usize::try_from(tokens).expect("few");
    let messages = vec!["ferry ".repeat(words)];
    let prompt = Rendered { system: "Say something.", messages };
    Request::of(Messages::Prompt(prompt), TokenCount(max_output))
}

/// How callers call: so many at a time, so often in all.
#[derive(Clone, Copy)]
struct Load {
    callers: u64,
    calls: u64,
    /// The largest prompt and the largest answer.
    tokens: (u64, u64),
    seed: u64,
}

/// Calls models until there were enough calls; how many of them failed.
async fn run(load: Load, gate: &Gate, models: &[GatedModel]) -> usize {
    let mut dice = Dice::new(load.seed);
    let mut callers = Vec::new();
    for caller in 0..load.callers {
        let (gate, models, mut dice) = (gate.clone(), models.to_vec(), dice.split());
        let share = load.calls / load.callers + u64::from(caller < load.calls % load.callers);
        callers.push(tokio::spawn(async move {
            let mut failed = 0;
            for _ in 0..share {
                let class = match dice.below(4) {
                    0 => Class::Background,
                    1 => Class::Compaction { fill: u8::try_from(dice.below(101)).expect("small") },
                    _ => Class::Turn,
                };
                let errand = Errand::new(gate.clone(), class);
                let (input, output) = load.tokens;
                let request = request(dice.within(1, input), dice.within(16, output));
                let model = dice.pick(&models).expect("there is a model");
                failed += usize::from(model.complete(&errand, &request).await.is_err());
            }
            failed
        }));
    }
    let mut failed = 0;
    for caller in callers {
        failed += caller.await.expect("no panic");
    }
    failed
}

/// Every protocol, streamed and not.
fn dialects() -> impl Iterator<Item = (Protocol, bool)> {
    Protocol::ALL.into_iter().flat_map(|protocol| [(protocol, true), (protocol, false)])
}

fn all_protocols(provider: &Provider) -> Vec<GatedModel> {
    dialects().map(|(protocol, stream)| model(provider, protocol, stream)).collect()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The time from one moment to a later one.
fn between(from: Duration, to: Duration) -> Duration {
    to.checked_sub(from).expect("the other one is later")
}
