//! A store that fails on purpose, for tests: it wraps another store and follows a script of faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::StoreError;
use crate::store::{Capabilities, Store};
use crate::wrapping::{Access, Wrapping};

/// One failure. `nth` counts the calls of that kind from 1, since the store was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The append stores nothing and says so.
    AppendBusy {
        /// Which append.
        nth: u64,
    },
    /// The append stores everything, says that it does not know, and poisons the store.
    AppendUnknownStored {
        /// Which append.
        nth: u64,
    },
    /// The append stores nothing, says that it does not know, and poisons the store.
    AppendUnknownLost {
        /// Which append.
        nth: u64,
    },
    /// The opening of a session stores nothing and says so.
    OpenBusy {
        /// Which opening.
        nth: u64,
    },
    /// A write besides appends and openings (a fork, sealing, an anchor, payloads, a sweep) stores nothing and says so.
    WriteBusy {
        /// Which of them.
        nth: u64,
    },
    /// The read of records, ids or anchors fails.
    ReadFails {
        /// Which read.
        nth: u64,
    },
}

/// A store with faults; for tests. Deterministic: the same calls and the same script give the same answers.
///
/// Once poisoned it refuses writers, as L6 asks, until [`FaultyStore::reopen`]; reading goes on. Several may share
/// one inner store, as one process after another does.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    script: Vec<Fault>,
    appends: u64,
    opens: u64,
    writes: u64,
    reads: u64,
    poisoned: bool,
}

impl FaultyStore {
    /// A store that behaves as `inner` does, but for the faults of the script.
    pub fn new(inner: Arc<dyn Store>, script: impl IntoIterator<Item = Fault>) -> Self {
        let script = script.into_iter().collect();
        Self { inner, state: Mutex::new(State { script, ..State::default() }) }
    }

    /// Adds a fault to the script.
    pub fn inject(&self, fault: Fault) {
        self.state().script.push(fault);
    }

    /// Ends the refusal of writers, as dropping and opening a real store does.
    pub fn reopen(&self) {
        self.state().poisoned = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuse_writers(&self) -> Result<(), StoreError> {
        if self.poisoned {
            let what = "writers are refused until the store is reopened".into();
            return Err(StoreError::Io { what, why: INJECTED.into() });
        }
        Ok(())
    }

    /// Counts a use of the store, and finds the fault of the script that it is to meet.
    fn faulted(&mut self, access: Access) -> Result<Option<Fault>, StoreError> {
        let count = match access {
            Access::Open => &mut self.opens,
            Access::Append => &mut self.appends,
            Access::Write => &mut self.writes,
            Access::Read => &mut self.reads,
            Access::Look | Access::Behind => return Ok(None),
        };
        *count += 1;
        let nth = *count;
        if access != Access::Read {
            self.refuse_writers()?;
        }
        let faults: &[Fault] = match access {
            Access::Open => &[Fault::OpenBusy { nth }],
            Access::Append => &[
                Fault::AppendBusy { nth },
                Fault::AppendUnknownStored { nth },
                Fault::AppendUnknownLost { nth },
            ],
            Access::Write => &[Fault::WriteBusy { nth }],
            _ => &[Fault::ReadFails { nth }],
        };
        Ok(faults.iter().find(|fault| self.script.contains(fault)).copied())
    }

    fn poison(&mut self) -> StoreError {
        self.poisoned = true;
        StoreError::Unknown(INJECTED.into())
    }
}

impl Wrapping for FaultyStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Held while anything is written, so that calls have an order; reads go on beside each other.
        let mut state = self.state();
        match state.faulted(access)? {
            None if access == Access::Read => {
                drop(state);
                work(&*self.inner)
            }
            None => work(&*self.inner),
            Some(Fault::AppendUnknownStored { .. }) => {
                work(&*self.inner)?;
                Err(state.poison())
            }
            Some(Fault::AppendUnknownLost { .. }) => Err(state.poison()),
            Some(Fault::ReadFails { .. }) => {
                let (what, why) = ("cannot read the store".into(), INJECTED.into());
                Err(StoreError::Io { what, why })
            }
            Some(_) => Err(StoreError::Busy(INJECTED.into())),
        }
    }
}

const INJECTED: &str = "an injected fault";

#[cfg(test)]
mod tests;
