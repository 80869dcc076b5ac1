//! What turns and passes are promised at a provider that both use (G2, G3), call by call: when each arrives there, beside
//! when it arrives at a provider of the reserved share alone, or at one that only turns use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater::Errand;
use highwater::model::{Messages, Protocol, Request};
use highwater_protocol::TokenCount;
use highwater_protocol::limit::{Amounts, Class, Limits, Quantity, Rate, STARVED_AFTER};
use highwater_protocol::prompt::Rendered;
use highwater_tests::dice::Dice;
use highwater_tests::provider::{self, Asked, Latency, Provider, Rules};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{between, gate, model, require_a_permit_for_each_call, secs};

/// Timers are rounded up to a millisecond: one of the gate's, and one of the provider's.
const SLACK: Duration = Duration::from_millis(2);

/// The time to the first byte, and for each token of an answer.
const FIRST: Duration = Duration::from_millis(400);
const PER_TOKEN: Duration = Duration::from_millis(20);

/// One call: when it is asked for, what it is said to take, and how much it answers, from which its length follows.
#[derive(Clone, Copy, Debug)]
struct Job {
    at: Duration,
    class: Class,
    words: u64,
    output: u64,
    answers: u64,
}

impl Job {
    fn drawn(dice: &mut Dice, at: Duration, class: Class, words: u64, output: u64) -> Self {
        let output = dice.within(10, output);
        Self { at, class, words: dice.within(1, words), output, answers: dice.within(1, output) }
    }

    fn is_turn(&self) -> bool {
        self.class == Class::Turn
    }

    /// A prompt that names the call, and how much is to be answered.
    fn request(&self, number: usize) -> Request {
        let words = "ferry ".repeat(usize::try_from(self.words).expect("few"));
        let messages = vec![format!("#{number} {} {words}", self.answers)];
        let prompt = Rendered { system: "Say something.", messages };
        Request::of(Messages::Prompt(prompt), TokenCount(self.output))
    }

    fn runs(&self) -> Duration {
        FIRST + PER_TOKEN * u32::try_from(self.answers).expect("few")
    }

    /// How long the rates need to make up for it.
    fn made_up(&self, limits: &Limits) -> Duration {
        let amounts = Amounts::new(self.request(0).estimate().0, self.output);
        let waits = Quantity::ALL.into_iter().filter_map(|quantity| {
            let each_minute = limits.rate(quantity)?.each_minute();
            let each_minute = u32::try_from(each_minute).expect("small");
            Some(Duration::from_mins(amounts.of(quantity)) / each_minute)
        });
        waits.max().unwrap_or_default()
    }
}

/// The number of a call, and how much it is to answer.
fn named(asked: &Asked) -> (usize, usize) {
    let (_, name) = asked.prompt.split_once('#').expect("it names itself");
    let mut numbers = name.split_whitespace().map(|word| word.parse().expect("a number"));
    let mut next = || numbers.next().expect("two numbers");
    (next(), next())
}

/// A provider with the limits that the gate is told, and the burst of a whole minute.
async fn provider(limits: &Limits, arrivals: Arc<Mutex<BTreeMap<usize, Duration>>>) -> Provider {
    let mut held_to = provider::Limits::none().slots(limits.slots);
    for quantity in Quantity::ALL {
        if let Some(rate) = limits.rate(quantity) {
            held_to = held_to.per_minute(quantity, rate.each_minute());
        }
    }
    let text = Rules::says(move |asked| {
        let (number, answers) = named(asked);
        arrivals.lock().expect("nobody panics").insert(number, asked.at);
        "word".repeat(answers)
    });
    let latency = Latency::constant(FIRST, PER_TOKEN);
    Provider::start(Rules { limits: held_to, latency, text, ..Rules::default() }).await
}

/// When each call arrives at the provider, which is when its permit was granted.
async fn play(limits: Limits, jobs: &[Job], protocol: Protocol) -> Vec<Duration> {
    let arrivals = Arc::default();
    let provider = provider(&limits, Arc::clone(&arrivals)).await;
    let gate = gate(limits).await;
    let model = model(&provider, protocol, true);
    let began = Instant::now();
    let mut calling = JoinSet::new();
    for (number, job) in jobs.iter().copied().enumerate() {
        let (model, errand) = (model.clone(), Errand::new(gate.clone(), job.class));
        calling.spawn(async move {
            sleep_until(began + job.at).await;
            model.complete(&errand, &job.request(number)).await.expect("it is answered");
        });
    }
    while let Some(done) = calling.join_next().await {
        done.expect("all are answered");
    }
    assert_eq!(provider.tally().refused(), BTreeMap::new(), "no limit is met");
    require_a_permit_for_each_call(&gate, &provider).await;
    let arrivals = arrivals.lock().expect("nobody panics").clone();
    assert_eq!(arrivals.len(), jobs.len());
    arrivals.into_values().collect()
}

/// Turns in waves, which always come at moments of their own, and passes that always wait.
fn turns_and_passes(seed: u64, turns: usize, apart: u64, passes: usize) -> Vec<Job> {
    let mut dice = Dice::new(seed);
    let mut at = secs(5);
    let mut jobs = Vec::new();
    for _ in 0..turns {
        let pause = if dice.below(10) == 0 { 20_000 } else { 1_200 };
        at += Duration::from_millis(apart + dice.within(1, pause));
        jobs.push(Job::drawn(&mut dice, at, Class::Turn, 800, 100));
    }
    for _ in 0..passes {
        let fill = u8::try_from(dice.below(101)).expect("a percentage");
        let class = if dice.below(4) == 0 { Class::Background } else { Class::Compaction { fill } };
        jobs.push(Job::drawn(&mut dice, Duration::ZERO, class, 2_000, 200));
    }
    jobs
}

fn only_turns(jobs: &[Job]) -> Vec<Job> {
    jobs.iter().copied().filter(Job::is_turn).collect()
}

/// Limits of which one is narrow.
fn narrow(slots: u32) -> [(&'static str, Limits); 4] {
    let wide = Limits::slots(60);
    [
        ("slots", Limits::slots(slots)),
        ("requests", wide.with(Quantity::Requests, Rate::per_minute(40))),
        ("input tokens", wide.with(Quantity::InputTokens, Rate::per_minute(16_000))),
        ("output tokens", wide.with(Quantity::OutputTokens, Rate::per_minute(1_600))),
    ]
}

/// Requires that calls beside turns used all they could for as long as there were turns.
fn check_saturated(jobs: &[Job], beside: &[Duration], told: &str) {
    let at = |turns: bool| jobs.iter().zip(beside).filter(move |(job, _)| job.is_turn() == turns);
    let last = |turns| at(turns).map(|(_, at)| *at).max().expect("there are some");
    assert!(last(false) >= last(true), "{told}: passes wait until the last turn is granted");
}

#[tokio::test(start_paused = true)]
async fn with_a_reserve_a_turn_arrives_no_later_than_at_a_provider_of_the_reserve_alone() {
    let mut seed = 0;
    for (name, limits) in narrow(4) {
        for reserve in [25, 50] {
            seed += 1;
            let limits = limits.reserve(reserve);
            let protocol = Protocol::ALL[seed % 3];
            let told = format!("{name}, {reserve} % reserved, {protocol:?}");
            let jobs = turns_and_passes(seed as u64, 50, 0, 200);
            let turns = only_turns(&jobs);
            let share = limits.reserved_share().expect("something is reserved");
            let alone = play(share, &turns, protocol).await;
            let beside = play(limits, &jobs, protocol).await;
            for (number, (turn, alone)) in turns.iter().zip(&alone).enumerate() {
                let beside = beside[number];
                assert!(
                    beside <= *alone + SLACK,
                    "{told}: turn {number} of {:?}: {beside:?} beside passes, {alone:?} alone",
                    turn.at
                );
            }
            check_saturated(&jobs, &beside, &told);
            let waited =
                turns.iter().zip(&alone).filter(|(turn, at)| **at > turn.at + SLACK).count();
            assert!(waited >= 5, "{told}: the share alone makes turns wait: {waited}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_reserve_a_turn_arrives_one_call_later_at_most() {
    for (seed, (name, limits)) in (1_u64..).zip(narrow(1)) {
        // Turns that leave room between them: the wait of one is not the wait of the next.
        let jobs = turns_and_passes(seed, 20, 6_000, 240);
        let turns = only_turns(&jobs);
        let alone = play(limits, &turns, Protocol::AnthropicMessages).await;
        let beside = play(limits, &jobs, Protocol::AnthropicMessages).await;
        let passes = jobs.iter().filter(|job| !job.is_turn());
        let longest = passes.map(|job| job.runs().max(job.made_up(&limits))).max();
        let longest = longest.expect("there are passes");
        for (number, alone) in alone.iter().enumerate() {
            let beside = beside[number];
            assert!(
                beside <= *alone + longest + SLACK,
                "{name}: turn {number}: {beside:?} beside passes, {alone:?} alone, {longest:?}"
            );
        }
        check_saturated(&jobs, &beside, name);
    }
}

/// Turns that always wait, and a few passes that come among them.
fn saturating(seed: u64, seconds: u64, each_second: u64) -> Vec<Job> {
    let mut dice = Dice::new(seed);
    let mut jobs = Vec::new();
    for at in 0..seconds * each_second {
        let at = Duration::from_millis(at * 1_000 / each_second + dice.within(1, 90));
        jobs.push(Job::drawn(&mut dice, at, Class::Turn, 800, 100));
    }
    for (number, fill) in (0..).zip([0, 60, 100]) {
        let class = Class::Compaction { fill };
        jobs.push(Job::drawn(&mut dice, secs(20 + number), class, 2_000, 200));
    }
    jobs
}

#[tokio::test(start_paused = true)]
async fn a_pass_beside_turns_that_never_stop_arrives_within_what_is_documented() {
    let rate = Rate::per_minute(90).burst(8);
    for (seed, reserve) in (1_u64..).zip([0, 25, 50]) {
        for (name, limits, each_second) in [
            ("slots", Limits::slots(2), 3),
            ("requests", Limits::slots(60).with(Quantity::Requests, rate), 2),
        ] {
            let limits = limits.reserve(reserve);
            let jobs = saturating(seed, 150, each_second);
            let arrived = play(limits, &jobs, Protocol::OpenAiChat).await;
            let runs = jobs.iter().map(Job::runs).max().expect("there are calls");
            let made_up =
                jobs.iter().map(|job| job.made_up(&limits)).max().expect("there are calls");
            let each = 2 * (runs + made_up) + if reserve == 0 { STARVED_AFTER } else { secs(0) };
            let due = |job: &Job| job.at + job.class.patience();
            let mut waits = Vec::new();
            for (job, at) in jobs.iter().zip(&arrived).filter(|(job, _)| !job.is_turn()) {
                let before = jobs.iter().filter(|other| !other.is_turn() && due(other) < due(job));
                let before = u32::try_from(before.count()).expect("few");
                let (waited, most) =
                    (between(job.at, *at), job.class.patience() + each * (before + 1));
                assert!(
                    waited <= most + SLACK,
                    "{name}, {reserve} %, {:?}: {waited:?} of {most:?}",
                    job.class
                );
                waits.push(waited);
            }
            assert!(
                waits[0] >= secs(20),
                "{name}, {reserve} %: turns leave nothing over: {waits:?}"
            );
        }
    }
}
