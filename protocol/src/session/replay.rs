//! Recovery: the fold over a stored log, and what is owed to the past once it is read.

use crate::error::{Error, Kind};
use crate::ids::SessionId;
use crate::pass::{Abandoned, Outcome};
use crate::position::LogPos;
use crate::record::Record;
use crate::time::Timestamp;

use super::{Session, SessionConfig, State};

/// A session on its way back from its log.
#[derive(Debug, Default)]
pub struct Replay {
    state: State,
}

impl Replay {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The position to read from.
    pub fn next(&self) -> LogPos {
        self.state.log_end()
    }

    /// Folds in a record. [`Kind::Corrupt`] when it is not the next one or does not fit.
    pub fn apply(&mut self, at: LogPos, record: &Record) -> Result<(), Error> {
        if at != self.state.log_end() {
            let (expected, found) = (self.state.log_end(), at);
            let message = format!("the log has a gap: expected {expected}, found {found}");
            return Err(Error::new(Kind::Corrupt, message));
        }
        self.state.apply(record)
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
        session.configure(now);
        if let Some(pass) = unfinished {
            let outcome = Outcome::Abandoned(Abandoned::Restarted);
            session.end(now, pass, &outcome);
        } else if session.state.last_outcome().is_some_and(|last| *last != Outcome::Spliced) {
            session.hold_back();
        }
        Ok(session)
    }
}
