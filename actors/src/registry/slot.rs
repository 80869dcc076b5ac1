//! What outlives a session's actor: who it is, how it is run, who listens, and where its actor is now. There is one for each
//! session that somebody has a handle of, most of which are idle: what only some need exists as long as they do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{SessionId, caps};
use highwater_storage::{BatchId, Epoch};
use ractor::{ActorId, ActorRef};

use crate::admission::Budgeted;
use crate::notices::{Announcer, Notices};
use crate::session::SessionMessage;

/// The stable place of a session, shared by its handles and the registry.
#[derive(Debug)]
pub(crate) struct Slot {
    session: SessionId,
    /// While a request waits or is answered.
    queue: Mutex<Option<Queue>>,
    notices: Announcer,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Queue {
    budget: Budgeted,
    /// Requests in it.
    count: usize,
}

#[derive(Debug)]
struct Current {
    config: Arc<SessionConfig>,
    actor: Whereabouts,
}

/// Where the session's actor is.
#[derive(Debug)]
enum Whereabouts {
    /// Nobody knows of one.
    Nowhere,
    Here(ActorRef<SessionMessage>),
    /// About to end because the session is idle, and may stay after all.
    Leaving(Box<Leaving>),
    /// Ends for good, or has ended, because the session is idle.
    Left(Reign),
}

#[derive(Debug)]
struct Leaving {
    actor: ActorId,
    under: Reign,
}

/// What an owner wrote under, and how far it came: whoever goes on in its place numbers batches on from there, since an
/// id is used once in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reign {
    /// The epoch of its lease, which nobody has had since as long as the store still says so.
    pub(crate) epoch: Epoch,
    /// The last batch.
    pub(crate) batch: BatchId,
}

/// A request in a session's queue, from before it waits until it is answered or forgotten.
#[derive(Debug)]
pub(crate) struct Queued {
    budget: Budgeted,
    slot: Weak<Slot>,
}

impl Queued {
    /// The bytes that may be queued for the session.
    pub(crate) fn budget(&self) -> &Budgeted {
        &self.budget
    }
}

impl Drop for Queued {
    /// The last one takes the queue with it.
    fn drop(&mut self) {
        let Some(slot) = self.slot.upgrade() else {
            return;
        };
        let mut queue = slot.queue();
        if let Some(known) = &mut *queue {
            known.count -= 1;
        }
        queue.take_if(|queue| queue.count == 0);
    }
}

impl Slot {
    pub(super) fn new(session: SessionId, config: Arc<SessionConfig>) -> Self {
        Self {
            session,
            queue: Mutex::default(),
            notices: Announcer::default(),
            current: Mutex::new(Current { config, actor: Whereabouts::Nowhere }),
        }
    }

    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    /// A request comes into the queue, in which all share one budget.
    pub(crate) fn enqueue(self: &Arc<Self>) -> Queued {
        let mut queue = self.queue();
        let queue = queue.get_or_insert_with(|| {
            let budget = Budgeted::new(caps::SESSION_QUEUE_BYTES);
            Queue { budget, count: 0 }
        });
        queue.count += 1;
        Queued { budget: queue.budget.clone(), slot: Arc::downgrade(self) }
    }

    pub(crate) fn notices(&self) -> &Announcer {
        &self.notices
    }

    /// What the session tells from now on.
    pub(crate) fn subscribe(self: &Arc<Self>) -> Notices {
        Notices::new(self.notices.subscribe(), Arc::downgrade(self))
    }

    pub(crate) fn actor(&self) -> Option<ActorRef<SessionMessage>> {
        match &self.current().actor {
            Whereabouts::Here(actor) => Some(actor.clone()),
            _ => None,
        }
    }

    pub(crate) fn config(&self) -> SessionConfig {
        *self.current().config
    }

    pub(crate) fn configure(&self, config: Arc<SessionConfig>) {
        self.current().config = config;
    }

    /// The session's actor is this one.
    pub(crate) fn set(&self, actor: ActorRef<SessionMessage>) {
        self.current().actor = Whereabouts::Here(actor);
    }

    /// The actor is about to end: whoever comes now goes to the registry.
    pub(crate) fn retire(&self, actor: ActorId, under: Reign) {
        self.current().actor = Whereabouts::Leaving(Box::new(Leaving { actor, under }));
    }

    /// This actor ends for good, if it is still the one that is about to.
    pub(crate) fn retire_finally(&self, actor: ActorId) -> bool {
        let mut current = self.current();
        match &current.actor {
            Whereabouts::Leaving(leaving) if leaving.actor == actor => {
                current.actor = Whereabouts::Left(leaving.under);
                true
            }
            _ => false,
        }
    }

    /// Whether the actor ends, or is about to and may stay after all.
    pub(crate) fn is_retiring(&self) -> bool {
        matches!(self.current().actor, Whereabouts::Leaving(_) | Whereabouts::Left(_))
    }

    /// What an idle actor that has left the session in order wrote under: whoever opens it next may go on there.
    pub(super) fn last_reign(&self) -> Option<Reign> {
        match self.current().actor {
            Whereabouts::Left(under) => Some(under),
            _ => None,
        }
    }

    /// The actor has ended. How it left the session is kept for the next one.
    pub(super) fn clear(&self) {
        let mut current = self.current();
        if !matches!(current.actor, Whereabouts::Left(_)) {
            current.actor = Whereabouts::Nowhere;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Option<Queue>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
