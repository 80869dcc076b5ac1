//! Reading entries back from the log by their numbers, in pages (L5). Blocks; runs where blocking work may.

use std::sync::Arc;

use highwater_protocol::{Entry, Error, Kind, LogPos, Record, Seq, SeqRange, SessionId, caps};
use highwater_storage::{Page, PageLimit, Store};

use crate::error::of_store;

/// Some entries of a session, and where to read on.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The entries with their numbers, oldest first.
    pub entries: Vec<(Seq, Arc<Entry>)>,
    /// The first entry of the range that is not on this page; `None` at the end of the range or of the session.
    pub next: Option<Seq>,
}

/// Reads entries of `range`, at least one if there is any, about `limit_bytes` of source bytes.
pub fn read(
    store: &dyn Store,
    session: &SessionId,
    range: SeqRange,
    limit_bytes: usize,
) -> Result<HistoryPage, Error> {
    let mut page = HistoryPage { entries: Vec::new(), next: None };
    if range.is_empty() {
        return Ok(page);
    }
    let mut at = find(store, session, range.start)?;
    let mut bytes = 0;
    while let Some(from) = at {
        let limit = PageLimit { bytes: limit_bytes.clamp(1, caps::PAGE_BYTES) };
        let read = page_of(store, session, from, limit)?;
        for (_, record) in read.records {
            let (Record::Appended { seq, entry, .. } | Record::Edited { seq, entry, .. }) = record
            else {
                continue;
            };
            if seq >= range.end {
                return Ok(page);
            }
            if seq < range.start {
                continue;
            }
            if bytes >= limit_bytes && !page.entries.is_empty() {
                page.next = Some(seq);
                return Ok(page);
            }
            bytes += entry.source().len();
            page.entries.push((seq, entry));
        }
        at = read.next;
    }
    Ok(page)
}

/// A log position at or before the entry `seq`, near it. An entry never stands before the position of its number, since
/// the first record is not an entry; from there the search halves what is left, one small read a step.
fn find(store: &dyn Store, session: &SessionId, seq: Seq) -> Result<Option<LogPos>, Error> {
    let (mut low, mut step) = (seq.0, 1_u64);
    let mut high = loop {
        let probe = low.saturating_add(step);
        match first_entry(store, session, LogPos(probe))? {
            Some(found) if found < seq => (low, step) = (probe, step.saturating_mul(2)),
            Some(_) | None => break probe,
        }
    };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match first_entry(store, session, LogPos(middle))? {
            Some(found) if found < seq => low = middle,
            Some(_) | None => high = middle,
        }
    }
    Ok(Some(LogPos(low)))
}

/// The number of the first entry at or behind a position.
fn first_entry(store: &dyn Store, session: &SessionId, from: LogPos) -> Result<Option<Seq>, Error> {
    let mut at = Some(from);
    while let Some(from) = at {
        let page = page_of(store, session, from, PageLimit { bytes: 1 })?;
        for (_, record) in &page.records {
            if let Record::Appended { seq, .. } | Record::Edited { seq, .. } = record {
                return Ok(Some(*seq));
            }
        }
        at = page.next;
    }
    Ok(None)
}

fn page_of(
    store: &dyn Store,
    session: &SessionId,
    from: LogPos,
    limit: PageLimit,
) -> Result<Page, Error> {
    store.read(session, from, limit).map_err(|error| of_store(&error))
}

/// Reads the whole history of a session, page by page, and hands each entry to `each`, oldest first. An entry that
/// stands in the place of another is counted and not handed over: it is no part of what was appended.
pub fn walk(
    store: &dyn Store,
    session: &SessionId,
    mut each: impl FnMut(Seq, &Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = Some(LogPos::default());
    let mut expected = Seq::FIRST;
    while let Some(from) = at {
        let page = page_of(store, session, from, PageLimit { bytes: caps::PAGE_BYTES })?;
        for (at, record) in &page.records {
            let (seq, appended) = match record {
                Record::Appended { seq, entry, .. } => (seq, Some(entry)),
                Record::Edited { seq, .. } => (seq, None),
                _ => continue,
            };
            if *seq != expected {
                let message = format!("{session}: expected entry {expected} at {at}, found {seq}");
                return Err(Error::new(Kind::Corrupt, message));
            }
            expected = expected.next();
            if let Some(entry) = appended {
                each(*seq, entry)?;
            }
        }
        at = page.next;
    }
    Ok(())
}
