//! The right to one model call: asked for, held, and given back.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::limit::{Amounts, Class, Ending, Key, Report, Ticket};
use ractor::{ActorCell, ActorRef};
use tokio::time::Instant;

use super::{GateMessage, Turnstile};

/// What permit is wanted.
#[derive(Clone, Debug)]
pub struct PermitRequest {
    /// Of which account, and which model in it.
    pub key: Key,
    /// What the call is for.
    pub class: Class,
    /// What it is expected to take.
    pub amounts: Amounts,
    /// When it is too late: whoever waits is denied then.
    pub deadline: Option<Instant>,
    /// Asked for by a person: it passes an open breaker.
    pub manual: bool,
    /// The actor whose end ends the wish and the permit.
    pub holder: Option<ActorCell>,
}

impl PermitRequest {
    /// A call of a class that takes this, without a deadline.
    pub fn new(key: Key, class: Class, amounts: Amounts) -> Self {
        Self { key, class, amounts, deadline: None, manual: false, holder: None }
    }
}

/// The right to one model call. Held for that call, never for longer. [`Permit::finish`] tells the gate how the call went;
/// dropping it gives the slot back and lets what was estimated stand.
#[derive(Debug)]
pub struct Permit {
    turnstile: Arc<Turnstile>,
    gate: ActorRef<GateMessage>,
    ticket: Ticket,
    class: Class,
    waited: Duration,
    /// Whether the gate watches for the end of its holder.
    is_watched: bool,
    /// Whether somebody has it, and may have called.
    taken: bool,
    ended: bool,
}

impl Permit {
    pub(super) fn new(
        (turnstile, gate): (Arc<Turnstile>, ActorRef<GateMessage>),
        (ticket, class): (Ticket, Class),
        waited: Duration,
        is_watched: bool,
    ) -> Self {
        let (taken, ended) = (false, false);
        Self { turnstile, gate, ticket, class, waited, is_watched, taken, ended }
    }

    pub(super) fn taken(mut self) -> Self {
        self.taken = true;
        self
    }

    /// What the permit is for.
    pub fn class(&self) -> Class {
        self.class
    }

    /// How long it was waited for.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Gives the permit back and tells how the call went: what it really took, how the provider answered, and what that
    /// said of its limits.
    pub fn finish(mut self, report: Report) {
        self.end(report);
    }

    fn end(&mut self, report: Report) {
        self.ended = true;
        if self.is_watched || !self.turnstile.leave(self.ticket, &report) {
            // A gate that has ended has nothing to give back to.
            self.turnstile.send(&self.gate, GateMessage::Finish { ticket: self.ticket, report });
        }
    }

    /// The permit without its guard, for a holder elsewhere.
    pub(super) fn into_ticket(mut self) -> Ticket {
        self.ended = true;
        self.ticket
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.taken {
            self.end(Report::of(Ending::Abandoned));
        } else {
            drop(self.gate.cast(GateMessage::Withdraw { ticket: self.ticket }));
        }
    }
}

/// A permit of a holder whose end nobody notices, in another process for example: it lasts for a time, unless it is
/// renewed. Plain data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(super) provider: Box<str>,
    pub(super) ticket: Ticket,
}

impl Lease {
    /// The account.
    pub fn provider(&self) -> &str {
        &self.provider
    }
}
