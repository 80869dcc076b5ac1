//! The gate: one arbiter of a provider's slots between turns and compaction (G1, G2).
//!
//! ```text
//! host's turn  --acquire(Turn)--------+
//!                                     +--> gate --> Permit, given back when it is dropped
//! compactor    --acquire(Compaction)--+
//! ```
//!
//! The policy is `highwater_protocol::limit`; this actor only waits and grants.

mod messages;
mod permit;

use std::collections::BTreeMap;

use highwater_protocol::limit::{SlotLimits, Slots, Ticket};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

pub(crate) use messages::GateMessage;
pub use permit::{Gate, Permit};

pub(crate) struct GateActor;

pub(crate) struct GateState {
    slots: Slots,
    next: u64,
    waiting: BTreeMap<Ticket, oneshot::Sender<Permit>>,
}

impl Actor for GateActor {
    type Msg = GateMessage;
    type State = GateState;
    type Arguments = SlotLimits;

    async fn pre_start(
        &self,
        _myself: ActorRef<GateMessage>,
        limits: SlotLimits,
    ) -> Result<GateState, ActorProcessingErr> {
        Ok(GateState { slots: Slots::new(limits), next: 0, waiting: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<GateMessage>,
        message: GateMessage,
        state: &mut GateState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            GateMessage::Acquire { class, reply } => {
                let ticket = Ticket(state.next);
                state.next += 1;
                state.slots.request(ticket, class);
                state.waiting.insert(ticket, reply);
            }
            GateMessage::Release { class } => state.slots.release(class),
            GateMessage::Status { reply } => {
                reply.send(state.slots.status()).ok();
            }
        }
        while let Some((ticket, class)) = state.slots.grant() {
            let permit = Permit::new(myself.clone(), class);
            if let Some(reply) = state.waiting.remove(&ticket) {
                // Somebody who went away meanwhile hands the permit back unused, and it is dropped: released.
                drop(reply.send(permit));
            }
        }
        Ok(())
    }
}
