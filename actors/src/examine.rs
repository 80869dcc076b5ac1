//! Looking a stored session over: every record read and its hashes verified, the log folded from its beginning, the view
//! rebuilt, and everything that is kept beside the log held against it. Blocks; changes nothing.

use highwater_protocol::anchor::Anchor;
use highwater_protocol::session::Replay;
use highwater_protocol::{Error, LogPos, Record, Rewinds, SessionId, caps};
use highwater_storage::{PageLimit, Store, StoreError, decode_anchor};

use crate::error::of_store;
use crate::recovery::Log;

/// What was found of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Records of its log, those that it shares with the session it was forked from included.
    pub records: u64,
    /// Entries among them.
    pub entries: u64,
    /// The original bytes of those entries.
    pub entry_bytes: u64,
    /// Folds that are kept to start from.
    pub anchors: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where in the log.
    pub at: LogPos,
    /// What is wrong, and what it means.
    pub what: String,
}

/// Examines a session.
///
/// # Errors
/// [`highwater_protocol::Kind::NotFound`] when it is not known, [`highwater_protocol::Kind::Storage`] when the store cannot
/// be read at all. What is wrong with the session is no error but a finding.
pub fn examine(store: &dyn Store, session: &SessionId) -> Result<Examined, Error> {
    let info = store.session(session).map_err(|error| of_store(&error))?;
    let mut examined = Examined::default();
    let (indexed, end) = (LogPos(0), info.head);
    let log = Log { store, session, indexed, end, resident_bytes: usize::MAX };
    examined.read(&log, info.indexed)?;
    if examined.findings.is_empty() {
        examined.fold(&log);
    }
    Ok(examined)
}

impl Examined {
    fn find(&mut self, at: LogPos, what: impl Into<String>) {
        self.findings.push(Finding { at, what: what.into() });
    }

    /// Reads every record, which verifies its hashes and those of its payloads, and holds the index of ids against it.
    fn read(&mut self, log: &Log<'_>, indexed: LogPos) -> Result<(), Error> {
        let mut next = Some(LogPos(0));
        while let Some(from) = next {
            let page =
                match log.store.read(log.session, from, PageLimit { bytes: caps::PAGE_BYTES }) {
                    Ok(page) => page,
                    Err(StoreError::Damaged { at, until, why, .. }) => {
                        self.find(at, format!("damaged: {why}; entries up to {until} may be lost"));
                        next = Some(until).filter(|until| *until > from && *until < log.end);
                        continue;
                    }
                    Err(error) => return Err(of_store(&error)),
                };
            self.records += page.records.len() as u64;
            let entries = page.records.iter().filter_map(|(at, record)| match record {
                Record::Appended { entry, .. } | Record::Edited { entry, .. } => Some((*at, entry)),
                _ => None,
            });
            let entries: Vec<_> = entries.collect();
            self.entries += entries.len() as u64;
            self.entry_bytes += entries.iter().map(|(_, e)| e.source().len() as u64).sum::<u64>();
            let sealed: Vec<_> = entries.into_iter().filter(|(at, _)| *at < indexed).collect();
            let ids: Vec<_> = sealed.iter().map(|(_, entry)| entry.id().clone()).collect();
            let found = log.store.find(log.session, &ids).map_err(|error| of_store(&error))?;
            for ((at, entry), found) in sealed.iter().zip(found) {
                if found != Some(*at) {
                    let what =
                        format!("the index of ids has entry {} in another place", entry.id());
                    self.find(*at, what);
                }
            }
            next = page.next;
        }
        Ok(())
    }

    /// Folds the log from its beginning, and then from each anchor, which must come to the same.
    fn fold(&mut self, log: &Log<'_>) {
        let whole = match log.fold_whole() {
            Ok(replay) => replay,
            Err(error) => return self.find(log.end, format!("the log cannot be folded: {error}")),
        };
        let anchors = match log.store.anchors(log.session, log.end) {
            Ok(anchors) => anchors,
            Err(error) => return self.find(log.end, error.to_string()),
        };
        let whole = summary(&whole);
        for at in anchors {
            self.anchors += 1;
            match from_anchor(log, at) {
                Ok(Some(replay)) if summary(&replay) == whole => {}
                // It served a fold before a rewind that goes back behind it.
                Ok(None) => {}
                Ok(Some(_)) => self.find(at, "an anchor folds to another view than the log does"),
                Err(why) => {
                    self.find(
                        at,
                        format!("an anchor is of no use: {why}; the log is read instead"),
                    );
                }
            }
        }
    }
}

/// What two folds of one log must agree in: the end of the view's digest chain, its size, and how much was answered.
type Summary = (highwater_protocol::Digest, u64, u64, u64);

fn summary(replay: &Replay) -> Summary {
    let state = replay.state();
    let view = state.view();
    (view.digest(), view.tokens().0, state.resets(), state.last_call().0)
}

fn from_anchor(log: &Log<'_>, at: LogPos) -> Result<Option<Replay>, String> {
    let bytes = log.store.anchor(log.session, at).map_err(|error| error.to_string())?;
    let anchor: Anchor = decode_anchor(&bytes.ok_or("it cannot be read")?)?;
    let records = log.store.read_at(log.session, &anchor.positions());
    let records = records.map_err(|error| error.to_string())?;
    let state = anchor.restore(&records, &Rewinds::default()).map_err(|error| error.to_string())?;
    let replay = log.go_on(Replay::resuming(state, log.end)).map_err(|error| error.to_string())?;
    Ok(replay.starts_over().is_none().then_some(replay))
}
