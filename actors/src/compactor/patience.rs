//! How long a pass waits for a model: for a share of its deadline, until it is hurried, or until the model has failed
//! too often in a row. From then on the pass is finished without one, so that it always lands.

use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use crate::gate::Pressure;

/// The share of the deadline that models may use. The rest is for finishing without them: of the default ten minutes
/// that leaves two for some milliseconds of work, and a pass of one second still has a fifth of it on a busy machine.
const MODEL_PERCENT: u32 = 80;

/// Calls that fail in a row before the pass does without the model: two pieces with both of their tries. One bad answer
/// costs its piece alone, while a provider that is down does not cost a call for each of a hundred pieces.
const MOST_FAILURES: u32 = 4;

/// Why a pass waits for its model no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spent {
    Hurried,
    Late,
    Failing,
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hurried => "the hard mark is near",
            Self::Late => "most of the time to the deadline is used up",
            Self::Failing => "the model failed too often in a row",
        })
    }
}

/// The patience of one pass. Once it is spent it stays so.
#[derive(Debug)]
pub(super) struct Patience {
    pressed: watch::Receiver<Pressure>,
    late: Pin<Box<Sleep>>,
    failures: u32,
    spent: Option<Spent>,
}

impl Patience {
    /// The patience of a pass that begins now.
    pub(super) fn new(deadline: Duration, pressed: watch::Receiver<Pressure>) -> Self {
        let late = Box::pin(sleep(deadline / 100 * MODEL_PERCENT));
        Self { pressed, late, failures: 0, spent: None }
    }

    /// When models may not be asked any more, however it goes.
    pub(super) fn ends(&self) -> Instant {
        self.late.deadline()
    }

    /// Whether models may still be asked.
    pub(super) fn lasts(&mut self) -> bool {
        if self.pressed.borrow().hurried {
            self.spend(Spent::Hurried);
        } else if Instant::now() >= self.late.deadline() {
            self.spend(Spent::Late);
        }
        self.spent.is_none()
    }

    /// Does some work while patience lasts; `None` when it is spent before the work is done, which is dropped then.
    pub(super) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        if !self.lasts() {
            return None;
        }
        let spent = tokio::select! {
            biased;
            done = work => return Some(done),
            () = hurried(&mut self.pressed) => Spent::Hurried,
            () = &mut self.late => Spent::Late,
        };
        self.spend(spent);
        None
    }

    /// A call has failed, or was answered with what is no summary.
    pub(super) fn failed(&mut self) {
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.spend(Spent::Failing);
        }
    }

    /// A call was answered with a summary.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    fn spend(&mut self, why: Spent) {
        if self.spent.is_none() {
            tracing::warn!(%why, "session.compact goes on without a model");
            self.spent = Some(why);
        }
    }
}

/// Waits until the session hurries the pass. One that has gone hurries nobody: its end kills the compactor.
async fn hurried(pressed: &mut watch::Receiver<Pressure>) {
    if pressed.wait_for(|pressure| pressure.hurried).await.is_err() {
        pending::<()>().await;
    }
}
