//! What the registry is told.

use std::sync::Arc;

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Error, SessionId};
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::load::Loaded;
use super::{Opened, Slot};
use crate::session::SessionMessage;

/// A message to the registry.
pub(crate) enum RegistryMessage {
    /// Somebody wants a handle of a session.
    Slot {
        /// Which.
        session: SessionId,
        /// How it shall be run from its next opening on.
        config: SessionConfig,
        /// Where the slot goes.
        reply: oneshot::Sender<Result<Arc<Slot>, Error>>,
    },
    /// Somebody wants the session's actor alive.
    Open {
        /// Which session.
        session: SessionId,
        /// Where the actor goes.
        reply: Opened,
    },
    /// A session's log was read.
    Loaded {
        /// Which session.
        session: SessionId,
        /// The session, or why it could not be read.
        loaded: Result<Box<Loaded>, Error>,
    },
    /// Which actors are alive? For shutting down.
    Live {
        /// Where they go.
        reply: oneshot::Sender<Vec<ActorRef<SessionMessage>>>,
    },
}
