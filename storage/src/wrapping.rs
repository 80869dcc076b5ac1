//! A store around another one: whoever wraps a store says in one place what happens before and behind each use of it.

use std::sync::Arc;

use highwater_protocol::{Digest, EntryId, LogPos, Record, SessionId, Timestamp};

use crate::error::StoreError;
use crate::store::{
    Appended, Capabilities, Fork, Lease, Page, PageLimit, Sealed, SessionBatch, SessionInfo, Store,
    Swept, Usage,
};

/// What a store is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A session is opened for writing.
    Open,
    /// Batches are appended.
    Append,
    /// Something else is written: a fork, sealed stretches, an anchor, payloads, a sweep.
    Write,
    /// What was appended before is written down, for which nobody waits.
    Behind,
    /// Records, ids or anchors are read.
    Read,
    /// It is asked which sessions there are, where one stands, or for figures.
    Look,
}

/// A store around another one. Whatever implements it is a [`Store`].
pub trait Wrapping: Send + Sync + 'static {
    /// What the store around promises.
    fn capabilities(&self) -> Capabilities;

    /// Does some work on the inner store, or not: called once for each use of the store, with what the use is for.
    fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;
}

/// A store with several owners: of houses that follow each other, or of whoever asks for its figures beside one.
pub struct Shared<S>(pub Arc<S>);

impl<S: Store> Wrapping for Shared<S> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn with<T>(
        &self,
        _: Access,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(&*self.0)
    }
}

impl<W: Wrapping> Store for W {
    fn capabilities(&self) -> Capabilities {
        Wrapping::capabilities(self)
    }

    fn open_sessions(&self, sessions: &[SessionId]) -> Result<Vec<Lease>, StoreError> {
        self.with(Access::Open, |store| store.open_sessions(sessions))
    }

    fn session(&self, session: &SessionId) -> Result<SessionInfo, StoreError> {
        self.with(Access::Look, |store| store.session(session))
    }

    fn fork(&self, fork: &Fork) -> Result<SessionInfo, StoreError> {
        self.with(Access::Write, |store| store.fork(fork))
    }

    fn append(&self, batches: &[SessionBatch]) -> Result<Vec<Appended>, StoreError> {
        self.with(Access::Append, |store| store.append(batches))
    }

    fn is_behind(&self) -> bool {
        self.with(Access::Look, |store| Ok(store.is_behind())).unwrap_or(false)
    }

    fn write_behind(&self) -> Result<(), StoreError> {
        self.with(Access::Behind, Store::write_behind)
    }

    fn read(
        &self,
        session: &SessionId,
        from: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.with(Access::Read, |store| store.read(session, from, limit))
    }

    fn read_back(
        &self,
        session: &SessionId,
        before: LogPos,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        self.with(Access::Read, |store| store.read_back(session, before, limit))
    }

    fn read_at(
        &self,
        session: &SessionId,
        positions: &[LogPos],
    ) -> Result<Vec<(LogPos, Record)>, StoreError> {
        self.with(Access::Read, |store| store.read_at(session, positions))
    }

    fn find(
        &self,
        session: &SessionId,
        ids: &[EntryId],
    ) -> Result<Vec<Option<LogPos>>, StoreError> {
        self.with(Access::Read, |store| store.find(session, ids))
    }

    fn seal(&self, session: &SessionId, below: LogPos) -> Result<Sealed, StoreError> {
        self.with(Access::Write, |store| store.seal(session, below))
    }

    fn put_anchor(&self, session: &SessionId, at: LogPos, anchor: &[u8]) -> Result<(), StoreError> {
        self.with(Access::Write, |store| store.put_anchor(session, at, anchor))
    }

    fn anchors(&self, session: &SessionId, before: LogPos) -> Result<Vec<LogPos>, StoreError> {
        self.with(Access::Read, |store| store.anchors(session, before))
    }

    fn anchor(&self, session: &SessionId, at: LogPos) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(Access::Read, |store| store.anchor(session, at))
    }

    fn put_blobs(&self, blobs: &[&[u8]], at: Timestamp) -> Result<Vec<Digest>, StoreError> {
        self.with(Access::Write, |store| store.put_blobs(blobs, at))
    }

    fn sweep_blobs(&self, before: Timestamp) -> Result<Swept, StoreError> {
        self.with(Access::Write, |store| store.sweep_blobs(before))
    }

    fn sessions(
        &self,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        self.with(Access::Look, |store| store.sessions(after, limit))
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        self.with(Access::Look, Store::usage)
    }
}
