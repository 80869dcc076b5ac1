//! What is done for a session behind its turns: an anchor now and then, so that the next opening folds little, and the
//! log behind it sealed. All of it is derived or moved, nothing waits for it, and what fails is tried again later.

use std::sync::Arc;

use highwater_protocol::anchor::Anchor;
use highwater_protocol::session::Event;
use highwater_protocol::{LogPos, Record, SessionId};
use highwater_storage::{Store, encode_anchor};
use ractor::ActorRef;

use super::SessionMessage;
use crate::env::{Executor, guarded};
use crate::house::House;

/// How much of a log may come behind its last anchor, before the next is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cadence {
    pub(crate) bytes: usize,
    pub(crate) records: usize,
}

/// How much has come since the last anchor.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    bytes: usize,
    records: usize,
    /// An anchor that waits for all that it folds to be durable.
    pub(super) taken: Option<Anchor>,
}

impl Upkeep {
    /// An anchor was taken: from now on everything is new.
    pub(super) fn anchored(anchor: Anchor) -> Self {
        Self { taken: Some(anchor), ..Self::default() }
    }

    /// Records of so many bytes went to the store.
    pub(crate) fn wrote(&mut self, records: usize, bytes: usize) {
        self.records += records;
        self.bytes += bytes;
    }

    /// Whether enough has come for an anchor while the session lives.
    pub(super) fn is_due(&self, every: Cadence) -> bool {
        self.bytes >= every.bytes || self.records >= every.records
    }

    /// Whether an anchor is worth its while for a session that ends: the next opening would fold more than it costs.
    pub(super) fn is_due_at_end(&self, every: Cadence) -> bool {
        self.is_due(Cadence { bytes: every.bytes / 8, records: every.records / 8 })
    }
}

/// Stores an anchor behind all writes given before, and seals what stands before it. The session is told how far the
/// index of ids goes then.
pub(super) fn keep(
    house: &House,
    session: &SessionId,
    anchor: Anchor,
    myself: &ActorRef<SessionMessage>,
) {
    let (store, session, myself) = (house.store.clone(), session.clone(), myself.clone());
    let executor = Arc::clone(&house.executor);
    house.executor.write(Box::new(move || {
        let at = anchor.at();
        let stored = guarded(|| store.put_anchor(&session, at, &encode_anchor(&anchor)?));
        if let Err(error) = stored {
            tracing::warn!(%session, %at, %error, "no anchor could be stored");
        }
        seal(store, executor, session, at, myself);
    }));
}

/// Seals a few MiB at a time, so that commits of other sessions get between.
fn seal(
    store: Arc<dyn Store>,
    executor: Arc<dyn Executor>,
    session: SessionId,
    below: LogPos,
    myself: ActorRef<SessionMessage>,
) {
    let sealed = match guarded(|| store.seal(&session, below)) {
        Ok(sealed) => sealed,
        Err(error) => {
            tracing::warn!(%session, %error, "the log could not be sealed");
            return;
        }
    };
    if sealed.records > 0 {
        // A session that has ended hears it when it is opened again.
        drop(myself.cast(SessionMessage::Event(Event::Indexed { below: sealed.below })));
    }
    if sealed.more {
        let next = Arc::clone(&executor);
        next.write(Box::new(move || seal(store, executor, session, below, myself)));
    }
}

/// The bytes of a record that matter: those of its entry.
pub(crate) fn size(record: &Record) -> usize {
    match record {
        Record::Spliced { pieces, .. } => pieces.iter().map(|piece| piece.summary.text.len()).sum(),
        _ => record.entry().map_or(0, |found| found.entry.source().len()),
    }
}
