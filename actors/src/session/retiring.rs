//! Ending a session that is idle, or whose room others need, so that nobody notices: whoever comes meanwhile is sent to
//! the registry, and whoever was in the mailbox already keeps the session alive.

use highwater_protocol::session::Event;
use ractor::ActorRef;
use tokio::task::AbortHandle;

use super::SessionMessage;
use super::shell::Shell;
use super::upkeep::{self, Upkeep};
use crate::registry::{RegistryMessage, Reign};

/// Ends with the session: a timer that outlived its actor would keep what is left of that in memory until it rings.
pub(super) struct IdleTimer(AbortHandle);

impl Drop for IdleTimer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Shell {
    /// Looks again when the session might have been idle for long enough.
    pub(super) fn watch(&mut self, myself: &ActorRef<SessionMessage>) {
        let taken = self.taken();
        let idle = move || SessionMessage::Idle { taken };
        let timer = myself.send_after(self.house.passivate_after, idle);
        self.idle_timer = Some(IdleTimer(timer.abort_handle()));
    }

    /// Nothing was asked for some time, if no request has come since.
    pub(super) fn idle(&mut self, myself: &ActorRef<SessionMessage>, taken: u64) {
        if taken == self.taken() && self.session.is_quiet() {
            self.begin_to_retire(myself);
        } else {
            self.watch(myself);
        }
    }

    /// Others need the room.
    pub(super) fn give_up(&mut self, myself: &ActorRef<SessionMessage>) {
        if self.session.is_quiet() {
            self.begin_to_retire(myself);
        } else {
            self.step(myself, Event::Relieve { to_bytes: 0 });
        }
    }

    /// From now on whoever comes goes to the registry. Who stands in the mailbox already is seen to first.
    fn begin_to_retire(&mut self, myself: &ActorRef<SessionMessage>) {
        if self.slot.is_retiring() {
            return;
        }
        let under = Reign { epoch: self.lease.epoch, batch: self.batch };
        self.slot.retire(myself.get_id(), under);
        // The actor is alive: it is handling a message.
        drop(myself.cast(SessionMessage::Retire { taken: self.taken() }));
    }

    /// Ends the actor, unless somebody was in the mailbox before this.
    pub(super) fn retire(&mut self, myself: &ActorRef<SessionMessage>, taken: u64) {
        if taken != self.taken() || !self.session.is_quiet() {
            self.slot.set(myself.clone());
            let session = self.lease.session.clone();
            // A registry that has ended has nobody left who waits.
            drop(self.registry.cast(RegistryMessage::Stays { session, actor: myself.clone() }));
            self.watch(myself);
            // It may have been asked to give up meanwhile, and have been about to.
            self.weigh();
            return;
        }
        if self.slot.retire_finally(myself.get_id()) {
            self.house.residency.passivated();
            tracing::debug!(session = %self.lease.session, "session passivated");
            self.end(myself);
        } else {
            self.watch(myself);
        }
    }

    /// Ends the actor. What the next opening would have to fold is worth an anchor now, if it is much.
    pub(super) fn end(&mut self, myself: &ActorRef<SessionMessage>) {
        if self.upkeep.is_due_at_end(self.house.anchor_every) {
            self.anchor();
            self.store_anchor(myself);
        }
        myself.stop(None);
    }

    /// Takes an anchor when enough has come since the last, and stores it once all that it folds is durable.
    pub(super) fn keep_up(&mut self, myself: &ActorRef<SessionMessage>) {
        if self.upkeep.is_due(self.house.anchor_every) && self.upkeep.taken.is_none() {
            self.anchor();
        }
        self.store_anchor(myself);
    }

    fn anchor(&mut self) {
        if let Some(anchor) = self.session.anchor() {
            self.upkeep = Upkeep::anchored(anchor);
        }
    }

    fn store_anchor(&mut self, myself: &ActorRef<SessionMessage>) {
        let durable = self.session.durable_position();
        if let Some(anchor) = self.upkeep.taken.take_if(|anchor| anchor.at() <= durable) {
            upkeep::keep(&self.house, &self.lease.session, anchor, myself);
        }
    }

    /// Tells what the session holds now, and asks for relief when all hold too much.
    pub(super) fn weigh(&self) {
        self.account.evicted(self.session.evictions());
        if self.account.holds(self.session.resident_bytes(), self.session.is_quiet()) {
            // A registry that has ended has nobody left to relieve.
            drop(self.registry.cast(RegistryMessage::Relieve));
        }
    }
}
