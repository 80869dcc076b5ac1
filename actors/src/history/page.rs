//! One page of a session's history, from either end of a range.

use std::sync::Arc;

use highwater_protocol::{Entry, EntryOf, Error, Kind, LogPos, Seq, SeqRange, SessionId, caps};
use highwater_storage::{PageLimit, Store, StoreError};

use super::{Gap, HistoryPage, Order, Wanted, place};
use crate::error::of_store;

/// Reads entries of `range`, at least one if there is any, about `limit_bytes` of source bytes.
///
/// # Errors
/// [`highwater_protocol::Kind::NotFound`] when the session is not known, [`highwater_protocol::Kind::Storage`] when the
/// store cannot be read. Damaged entries are no error but a [`Gap`].
pub fn read(
    store: &dyn Store,
    session: &SessionId,
    range: SeqRange,
    order: Order,
    limit_bytes: usize,
) -> Result<HistoryPage, Error> {
    let range = SeqRange::new(range.start.max(Seq::FIRST), range.end);
    let mut page = Reading { order, left: range, bytes_left: limit_bytes, ..Reading::default() };
    if range.is_empty() {
        return Ok(page.finish());
    }
    let start = match order {
        Order::OldestFirst => place::of_entry(store, session, range.start)?.0,
        Order::NewestFirst => place::of_entry(store, session, range.end)?.1,
    };
    let limit = PageLimit { bytes: limit_bytes.clamp(1, caps::PAGE_BYTES) };
    records(store, session, (start, order), limit, |found| page.take(found))?;
    Ok(page.finish())
}

/// The last entry of a kind, reading backwards page by page.
///
/// # Errors
/// Those of [`read`]; and [`Kind::Corrupt`] when something behind what was found cannot be read, since that might be it.
pub fn find_last(
    store: &dyn Store,
    session: &SessionId,
    wanted: Wanted<'_>,
) -> Result<Option<(Seq, Arc<Entry>)>, Error> {
    let head = store.session(session).map_err(|error| of_store(&error))?.head;
    let mut last = None;
    let limit = PageLimit { bytes: LOOK_BYTES };
    records(store, session, (head, Order::NewestFirst), limit, |found| match found {
        Found::Entry(seq, entry) => {
            if wanted.is(&entry) {
                last = Some(Ok((seq, entry)));
            }
            last.is_none()
        }
        Found::Damaged(why) => {
            let why =
                format!("session {session}: what was looked for may be what cannot be read: {why}");
            last = Some(Err(Error::new(Kind::Corrupt, why)));
            false
        }
    })?;
    last.transpose()
}

/// How many entries of a range there are. Reads only the newest: numbers are dense (L1).
///
/// # Errors
/// Those of [`read`].
pub fn count(store: &dyn Store, session: &SessionId, range: SeqRange) -> Result<u64, Error> {
    let last = find_last(store, session, Wanted::Any)?.map_or(Seq::ZERO, |(seq, _)| seq);
    let (start, end) = (range.start.max(Seq::FIRST), range.end.min(last.next()));
    Ok(SeqRange::new(start, end).len())
}

/// What is looked for is most often near the end.
const LOOK_BYTES: usize = 64 << 10;

enum Found {
    Entry(Seq, Arc<Entry>),
    Damaged(String),
}

/// Hands over the entries from a position on, and what is damaged, until it has been enough.
fn records(
    store: &dyn Store,
    session: &SessionId,
    (start, order): (LogPos, Order),
    limit: PageLimit,
    mut take: impl FnMut(Found) -> bool,
) -> Result<(), Error> {
    let mut at = Some(start);
    while let Some(place) = at {
        let read = match order {
            Order::OldestFirst => store.read(session, place, limit),
            Order::NewestFirst => store.read_back(session, place, limit),
        };
        let page = match read {
            Ok(page) => page,
            Err(StoreError::Damaged { at: from, until, why, .. }) if until > from => {
                if !take(Found::Damaged(why)) {
                    return Ok(());
                }
                at = Some(if order == Order::OldestFirst { until } else { from });
                continue;
            }
            Err(error) => return Err(of_store(&error)),
        };
        for (_, record) in page.records {
            if let Some(EntryOf { seq, entry, .. }) = record.entry()
                && !take(Found::Entry(seq, Arc::clone(entry)))
            {
                return Ok(());
            }
        }
        at = page.next;
    }
    Ok(())
}

/// A page in the making.
struct Reading {
    order: Order,
    /// What of the range was not met yet.
    left: SeqRange,
    bytes_left: usize,
    damage: Option<String>,
    is_full: bool,
    page: HistoryPage,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            order: Order::OldestFirst,
            left: SeqRange::new(Seq::FIRST, Seq::FIRST),
            bytes_left: 0,
            damage: None,
            is_full: false,
            page: HistoryPage::default(),
        }
    }
}

impl Reading {
    /// Whether more is to be read.
    fn take(&mut self, found: Found) -> bool {
        let (seq, entry) = match found {
            Found::Entry(seq, entry) => (seq, entry),
            Found::Damaged(why) => {
                self.damage.get_or_insert(why);
                return true;
            }
        };
        let is_behind = match self.order {
            Order::OldestFirst => seq >= self.left.end,
            Order::NewestFirst => seq < self.left.start,
        };
        if is_behind {
            self.note_gap(seq);
            return false;
        }
        if !self.left.contains(seq) {
            return true;
        }
        let bytes = entry.source().len();
        let some = !self.page.entries.is_empty() || !self.page.gaps.is_empty();
        if some && bytes > self.bytes_left {
            self.is_full = true;
            return false;
        }
        self.note_gap(seq);
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.pass(seq);
        self.page.entries.push((seq, entry));
        !self.left.is_empty()
    }

    /// Numbers that should have come before this one and did not.
    fn note_gap(&mut self, met: Seq) {
        let damage = self.damage.take();
        let entries = match self.order {
            Order::OldestFirst => SeqRange::new(self.left.start, met.min(self.left.end)),
            Order::NewestFirst => SeqRange::new(met.next().max(self.left.start), self.left.end),
        };
        // What lies behind the end of the session is no gap, though it may have been asked for.
        let is_open = self.order == Order::NewestFirst && self.page.entries.is_empty();
        if entries.is_empty() || is_open && damage.is_none() {
            return;
        }
        let why = damage.unwrap_or_else(|| "the log holds no such entry".to_owned()).into();
        self.page.gaps.push(Gap { entries, why });
    }

    fn pass(&mut self, seq: Seq) {
        match self.order {
            Order::OldestFirst => self.left.start = seq.next(),
            Order::NewestFirst => self.left.end = seq,
        }
    }

    fn finish(mut self) -> HistoryPage {
        if self.is_full {
            self.page.rest = Some(self.left);
        } else if let Some(why) = self.damage.take()
            && !self.left.is_empty()
        {
            // The log ends, or begins, with what is damaged.
            self.page.gaps.push(Gap { entries: self.left, why: why.into() });
        }
        self.page
    }
}
