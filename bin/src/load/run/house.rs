//! The house of a run: built over a store, lived in by agents until the scenario is over, and closed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use highwater::model::GatedModel;
use highwater::summarize::Prompted;
use highwater::{Calls, Highwater};
use highwater_protocol::limit::Key;
use highwater_protocol::{Error, Kind, TokenCount};
use highwater_storage::{RedbOptions, RedbStore, Shared, Store, Usage};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::super::agent::resume::{self, Resumed};
use super::super::agent::{Agent, Left, World, live};
use super::super::client::{Asking, Simulated};
use super::super::ground::{ACCOUNT, Ground};
use super::super::judge::Measured;
use super::super::known;
use super::super::live::Live;
use super::super::machine;
use super::super::meter::Threads;
use super::super::provider::Tally;
use super::super::pulse::Pulse;
use super::super::report::{Compared, GateFigures, Killed, Memory, Ratios, Report, StoreFigures};
use super::super::scenario::Until;
use super::super::share::Turns;

/// The least window of the model that writes summaries: it is asked for whole stretches of a view.
const SUMMARIZER_WINDOW_TOKENS: u64 = 32_000;

/// What a run came to, but for what is compared.
pub(super) struct Ended {
    pub(super) report: Report,
    pub(super) ledgers: Left,
}

/// Plays the scenario of the ground over the store in a directory; agents that have lived there before go on if it
/// `comes_back`.
pub(super) async fn play(
    ground: &Arc<Ground>,
    dir: &Path,
    (seed, comes_back): (u64, bool),
    live: &Live,
) -> anyhow::Result<Ended> {
    let store = opened(ground, dir).await?;
    prepare(ground, &store, live).await?;
    let before = usage(&store).await?;
    let known = if comes_back { known(&store).await? } else { BTreeMap::new() };
    let back = known.len() as u64;
    let threads = Threads::start().context("threads for the house")?;
    let (cpu_before, house_before) = (machine::cpu_us(), ground.meter.house_us());
    let house = built(ground, &threads, Shared(Arc::clone(&store)), seed).await?;
    let (mut pulse, mut turns) = (Pulse::default(), Turns::default());
    let mut calls = followed(ground, &house).await?;
    let began = Instant::now();
    live.begin();
    let lived = tokio::select! {
        biased;
        lived = all_live(ground, &house, &store, known) => lived,
        () = pulse.follow(&house, ground, live) => anyhow::bail!("the gate ended before the agents did"),
        () = turns.follow(calls.as_mut()) => anyhow::bail!("the gate ended before the agents did"),
        failed = fails(ground) => return Err(failed),
    };
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let cpu_us = spent_us(cpu_before, machine::cpu_us());
    let house_cpu_us = spent_us(house_before, ground.meter.house_us());
    let (gauges, gate) = (house.gauges(), house.gate().status_of(ACCOUNT).await?);
    turns.drain(calls.as_mut());
    house.close().await?;
    let Lived { ledgers, interrupted, began: has_begun } = lived?;
    let resumed = if has_begun { back } else { 0 };
    let samples = pulse.into_samples();
    let metrics = &ground.metrics;
    let latency = metrics.latency();
    let measured = measured(ground, turns, ground.provider.end().await?);
    let (broken, breaches) = measured.judged(metrics.breaches());
    let Measured { shared, withheld, provider } = measured;
    let report = Report {
        killed: comes_back.then(|| Killed { resumed, ..Killed::default() }),
        scenario: ground.scenario.clone(),
        seed,
        behaviour: ground.behaviour.digest(),
        elapsed_ms,
        interrupted,
        began: has_begun,
        counts: metrics.counts(),
        p99_ratio: Ratios::of(&latency),
        latency,
        passes: metrics.passes(),
        provider,
        gate: GateFigures::from(&gate),
        shared,
        withheld,
        arms: ground.arms.compared(),
        memory: Memory::of(gauges, machine::memory_bytes().map_or(0, |(_, peak)| peak), &samples),
        store: StoreFigures::between(before, usage(&store).await?),
        cpu_us,
        house_cpu_us,
        compared: Compared::default(),
        broken,
        breaches,
        samples,
        views: metrics.views(),
    };
    Ok(Ended { report, ledgers })
}

/// Whatever goes on as long as agents live, and ends before them only when something is wrong.
async fn fails(ground: &Ground) -> anyhow::Error {
    tokio::select! {
        biased;
        () = ground.take_turns() => anyhow::anyhow!("the last slice has been played"),
        () = ground.withhold() => anyhow::anyhow!("the provider withholds for ever"),
        died = ground.provider.died() => died,
    }
}

/// The calls of the account as they end, where turns are compared.
async fn followed(ground: &Ground, house: &Highwater) -> Result<Option<Calls>, Error> {
    if !ground.scenario.compare_turns {
        return Ok(None);
    }
    house.gate().follow(ACCOUNT).await.map(Some)
}

/// What was spent between two looks.
fn spent_us(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

/// What was measured over the whole run.
fn measured(ground: &Ground, turns: Turns, provider: Tally) -> Measured {
    let withheld = ground.scenario.provider.withholds().map(|_| ground.withholding.tally());
    let allowed = ground.scenario.provider;
    let is_well = allowed.refused_per_mille + allowed.failed_per_mille == 0;
    let is_told = is_well && ground.scenario.compare_turns;
    let shared = is_told.then(|| turns.compared(allowed.limits())).flatten();
    Measured { shared, withheld, provider }
}

/// The store in a directory, with as much memory as the scenario gives it.
async fn opened(ground: &Ground, dir: &Path) -> anyhow::Result<Arc<RedbStore>> {
    let (path, mut options) = (dir.to_owned(), RedbOptions::default());
    if ground.scenario.cache_mib > 0 {
        options.cache_bytes = usize::try_from(ground.scenario.cache_mib << 20)?;
    }
    let open = move || RedbStore::open(&path, options);
    Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
}

/// Writes the sessions that are to be known.
async fn prepare(ground: &Arc<Ground>, store: &Arc<RedbStore>, live: &Live) -> anyhow::Result<()> {
    let (ground, store, live) = (Arc::clone(ground), Arc::clone(store), live.clone());
    let known = ground.scenario.known;
    let writing = move || known::write(&*store, &ground, |done| live.prepared(done, known));
    tokio::task::spawn_blocking(writing).await?
}

async fn usage(store: &Arc<RedbStore>) -> anyhow::Result<Usage> {
    let store = Arc::clone(store);
    Ok(tokio::task::spawn_blocking(move || store.usage()).await??)
}

/// What agents that have lived before find in the store.
async fn known(store: &Arc<RedbStore>) -> anyhow::Result<BTreeMap<u64, Resumed>> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || resume::all(&*store)).await?
}

/// The house, whose summaries the simulated provider writes.
async fn built(
    ground: &Arc<Ground>,
    threads: &Threads,
    store: Shared<RedbStore>,
    seed: u64,
) -> anyhow::Result<Highwater> {
    let window = ground.scenario.window_tokens.max(SUMMARIZER_WINDOW_TOKENS);
    let client = Simulated(Arc::clone(ground));
    let model = GatedModel::new(client, Key::of(ACCOUNT), TokenCount(window));
    let limits = ground.scenario.provider.limits();
    let mut builder = Highwater::builder(store)
        .provider(ACCOUNT, limits, BTreeMap::new())
        .summarizer(Prompted::new(Asking { model, ground: Arc::clone(ground) }))
        .seed(seed);
    if ground.scenario.passivate_after_ms > 0 {
        builder =
            builder.passivate_after(Duration::from_millis(ground.scenario.passivate_after_ms));
    }
    if ground.scenario.resident_mib > 0 {
        builder = builder.resident_bytes(ground.scenario.resident_mib << 20);
    }
    Ok(threads.handle().spawn(builder.start()).await??)
}

/// What agents leave behind.
struct Lived {
    ledgers: Left,
    interrupted: bool,
    /// Whether they began at all.
    began: bool,
}

/// Lets all agents and their forks live to their end; nobody where that was interrupted before.
async fn all_live(
    ground: &Arc<Ground>,
    house: &Highwater,
    store: &Arc<RedbStore>,
    mut known: BTreeMap<u64, Resumed>,
) -> anyhow::Result<Lived> {
    if ground.interrupts.are_there() {
        // Sessions that agents come back to may not have been written.
        return Ok(Lived { ledgers: Left::new(), interrupted: true, began: false });
    }
    let (forks, mut new) = mpsc::unbounded_channel();
    let world = World {
        ground: Arc::clone(ground),
        house: house.clone(),
        store: Arc::clone(store),
        left: Arc::default(),
        forks,
    };
    let population = ground.scenario.population();
    let began = Instant::now();
    let mut agents = JoinSet::new();
    for number in 0..population {
        let (ground, world) = (Arc::clone(ground), world.clone());
        let within = Duration::from_millis(ground.scenario.start_within_ms);
        let share = f64::from(u32::try_from(number)?) / f64::from(u32::try_from(population)?);
        let resumed = known.remove(&number);
        agents.spawn(async move {
            ground.rest_until(began + within.mul_f64(share)).await;
            live(world, number, resumed).await
        });
    }
    drop(world);
    until_all_have_ended(ground, agents, &mut new).await
}

async fn until_all_have_ended(
    ground: &Arc<Ground>,
    mut agents: JoinSet<anyhow::Result<Left>>,
    new: &mut UnboundedReceiver<Agent>,
) -> anyhow::Result<Lived> {
    let began = Instant::now();
    let ends = match ground.scenario.until {
        Until::Turns(_) => None,
        Until::DurationSecs(secs) => Some(began + Duration::from_secs(secs)),
    };
    let mut lived = Lived { ledgers: Left::new(), interrupted: false, began: true };
    loop {
        while let Ok(fork) = new.try_recv() {
            agents.spawn(fork.play());
        }
        if agents.is_empty() {
            return Ok(lived);
        }
        tokio::select! {
            biased;
            Some(fork) = new.recv() => {
                agents.spawn(fork.play());
            }
            Some(ended) = agents.join_next() => take(ground, &mut lived, ended)?,
            () = ground.interrupts.come(), if !lived.interrupted => {
                lived.interrupted = true;
                ground.stop();
            }
            () = sleep_until(ends.unwrap_or(began)), if ends.is_some() && !ground.is_stopped() => {
                ground.stop();
            }
        }
    }
}

/// An agent has ended. What cannot be helped ends the run; what the house did wrong is a breach.
fn take(
    ground: &Ground,
    lived: &mut Lived,
    ended: Result<anyhow::Result<Left>, JoinError>,
) -> anyhow::Result<()> {
    match ended.context("an agent panicked").flatten() {
        Ok(left) => lived.ledgers.extend(left),
        Err(error) => {
            let kind = error
                .downcast_ref::<highwater_protocol::Error>()
                .map(highwater_protocol::Error::kind);
            if kind == Some(Kind::Invalid) {
                return Err(error);
            }
            ground.metrics.broken([format!("an agent could not go on: {error:#}")]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::agent::TURNS_OF_A_FORK;
    use super::super::super::behaviour::Behaviour;
    use super::super::super::scenario::Scenario;
    use super::*;
    use crate::signals::Interrupts;

    #[tokio::test(flavor = "multi_thread")]
    async fn turns_of_agents_and_forks_are_counted_to_the_last_one_and_those_of_children_are_not() {
        let smoke = Scenario::load("smoke").expect("it is shipped");
        let scenario = Scenario {
            // Few enough of each: children fork as well, and forks have children.
            agents: 6,
            until: Until::Turns(2),
            child_per_mille: 15,
            fork_per_mille: 100,
            ..smoke
        };
        let behaviour = Behaviour::shipped().expect("it is legal");
        let ground = Arc::new(
            Ground::new(scenario, behaviour, 1, Interrupts::unheard()).expect("a provider"),
        );
        let (dir, live) =
            (tempfile::tempdir().expect("a place"), Live::new(&ground.scenario, true));
        let ended = play(&ground, dir.path(), (1, false), &live).await.expect("it is played");
        let counts = ended.report.counts;
        let expected = 6 * 2 + counts.forks * TURNS_OF_A_FORK;
        assert_eq!(ground.metrics.turns_ended(), expected, "{counts:?}");
        assert!(counts.forks > 0 && counts.children > 0, "{counts:?}");
        assert_eq!(counts.turns, expected + counts.children);
    }
}
