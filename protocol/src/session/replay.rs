//! Recovery: the fold over a stored log, and what is owed to the past once it is read.

use crate::branch::Rewinds;
use crate::error::{Error, Kind};
use crate::ids::SessionId;
use crate::pass::{Abandoned, Outcome};
use crate::position::LogPos;
use crate::record::Record;
use crate::time::Timestamp;

use super::{Session, SessionConfig, State};

/// A session on its way back from its log.
///
/// Read from [`Replay::next`] to the end of the log. A log that rewinds is read twice: what a rewind undoes is known only
/// once it is found. [`Replay::starts_over`] then says with which rewinds another replay is to begin, and that one
/// begins at the newest anchor that holds for them, or where the log does.
///
/// What a session was at an earlier position is a replay that ends there: it meets none of the rewinds that came later,
/// and begins at no anchor behind it.
#[derive(Debug)]
pub struct Replay {
    pub(super) state: State,
    /// Records from here on are noted for the ids of their entries alone, up to where the state begins.
    noted: Option<LogPos>,
    /// The first reading has met a rewind, and looks for others up to here.
    scanned: Option<LogPos>,
    resident_bytes: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Self::knowing(Rewinds::default())
    }
}

impl Replay {
    /// Nothing read yet, nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing read yet of a log whose rewinds are known: one reading is enough.
    pub fn knowing(rewinds: Rewinds) -> Self {
        let state = State::knowing(rewinds);
        Self { state, noted: None, scanned: None, resident_bytes: usize::MAX }
    }

    /// Everything read up to where `state`, restored from an anchor, ends. The ids of entries from `indexed` on are read
    /// from their records, which come first; where those before it stand is known elsewhere.
    pub fn resuming(state: State, indexed: LogPos) -> Self {
        let noted = Some(indexed).filter(|from| *from < state.log_end());
        Self { state, noted, ..Self::default() }.indexed(indexed)
    }

    /// Where the entries before a position stand is known elsewhere: their ids are not kept.
    #[must_use]
    pub fn indexed(mut self, below: LogPos) -> Self {
        self.state.forget_ids(below);
        self
    }

    /// Texts of the oldest groups leave memory while the fold takes more than so many bytes: what is read is durable.
    #[must_use]
    pub fn within(mut self, resident_bytes: usize) -> Self {
        self.resident_bytes = resident_bytes;
        self.keep_within();
        self
    }

    /// The position to read from.
    pub fn next(&self) -> LogPos {
        self.noted.or(self.scanned).unwrap_or(self.state.log_end())
    }

    /// Folds in a record. [`Kind::Corrupt`] when it is not the next one or does not fit.
    pub fn apply(&mut self, at: LogPos, record: &Record) -> Result<(), Error> {
        if at != self.next() {
            let (expected, found) = (self.next(), at);
            let message = format!("the log has a gap: expected {expected}, found {found}");
            return Err(Error::new(Kind::Corrupt, message));
        }
        if let Some(noted) = self.noted {
            self.state.note(at, record)?;
            self.noted = Some(noted.advance(1)).filter(|next| *next < self.state.log_end());
            return Ok(());
        }
        if let Some(scanned) = &mut self.scanned {
            *scanned = at.advance(1);
            if let Record::Rewound { to, .. } = record {
                self.state.foresee(at, *to);
            }
            return Ok(());
        }
        self.state.apply(record)?;
        drop(self.state.take_removed());
        self.keep_within();
        self.scanned = self.state.is_behind().then(|| at.advance(1));
        Ok(())
    }

    fn keep_within(&mut self) {
        if self.resident_bytes == usize::MAX {
            return;
        }
        let over = self.state.weight().saturating_sub(self.resident_bytes);
        if over > 0 {
            self.state.evict(over, self.state.log_end());
        }
    }

    /// At the end of the log: the rewinds that were found in it, if it has to be read once more knowing them. The next
    /// replay begins at the newest anchor that [holds for them](crate::anchor::Anchor::holds_for), or knows nothing but
    /// them.
    pub fn starts_over(&self) -> Option<Rewinds> {
        let end = self.scanned?;
        let mut rewinds = self.state.rewinds().clone();
        rewinds.know(end);
        Some(rewinds)
    }

    /// The settings that the session was opened with last; `None` when the log is empty.
    pub fn settings(&self, asked: SessionConfig) -> Option<SessionConfig> {
        let (format, budget) = self.state.opened()?;
        Some(SessionConfig { budget, format, ..asked })
    }

    /// The fold of what was read.
    pub fn into_state(self) -> State {
        self.state
    }

    /// The session, ready for events. A pass that the past did not finish is marked abandoned; that and changed marks
    /// are written with the first event.
    ///
    /// [`Kind::Invalid`] when the session exists and renders another format.
    pub fn finish(
        self,
        id: SessionId,
        config: SessionConfig,
        now: Timestamp,
    ) -> Result<Session, Error> {
        if let Some((format, _)) = self.state.opened()
            && format != config.format
        {
            return Err(Error::other_format(&id, format, config.format));
        }
        let unfinished = self.state.unfinished_pass();
        let mut session = Session::new(id, config, self.state);
        if let Some(pass) = unfinished {
            let outcome = Outcome::Abandoned(Abandoned::Restarted);
            session.end(now, pass, &outcome);
        } else if session.state.last_outcome().is_some_and(|last| *last != Outcome::Spliced) {
            session.hold_back();
        }
        session.configure(now);
        Ok(session)
    }
}
