//! What an account's gate is told.

use std::time::Duration;

use highwater_protocol::Error;
use highwater_protocol::limit::{Class, ProviderStatus, Report, Ticket, Wish};
use ractor::{ActorCell, ActorId};
use tokio::sync::oneshot;

use super::{Calls, Permit};

/// A message to the gate of one account.
#[derive(Debug)]
pub(crate) enum GateMessage {
    /// Somebody wants a permit.
    Acquire {
        /// Its name from now on.
        ticket: Ticket,
        /// What is wanted.
        wish: Wish,
        /// Whose end ends the permit.
        holder: Option<ActorCell>,
        /// Where the permit goes.
        reply: oneshot::Sender<Result<Permit, Error>>,
    },
    /// The wish has become more urgent.
    Urge {
        /// Which.
        ticket: Ticket,
        /// Its class from now on.
        class: Class,
    },
    /// Whoever waited went away, or never took the permit that it got.
    Withdraw {
        /// Which.
        ticket: Ticket,
    },
    /// A call has ended.
    Finish {
        /// Which.
        ticket: Ticket,
        /// How.
        report: Report,
    },
    /// A holder that is not noticed otherwise is still there.
    Renew {
        /// Which.
        ticket: Ticket,
        /// How long its permit lasts from now.
        lasts: Duration,
        /// Whether it was held.
        reply: oneshot::Sender<bool>,
    },
    /// How does the account stand?
    Status {
        /// Where the answer goes.
        reply: oneshot::Sender<ProviderStatus>,
    },
    /// Whatever ends from now on is to be told.
    Follow {
        /// Where the stream goes.
        reply: oneshot::Sender<Calls>,
    },
    /// An actor has ended, behind whatever it said: its permits and wishes end with it.
    HolderEnded {
        /// Which.
        holder: ActorId,
    },
    /// Time has passed.
    Wake,
    /// Nobody new is let in.
    Close {
        /// Told when nothing is held any more.
        idle: oneshot::Sender<()>,
    },
}

impl GateMessage {
    /// Whether nobody takes or gives back a permit who comes behind it, until it is handled.
    pub(super) fn is_in_order(&self) -> bool {
        matches!(self, Self::Acquire { .. } | Self::Finish { .. } | Self::Close { .. })
    }
}
