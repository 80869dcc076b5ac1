//! What a store holds already of a session that is to be restored: it must be the beginning of the same log.

use std::collections::VecDeque;

use highwater_protocol::{LogPos, Record, SessionId, caps};

use super::error::ExportError;
use crate::error::StoreError;
use crate::store::{PageLimit, Store};

/// A session's log in a store, read from its beginning beside what is to be restored.
pub(super) struct Present<'a> {
    store: &'a dyn Store,
    session: &'a SessionId,
    head: LogPos,
    read: VecDeque<(LogPos, Record)>,
}

impl<'a> Present<'a> {
    /// What is there; `end` is where the log to be restored ends.
    pub(super) fn new(
        store: &'a dyn Store,
        session: &'a SessionId,
        end: LogPos,
    ) -> Result<Self, ExportError> {
        let head = match store.session(session) {
            Ok(known) => known.head,
            Err(StoreError::NoSession(_)) => LogPos(0),
            Err(error) => return Err(error.into()),
        };
        let present = Self { store, session, head, read: VecDeque::new() };
        if head > end {
            return Err(
                present.differs(format!("its log ends at {head}, the checkpoint's at {end}"))
            );
        }
        Ok(present)
    }

    /// Where it ends: everything from here on is to be written.
    pub(super) fn head(&self) -> LogPos {
        self.head
    }

    /// Requires that the next record, if there is one, is this one.
    pub(super) fn require(&mut self, at: LogPos, record: &Record) -> Result<(), ExportError> {
        if at >= self.head {
            return Ok(());
        }
        if self.read.is_empty() {
            let limit = PageLimit { bytes: caps::PAGE_BYTES };
            self.read = self.store.read(self.session, at, limit)?.records.into();
        }
        match self.read.pop_front() {
            Some((found, known)) if found == at && known == *record => Ok(()),
            _ => Err(self.differs(format!("it has another record at {at}"))),
        }
    }

    pub(super) fn differs(&self, why: String) -> ExportError {
        ExportError::Occupied { session: self.session.clone(), why }
    }
}
