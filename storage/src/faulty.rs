//! A store that fails on purpose, for tests: it wraps another store and follows a script of faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use highwater_protocol::{LogPos, SessionId};

use crate::error::StoreError;
use crate::store::{
    Appended, Capabilities, Lease, Page, PageLimit, SessionBatch, SessionInfo, Store, Usage,
};

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
    /// The read fails.
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
            return Err(StoreError::Io { what, why: "an injected fault".into() });
        }
        Ok(())
    }

    /// The fault of the script that one of these would be, if any.
    fn due<const N: usize>(&self, faults: [Fault; N]) -> Option<Fault> {
        faults.into_iter().find(|fault| self.script.contains(fault))
    }
}

impl Store for FaultyStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError> {
        let mut state = self.state();
        state.opens += 1;
        state.refuse_writers()?;
        match state.due([Fault::OpenBusy { nth: state.opens }]) {
            Some(_) => Err(StoreError::Busy("an injected fault".into())),
            None => self.inner.open_session(session),
        }
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        let mut state = self.state();
        state.appends += 1;
        state.refuse_writers()?;
        let nth = state.appends;
        let fault = state.due([
            Fault::AppendBusy { nth },
            Fault::AppendUnknownStored { nth },
            Fault::AppendUnknownLost { nth },
        ]);
        match fault {
            None => return self.inner.append(batches),
            Some(Fault::AppendBusy { .. }) => {
                return Err(StoreError::Busy("an injected fault".into()));
            }
            Some(Fault::AppendUnknownStored { .. }) => {
                self.inner.append(batches)?;
            }
            Some(_) => {}
        }
        state.poisoned = true;
        Err(StoreError::Unknown("an injected fault".into()))
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        let mut state = self.state();
        state.reads += 1;
        if state.due([Fault::ReadFails { nth: state.reads }]).is_some() {
            let (what, why) = ("cannot read the store".into(), "an injected fault".into());
            return Err(StoreError::Io { what, why });
        }
        drop(state);
        self.inner.read(session, from, limit)
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        self.inner.sessions(after, limit)
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        self.inner.usage()
    }
}

#[cfg(test)]
mod tests;
