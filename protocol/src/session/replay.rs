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
/// A log that rewinds is read twice: what a rewind undoes is known only once it is found. Read from [`Replay::next`] to
/// the end of the log, and again for as long as [`Replay::starts_over`] says so.
#[derive(Debug, Default)]
pub struct Replay {
    state: State,
    /// The first reading has met a rewind, and looks for others up to here.
    scanned: Option<LogPos>,
}

impl Replay {
    /// Nothing read yet, nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing read yet of a log whose rewinds are known: one reading is enough.
    pub fn knowing(rewinds: Rewinds) -> Self {
        Self { state: State::knowing(rewinds), scanned: None }
    }

    /// The position to read from.
    pub fn next(&self) -> LogPos {
        self.scanned.unwrap_or(self.state.log_end())
    }

    /// Folds in a record. [`Kind::Corrupt`] when it is not the next one or does not fit.
    pub fn apply(&mut self, at: LogPos, record: &Record) -> Result<(), Error> {
        if at != self.next() {
            let (expected, found) = (self.next(), at);
            let message = format!("the log has a gap: expected {expected}, found {found}");
            return Err(Error::new(Kind::Corrupt, message));
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
        self.scanned = self.state.is_behind().then(|| at.advance(1));
        Ok(())
    }

    /// At the end of the log: whether it has to be read once more from its beginning, now that its rewinds are known.
    pub fn starts_over(&mut self) -> bool {
        let Some(end) = self.scanned.take() else {
            return false;
        };
        let mut rewinds = self.state.rewinds().clone();
        rewinds.know(end);
        self.state = State::knowing(rewinds);
        true
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
