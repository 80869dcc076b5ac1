//! Summarizers behind the gate in a real house: the first in the list that gives a summary writes it, whatever the ones
//! before it give instead, turns beside a pass wait for nothing, and closing leaves nobody waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::env::{Inline, RuntimeClock};
use highwater::model::{Endpoint, GatedModel, ModelError, Protocol};
use highwater::summarize::Prompted;
use highwater::{Errand, Highwater};
use highwater_protocol::limit::{ByClass, Class, ClassKind, Key, Limits, ProviderStatus};
use highwater_protocol::{Kind, Outcome, Timestamp};
use highwater_storage::MemoryStore;
use highwater_tests::host::Host;
use highwater_tests::provider::{
    Fault, Latency, Outcome as Ended, Provider, Refusal, Rules, Script,
};
use highwater_tests::world;
use tokio::time::{Instant, sleep};

use super::{MODEL, behind, endpoint, request, secs};

/// The accounts, each with two calls at once, one of them for turns alone.
const ACCOUNTS: [&str; 2] = ["alpha", "beta"];

fn limits() -> Limits {
    Limits::slots(2).reserve(50)
}

/// A house whose summarizers are models at these endpoints in their order, and a session in it.
pub(super) async fn open(endpoints: Vec<(&str, Endpoint)>) -> (Highwater, Host) {
    let mut builder = Highwater::builder(MemoryStore::new())
        .executor(Inline)
        .clock(RuntimeClock::starting_at(Timestamp(1_000_000)))
        .seed(1);
    for (place, (account, endpoint)) in endpoints.into_iter().enumerate() {
        let model = Prompted::new(behind(Key::with_model(account, MODEL), endpoint));
        builder = builder.provider(account, limits(), BTreeMap::new());
        builder = if place == 0 { builder.summarizer(model) } else { builder.fallback(model) };
    }
    let house = builder.start().await.expect("legal limits");
    let host = Host::open(&house, "s", world::by_wish()).await;
    (house, host)
}

/// The context behind a pass.
pub(super) async fn compacted(host: &mut Host) -> String {
    host.chat("fill", 20, 60).await;
    let pass = host.compact(None).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.context().await.body()
}

/// A provider that remembers a word of its own, well or as the script says.
async fn remembering(word: &'static str, latency: Latency, script: Script) -> Provider {
    let text = Rules::says(move |_| format!("{word} is what was spoken of.").repeat(12));
    Provider::start(Rules { text, latency, script, ..Rules::default() }).await
}

fn always(fault: Option<&Fault>) -> Script {
    match fault {
        None => Script::well(),
        Some(fault) => Script::well().calls(0..u64::MAX, fault.clone()),
    }
}

/// What goes wrong with every call of a provider.
fn down() -> Vec<Fault> {
    let refused = [
        Refusal::Internal,
        Refusal::Unavailable,
        Refusal::Overloaded,
        Refusal::Limited,
        Refusal::Spent,
        Refusal::Payment,
        Refusal::Key,
        Refusal::Forbidden,
        Refusal::NoModel,
        Refusal::TooLong,
        Refusal::Policy,
    ];
    let broken = [
        Fault::RefusedFor(Refusal::Limited, secs(20)),
        Fault::RefusedFor(Refusal::Limited, secs(3_600)),
        Fault::Gateway(502),
        Fault::Garbage,
        Fault::ErrorWith200(Refusal::Overloaded),
        Fault::Disconnect,
        Fault::Hang,
        Fault::StallAt(50),
        Fault::DisconnectAt(50),
        Fault::ErrorEventAt(50, Refusal::Internal),
        Fault::NoEnd,
        Fault::MaxTokens,
        Fault::Empty,
        Fault::ReasoningOnly,
    ];
    refused.into_iter().map(Fault::Refused).chain(broken).collect()
}

/// Plays a pass; who made the summary.
async fn play(faults: [Option<&Fault>; 2], kinds: [(Protocol, bool); 2]) -> String {
    let told = format!("{faults:?}, {kinds:?}");
    let words = ["Amber", "Birch"];
    let mut providers = Vec::new();
    for (word, fault) in words.into_iter().zip(faults) {
        providers.push(remembering(word, Latency::NONE, always(fault)).await);
    }
    let at = |place: usize| {
        let (protocol, stream) = kinds[place];
        let endpoint = endpoint(&providers[place], protocol, stream);
        (ACCOUNTS[place], Endpoint { read_timeout: secs(20), ..endpoint })
    };
    let (house, mut host) = open(vec![at(0), at(1)]).await;
    let body = compacted(&mut host).await;
    let author = body.split(", made by ").nth(1).expect("there is a summary").to_owned();
    let author = author.split(" in ").next().expect("it says by whom").to_owned();
    for (place, word) in words.into_iter().enumerate() {
        let wrote = author.starts_with(ACCOUNTS[place]);
        assert_eq!(body.contains(word), wrote, "{told}: {author} made {body}");
        assert!(!body.contains("Let me see"), "{told}: reasoning is no summary");
        let calls = providers[place].tally().calls.len() as u64;
        check_only_compactions(&house, ACCOUNTS[place], calls, &told).await;
    }
    drop(host);
    house.close().await.expect("it closes");
    assert!(providers.iter().all(|provider| provider.tally().in_flight == 0), "{told}");
    author
}

async fn standing(house: &Highwater, account: &str) -> ProviderStatus {
    house.gate().status_of(account).await.expect("it answers")
}

/// Requires that each call was one of a pass to the gate, and that none is left over.
async fn check_only_compactions(house: &Highwater, account: &str, calls: u64, told: &str) {
    let status = standing(house, account).await;
    let mut expected = ByClass::default();
    *expected.of_mut(ClassKind::Compaction) = calls;
    assert_eq!(status.tally.granted, expected, "{told}");
    let left = (status.held(), status.waiting);
    assert_eq!(left, Default::default(), "{told}: nothing is left over");
}

#[tokio::test(start_paused = true)]
async fn the_first_summarizer_that_gives_a_summary_writes_it() {
    let kinds: Vec<(Protocol, bool)> = super::dialects().collect();
    for (at, fault) in down().iter().enumerate() {
        let kinds = [kinds[at % kinds.len()], kinds[(at + 3) % kinds.len()]];
        assert_eq!(play([None, Some(fault)], kinds).await, "alpha/small-1", "{fault:?}");
        assert_eq!(play([Some(fault), None], kinds).await, "beta/small-1", "{fault:?}");
        assert_eq!(play([Some(fault), Some(fault)], kinds).await, "extractive", "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_answer_is_no_summary_in_any_protocol() {
    for kind in super::dialects() {
        for fault in [Fault::MaxTokens, Fault::Empty, Fault::ReasoningOnly] {
            assert_eq!(play([Some(&fault), None], [kind; 2]).await, "beta/small-1", "{fault:?}");
            let both = play([Some(&fault), Some(&fault)], [kind; 2]).await;
            assert_eq!(both, "extractive", "{fault:?}");
        }
    }
}

/// A call for a turn.
async fn turn(house: &Highwater, model: &GatedModel) -> Result<(), ModelError> {
    let errand = Errand::new(house.gate().clone(), Class::Turn);
    model.complete(&errand, &request(10, 40)).await.map(drop)
}

/// A house with one summarizer that takes so long, a pass under way in it, and a model for turns of the same account.
async fn under_way(takes: Duration) -> (Provider, Highwater, Host, GatedModel) {
    let latency = Latency::constant(takes, Duration::ZERO);
    let provider = remembering("Amber", latency, Script::well()).await;
    let at = || endpoint(&provider, Protocol::AnthropicMessages, true);
    let (house, mut host) = open(vec![("alpha", at())]).await;
    host.chat("fill", 20, 60).await;
    let model = behind(Key::with_model("alpha", MODEL), at());
    host.compact(None).await;
    sleep(secs(1)).await;
    let held = standing(&house, "alpha").await.held();
    assert_eq!((held.of(ClassKind::Compaction), held.of(ClassKind::Turn)), (1, 0));
    (provider, house, host, model)
}

#[tokio::test(start_paused = true)]
async fn a_turn_beside_a_pass_reaches_the_provider_at_once() {
    let (provider, house, mut host, model) = under_way(secs(20)).await;
    // More passes than there are slots for them.
    let mut others = Vec::new();
    for name in ["t", "u", "v"] {
        let mut other = Host::open(&house, name, world::by_wish()).await;
        other.chat("fill", 20, 60).await;
        let pass = other.compact(None).await;
        others.push((other, pass));
    }
    for _ in 0..3 {
        let asked = provider.elapsed();
        turn(&house, &model).await.expect("it is answered");
        let arrived = provider.tally().calls.iter().filter(|call| call.at == asked).count();
        assert_eq!(arrived, 1, "it arrives at the moment at which it was asked for");
    }
    for (other, pass) in &others {
        assert_eq!(other.settled(*pass).await, Outcome::Spliced);
    }
    assert!(host.context().await.body().contains("Amber"));
    let granted = standing(&house, "alpha").await.tally.granted;
    assert_eq!(granted.of(ClassKind::Turn), 3, "no pass was taken for a turn");
    assert_eq!(granted.of(ClassKind::Compaction), provider.tally().calls.len() as u64 - 3);
}

/// A turn under way that takes so long, one more that waits behind it, a pass that calls, and then the end of the house.
/// How long that takes.
async fn close(takes: Duration) -> (Duration, Provider) {
    let (provider, house, host, _) = under_way(takes).await;
    let gate = house.gate().clone();
    // The slot of the pass is none that a turn could get meanwhile.
    gate.register("beta", Limits::slots(1), BTreeMap::new()).await.expect("legal limits");
    let at = endpoint(&provider, Protocol::OpenAiChat, true);
    let model = behind(Key::of("beta"), at);
    let calling = || {
        let (house, model) = (house.clone(), model.clone());
        tokio::spawn(async move { (turn(&house, &model).await, Instant::now()) })
    };
    let (granted, waiting) = (calling(), calling());
    sleep(secs(1)).await;
    drop(host);
    let began = Instant::now();
    house.clone().close().await.expect("it closes");
    let took = began.elapsed();

    let (ended, at) = waiting.await.expect("no panic");
    let Err(ModelError::Gate(error)) = ended else { panic!("{ended:?}") };
    assert_eq!((error.kind(), at - began), (Kind::Closed, Duration::ZERO), "it is told at once");
    let (ended, at) = granted.await.expect("no panic");
    ended.expect("what was granted is answered");
    assert_eq!(at - began + secs(1), takes, "when the provider had it");
    let refused = turn(&house, &model).await;
    let Err(ModelError::Gate(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.kind(), Kind::Closed);
    assert!(gate.status().await.is_err(), "the actors have ended");
    (took, provider)
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_calls_of_the_host_tells_who_waits_and_drops_those_of_passes() {
    // One that ends in time, and one that the house does not wait for.
    for (takes, most) in [(secs(4), secs(3)), (secs(60), secs(5))] {
        let (took, provider) = close(takes).await;
        assert_eq!(took, most, "a call of {takes:?}");
        let tally = provider.tally();
        let ends: Vec<Ended> = tally.calls.iter().map(|call| call.outcome).collect();
        assert_eq!(ends, [Ended::Abandoned, Ended::Answered], "the pass is abandoned");
        assert_eq!(tally.in_flight, 0);
    }
}
