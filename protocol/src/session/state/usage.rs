//! What was used for the calls of a session, as far as the fold keeps it: by how much its estimates are corrected.

use std::collections::VecDeque;

use crate::anchor::ReportsAnchor;
use crate::budget::Budget;
use crate::caps;
use crate::ids::CallNumber;
use crate::tokens::{Correction, TokenCount};

use super::State;

/// The correction, and the answered contexts whose usage was not reported yet, with their estimated sizes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports {
    correction: Correction,
    awaited: VecDeque<(CallNumber, TokenCount)>,
}

impl Reports {
    /// As plain data: what was learned of each model, and the contexts whose usage was not reported yet.
    pub(super) fn anchor(&self) -> ReportsAnchor {
        let learned = self.correction.learned().map(|(model, shares)| (model.into(), shares));
        ReportsAnchor {
            learned: learned.collect(),
            awaited: self.awaited.iter().copied().collect(),
        }
    }

    /// `None` when it is more than is kept.
    pub(super) fn restored(anchor: &ReportsAnchor) -> Option<Self> {
        if anchor.awaited.len() > caps::REPORTABLE_CALLS {
            return None;
        }
        let correction = Correction::restored(&anchor.learned)?;
        Some(Self { correction, awaited: anchor.awaited.iter().copied().collect() })
    }
}

impl State {
    /// What an estimated size amounts to, by what was reported.
    pub(crate) fn corrected(&self, estimated: TokenCount) -> TokenCount {
        self.reports.correction.apply(estimated)
    }

    /// The marks as estimated sizes meet them, by what was reported.
    pub(crate) fn marks(&self, budget: Budget) -> Budget {
        self.reports.correction.marks(budget)
    }

    /// The estimated size of an answered context whose usage was not reported yet; `None` if it was, or if the context is
    /// not one of the last [`caps::REPORTABLE_CALLS`].
    pub(in crate::session) fn awaited_report(&self, call: CallNumber) -> Option<TokenCount> {
        let awaited = &self.reports.awaited;
        awaited.iter().find(|(known, _)| *known == call).map(|(_, estimated)| *estimated)
    }

    /// A context was answered; zero for one that a rewind took away, since its size is not known any more.
    pub(super) fn await_report(&mut self, call: CallNumber, estimated: TokenCount) {
        // By number and not by how many are awaited: whoever looks for a report knows where to stop.
        let is_too_old = |known: CallNumber| known.0 + caps::REPORTABLE_CALLS as u64 <= call.0;
        while self.reports.awaited.pop_front_if(|(known, _)| is_too_old(*known)).is_some() {}
        self.reports.awaited.push_back((call, estimated));
    }

    /// Takes a report. What a model counts stays true whatever is rewound, so this knows no rewind.
    pub(super) fn used(
        &mut self,
        call: CallNumber,
        model: &str,
        estimated: TokenCount,
        input: TokenCount,
    ) -> Result<(), Box<str>> {
        if call == CallNumber::default() || call > self.call {
            return Err("it reports on a context that was never answered".into());
        }
        self.reports.awaited.retain(|(known, _)| *known != call);
        self.reports.correction.learn(model, estimated, input);
        Ok(())
    }
}
