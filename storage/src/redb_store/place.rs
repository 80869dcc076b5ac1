//! Where the bytes of a store are: a redb backend with a name, whose errors say what was tried, where, and what to do.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::failure::{self, in_place};
use super::overlay::Overlay;
use crate::error::StoreError;

/// A backend and its name in errors. Its clones are the same backend.
#[derive(Clone, Debug)]
pub(super) struct Place {
    backend: Arc<dyn StorageBackend>,
    name: Arc<str>,
    syncs: Arc<AtomicU64>,
    /// The first error. redb tells it once, and of what follows only that something failed before.
    failed: Arc<OnceLock<String>>,
}

impl Place {
    /// A backend that somebody else made.
    pub(super) fn new(backend: impl StorageBackend, name: &str) -> Self {
        Self {
            backend: Arc::new(backend),
            name: name.into(),
            syncs: Arc::default(),
            failed: Arc::default(),
        }
    }

    /// The file at `path`, which must be there.
    pub(super) fn existing(path: &Path) -> Result<Self, StoreError> {
        Self::file(path, OpenOptions::new().read(true).write(true))
    }

    /// A new file at `path`, where none may be.
    pub(super) fn created(path: &Path) -> Result<Self, StoreError> {
        Self::file(path, OpenOptions::new().read(true).write(true).create_new(true))
    }

    /// The file at `path`, which must be there, and of which nothing is changed.
    pub(super) fn unchanged(path: &Path) -> Result<Self, StoreError> {
        let file = backend(path, OpenOptions::new().read(true))?;
        let overlay = Overlay::new(file).map_err(|error| failure::io_error(path, &error))?;
        Ok(Self::new(overlay, &path.display().to_string()))
    }

    fn file(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        Ok(Self::new(backend(path, options)?, &path.display().to_string()))
    }

    /// How many bytes are there.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        self.backend.len().map_err(|error| in_place(self, &failure::with_advice(&error)))
    }

    /// How often it was synced since it was opened.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// What failed first since it was opened, if anything did.
    pub(super) fn failed(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    fn told(&self, tried: &str, error: &io::Error) -> io::Error {
        let told = format!("{self}: {tried}: {}", failure::with_advice(error));
        self.failed.get_or_init(|| told.clone());
        io::Error::new(error.kind(), told)
    }
}

fn backend(path: &Path, options: &OpenOptions) -> Result<FileBackend, StoreError> {
    let file: File = options.open(path).map_err(|error| failure::io_error(path, &error))?;
    FileBackend::new(file).map_err(|error| in_place(&path.display(), &error))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl StorageBackend for Place {
    fn len(&self) -> io::Result<u64> {
        self.backend.len().map_err(|error| self.told("cannot tell its length", &error))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = out.len();
        self.backend
            .read(offset, out)
            .map_err(|error| self.told(&format!("cannot read {bytes} bytes at {offset}"), &error))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.backend
            .set_len(len)
            .map_err(|error| self.told(&format!("cannot make it {len} bytes long"), &error))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.backend.sync_data().map_err(|error| self.told("cannot sync it", &error))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let bytes = data.len();
        self.backend
            .write(offset, data)
            .map_err(|error| self.told(&format!("cannot write {bytes} bytes at {offset}"), &error))
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }
}
