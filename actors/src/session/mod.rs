//! The session actor: the shell around one session's state machine. It turns messages into events, carries out the
//! commands, and awaits nothing.
//!
//! ```text
//! handle --Request--> session --Append--> journal
//!                        |  ^-- Committed --+
//!                        +--PassJob--> compactor (linked, at most one)
//!                        +--Notice--> subscribers
//! ```

mod asking;
mod ids;
mod messages;
mod retiring;
mod shell;
mod upkeep;

use std::sync::Arc;

use highwater_protocol::session::{Event, Session};
use highwater_storage::{BatchId, Lease};
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::compactor;
use crate::house::House;
use crate::registry::{RegistryMessage, Slot};
use crate::residency::Account;
pub(crate) use ids::Questions;
pub(crate) use messages::{Answer, SessionMessage};
use shell::Shell;
pub(crate) use upkeep::{Cadence, Upkeep, size};

pub(crate) struct SessionActor;

pub(crate) struct SessionArguments {
    pub(crate) house: House,
    pub(crate) session: Session,
    pub(crate) lease: Lease,
    /// The last batch that was written under the lease.
    pub(crate) batch: BatchId,
    /// What the opening had to fold counts for the next anchor.
    pub(crate) upkeep: Upkeep,
    pub(crate) slot: Arc<Slot>,
    pub(crate) account: Account,
    pub(crate) registry: ActorRef<RegistryMessage>,
}

impl Actor for SessionActor {
    type Msg = SessionMessage;
    type State = Shell;
    type Arguments = SessionArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<SessionMessage>,
        arguments: SessionArguments,
    ) -> Result<Shell, ActorProcessingErr> {
        Ok(Shell::new(&myself, arguments))
    }

    async fn handle(
        &self,
        myself: ActorRef<SessionMessage>,
        message: SessionMessage,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        let event = match message {
            SessionMessage::Request { body, answer } => shell.admit(body, answer),
            SessionMessage::Event(event) => event,
            SessionMessage::GiveUp => {
                shell.give_up(&myself);
                return Ok(());
            }
            SessionMessage::Idle { taken } => {
                shell.idle(&myself, taken);
                return Ok(());
            }
            SessionMessage::Retire { taken } => {
                shell.retire(&myself, taken);
                return Ok(());
            }
            SessionMessage::Committed(result) => match result {
                Ok(position) => Event::Durable { position },
                Err((failure, why)) => Event::CommitFailed { failure, why },
            },
        };
        shell.step(&myself, event);
        Ok(())
    }

    /// A compactor that ends in any way but done has failed its pass; the guard never outlives it (V6).
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SessionMessage>,
        event: SupervisionEvent,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        let (who, why) = match event {
            SupervisionEvent::ActorFailed(who, error) => {
                (who, format!("the compactor died: {error}"))
            }
            SupervisionEvent::ActorTerminated(_, _, Some(reason)) if reason == compactor::DONE => {
                return Ok(());
            }
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                let reason = reason.unwrap_or_else(|| "without a reason".to_owned());
                (who, format!("the compactor ended: {reason}"))
            }
            _ => return Ok(()),
        };
        if let Some(pass) = shell.compacting(who.get_id()) {
            shell.step(&myself, Event::PassFailed { pass, why: why.into() });
        }
        Ok(())
    }
}
