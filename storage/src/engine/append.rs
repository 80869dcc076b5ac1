//! Appending the batches of many sessions: all verdicts first, then payloads, then the rows that refer to them.

use std::collections::BTreeSet;

use super::{known, sessions};
use crate::admission::{self, EncodedBatch, Verdict};
use crate::engine::Touched;
use crate::row::BlobRow;
use crate::store::Appended;
use crate::tables::{Failure, Table, Write, key};

/// What an append did.
pub(crate) struct Appending {
    /// In the order of the batches.
    pub(crate) answers: Vec<Appended>,
    /// Whether anything was written at all.
    pub(crate) changed: bool,
    /// Bytes of records that were written.
    pub(crate) encoded_bytes: u64,
    /// Bytes of payloads that were not there yet.
    pub(crate) payload_bytes: u64,
}

/// Judges all batches, and writes those that are to be stored.
pub(crate) fn append(
    tables: &mut impl Write,
    encoded: &[EncodedBatch<'_>],
    touched: &Touched,
) -> Result<Appending, Failure> {
    let mut verdicts = Vec::with_capacity(encoded.len());
    for batch in encoded {
        verdicts.push(admission::judge(&known(tables, &batch.batch.session)?, batch)?);
    }
    let mut written = BTreeSet::new();
    let mut done =
        Appending { answers: Vec::new(), changed: false, encoded_bytes: 0, payload_bytes: 0 };
    for (batch, verdict) in encoded.iter().zip(&verdicts) {
        let Verdict::Store(row) = verdict else {
            continue;
        };
        done.changed = true;
        for payload in batch.payloads() {
            touched.note(payload.digest);
            // One batch may hold a payload often; a store holds most of them already.
            // What is there is verified: an entry is never acknowledged for bytes that have rotted meanwhile.
            let is_there = |row: &[u8]| BlobRow::decode(row, &payload.digest).is_ok();
            if written.insert(payload.digest)
                && tables.get(Table::Blobs, &payload.digest.0, is_there)? != Some(true)
            {
                let row = BlobRow::encode(payload.at, payload.bytes);
                tables.put(Table::Blobs, &payload.digest.0, &row)?;
                done.payload_bytes += payload.bytes.len() as u64;
            }
        }
        for (index, bytes) in batch.rows() {
            tables.put(Table::Log, &key(row.number(), index), bytes)?;
            done.encoded_bytes += bytes.len() as u64;
        }
        sessions::put(tables, &batch.batch.session, row)?;
    }
    done.answers = verdicts.into_iter().map(Verdict::answer).collect();
    Ok(done)
}
