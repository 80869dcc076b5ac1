//! What lies above redb's tables: rows that are durable in the log alone. All of them are written down at once, by somebody
//! else than who writes; what comes meanwhile lies above them.
//!
//! ```text
//! above    what transactions change now
//! leaving  what is being written down
//! redb     what was written down
//! ```

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::rows::Rows;

/// The layers of a store, as they stand now.
#[derive(Debug, Default)]
pub(super) struct Layers {
    now: Mutex<Now>,
    /// Told when rows were written down, or will not be.
    ended: Condvar,
}

/// The layers at one moment. A clone is a snapshot that costs the same however many rows there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Now {
    pub(super) above: Rows,
    pub(super) leaving: Rows,
    is_leaving: bool,
    /// How often rows were written down.
    pub(super) times: u64,
    /// From here on the log holds what redb does not.
    pub(super) log_from: u64,
    /// Why what was to be written down was not. It stays where it is.
    failed: Option<String>,
}

impl Now {
    /// Whether nothing is being written down now, or ever will be.
    pub(super) fn is_still(&self) -> bool {
        !self.is_leaving
    }
}

impl Layers {
    /// The layers, and what is done with them before somebody changes them.
    pub(super) fn now(&self) -> MutexGuard<'_, Now> {
        // Nothing in them is left half done.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing will ever be written down any more.
    pub(super) fn failure(&self) -> Option<String> {
        self.now().failed.clone()
    }

    /// What is above leaves, to be written down. [`None`] while other rows are.
    pub(super) fn leave(&self) -> Option<Rows> {
        let mut now = self.now();
        if now.is_leaving {
            return None;
        }
        now.is_leaving = true;
        now.leaving = std::mem::take(&mut now.above);
        Some(now.leaving.clone())
    }

    /// What left is in redb's tables, and the log is needed from here on.
    pub(super) fn left(&self, log_from: u64) {
        let mut now = self.now();
        let gone = std::mem::take(&mut now.leaving);
        (now.is_leaving, now.log_from) = (false, log_from);
        now.times += 1;
        drop(now);
        self.ended.notify_all();
        // Many rows take time to be freed, and nobody waits for that.
        drop(gone);
    }

    /// All rows are in redb's tables, and the log is needed from here on.
    pub(super) fn written(&self, log_from: u64) {
        let gone = std::mem::take(&mut self.now().above);
        self.left(log_from);
        drop(gone);
    }

    /// What left is not, or not surely, in redb's tables.
    pub(super) fn fail(&self, why: String) {
        self.now().failed.get_or_insert(why);
        self.ended.notify_all();
    }

    /// Blocks until nothing is being written down. An error when that failed.
    pub(super) fn wait(&self) -> Result<(), String> {
        let is_busy = |now: &mut Now| now.is_leaving && now.failed.is_none();
        let now = self.ended.wait_while(self.now(), is_busy);
        now.unwrap_or_else(PoisonError::into_inner).failed.clone().map_or(Ok(()), Err)
    }
}
