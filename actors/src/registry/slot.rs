//! What outlives a session's actor: who it is, how it is run, who listens, and where its actor is now.

use std::sync::{Mutex, MutexGuard, PoisonError};

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{SessionId, caps};
use ractor::ActorRef;

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
}

impl Slot {
    pub(super) fn new(session: SessionId, config: SessionConfig) -> Self {
        Self {
            session,
            queue: Budgeted::new(caps::SESSION_QUEUE_BYTES),
            notices: Announcer::default(),
            current: Mutex::new(Current { config, actor: None }),
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

    pub(super) fn set(&self, actor: ActorRef<SessionMessage>) {
        self.current().actor = Some(actor);
    }

    pub(super) fn clear(&self) {
        self.current().actor = None;
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
