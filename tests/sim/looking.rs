//! What an agent is told of what it said and saw before: pages of its history, and past calls (P8, L6).

use highwater::history::{HistoryPage, PastCall};
use highwater_protocol::{CallNumber, Error, Kind, SeqRange};

use crate::agent::Agent;
use crate::ground::PLANTED;
use crate::oracle::Breach;

/// What was durable when an agent asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Then {
    /// Whatever was asked for was there at once.
    is_calm: bool,
    entries: u64,
    calls: u64,
    is_reported: bool,
}

impl Agent {
    /// What is durable while this is asked.
    pub(crate) fn then(&self, call: Option<CallNumber>, is_calm: bool) -> Then {
        Then {
            is_calm,
            entries: self.oracle.entries().len() as u64,
            calls: self.oracle.called(),
            is_reported: call.is_some_and(|call| self.oracle.is_reported(call)),
        }
    }

    /// Holds what is said of a past call against what it was answered with. `is_calm`: now and since it was asked.
    pub(crate) fn recalls(
        &self,
        call: CallNumber,
        said: Result<PastCall, Error>,
        then: Then,
        is_calm: bool,
    ) -> Result<(), Breach> {
        let was_answered = (1..=then.calls).contains(&call.0);
        let past = match said {
            Ok(past) => past,
            Err(error) if error.kind() == Kind::NotFound && !was_answered => return Ok(()),
            Err(error) => {
                let what = format!("P8: call {} cannot be shown", call.0);
                return explained(&what, &error, then.is_calm && is_calm);
            }
        };
        if !(1..=self.oracle.called()).contains(&call.0) {
            return Err(format!("P8: call {} is shown and was never answered", call.0));
        }
        let used = past.used.as_ref().map(|used| (&*used.model, used.usage));
        self.oracle.was_used(call, used, then.is_reported)?;
        match self.seen.get(&call) {
            Some(seen) if past.context.blocks().ne(seen) => Err(format!(
                "P8: call {} is shown as {:?}, it was {seen:?}",
                call.0, past.context.segments
            )),
            _ => Ok(()),
        }
    }

    /// Holds a page of the history against what is durable. `is_calm`: now and since it was asked for.
    pub(crate) fn reads(
        &self,
        range: SeqRange,
        page: &Result<HistoryPage, Error>,
        then: Then,
        is_calm: bool,
    ) -> Result<(), Breach> {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let what = format!("L6: the history of {range} cannot be read");
                return explained(&what, error, then.is_calm && is_calm);
            }
        };
        if !page.gaps.is_empty() {
            return Err(format!("L6: the history has gaps where all is sound: {:?}", page.gaps));
        }
        let until = range.end.0.min(then.entries + 1);
        self.oracle.reads_back(range.start.0, until, &page.entries, page.rest.is_none())
    }
}

/// A disk that fails or is slow explains that something cannot be read now, and nothing else does.
fn explained(what: &str, error: &Error, is_calm: bool) -> Result<(), Breach> {
    let may_be = match error.kind() {
        Kind::Retry | Kind::Closed | Kind::Storage => true,
        // A panic is told with what it said.
        Kind::Internal => error.to_string().contains(PLANTED),
        _ => false,
    };
    if may_be && !is_calm { Ok(()) } else { Err(format!("{what}: {error}")) }
}
