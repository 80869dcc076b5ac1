//! What the provider saw, for tests to read: every call, what became of it, and the most that was in flight at once.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::limit::{Amounts, Quantity};

use super::account::Bound;
use super::asked::{Asked, Protocol};
use super::script::Fault;

/// Why a call was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A limit of the account, or of the model.
    Limit(Bound),
    /// The key was missing or wrong.
    Key,
    /// The request was not what the protocol says.
    Malformed,
    /// The request was longer than the model's window.
    TooLong,
    /// The script said so, with this status.
    Scripted(u16),
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is being answered.
    Open,
    /// It was answered to the end, well or as the script said.
    Answered,
    /// It was not admitted.
    Refused(Reason),
    /// It was admitted, and the provider broke it off.
    Broken,
    /// The client went before the end.
    Abandoned,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number, from 0, in the order of arrival.
    pub number: u64,
    /// When it arrived, by the provider's elapsed time.
    pub at: Duration,
    /// When it ended.
    pub ended: Option<Duration>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The key that it came with; empty without one.
    pub key: String,
    /// The model that it asked for; empty when it was malformed.
    pub model: String,
    /// The class that it named.
    pub class: Option<String>,
    /// What it was charged at its start; nothing if it was not admitted.
    pub charged: Amounts,
    /// What it took in the end. Of a call that broke off, what had been produced.
    pub took: Amounts,
    /// What the script did to it.
    pub fault: Option<Fault>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Call {
    /// Whether it was admitted.
    pub fn is_admitted(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused(_))
    }

    /// Whether it met a limit: a 429 that a client with the right limits never sees.
    pub fn is_limited(&self) -> bool {
        matches!(self.outcome, Outcome::Refused(Reason::Limit(_)))
    }
}

/// All that the provider saw. It grows with the calls, by some 300 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Every call to one of the three endpoints, by number.
    pub calls: Vec<Call>,
    /// Calls that are being answered.
    pub in_flight: u32,
    /// The most that were being answered at once.
    pub most_in_flight: u32,
    /// The same by model.
    pub most_by_model: BTreeMap<String, u32>,
    /// Connections that were accepted.
    pub connections: u64,
    by_model: BTreeMap<String, u32>,
}

impl Tally {
    /// The admitted calls.
    pub fn admitted(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.is_admitted())
    }

    /// The calls of a class, as its header named it.
    pub fn of_class(&self, class: &str) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.class.as_deref() == Some(class))
    }

    /// How many calls were not admitted, by reason.
    pub fn refused(&self) -> BTreeMap<Reason, u64> {
        let mut refused = BTreeMap::new();
        for call in &self.calls {
            if let Outcome::Refused(reason) = call.outcome {
                *refused.entry(reason).or_default() += 1;
            }
        }
        refused
    }

    /// How many calls met a limit that arrived at this time or later.
    pub fn limited_since(&self, at: Duration) -> usize {
        self.calls.iter().filter(|call| call.at >= at && call.is_limited()).count()
    }

    /// How much of a quantity the admitted calls took.
    pub fn used(&self, quantity: Quantity) -> u64 {
        self.admitted().map(|call| call.took.of(quantity)).sum()
    }

    /// How much of a quantity the admitted calls were charged at their start.
    pub fn charged(&self, quantity: Quantity) -> u64 {
        self.admitted().map(|call| call.charged.of(quantity)).sum()
    }

    pub(super) fn understand(&mut self, asked: &Asked, fault: Option<Fault>) {
        let call = call(&mut self.calls, asked.number);
        (call.model, call.fault) = (asked.model.clone(), fault);
    }

    pub(super) fn open(&mut self, number: u64, charged: Amounts) {
        let call = call(&mut self.calls, number);
        (call.charged, call.took) = (charged, charged);
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        let of_model = self.by_model.entry(call.model.clone()).or_default();
        *of_model += 1;
        let most = self.most_by_model.entry(call.model.clone()).or_default();
        *most = (*most).max(*of_model);
    }

    pub(super) fn refuse(&mut self, number: u64, at: Duration, reason: Reason) {
        let call = call(&mut self.calls, number);
        (call.ended, call.outcome) = (Some(at), Outcome::Refused(reason));
    }

    pub(super) fn close(&mut self, number: u64, at: Duration, took: Amounts, outcome: Outcome) {
        let call = call(&mut self.calls, number);
        (call.ended, call.took, call.outcome) = (Some(at), took, outcome);
        self.in_flight -= 1;
        if let Some(of_model) = self.by_model.get_mut(&call.model) {
            *of_model -= 1;
        }
    }
}

fn call(calls: &mut [Call], number: u64) -> &mut Call {
    let at = usize::try_from(number).expect("a number of a call in memory");
    &mut calls[at]
}
