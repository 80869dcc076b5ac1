//! The turnstile of an account: its arbiter, behind a lock. Who finds nobody waiting takes a permit there without asking
//! the actor, and gives it back so where that concerns nobody else: the actor between would wake two threads each time.
//! Who has to wait, whose end is to be noticed, and what comes by itself is the actor's.

use std::sync::{Mutex, MutexGuard};

use highwater_protocol::Moment;
use highwater_protocol::limit::{Arbiter, Grant, Report, Ticket, Wish};
use ractor::ActorRef;
use tokio::time::Instant;

use super::GateMessage;
use crate::env::Draws;

/// Held for moments only. The actor holds it while it hands permits out: one that nobody takes any more goes back by a
/// message, and never through here.
#[derive(Debug)]
pub(crate) struct Turnstile {
    policy: Mutex<Policy>,
    /// When the gate's clock began.
    began: Instant,
}

/// Who may call next, and the chance in it.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) arbiter: Arbiter,
    draws: Draws,
    /// Messages that the actor has not handled yet and nobody may overtake.
    on_the_way: usize,
}

impl Policy {
    /// A call has ended.
    pub(super) fn finish(&mut self, now: Moment, ticket: Ticket, report: &Report) {
        let drawn = self.draws.next();
        self.arbiter.finish(now, ticket, report, drawn);
    }

    /// The actor handles a message.
    pub(super) fn arrived(&mut self, message: &GateMessage) {
        self.on_the_way = self.on_the_way.saturating_sub(usize::from(message.is_in_order()));
    }
}

impl Turnstile {
    pub(super) fn new(arbiter: Arbiter, began: Instant, draws: Draws) -> Self {
        Self { policy: Mutex::new(Policy { arbiter, draws, on_the_way: 0 }), began }
    }

    /// The policy, and what time it is to it: nobody comes earlier who comes behind. A panic in it ends the account's actor,
    /// wherever it was: what it left half changed is not gone on with.
    pub(super) fn enter(&self) -> (Moment, MutexGuard<'_, Policy>) {
        self.whole().expect("nobody has panicked in it")
    }

    fn whole(&self) -> Option<(Moment, MutexGuard<'_, Policy>)> {
        let policy = self.policy.lock().ok()?;
        Some((Moment(self.began.elapsed()), policy))
    }

    /// Sends the actor a message; one that [`GateMessage::is_in_order`] is overtaken by nobody. False when the actor has
    /// ended.
    pub(super) fn send(&self, actor: &ActorRef<GateMessage>, message: GateMessage) -> bool {
        if message.is_in_order()
            && let Some((_, mut policy)) = self.whole()
        {
            policy.on_the_way += 1;
        }
        actor.cast(message).is_ok()
    }

    /// Grants a wish if nobody waits and nothing is in its way; else nothing has happened.
    pub(super) fn pass(&self, ticket: Ticket, wish: &Wish) -> Option<Grant> {
        let (now, mut policy) = self.whole().filter(|(_, policy)| policy.on_the_way == 0)?;
        policy.arbiter.grant_at_once(now, ticket, wish)
    }

    /// A call has ended. False when that concerns anybody else: then it is for the actor to say so.
    pub(super) fn leave(&self, ticket: Ticket, report: &Report) -> bool {
        let Some((now, mut policy)) = self.whole() else { return false };
        let is_alone = policy.on_the_way == 0 && !policy.arbiter.concerns_others();
        if is_alone {
            policy.finish(now, ticket, report);
        }
        is_alone
    }
}
