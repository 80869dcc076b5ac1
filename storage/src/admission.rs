//! What every store decides in the same way before it writes: which batches are legal, and what becomes of each (L8).

use std::collections::HashSet;
use std::ops::Range;

use highwater_protocol::{Digest, EntryOf, Timestamp};

use crate::error::StoreError;
use crate::record::{self, Keeping};
use crate::row::{Retry, SessionRow};
use crate::store::{Appended, Epoch, SessionBatch};

/// A batch with its records as they are stored.
pub(crate) struct EncodedBatch<'a> {
    /// The batch.
    pub(crate) batch: &'a SessionBatch,
    bytes: Vec<u8>,
    frames: Vec<Range<usize>>,
    hash: [u8; 32],
}

/// A payload that an entry of a batch holds.
pub(crate) struct StoredPayload<'a> {
    /// When its entry was appended.
    pub(crate) at: Timestamp,
    /// The hash of its bytes.
    pub(crate) digest: Digest,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
}

impl<'a> EncodedBatch<'a> {
    fn new(batch: &'a SessionBatch) -> Result<Self, StoreError> {
        if batch.records.is_empty() {
            return Err(StoreError::Invalid(format!("{}: an empty batch", batch.session)));
        }
        let mut bytes = Vec::new();
        let mut frames = Vec::with_capacity(batch.records.len());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&batch.head.0.to_le_bytes());
        for record in &batch.records {
            let written = record::encode(record, Keeping::Apart, &mut bytes)?;
            hasher.update(&written.hash);
            frames.push(written.frame);
        }
        Ok(Self { batch, bytes, frames, hash: *hasher.finalize().as_bytes() })
    }

    /// The payloads of the batch's entries, in order; some may be equal.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = StoredPayload<'a>> {
        self.batch.records.iter().flat_map(|record| {
            record.entry().into_iter().flat_map(|EntryOf { at, entry, .. }| {
                let record = &entry.source()[entry.json()];
                entry.payloads().iter().map(move |payload| StoredPayload {
                    at,
                    digest: payload.digest,
                    bytes: &record[payload.range.clone()],
                })
            })
        })
    }

    /// The records with the index in the log that each is stored under.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (self.batch.head.0..).zip(self.frames.iter().map(|frame| &self.bytes[frame.clone()]))
    }
}

/// Encodes the batches of one append. [`StoreError::Invalid`] for an empty batch, a record over the size limit, or
/// two batches of one session: only one append per session may be in flight.
pub(crate) fn encode_all(batches: &[SessionBatch]) -> Result<Vec<EncodedBatch<'_>>, StoreError> {
    let mut seen = HashSet::with_capacity(batches.len());
    if let Some(twice) = batches.iter().find(|batch| !seen.insert(&batch.session)) {
        return Err(StoreError::Invalid(format!("{}: two batches in one append", twice.session)));
    }
    batches.iter().map(EncodedBatch::new).collect()
}

/// What is to be done with a batch.
pub(crate) enum Verdict {
    /// Write its rows and this new row of the session.
    Store(SessionRow),
    /// Write nothing, answer this.
    Answer(Appended),
}

impl Verdict {
    /// The answer once everything is durable.
    pub(crate) fn answer(self) -> Appended {
        match self {
            Self::Store(row) => Appended::Stored(row.head()),
            Self::Answer(answer) => answer,
        }
    }
}

/// Decides on a batch by where its session stands. Fencing comes first: a fenced owner must stop even if its last
/// batch made it into the log.
pub(crate) fn judge(row: &SessionRow, encoded: &EncodedBatch<'_>) -> Result<Verdict, StoreError> {
    let batch = encoded.batch;
    if batch.epoch < row.epoch() {
        return Ok(Verdict::Answer(Appended::Fenced { current: row.epoch() }));
    }
    if batch.epoch > row.epoch() || batch.epoch == Epoch::default() {
        let (session, epoch) = (&batch.session, batch.epoch.0);
        return Err(StoreError::Invalid(format!("{session}: epoch {epoch} was never given out")));
    }
    match row.retry(batch.batch, &encoded.hash) {
        Retry::Same => return Ok(Verdict::Answer(Appended::Stored(row.head()))),
        Retry::Other => {
            let (session, id) = (&batch.session, batch.batch.0);
            let message = format!("{session}: batch {id} was stored with other content");
            return Err(StoreError::Invalid(message));
        }
        Retry::No => {}
    }
    if batch.head != row.head() {
        return Ok(Verdict::Answer(Appended::WrongHead { current: row.head() }));
    }
    Ok(Verdict::Store(row.advanced(batch.records.len(), batch.batch, encoded.hash)))
}
