//! The registry: one live actor for each open session. It opens sessions from their logs, supervises them, and forgets
//! an actor that has ended, so that the next request reads the log again. Handles stay valid all the while.
//!
//! ```text
//! handle --Open--> registry --lease, then log pages--> store
//!                      +--spawns, supervises--> session
//! ```

mod configs;
mod load;
mod messages;
mod opening;
mod slot;

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::message::Notice;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Error, Kind, SessionId};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::highwater::shut_down;
use crate::house::House;
use crate::residency::Held;
use crate::session::{SessionActor, SessionArguments, SessionMessage};
pub(crate) use configs::Configs;
use load::{Loaded, Reading};
pub(crate) use messages::RegistryMessage;
use opening::Openings;
pub(crate) use slot::{Queued, Reign, Slot};

#[cfg(test)]
mod tests;

/// What somebody wants of a session that may have no actor.
pub(crate) struct Wanted {
    /// What it is to be told before anything else can have it end again: who waits for room to be given back does not wait
    /// for ever.
    pub(crate) message: Option<SessionMessage>,
    /// Where its actor goes, or why there is none; the message is dropped then.
    pub(crate) reply: oneshot::Sender<Result<ActorRef<SessionMessage>, Error>>,
}

impl Wanted {
    fn get(self, actor: &ActorRef<SessionMessage>) {
        if let Some(message) = self.message {
            // Should it have ended, whoever waits for the answer learns it.
            drop(actor.cast(message));
        }
        drop(self.reply.send(Ok(actor.clone())));
    }

    fn fail(self, error: Error) {
        drop(self.reply.send(Err(error)));
    }
}

pub(crate) struct RegistryActor;

pub(crate) struct RegistryState {
    house: House,
    sessions: BTreeMap<SessionId, Known>,
    /// Whose actor each live one is.
    owners: BTreeMap<ActorId, SessionId>,
    /// The house closes.
    is_closing: bool,
    /// At so many sessions those are forgotten of which nobody would notice it.
    looked_over_at: usize,
    openings: Openings,
}

const LOOKED_OVER_FROM: usize = 64;

/// A session that somebody has a handle of.
struct Known {
    slot: Arc<Slot>,
    /// None while it is idle, as most are: then it takes a pointer's room.
    phase: Option<Box<Phase>>,
    was_opened: bool,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.slot.notices().close();
    }
}

/// What goes on with a session that is not idle.
enum Phase {
    Opening(Vec<Wanted>),
    Live(Live),
    /// Somebody wants it while its actor is about to end: answered when that has ended, or stays.
    Ending(Live, Vec<Wanted>),
}

/// A live session.
#[derive(Clone)]
struct Live {
    actor: ActorRef<SessionMessage>,
    held: Arc<Held>,
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
        Ok(RegistryState::new(house))
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
            RegistryMessage::Open { session, wanted } => state.open(&myself, &session, wanted),
            RegistryMessage::Opened { leases } => {
                state.openings.opened(leases);
                state.go_on(&myself);
            }
            RegistryMessage::Taken { session } => {
                state.openings.was_read();
                state.openings.want(session, None);
                state.go_on(&myself);
            }
            RegistryMessage::Loaded { session, loaded } => {
                state.loaded(&myself, &session, loaded).await;
            }
            RegistryMessage::Stays { session, actor } => state.stays(&session, &actor),
            RegistryMessage::Relieve => state.relieve(),
            RegistryMessage::Close { reply } => drop(reply.send(state.close())),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<RegistryMessage>,
        event: SupervisionEvent,
        state: &mut RegistryState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                let why = Error::new(Kind::Unknown, format!("the session actor died: {error}"));
                state.ended(&myself, &who, Some(why));
            }
            SupervisionEvent::ActorTerminated(who, shell, _) => {
                // It holds the session's slot, which nobody else may hold any more.
                drop(shell);
                state.ended(&myself, &who, None);
            }
            _ => {}
        }
        Ok(())
    }
}

impl RegistryState {
    fn new(house: House) -> Self {
        Self {
            house,
            sessions: BTreeMap::new(),
            owners: BTreeMap::new(),
            is_closing: false,
            looked_over_at: LOOKED_OVER_FROM,
            openings: Openings::default(),
        }
    }

    /// The place of a session, new or known. What it renders is settled once it was opened.
    fn slot(&mut self, session: &SessionId, config: SessionConfig) -> Result<Arc<Slot>, Error> {
        if self.sessions.len() >= self.looked_over_at && !self.sessions.contains_key(session) {
            self.sessions.retain(|_, known| !known.is_forgettable());
            self.looked_over_at = LOOKED_OVER_FROM.max(self.sessions.len() * 2);
        }
        let asked = config.format;
        let config = self.house.configs.shared(config);
        let known = self.sessions.entry(session.clone()).or_insert_with(|| Known {
            slot: Arc::new(Slot::new(session.clone(), Arc::clone(&config))),
            phase: None,
            was_opened: false,
        });
        let settled = known.slot.config().format;
        // Somebody else may be about to open it: then it is read as that one has asked for it.
        let is_settled = known.was_opened || Arc::strong_count(&known.slot) > 1;
        if is_settled && settled != asked {
            return Err(Error::other_format(session, settled, asked));
        }
        known.slot.configure(config);
        Ok(Arc::clone(&known.slot))
    }

    fn open(&mut self, myself: &ActorRef<RegistryMessage>, session: &SessionId, wanted: Wanted) {
        let Some(known) = self.sessions.get_mut(session) else {
            let message = format!("session {session} was never asked for");
            return wanted.fail(Error::new(Kind::NotFound, message));
        };
        match known.phase.as_deref_mut() {
            _ if self.is_closing => wanted.fail(shut_down()),
            Some(Phase::Live(live)) if known.slot.is_retiring() => {
                let live = live.clone();
                known.enter(Phase::Ending(live, vec![wanted]));
            }
            Some(Phase::Live(live)) if is_alive(&live.actor) => wanted.get(&live.actor),
            Some(Phase::Opening(waiting) | Phase::Ending(_, waiting)) => waiting.push(wanted),
            Some(Phase::Live(_)) | None => self.load(myself, session, vec![wanted]),
        }
    }

    /// Reads a session from the store for those who wait for it.
    fn load(
        &mut self,
        myself: &ActorRef<RegistryMessage>,
        session: &SessionId,
        waiting: Vec<Wanted>,
    ) {
        if self.is_closing {
            for wanted in waiting {
                wanted.fail(shut_down());
            }
            return;
        }
        if let Some(known) = self.sessions.get_mut(session) {
            known.enter(Phase::Opening(waiting));
            self.openings.want(session.clone(), known.slot.last_reign());
            self.go_on(myself);
        }
    }

    /// Opens and reads those that are next.
    fn go_on(&mut self, myself: &ActorRef<RegistryMessage>) {
        if self.is_closing {
            // Who waited has been told.
            return self.openings.close();
        }
        if let Some(sessions) = self.openings.open_next() {
            load::open(&self.house, sessions, myself.clone());
        }
        while let Some((session, hold)) = self.openings.read_next() {
            let Some(known) = self.sessions.get(&session) else {
                self.openings.was_read();
                continue;
            };
            let (config, was_opened) = (known.slot.config(), known.was_opened);
            let reading = Reading { house: self.house.clone(), session, config, was_opened, hold };
            load::read(reading, myself.clone());
        }
    }

    /// A session that was about to end is used again.
    fn stays(&mut self, session: &SessionId, actor: &ActorRef<SessionMessage>) {
        if let Some(known) = self.sessions.get_mut(session)
            && let Some(Phase::Ending(live, waiting)) = known.phase.as_deref_mut()
            && live.actor.get_id() == actor.get_id()
        {
            waiting.drain(..).for_each(|wanted| wanted.get(&live.actor));
            let live = live.clone();
            known.enter(Phase::Live(live));
        }
    }

    /// Nobody gets a session any more. The actors that are alive.
    fn close(&mut self) -> Vec<ActorRef<SessionMessage>> {
        self.is_closing = true;
        self.openings.close();
        for known in self.sessions.values_mut() {
            if let Some(Phase::Opening(waiting) | Phase::Ending(_, waiting)) =
                known.phase.as_deref_mut()
            {
                waiting.drain(..).for_each(|wanted| wanted.fail(shut_down()));
            }
        }
        let live = self.sessions.values().filter_map(Known::live);
        live.map(|live| live.actor.clone()).collect()
    }

    /// Has those sessions give up that were used longest ago, until enough is given back.
    fn relieve(&mut self) {
        let residency = &self.house.residency;
        let mut excess = residency.excess();
        let mut live: Vec<&Live> = self.sessions.values().filter_map(Known::live).collect();
        live.sort_by_cached_key(|live| live.held.used());
        for Live { actor, held } in live {
            let bytes = held.bytes();
            if excess == 0 {
                break;
            }
            // One that has ended by itself gives back all that it held.
            if bytes > 0 && actor.cast(SessionMessage::GiveUp).is_ok() {
                excess = excess.saturating_sub(bytes);
            }
        }
        residency.relieved();
    }

    async fn loaded(
        &mut self,
        myself: &ActorRef<RegistryMessage>,
        session: &SessionId,
        loaded: Result<Box<Loaded>, Error>,
    ) {
        self.openings.was_read();
        self.go_on(myself);
        let Some(known) = self.sessions.get_mut(session) else {
            return;
        };
        let opened = match loaded {
            Ok(_) if self.is_closing => Err(shut_down()),
            Ok(loaded) => start(&self.house, known, *loaded, myself).await,
            Err(error) => Err(error),
        };
        if let Ok(live) = &opened {
            known.was_opened = true;
            self.owners.insert(live.actor.get_id(), session.clone());
        }
        let next = opened.as_ref().ok().map(|live| Box::new(Phase::Live(live.clone())));
        let before = std::mem::replace(&mut known.phase, next);
        if let Some(Phase::Opening(waiting)) = before.map(|phase| *phase) {
            for wanted in waiting {
                match &opened {
                    Ok(live) => wanted.get(&live.actor),
                    Err(error) => wanted.fail(error.clone()),
                }
            }
        }
    }

    fn ended(&mut self, myself: &ActorRef<RegistryMessage>, who: &ActorCell, why: Option<Error>) {
        let Some(session) = self.owners.remove(&who.get_id()) else {
            return;
        };
        let Some(known) = self.sessions.get_mut(&session) else {
            return;
        };
        let mut waiting = Vec::new();
        if known.live().is_some_and(|live| live.actor.get_id() == who.get_id()) {
            if let Some(Phase::Ending(_, wanted)) = known.phase.take().map(|phase| *phase) {
                waiting = wanted;
            }
            known.slot.clear();
        }
        if let Some(error) = why {
            tracing::error!(session = %known.slot.session(), %error, "session actor died");
            known.slot.notices().tell(Notice::Failed(error));
        }
        if !waiting.is_empty() {
            self.load(myself, &session, waiting);
        } else if known.is_forgettable() {
            self.sessions.remove(&session);
        }
    }
}

impl Known {
    /// Whether nobody would notice if nothing were known of the session any more: it has no actor, nobody has a handle
    /// of it, and nobody listens.
    fn is_forgettable(&self) -> bool {
        self.phase.is_none()
            && Arc::strong_count(&self.slot) == 1
            && !self.slot.notices().is_heard()
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = Some(Box::new(phase));
    }

    fn live(&self) -> Option<&Live> {
        match self.phase.as_deref()? {
            Phase::Live(live) | Phase::Ending(live, _) => Some(live),
            Phase::Opening(_) => None,
        }
    }
}

async fn start(
    house: &House,
    known: &Known,
    loaded: Loaded,
    myself: &ActorRef<RegistryMessage>,
) -> Result<Live, Error> {
    let Loaded { session, lease, batch, upkeep } = loaded;
    // It was switched to another model since; marks that were given while it was read hold from the next opening on.
    if session.config().format != known.slot.config().format {
        known.slot.configure(house.configs.shared(session.config()));
    }
    let (account, slot) = (house.residency.activated(), Arc::clone(&known.slot));
    let (held, registry) = (account.held(), myself.clone());
    let house = house.clone();
    let arguments =
        SessionArguments { house, session, lease, batch, upkeep, slot, account, registry };
    let spawned = Actor::spawn_linked(None, SessionActor, arguments, myself.get_cell()).await;
    let (actor, _) = spawned.map_err(|error| {
        let message = format!("session {} could not be started: {error}", known.slot.session());
        Error::new(Kind::Internal, message)
    })?;
    known.slot.set(actor.clone());
    tracing::info!(session = %known.slot.session(), "session opened");
    Ok(Live { actor, held })
}

fn is_alive(actor: &ActorRef<SessionMessage>) -> bool {
    use ractor::ActorStatus::{Running, Starting, Unstarted, Upgrading};
    matches!(actor.get_status(), Unstarted | Starting | Running | Upgrading)
}
