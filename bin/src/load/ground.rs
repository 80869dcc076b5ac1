//! What all agents of a run share: the provider, the measurements, what is drawn from, and the sign to stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater::model::Request;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::arms::Arms;
use super::behaviour::{Behaviour, Measure};
use super::meter::Meter;
use super::metrics::Metrics;
use super::provider::{Provider, Wanted};
use super::scenario::Scenario;
use super::slices::{Arm, Slices};
use super::speech::Speech;
use super::told::Told;
use super::withhold::Withholding;
use crate::sample::dice::Dice;
use crate::signals::Interrupts;

/// The provider's account at the gate.
pub(super) const ACCOUNT: &str = "simulated";

/// The ground that agents stand on.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) scenario: Scenario,
    pub(super) behaviour: Behaviour,
    pub(super) provider: Provider,
    pub(super) withholding: Withholding,
    pub(super) slices: Slices,
    pub(super) arms: Arms,
    pub(super) metrics: Metrics,
    pub(super) meter: Meter,
    pub(super) speech: Speech,
    pub(super) interrupts: Interrupts,
    seed: u64,
    summaries: AtomicU64,
    stop: watch::Sender<bool>,
    /// Where acknowledgements are told as they come, if somebody outside listens.
    listener: Option<mpsc::Sender<Told>>,
}

impl Ground {
    /// The ground of a scenario. Blocks until its provider is there.
    pub(super) fn new(
        scenario: Scenario,
        behaviour: Behaviour,
        seed: u64,
        interrupts: Interrupts,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            provider: Provider::start(scenario.provider, seed)?,
            withholding: Withholding::default(),
            slices: Slices::default(),
            arms: Arms::default(),
            metrics: Metrics::new(),
            meter: Meter::default(),
            speech: Speech::new(seed),
            interrupts,
            summaries: AtomicU64::new(0),
            stop: watch::Sender::new(false),
            listener: None,
            scenario,
            behaviour,
            seed,
        })
    }

    /// The same, with somebody who is told of every acknowledgement.
    pub(super) fn telling(self, listener: mpsc::Sender<Told>) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Something was acknowledged.
    pub(super) async fn tell(&self, told: impl FnOnce() -> Told) {
        if let Some(listener) = &self.listener
            && listener.send(told()).await.is_err()
        {
            // Whoever listened has gone: there is nobody to play for.
            self.stop();
        }
    }

    /// The dice of an agent.
    pub(super) fn dice(&self, agent: u64) -> Dice {
        Dice::new(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(agent)).split()
    }

    /// The next summary: half of what may be written.
    pub(super) fn summary(&self, request: &Request) -> Wanted {
        let number = self.summaries.fetch_add(1, Ordering::Relaxed);
        let mut dice = Dice::new(self.seed ^ (number << 32)).split();
        let words = dice.next();
        let takes = self.scenario.provider.paced(self.behaviour.draw(Measure::ModelMs, &mut dice));
        Wanted::new(request.estimate().0, request.max_output.0 / 2, takes, words)
    }

    /// Has the provider withhold its answers to passes again and again, if it is to; never ends.
    pub(super) async fn withhold(&self) {
        match self.scenario.provider.withholds() {
            Some((every, lasts)) => self.withholding.keep(every, lasts).await,
            None => std::future::pending().await,
        }
    }

    /// Lets the arms play in turns, if there are two; never ends.
    pub(super) async fn take_turns(&self) {
        match self.scenario.slice_ms {
            0 => std::future::pending().await,
            each_ms => {
                let each = Duration::from_millis(each_ms);
                self.slices.run(each, || self.metrics.passes_in_flight()).await;
            }
        }
    }

    /// The arm of an agent, if there are two.
    pub(super) fn arm(&self, agent: u64) -> Option<Arm> {
        (self.scenario.slice_ms > 0).then(|| Arm::of(agent))
    }

    /// Asks all agents to end.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether they are asked to.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until agents are asked to end.
    pub(super) async fn stopped(&self) {
        // The sender lives as long as the ground.
        drop(self.stop.subscribe().wait_for(|stop| *stop).await);
    }

    /// Sleeps until a moment, or until agents are asked to end.
    pub(super) async fn rest_until(&self, moment: Instant) {
        tokio::select! {
            biased;
            () = self.stopped() => {}
            () = sleep_until(moment) => {}
        }
    }
}
