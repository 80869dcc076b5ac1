//! Folding a session's log page by page (L4, L5): when it is opened, when a rewind has it folded anew, and when somebody
//! asks what it was. A fold starts at the newest anchor that serves, so that it costs what came behind it. Blocks; runs
//! where blocking work may.

use std::sync::Arc;

use highwater_protocol::anchor::Anchor;
use highwater_protocol::session::{Replay, State};
use highwater_protocol::{Entry, Error, Kind, LogPos, Record, Rewinds, SessionId, caps};
use highwater_storage::{PageLimit, Store, StoreError, decode_anchor};

use crate::env::{guarded, reading};
use crate::error::of_store;
use crate::session::{Upkeep, size};

/// A log to be folded.
#[derive(Clone, Copy)]
pub(crate) struct Log<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) session: &'a SessionId,
    /// The ids of entries below this position are looked up when they are asked for, not read.
    pub(crate) indexed: LogPos,
    /// Where the fold ends.
    pub(crate) end: LogPos,
    /// Texts of what is folded leave memory while it takes more.
    pub(crate) resident_bytes: usize,
}

impl Log<'_> {
    /// Folds the log, as often as its rewinds ask for: those in `rewinds` are known before.
    pub(crate) fn fold(&self, rewinds: Rewinds) -> Result<Replay, Error> {
        self.fold_counted(rewinds).map(|(replay, _)| replay)
    }

    /// Folds the log, and tells what had to be read behind an anchor for it: the next opening reads it again, unless an
    /// anchor is taken.
    pub(crate) fn fold_counted(&self, rewinds: Rewinds) -> Result<(Replay, Upkeep), Error> {
        reading(|| self.read(rewinds))
    }

    /// Folds the log from its beginning, whatever anchors there are. Tells the rewinds in it too, and on the way the
    /// position that was reached.
    pub(crate) fn fold_whole(
        &self,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Replay, Rewinds), Error> {
        let mut rewinds = Rewinds::default();
        loop {
            let replay = self.go_on(self.at_the_beginning(rewinds.clone()), progress)?;
            match replay.starts_over() {
                Some(found) => rewinds = found,
                None => return Ok((replay, rewinds)),
            }
        }
    }

    /// Reads on to the end; tells the position that was reached.
    pub(crate) fn go_on(
        &self,
        mut replay: Replay,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Replay, Error> {
        while replay.next() < self.end {
            self.read_page(&mut replay, &mut Upkeep::default())?;
            progress(replay.next().0);
        }
        Ok(replay)
    }

    fn read(&self, mut rewinds: Rewinds) -> Result<(Replay, Upkeep), Error> {
        loop {
            let (mut replay, mut read) = (self.begin(rewinds)?, Upkeep::default());
            while replay.next() < self.end {
                self.read_page(&mut replay, &mut read)?;
            }
            match replay.starts_over() {
                Some(found) => rewinds = found,
                None => return Ok((replay, read)),
            }
        }
    }

    fn read_page(&self, replay: &mut Replay, read: &mut Upkeep) -> Result<(), Error> {
        let (session, end) = (self.session, self.end);
        let limit = PageLimit { bytes: caps::PAGE_BYTES };
        let page = guarded(|| self.store.read(session, replay.next(), limit))
            .map_err(|error| of_store(&error))?;
        if page.records.is_empty() {
            let (at, message) = (replay.next(), "the log ends before its own end");
            let message = format!("session {session}: {message}: at {at}, expected {end}");
            return Err(Error::new(Kind::Corrupt, message));
        }
        for (at, record) in page.records.iter().take_while(|(at, _)| *at < end) {
            replay.apply(*at, record)?;
            read.wrote(1, size(record));
        }
        Ok(())
    }

    /// A replay that starts at the newest anchor that can be used, or at the beginning.
    fn begin(&self, rewinds: Rewinds) -> Result<Replay, Error> {
        if self.end == LogPos(0) {
            return Ok(self.at_the_beginning(rewinds));
        }
        let anchors = guarded(|| self.store.anchors(self.session, self.end));
        for at in anchors.map_err(|error| of_store(&error))? {
            match self.restored(at, &rewinds) {
                Ok(Some(state)) => {
                    let replay = Replay::resuming(state, self.indexed);
                    return Ok(replay.within(self.resident_bytes));
                }
                Ok(None) => {}
                Err(error) => {
                    let session = self.session;
                    tracing::warn!(%session, %at, %error, "an anchor cannot be used, an older one is tried");
                }
            }
        }
        Ok(self.at_the_beginning(rewinds))
    }

    fn at_the_beginning(&self, rewinds: Rewinds) -> Replay {
        Replay::knowing(rewinds).indexed(self.indexed).within(self.resident_bytes)
    }

    /// The state that the anchor at a position describes; `None` when the rewinds forbid it.
    pub(crate) fn restored(&self, at: LogPos, rewinds: &Rewinds) -> Result<Option<State>, Error> {
        let corrupt = |why| Error::new(Kind::Corrupt, why);
        let bytes = guarded(|| self.store.anchor(self.session, at));
        let bytes = bytes.map_err(|error| of_store(&error))?;
        let bytes = bytes.ok_or_else(|| corrupt("it cannot be read".to_owned()))?;
        let anchor: Anchor = decode_anchor(&bytes).map_err(corrupt)?;
        if anchor.at() != at {
            return Err(corrupt(format!("it is that of {}", anchor.at())));
        }
        if !anchor.holds_for(rewinds) {
            return Ok(None);
        }
        let records = guarded(|| self.store.read_at(self.session, &anchor.positions()));
        let records = records.map_err(|error: StoreError| of_store(&error))?;
        anchor.restore(&records, rewinds).map(Some)
    }
}

/// The entries of the records at these positions, which rise. A position whose record has none is left out.
pub(crate) fn entries(
    store: &dyn Store,
    session: &SessionId,
    positions: &[LogPos],
) -> Result<Vec<(LogPos, Arc<Entry>)>, Error> {
    let records =
        guarded(|| store.read_at(session, positions)).map_err(|error| of_store(&error))?;
    let entry = |(at, record): &(LogPos, Record)| Some((*at, Arc::clone(record.entry()?.entry)));
    Ok(records.iter().filter_map(entry).collect())
}
