//! The store as the house holds it: closed for good when the house closes, whoever still has a handle.

use std::sync::{PoisonError, RwLock};

use highwater_protocol::{LogPos, SessionId};
use highwater_storage::{
    Appended, Capabilities, Lease, Page, PageLimit, SessionBatch, SessionInfo, Store, StoreError,
    Usage,
};

/// A store that can be taken away. Work under way holds it until it is done.
pub(crate) struct Door {
    store: RwLock<Option<Box<dyn Store>>>,
    capabilities: Capabilities,
}

impl Door {
    pub(crate) fn new(store: impl Store) -> Self {
        let capabilities = store.capabilities();
        Self { store: RwLock::new(Some(Box::new(store))), capabilities }
    }

    /// Waits for the work under way and drops the store. Blocks.
    pub(crate) fn close(&self) {
        drop(self.store.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        match &*store {
            Some(store) => work(&**store),
            None => Err(StoreError::Io {
                what: "the store".to_owned(),
                why: "it was closed with its house".to_owned(),
            }),
        }
    }
}

impl Store for Door {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn open_session(&self, session: &SessionId) -> Result<Lease, StoreError> {
        self.with(|store| store.open_session(session))
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        self.with(|store| store.append(batches))
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.with(|store| store.read(session, from, limit))
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        self.with(|store| store.sessions(after, limit))
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        self.with(Store::usage)
    }
}
