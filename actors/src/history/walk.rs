//! The whole of a session, handed over entry by entry to somebody who may block.

use highwater_protocol::{Entry, Error, Kind, LogPos, Record, Seq, SessionId, caps};
use highwater_storage::{PageLimit, Store};

use crate::error::of_store;

/// Reads the whole history of a session, page by page, and hands each entry to `each`, oldest first. An entry that
/// stands in the place of another is counted and not handed over: it is no part of what was appended. What is damaged is
/// an error here: who wants the whole wants all of it.
///
/// # Errors
/// [`Kind::Corrupt`] when a record is damaged or missing, and whatever `each` answers.
pub fn walk(
    store: &dyn Store,
    session: &SessionId,
    mut each: impl FnMut(Seq, &Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = Some(LogPos::default());
    let mut expected = Seq::FIRST;
    while let Some(from) = at {
        let limit = PageLimit { bytes: caps::PAGE_BYTES };
        let page = store.read(session, from, limit).map_err(|error| of_store(&error))?;
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
