//! Looking a stored session over: every record read and its hashes verified, the log folded from its beginning, the view
//! rebuilt, and everything that is kept beside the log held against it. Blocks; changes nothing; never holds more of a
//! session than a page, what its view shows, and the texts that a fold keeps.

use std::sync::Arc;

use highwater_protocol::session::{Replay, SessionConfig};
use highwater_protocol::{Entry, Error, LogPos, Record, Rewinds, SessionId, caps};
use highwater_storage::{PageLimit, Store, StoreError};

use crate::env::reading;
use crate::error::of_store;
use crate::recovery::Log;

/// Bytes that a fold keeps of what its view shows, as a session that is open gives up texts above its own bound.
const RESIDENT_BYTES: usize = 8 << 20;

/// How a stored session was opened last: what it renders, and its marks, with everything else as usual; `None` when
/// nothing was ever written to it. Costs what opening it does, however long it is.
///
/// # Errors
/// [`Kind::NotFound`](highwater_protocol::Kind::NotFound) when the session is not known;
/// [`Kind::Corrupt`](highwater_protocol::Kind::Corrupt) when it could not be opened either.
pub fn settings(store: &dyn Store, session: &SessionId) -> Result<Option<SessionConfig>, Error> {
    let info = store.session(session).map_err(|error| of_store(&error))?;
    let (indexed, end) = (info.indexed, info.head);
    let log = Log { store, session, indexed, end, resident_bytes: RESIDENT_BYTES };
    let opened = log.fold(Rewinds::default())?.state().opened();
    Ok(opened.map(|(format, budget)| SessionConfig::new(budget, format)))
}

/// Findings of one session that are kept: a file that is damaged everywhere would fill the memory with them.
pub const FINDINGS_KEPT: usize = 1_000;

/// What was found of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Records of its log that can be read, those that it shares with the session it was forked from included.
    pub records: u64,
    /// Entries among them.
    pub entries: u64,
    /// The original bytes of those entries.
    pub entry_bytes: u64,
    /// Folds that are kept to start from.
    pub anchors: u64,
    /// What is wrong, the first [`FINDINGS_KEPT`].
    pub findings: Vec<Finding>,
    /// How many more things are wrong.
    pub more_findings: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where in the log.
    pub at: LogPos,
    /// What is wrong, and what it means.
    pub what: String,
}

/// Examines a session. `progress` hears how many records have been gone through, each of the log twice: as it is read, and
/// as it is folded.
///
/// # Errors
/// [`highwater_protocol::Kind::NotFound`] when it is not known, [`highwater_protocol::Kind::Corrupt`] when the row that
/// says where it stands is damaged, [`highwater_protocol::Kind::Storage`] when the store cannot be read at all. What else
/// is wrong with the session is no error but a finding.
pub fn examine(
    store: &dyn Store,
    session: &SessionId,
    mut progress: impl FnMut(u64),
) -> Result<Examined, Error> {
    let info = store.session(session).map_err(|error| of_store(&error))?;
    let mut examined = Examined::default();
    let (indexed, end) = (info.indexed, info.head);
    let log = Log { store, session, indexed, end, resident_bytes: RESIDENT_BYTES };
    examined.read(&log, &mut progress)?;
    // A log with a hole has no fold, and what is kept beside it cannot be held against it.
    if examined.findings.is_empty() {
        examined.fold(&log, &mut |folded| progress(end.0 + folded));
    }
    progress(2 * end.0);
    Ok(examined)
}

impl Examined {
    fn find(&mut self, at: LogPos, what: impl Into<String>) {
        if self.findings.len() < FINDINGS_KEPT {
            self.findings.push(Finding { at, what: what.into() });
        } else {
            self.more_findings += 1;
        }
    }

    /// Reads every record, which verifies its hashes and those of its payloads, and holds the index of ids against it.
    fn read(&mut self, log: &Log<'_>, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let mut next = Some(LogPos(0)).filter(|_| log.end > LogPos(0));
        while let Some(from) = next {
            progress(from.0);
            let page =
                match log.store.read(log.session, from, PageLimit { bytes: caps::PAGE_BYTES }) {
                    Ok(page) => page,
                    Err(StoreError::Damaged { at, until, why, .. }) => {
                        self.find(at, lost(at, until, &why));
                        next = Some(until).filter(|until| *until > from && *until < log.end);
                        continue;
                    }
                    Err(error) => return Err(of_store(&error)),
                };
            self.records += page.records.len() as u64;
            let entries: Vec<_> = page.records.iter().filter_map(entry).collect();
            self.entries += entries.len() as u64;
            self.entry_bytes += entries.iter().map(|(_, e)| e.source().len() as u64).sum::<u64>();
            self.look_up(log, &entries)?;
            next = page.next;
        }
        Ok(())
    }

    /// Holds the index of ids against entries that should be in it.
    fn look_up(&mut self, log: &Log<'_>, entries: &[(LogPos, &Arc<Entry>)]) -> Result<(), Error> {
        let indexed = entries.iter().filter(|(at, _)| *at < log.indexed);
        let (places, ids): (Vec<_>, Vec<_>) =
            indexed.map(|(at, entry)| (*at, entry.id().clone())).unzip();
        let found = match log.store.find(log.session, &ids) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            // One of them is damaged: each is asked for alone.
            Err(StoreError::Damaged { .. }) => {
                let alone = |id| match log.store.find(log.session, std::slice::from_ref(id)) {
                    Ok(found) => Ok(Ok(found.first().copied().flatten())),
                    Err(StoreError::Damaged { why, .. }) => Ok(Err(why)),
                    Err(error) => Err(of_store(&error)),
                };
                ids.iter().map(alone).collect::<Result<Vec<_>, Error>>()?
            }
            Err(error) => return Err(of_store(&error)),
        };
        for ((at, id), found) in places.into_iter().zip(&ids).zip(found) {
            let what = match found {
                Ok(Some(found)) if found == at => continue,
                Ok(Some(other)) => format!("the index of ids has entry {id} at {other}"),
                Ok(None) => format!("the index of ids lacks entry {id}"),
                Err(why) => format!("{why}, for entry {id}"),
            };
            self.find(at, format!("{what}; appending it again would not be noticed"));
        }
        Ok(())
    }

    /// Folds the log from its beginning, which holds every answered context's digest against the view, and then from each
    /// anchor, which must come to the same.
    fn fold(&mut self, log: &Log<'_>, progress: &mut dyn FnMut(u64)) {
        let (whole, rewinds) = match guarded(|| log.fold_whole(progress)) {
            Ok(folded) => folded,
            Err(why) => return self.find(log.end, format!("the log cannot be folded: {why}")),
        };
        let anchors = match log.store.anchors(log.session, log.end) {
            Ok(anchors) => anchors,
            Err(error) => return self.find(log.end, error.to_string()),
        };
        let whole = summary(&whole);
        for at in anchors {
            self.anchors += 1;
            match guarded(|| from_anchor(log, at, &rewinds)) {
                Ok(Some(replay)) if summary(&replay) == whole => {}
                // It serves folds that end before a rewind which goes back behind it.
                Ok(None) => {}
                Ok(Some(_)) => self.find(at, "an anchor folds to another view than the log does"),
                Err(why) => self.find(
                    at,
                    format!(
                        "an anchor is of no use: {why}; the log is read instead, which takes longer"
                    ),
                ),
            }
        }
    }
}

fn entry((at, record): &(LogPos, Record)) -> Option<(LogPos, &Arc<Entry>)> {
    Some((*at, record.entry()?.entry))
}

fn lost(at: LogPos, until: LogPos, why: &str) -> String {
    match until.0.saturating_sub(at.0) {
        0 | 1 => format!("the record cannot be read: {why}"),
        count => format!("{count} records up to {until} cannot be read: {why}"),
    }
}

/// What two folds of one log must agree in: the end of the view's digest chain, its size, and how much was answered.
type Summary = (highwater_protocol::Digest, u64, u64, u64);

fn summary(replay: &Replay) -> Summary {
    let state = replay.state();
    let view = state.view();
    (view.digest(), view.tokens().0, state.resets(), state.last_call().0)
}

/// The fold from an anchor on; `None` when a rewind goes back behind it, so that no fold of the whole begins there.
fn from_anchor(log: &Log<'_>, at: LogPos, rewinds: &Rewinds) -> Result<Option<Replay>, Error> {
    let Some(state) = log.restored(at, rewinds)? else {
        return Ok(None);
    };
    let replay = Replay::resuming(state, log.indexed).within(log.resident_bytes);
    let replay = log.go_on(replay, &mut |_| ())?;
    Ok(replay.starts_over().is_none().then_some(replay))
}

/// A panic on the way is what is wrong.
fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, String> {
    reading(work).map_err(|error| error.to_string())
}
