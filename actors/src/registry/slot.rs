//! What outlives a session's actor: who it is, how it is run, who listens, and where its actor is now.

use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{SessionId, caps};
use highwater_storage::{BatchId, Epoch};
use ractor::{ActorId, ActorRef};

use crate::admission::Budgeted;
use crate::notices::Announcer;
use crate::session::SessionMessage;

/// The stable place of a session, shared by its handles and the registry.
#[derive(Debug)]
pub(crate) struct Slot {
    session: SessionId,
    queue: Budgeted,
    notices: Announcer,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: SessionConfig,
    actor: Option<ActorRef<SessionMessage>>,
    /// The actor that ends, or has ended, because the session is idle; until there is another.
    retired: Option<Retired>,
}

/// An actor that ends because its session is idle.
#[derive(Clone, Copy, Debug)]
struct Retired {
    actor: ActorId,
    under: Reign,
    /// Whether it ends for good: until then it may stay after all.
    is_final: bool,
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

impl Slot {
    pub(super) fn new(session: SessionId, config: SessionConfig) -> Self {
        Self {
            session,
            queue: Budgeted::new(caps::SESSION_QUEUE_BYTES),
            notices: Announcer::default(),
            current: Mutex::new(Current { config, actor: None, retired: None }),
        }
    }

    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    pub(crate) fn queue(&self) -> &Budgeted {
        &self.queue
    }

    pub(crate) fn notices(&self) -> &Announcer {
        &self.notices
    }

    pub(crate) fn actor(&self) -> Option<ActorRef<SessionMessage>> {
        self.current().actor.clone()
    }

    pub(crate) fn config(&self) -> SessionConfig {
        self.current().config
    }

    pub(crate) fn configure(&self, config: SessionConfig) {
        self.current().config = config;
    }

    /// The session's actor is this one.
    pub(crate) fn set(&self, actor: ActorRef<SessionMessage>) {
        let mut current = self.current();
        (current.actor, current.retired) = (Some(actor), None);
    }

    /// The actor is about to end: whoever comes now goes to the registry.
    pub(crate) fn retire(&self, actor: ActorId, under: Reign) {
        let mut current = self.current();
        (current.actor, current.retired) = (None, Some(Retired { actor, under, is_final: false }));
    }

    /// This actor ends for good, if it is still the one that is about to.
    pub(crate) fn retire_finally(&self, actor: ActorId) -> bool {
        let mut current = self.current();
        let retired = current.retired.as_mut().filter(|retired| retired.actor == actor);
        retired.is_some_and(|retired| {
            retired.is_final = true;
            true
        })
    }

    /// Whether the actor ends, or is about to and may stay after all.
    pub(crate) fn is_retiring(&self) -> bool {
        self.current().retired.is_some()
    }

    /// What an idle actor that has left the session in order wrote under: whoever opens it next may go on there.
    pub(super) fn last_reign(&self) -> Option<Reign> {
        self.current().retired.filter(|retired| retired.is_final).map(|retired| retired.under)
    }

    pub(super) fn clear(&self) {
        self.current().actor = None;
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
