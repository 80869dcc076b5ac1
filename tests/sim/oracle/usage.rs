//! What was reported for answered contexts, and what it makes of estimated sizes by the naive model (L4, P8).

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::{CallNumber, Kind, TokenCount, Usage};

use super::expect::Verdict;
use super::{Breach, Oracle};

/// Contexts that may still be reported, reports of a model that count, and what is as estimated.
const AWAITED: u64 = 64;
const REPORTS: usize = 8;
const ONE: u64 = 1 << 16;

/// All that is durable of it.
#[derive(Default)]
pub(super) struct Reports {
    awaited: BTreeSet<CallNumber>,
    /// Those that a rewind came behind: it may have taken away what they showed.
    rewound: Option<CallNumber>,
    /// By call: the size that its answer told, if that has come.
    answered: BTreeMap<CallNumber, Option<TokenCount>>,
    used: BTreeMap<CallNumber, (Box<str>, Usage)>,
    /// All reports that say something, in order.
    shares: Vec<(Box<str>, u64)>,
    last_model: Option<Box<str>>,
}

impl Oracle {
    /// Whether a report on a call is durable.
    pub(crate) fn is_reported(&self, call: CallNumber) -> bool {
        self.reports.used.contains_key(&call)
    }

    /// Holds what is told as reported for a call against what is durable (P8). `was_reported`: when it was asked for.
    pub(crate) fn was_used(
        &self,
        call: CallNumber,
        told: Option<(&str, Usage)>,
        was_reported: bool,
    ) -> Result<(), Breach> {
        let known = self.reports.used.get(&call);
        let is_right = match (told, known) {
            (Some((model, usage)), Some((known, durable))) => {
                **known == *model && *durable == usage
            }
            (Some(_), None) => false,
            (None, _) => !was_reported,
        };
        if is_right {
            Ok(())
        } else {
            Err(format!("P8: call {} took {told:?} by what is told, durable is {known:?}", call.0))
        }
    }
}

impl Reports {
    /// A context was answered.
    pub(super) fn await_report(&mut self, call: CallNumber) {
        self.answered.insert(call, None);
        self.awaited.insert(call);
        self.awaited.retain(|known| known.0 + AWAITED > call.0);
    }

    /// The session was rewound.
    pub(super) fn rewind(&mut self) {
        self.rewound = self.answered.last_key_value().map(|(call, _)| *call);
    }

    /// The answer says how large its context is.
    pub(super) fn told_size(&mut self, call: CallNumber, tokens: TokenCount) {
        self.answered.insert(call, Some(tokens));
    }

    /// What a report must be answered.
    pub(super) fn verdict(&self, call: CallNumber) -> Verdict {
        if self.answered.contains_key(&call) {
            Ok(self.awaited.contains(&call))
        } else {
            Err(Kind::Invalid)
        }
    }

    /// A report became durable.
    pub(super) fn take(
        &mut self,
        call: CallNumber,
        model: &str,
        estimated: TokenCount,
        usage: Usage,
    ) -> Result<(), Breach> {
        if !self.awaited.remove(&call) {
            return Err(format!("P8: a report on context {} that none awaits", call.0));
        }
        if let Some(Some(told)) = self.answered.get(&call)
            && estimated != *told
            && !(estimated == TokenCount::ZERO && Some(call) <= self.rewound)
        {
            let call = call.0;
            return Err(format!("L4: context {call} told {told}, its report says {estimated}"));
        }
        self.used.insert(call, (model.into(), usage));
        if estimated.0 >= 256 && usage.input.0 > 0 {
            let share = usage.input.0 * ONE / estimated.0;
            self.shares.push((model.into(), share.clamp(ONE / 2, ONE * 2)));
        }
        self.last_model = Some(model.into());
        Ok(())
    }

    /// A mark as estimated sizes meet it.
    pub(super) fn mark(&self, mark: TokenCount) -> TokenCount {
        TokenCount(mark.0 * ONE / self.share())
    }

    /// The middle one of the last reports of the model that was reported last.
    fn share(&self) -> u64 {
        let of_last =
            self.shares.iter().rev().filter(|(model, _)| Some(model) == self.last_model.as_ref());
        let mut last: Vec<u64> = of_last.take(REPORTS).map(|(_, share)| *share).collect();
        last.sort_unstable();
        last.get(last.len() / 2).copied().unwrap_or(ONE)
    }
}
