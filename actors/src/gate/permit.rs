//! The gate as its users see it: a handle that gives permits, and the permits.

use highwater_protocol::limit::{Class, SlotStatus};
use highwater_protocol::{Error, Kind};
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::GateMessage;

/// Asks the gate for permits. Cheap to clone. The host's own turns go through it as well.
#[derive(Clone, Debug)]
pub struct Gate {
    actor: ActorRef<GateMessage>,
}

impl Gate {
    pub(crate) fn new(actor: ActorRef<GateMessage>) -> Self {
        Self { actor }
    }

    pub(crate) fn actor(&self) -> &ActorRef<GateMessage> {
        &self.actor
    }

    /// Waits for the right to one model call. Dropping the future withdraws the wish.
    ///
    /// [`Kind::Closed`] when the house is shutting down.
    pub async fn acquire(&self, class: Class) -> Result<Permit, Error> {
        let (reply, permit) = oneshot::channel();
        self.ask(GateMessage::Acquire { class, reply })?;
        permit.await.map_err(|_| closed())
    }

    /// How the slots stand.
    pub async fn status(&self) -> Result<SlotStatus, Error> {
        let (reply, status) = oneshot::channel();
        self.ask(GateMessage::Status { reply })?;
        status.await.map_err(|_| closed())
    }

    fn ask(&self, message: GateMessage) -> Result<(), Error> {
        self.actor.cast(message).map_err(|_| closed())
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the gate is closed: the house is shutting down")
}

/// The right to one model call. Held for that call, never for longer; dropping it gives the slot back.
#[derive(Debug)]
pub struct Permit {
    gate: ActorRef<GateMessage>,
    class: Class,
}

impl Permit {
    pub(super) fn new(gate: ActorRef<GateMessage>, class: Class) -> Self {
        Self { gate, class }
    }

    /// What the permit is for.
    pub fn class(&self) -> Class {
        self.class
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // A gate that has ended has no slots to give back.
        drop(self.gate.cast(GateMessage::Release { class: self.class }));
    }
}
