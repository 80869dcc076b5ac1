//! The passes of one session, as its agent notices them: from the session's status, and by waiting for their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater::SessionHandle;
use highwater_protocol::{Error, Outcome, PassId};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::ground::Ground;
use super::super::ledger::Ledger;
use super::super::told::Told;

/// The pass in flight, if there is one.
#[derive(Default)]
pub(super) struct Passes {
    in_flight: Arc<AtomicBool>,
    watching: Option<JoinHandle<Option<PassId>>>,
}

impl Passes {
    /// Whether a pass is in flight, as far as is known.
    pub(super) fn in_flight(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Asks the session whether a pass has begun, unless one is known to be in flight.
    pub(super) async fn look(
        &mut self,
        handle: &SessionHandle,
        ground: &Arc<Ground>,
        ledger: &mut Ledger,
    ) -> Result<(), Error> {
        if self.in_flight() {
            return Ok(());
        }
        self.land(ledger).await;
        let Some(status) = ground.meter.call(handle.status()).await?.pass else { return Ok(()) };
        self.in_flight.store(true, Ordering::Relaxed);
        ground.metrics.pass_began();
        let (handle, ground) = (handle.clone(), Arc::clone(ground));
        let (pass, began) = (status.pass, Instant::now());
        let in_flight = Arc::clone(&self.in_flight);
        self.watching = Some(tokio::spawn(async move {
            let outcome = ground.meter.call(handle.settled(pass)).await;
            in_flight.store(false, Ordering::Relaxed);
            match outcome {
                Ok(outcome) => {
                    let session = handle.session();
                    ground.metrics.settled(session, pass, outcome == Outcome::Spliced);
                    if outcome == Outcome::Spliced {
                        ground.tell(|| Told::Spliced(session.to_string(), pass.0)).await;
                    }
                    ground.metrics.pass_ended(&told(&outcome), began.elapsed());
                    (outcome == Outcome::Spliced).then_some(pass)
                }
                Err(error) => {
                    let session = handle.session();
                    let what = format!("V11: pass {} of session {session}: {error}", pass.0);
                    ground.metrics.broken([what]);
                    ground.metrics.pass_ended("not known", began.elapsed());
                    None
                }
            }
        }));
        Ok(())
    }

    /// Waits for the end of the pass in flight. Dropping the future loses nothing.
    pub(super) async fn land(&mut self, ledger: &mut Ledger) {
        if let Some(watching) = &mut self.watching {
            // Only a task that panicked has no answer.
            ledger.spliced.extend(watching.await.ok().flatten());
            self.watching = None;
        }
    }
}

/// An outcome with its reason, where there are few of them.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Abandoned(_) => outcome.to_string(),
        other => other.name().to_owned(),
    }
}
