//! What the registry is told.

use std::sync::Arc;

use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Error, SessionId};
use highwater_storage::Lease;
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::load::Loaded;
use super::{Slot, Wanted};
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
        /// What it is wanted for.
        wanted: Wanted,
    },
    /// Sessions were opened for writing.
    Opened {
        /// Which, and the right to write to them, or why there is none.
        leases: Vec<(SessionId, Result<Lease, Error>)>,
    },
    /// Somebody else has opened a session that was to be read as it was left here.
    Taken {
        /// Which session.
        session: SessionId,
    },
    /// A session's log was read.
    Loaded {
        /// Which session.
        session: SessionId,
        /// The session, or why it could not be read.
        loaded: Result<Box<Loaded>, Error>,
    },
    /// A session that was about to end is used again, and stays.
    Stays {
        /// Which session.
        session: SessionId,
        /// Its actor.
        actor: ActorRef<SessionMessage>,
    },
    /// Live sessions hold more than they may together: those that were used longest ago are to give up.
    Relieve,
    /// The house closes: nobody gets a session any more, and who waits for one is told so.
    Close {
        /// Where the actors go that are alive.
        reply: oneshot::Sender<Vec<ActorRef<SessionMessage>>>,
    },
}
