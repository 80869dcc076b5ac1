//! Slowing callers down before memory grows: a queued request holds bytes of its session's and of the process's budget.
//! ractor's mailboxes are unbounded, so the bound stands in front of them.

use std::sync::Arc;

use highwater_protocol::{Error, Kind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::registry::Queued;

/// What any request weighs, beyond the entries in it.
const REQUEST_BYTES: usize = 1024;

/// A budget of bytes that may be queued. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Budgeted {
    bytes: Arc<Semaphore>,
    size: u32,
}

/// The bytes that one request holds until it is answered.
#[derive(Debug)]
pub(crate) struct Admission {
    _session: OwnedSemaphorePermit,
    _process: OwnedSemaphorePermit,
    /// Leaves the session's queue once the bytes are given back.
    _queued: Option<Queued>,
}

impl Admission {
    /// The request stands in this queue until it is answered.
    pub(crate) fn within(self, queue: Queued) -> Self {
        Self { _queued: Some(queue), ..self }
    }
}

impl Budgeted {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let size = u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { bytes: Arc::new(Semaphore::new(size as usize)), size }
    }

    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        // A request over the whole budget waits until it has the budget to itself.
        let share = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.size);
        let permit = Arc::clone(&self.bytes).acquire_many_owned(share).await;
        permit.map_err(|_| Error::new(Kind::Closed, "the house is shutting down"))
    }

    /// Whether no more requests are let in.
    pub(crate) fn is_closed(&self) -> bool {
        self.bytes.is_closed()
    }

    /// No more requests are let in.
    pub(crate) fn close(&self) {
        self.bytes.close();
    }
}

/// Waits until a request with entries of `bytes` fits both budgets. The session's comes first, so that one session that
/// floods the house holds up itself before it holds up others.
pub(crate) async fn admit(
    session: &Budgeted,
    process: &Budgeted,
    bytes: usize,
) -> Result<Admission, Error> {
    let weight = bytes.saturating_add(REQUEST_BYTES);
    let session = session.take(weight).await?;
    let process = process.take(weight).await?;
    Ok(Admission { _session: session, _process: process, _queued: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_slows_the_next_caller_down_until_one_is_answered() {
        let (session, process) = (Budgeted::new(10_000), Budgeted::new(1 << 20));
        let first = admit(&session, &process, 9_000).await.expect("fits whole");
        let second = admit(&session, &process, 500);
        tokio::pin!(second);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(1), &mut second).await;
        assert!(waited.is_err(), "nothing was given back yet");
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn a_request_over_the_budget_takes_all_of_it() {
        let (session, process) = (Budgeted::new(2_000), Budgeted::new(2_000));
        assert!(admit(&session, &process, 1 << 30).await.is_ok());
    }

    #[tokio::test]
    async fn a_closed_budget_refuses() {
        let (session, process) = (Budgeted::new(10), Budgeted::new(10));
        session.close();
        let refused = admit(&session, &process, 1).await.expect_err("closed");
        assert_eq!(refused.kind(), Kind::Closed);
    }
}
