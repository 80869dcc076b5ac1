//! Models behind the gate, over real sockets: clients, permits and a provider that holds them to its limits.

mod capacity;
mod failures;
mod unknown;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::model::{Endpoint, GatedModel, HttpClient, Messages, Protocol, Request};
use highwater::{Errand, Gate};
use highwater_protocol::TokenCount;
use highwater_protocol::limit::{Class, Key, Limits};
use highwater_protocol::prompt::Rendered;
use highwater_tests::dice::Dice;
use highwater_tests::provider::Provider;

/// The account and the model of all tests here.
const ACCOUNT: &str = "acme";
const MODEL: &str = "small-1";

async fn gate(limits: Limits) -> Gate {
    let gate = Gate::new(7);
    gate.register(ACCOUNT, limits, BTreeMap::new()).await.expect("legal limits");
    gate
}

fn model(provider: &Provider, protocol: Protocol, stream: bool) -> GatedModel {
    let endpoint = Endpoint { stream, ..Endpoint::new(protocol, provider.url(), MODEL) };
    let client = HttpClient::new(endpoint).expect("a legal endpoint");
    GatedModel::new(client, Key::of(ACCOUNT), TokenCount(200_000))
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

fn all_protocols(provider: &Provider) -> Vec<GatedModel> {
    let each = Protocol::ALL.into_iter().flat_map(|protocol| [(protocol, true), (protocol, false)]);
    each.map(|(protocol, stream)| model(provider, protocol, stream)).collect()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
