//! The store as the house holds it: closed for good when the house closes, whoever still has a handle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use highwater_storage::{Access, Capabilities, Store, StoreError, Wrapping};

/// A store that can be taken away. Work under way holds it until it is done.
pub(crate) struct Door {
    store: RwLock<Option<Box<dyn Store>>>,
    capabilities: Capabilities,
    reads: AtomicU64,
}

impl Door {
    pub(crate) fn new(store: impl Store) -> Self {
        let capabilities = store.capabilities();
        let reads = AtomicU64::new(0);
        Self { store: RwLock::new(Some(Box::new(store))), capabilities, reads }
    }

    /// How often records, ids or anchors were read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Waits for the work under way and drops the store. Blocks.
    pub(crate) fn close(&self) {
        drop(self.store.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Wrapping for Door {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.reads.fetch_add(u64::from(access == Access::Read), Ordering::Relaxed);
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
