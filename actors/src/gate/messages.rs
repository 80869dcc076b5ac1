//! What the gate is told.

use highwater_protocol::limit::{Class, SlotStatus};
use tokio::sync::oneshot;

use super::Permit;

/// A message to the gate.
#[derive(Debug)]
pub(crate) enum GateMessage {
    /// Somebody wants a slot.
    Acquire {
        /// What for.
        class: Class,
        /// Where the permit goes.
        reply: oneshot::Sender<Permit>,
    },
    /// A permit was dropped.
    Release {
        /// What it was for.
        class: Class,
    },
    /// How do the slots stand?
    Status {
        /// Where the answer goes.
        reply: oneshot::Sender<SlotStatus>,
    },
}
