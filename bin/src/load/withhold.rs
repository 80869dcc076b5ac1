//! V10 under load: again and again the provider answers no pass until every call that sessions were asked meanwhile has been
//! answered. A call that waited for a model would wait for ever, so the longest wait for one is known, not guessed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

/// Longer than any call takes that waits for no model.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(20);

/// The provider's answers to passes, which it gives or withholds.
#[derive(Debug)]
pub(super) struct Withholding {
    withheld: watch::Sender<bool>,
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Calls that begin now are of the stretch under way, or of none.
    counting: bool,
    /// How many stretches were given up.
    given_up: u64,
    /// Calls of this stretch that are not answered.
    open: u64,
    tally: Withheld,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Withheld {
    /// How often the provider answered no pass for a while.
    pub(super) times: u64,
    /// Calls that sessions were asked meanwhile.
    pub(super) calls: u64,
    /// Those of them that came beside a pass of their session.
    pub(super) beside_passes: u64,
    /// Those that were answered only after the provider had answered.
    pub(super) waited: u64,
    /// How long those took at most.
    pub(super) longest_us: u64,
}

impl Withheld {
    /// How long a call waited for a model at most; `None` where none came beside a pass, which says nothing of it.
    pub(super) fn longest_us(&self) -> Option<u64> {
        (self.beside_passes + self.waited > 0).then_some(self.longest_us)
    }
}

/// A call of a session that is not answered yet.
pub(super) struct Asked<'a> {
    of: &'a Withholding,
    counted: bool,
    given_up: u64,
    made: Instant,
}

impl Default for Withholding {
    fn default() -> Self {
        let (withheld, state) = (watch::Sender::new(false), Mutex::default());
        Self { withheld, state, answered: Notify::new() }
    }
}

impl Withholding {
    /// A session is asked something; what this returns is dropped with the answer.
    pub(super) fn asked(&self, beside_pass: bool) -> Asked<'_> {
        let mut state = self.state();
        let counted = state.counting;
        if counted {
            state.open += 1;
            state.tally.calls += 1;
            state.tally.beside_passes += u64::from(beside_pass);
        }
        Asked { of: self, counted, given_up: state.given_up, made: Instant::now() }
    }

    /// Waits while answers are withheld.
    pub(super) async fn given(&self) {
        // The sender lives as long as this does.
        drop(self.withheld.subscribe().wait_for(|withheld| !withheld).await);
    }

    /// Withholds answers for so long, or as long as calls take that came meanwhile, after so long each time; until what
    /// calls this is dropped.
    pub(super) async fn keep(&self, every: Duration, lasts: Duration) {
        let gives = Gives(self);
        loop {
            sleep(every).await;
            self.once(lasts).await;
            gives.now();
        }
    }

    async fn once(&self, lasts: Duration) {
        self.withheld.send_replace(true);
        {
            let mut state = self.state();
            (state.counting, state.open) = (true, 0);
            state.tally.times += 1;
        }
        sleep(lasts).await;
        self.state().counting = false;
        let all_answered = async {
            loop {
                let answered = self.answered.notified();
                if self.state().open == 0 {
                    return;
                }
                answered.await;
            }
        };
        if timeout(GIVEN_UP_AFTER, all_answered).await.is_err() {
            self.state().given_up += 1;
        }
    }

    /// What was seen so far.
    pub(super) fn tally(&self) -> Withheld {
        self.state().tally
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers are given again, however the withholding ends.
struct Gives<'a>(&'a Withholding);

impl Gives<'_> {
    fn now(&self) {
        self.0.withheld.send_replace(false);
    }
}

impl Drop for Gives<'_> {
    fn drop(&mut self) {
        self.now();
        self.0.state().counting = false;
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        let mut state = self.of.state();
        if state.given_up == self.given_up {
            state.open = state.open.saturating_sub(1);
            if state.open == 0 {
                self.of.answered.notify_one();
            }
            return;
        }
        let took_us = u64::try_from(self.made.elapsed().as_micros()).unwrap_or(u64::MAX);
        state.tally.waited += 1;
        state.tally.longest_us = state.tally.longest_us.max(took_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_answered_meanwhile_waited_for_no_model() {
        let withholding = Withholding::default();
        let agent = async {
            // Slower than the stretch is long: the provider waits for it, and not the reverse.
            for beside in [false, true] {
                sleep(Duration::from_millis(1_100)).await;
                let asked = withholding.asked(beside);
                sleep(5 * SECOND).await;
                drop(asked);
            }
        };
        tokio::select! {
            () = withholding.keep(SECOND, SECOND) => {}
            () = agent => {}
        }
        let seen = withholding.tally();
        assert_eq!((seen.calls, seen.beside_passes, seen.waited), (2, 1, 0), "{seen:?}");
        assert_eq!(seen.longest_us(), Some(0));
        assert_eq!(Withheld { beside_passes: 0, ..seen }.longest_us(), None, "nothing to wait for");
        withholding.given().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_for_the_model_is_found() {
        let withholding = Withholding::default();
        let agent = async {
            sleep(Duration::from_millis(1_100)).await;
            let asked = withholding.asked(true);
            withholding.given().await;
            drop(asked);
        };
        tokio::select! {
            () = withholding.keep(SECOND, SECOND) => {}
            () = agent => {}
        }
        let seen = withholding.tally();
        assert_eq!((seen.times, seen.calls, seen.waited), (1, 1, 1), "{seen:?}");
        assert!(seen.longest_us > 20_000_000, "{seen:?}");
    }
}
