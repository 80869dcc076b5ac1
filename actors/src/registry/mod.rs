//! The registry: one live actor for each open session. It opens sessions from their logs, supervises them, and forgets
//! an actor that has ended, so that the next request reads the log again. Handles stay valid all the while.
//!
//! ```text
//! handle --Open--> registry --lease, then log pages--> store
//!                      +--spawns, supervises--> session
//! ```

mod load;
mod messages;
mod slot;

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::message::Notice;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Error, Kind, SessionId};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::house::House;
use crate::session::{SessionActor, SessionArguments, SessionMessage};
use load::Loaded;
pub(crate) use messages::RegistryMessage;
pub(crate) use slot::Slot;

#[cfg(test)]
mod tests;

type Opened = oneshot::Sender<Result<ActorRef<SessionMessage>, Error>>;

pub(crate) struct RegistryActor;

pub(crate) struct RegistryState {
    house: House,
    sessions: BTreeMap<SessionId, Known>,
    /// Whose actor each live one is.
    owners: BTreeMap<ActorId, SessionId>,
}

/// A session that somebody has a handle of.
struct Known {
    slot: Arc<Slot>,
    phase: Phase,
    was_opened: bool,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.slot.notices().close();
    }
}

enum Phase {
    Idle,
    Opening(Vec<Opened>),
    Live(ActorRef<SessionMessage>),
}

impl Actor for RegistryActor {
    type Msg = RegistryMessage;
    type State = RegistryState;
    type Arguments = House;

    async fn pre_start(
        &self,
        _myself: ActorRef<RegistryMessage>,
        house: House,
    ) -> Result<RegistryState, ActorProcessingErr> {
        Ok(RegistryState { house, sessions: BTreeMap::new(), owners: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<RegistryMessage>,
        message: RegistryMessage,
        state: &mut RegistryState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RegistryMessage::Slot { session, config, reply } => {
                drop(reply.send(state.slot(&session, config)));
            }
            RegistryMessage::Open { session, reply } => state.open(&myself, &session, reply),
            RegistryMessage::Loaded { session, loaded } => {
                state.loaded(&myself, &session, loaded).await;
            }
            RegistryMessage::Live { reply } => {
                let live = state.sessions.values().filter_map(|known| match &known.phase {
                    Phase::Live(actor) => Some(actor.clone()),
                    Phase::Idle | Phase::Opening(_) => None,
                });
                drop(reply.send(live.collect()));
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<RegistryMessage>,
        event: SupervisionEvent,
        state: &mut RegistryState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                let why = Error::new(Kind::Unknown, format!("the session actor died: {error}"));
                state.ended(&who, Some(why));
            }
            SupervisionEvent::ActorTerminated(who, ..) => state.ended(&who, None),
            _ => {}
        }
        Ok(())
    }
}

impl RegistryState {
    /// The place of a session, new or known. What it renders is settled once it was opened.
    fn slot(&mut self, session: &SessionId, config: SessionConfig) -> Result<Arc<Slot>, Error> {
        let known = self.sessions.entry(session.clone()).or_insert_with(|| Known {
            slot: Arc::new(Slot::new(session.clone(), config)),
            phase: Phase::Idle,
            was_opened: false,
        });
        let (settled, asked) = (known.slot.config().format, config.format);
        if known.was_opened && settled != asked {
            return Err(Error::other_format(session, settled, asked));
        }
        known.slot.configure(config);
        Ok(Arc::clone(&known.slot))
    }

    fn open(&mut self, myself: &ActorRef<RegistryMessage>, session: &SessionId, reply: Opened) {
        let Some(known) = self.sessions.get_mut(session) else {
            let message = format!("session {session} was never asked for");
            drop(reply.send(Err(Error::new(Kind::NotFound, message))));
            return;
        };
        match &mut known.phase {
            Phase::Live(actor) if is_alive(actor) => drop(reply.send(Ok(actor.clone()))),
            Phase::Opening(waiting) => waiting.push(reply),
            Phase::Live(_) | Phase::Idle => {
                known.phase = Phase::Opening(vec![reply]);
                let (config, was_opened) = (known.slot.config(), known.was_opened);
                load::start(&self.house, session.clone(), config, was_opened, myself.clone());
            }
        }
    }

    async fn loaded(
        &mut self,
        myself: &ActorRef<RegistryMessage>,
        session: &SessionId,
        loaded: Result<Box<Loaded>, Error>,
    ) {
        let Some(known) = self.sessions.get_mut(session) else {
            return;
        };
        let opened = match loaded {
            Ok(loaded) => start(&self.house, known, *loaded, myself).await,
            Err(error) => Err(error),
        };
        if let Ok(actor) = &opened {
            known.was_opened = true;
            self.owners.insert(actor.get_id(), session.clone());
        }
        let next = opened.as_ref().map_or(Phase::Idle, |actor| Phase::Live(actor.clone()));
        if let Phase::Opening(waiting) = std::mem::replace(&mut known.phase, next) {
            for reply in waiting {
                drop(reply.send(opened.clone()));
            }
        }
    }

    fn ended(&mut self, who: &ActorCell, why: Option<Error>) {
        let session = self.owners.remove(&who.get_id());
        let Some(known) = session.and_then(|session| self.sessions.get_mut(&session)) else {
            return;
        };
        let is_current =
            matches!(&known.phase, Phase::Live(actor) if actor.get_id() == who.get_id());
        if is_current {
            known.phase = Phase::Idle;
            known.slot.clear();
        }
        if let Some(error) = why {
            tracing::error!(session = %known.slot.session(), %error, "session actor died");
            known.slot.notices().tell(Notice::Failed(error));
        }
    }
}

async fn start(
    house: &House,
    known: &Known,
    loaded: Loaded,
    myself: &ActorRef<RegistryMessage>,
) -> Result<ActorRef<SessionMessage>, Error> {
    let Loaded { session, lease } = loaded;
    known.slot.configure(session.config());
    let notices = known.slot.notices().clone();
    let arguments = SessionArguments { house: house.clone(), session, lease, notices };
    let spawned = Actor::spawn_linked(None, SessionActor, arguments, myself.get_cell()).await;
    let (actor, _) = spawned.map_err(|error| {
        let message = format!("session {} could not be started: {error}", known.slot.session());
        Error::new(Kind::Internal, message)
    })?;
    known.slot.set(actor.clone());
    tracing::info!(session = %known.slot.session(), "session opened");
    Ok(actor)
}

fn is_alive(actor: &ActorRef<SessionMessage>) -> bool {
    use ractor::ActorStatus::{Running, Starting, Unstarted, Upgrading};
    matches!(actor.get_status(), Unstarted | Starting | Running | Upgrading)
}
