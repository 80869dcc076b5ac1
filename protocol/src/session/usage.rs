//! Reported usage: made a record, so that the marks that it moves are the same after a restart (L4).

use crate::budget::Budget;
use crate::caps;
use crate::error::{Error, Kind};
use crate::ids::CallNumber;
use crate::record::Record;
use crate::time::Timestamp;
use crate::tokens::Usage;

use super::Session;

impl Session {
    /// The session's marks in estimated tokens, by what was reported so far. Every decision about sizes asks for these.
    pub(super) fn marks(&self) -> Budget {
        self.state.marks(self.config.budget)
    }

    /// Takes what a provider reported for an answered context. False when it has been reported already, or when it is
    /// not one of the last [`caps::REPORTABLE_CALLS`].
    pub(super) fn report_usage(
        &mut self,
        now: Timestamp,
        call: CallNumber,
        model: Box<str>,
        usage: Usage,
    ) -> Result<bool, Error> {
        let (found, cap) = (model.len(), caps::MAX_MODEL_BYTES);
        if model.is_empty() || found > cap {
            let why = format!("takes names of models of 1 to {cap} bytes, this has {found}");
            return Err(self.refusal(Kind::TooLarge, &why));
        }
        let last = self.state.last_call();
        if call == CallNumber::default() || call > last {
            let why =
                format!("has answered {} contexts, and none has the number {}", last.0, call.0);
            return Err(self.refusal(Kind::Invalid, &why));
        }
        let Some(estimated) = self.state.awaited_report(call) else {
            return Ok(false);
        };
        self.record(Record::Used { at: now, call, model, estimated, usage });
        Ok(true)
    }
}
