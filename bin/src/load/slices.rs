//! Two arms of agents that play in turns, some seconds each: one with passes, one without. While one plays, the other does
//! nothing at all, so that both have the whole machine, and both have its good and its bad moments.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long the agents of an arm come back, one after another, before anything is measured.
pub(super) const SETTLING: Duration = Duration::from_millis(1_500);

/// The longest that the end of passes is waited for, before the other arm plays.
const PASSES_END_WITHIN: Duration = Duration::from_secs(4);

/// How often it is looked whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Which half of the agents one is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Arm {
    /// Its sessions are compacted.
    Passes,
    /// Its sessions are not: they go back to a smaller view between slices.
    NoPasses,
}

impl Arm {
    /// The arm of an agent.
    pub(super) fn of(agent: u64) -> Self {
        if agent.is_multiple_of(2) { Self::Passes } else { Self::NoPasses }
    }

    fn other(self) -> Self {
        match self {
            Self::Passes => Self::NoPasses,
            Self::NoPasses => Self::Passes,
        }
    }
}

/// Who plays now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Playing {
    arm: Option<Arm>,
    /// From when on it is measured.
    since: Option<Instant>,
}

/// The slices of a run.
#[derive(Debug, Default)]
pub(super) struct Slices(watch::Sender<Playing>);

impl Slices {
    /// Lets the arms play in turns, each measured for so long, until what calls it is dropped.
    pub(super) async fn run(&self, each: Duration, passes_in_flight: impl Fn() -> u64) {
        let mut arm = Arm::Passes;
        loop {
            self.0.send_replace(Playing { arm: Some(arm), since: None });
            sleep(SETTLING).await;
            self.0.send_replace(Playing { arm: Some(arm), since: Some(Instant::now()) });
            sleep(each).await;
            self.0.send_replace(Playing::default());
            let until = Instant::now() + PASSES_END_WITHIN;
            while passes_in_flight() > 0 && Instant::now() < until {
                sleep(LOOK_EVERY).await;
            }
            arm = arm.other();
        }
    }

    /// Whether an arm plays now.
    pub(super) fn plays(&self, arm: Arm) -> bool {
        self.0.borrow().arm == Some(arm)
    }

    /// Waits until an arm's next slice begins.
    pub(super) async fn next(&self, arm: Arm) {
        let mut playing = self.0.subscribe();
        // The sender lives as long as this does.
        drop(playing.wait_for(|playing| playing.arm != Some(arm)).await);
        drop(playing.wait_for(|playing| playing.arm == Some(arm)).await);
    }

    /// Whether a call of an arm counts that was due then.
    pub(super) fn counts(&self, arm: Arm, due: Instant) -> bool {
        let playing = *self.0.borrow();
        playing.arm == Some(arm) && playing.since.is_some_and(|since| since <= due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn arms_play_in_turns_and_nothing_counts_while_they_settle() {
        let slices = Slices::default();
        let seen = async {
            slices.next(Arm::Passes).await;
            let began = Instant::now();
            assert!(slices.plays(Arm::Passes) && !slices.plays(Arm::NoPasses));
            sleep(SETTLING + Duration::from_millis(1)).await;
            assert!(!slices.counts(Arm::Passes, began));
            assert!(slices.counts(Arm::Passes, Instant::now()));
            assert!(!slices.counts(Arm::NoPasses, Instant::now()));
            slices.next(Arm::NoPasses).await;
            assert!(!slices.plays(Arm::Passes) && slices.plays(Arm::NoPasses));
            began.elapsed()
        };
        let passes = std::cell::Cell::new(30_u64);
        let in_flight = || {
            passes.set(passes.get() - 1);
            passes.get()
        };
        let took = tokio::select! {
            biased;
            took = seen => took,
            () = slices.run(Duration::from_secs(5), in_flight) => unreachable!("it never ends"),
        };
        assert_eq!(took, SETTLING + Duration::from_secs(5) + 29 * LOOK_EVERY);
    }
}
