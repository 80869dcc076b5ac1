//! What did call N see (P8)? The exact input of a past call is not stored: it is the fold of the log up to its record.

use crate::error::{Error, Kind};
use crate::record::Record;
use crate::segment::Context;

use super::{Replay, State};

impl Replay {
    /// The fold of what was read so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The context that `answered` says was answered, the last record that was folded. Its bytes are those that were
    /// answered then.
    ///
    /// [`Kind::Corrupt`] when the fold and the record do not say the same.
    pub fn into_context(self, answered: &Record) -> Result<Context, Error> {
        let mut state = self.into_state();
        let Record::Answered { call, position, digest, stand_ins, .. } = answered else {
            let message = format!("{:?} is no answer to a call", answered.name());
            return Err(Error::new(Kind::Corrupt, message));
        };
        let fits = state.last_call() == *call
            && state.view().head() == *position
            && state.view().digest() == *digest;
        if !fits {
            let (found, call) = (state.last_call().0, call.0);
            let message = format!("the log folds to call {found} where call {call} was answered");
            return Err(Error::new(Kind::Corrupt, message));
        }
        state.last_context(stand_ins).ok_or_else(|| {
            let message = format!("texts of call {} were let go while it was folded", call.0);
            Error::new(Kind::Internal, message)
        })
    }
}
