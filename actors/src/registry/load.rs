//! Opening a session: raise its epoch behind all writes given before, then fold its log page by page (L4, L5).

use highwater_protocol::session::{Session, SessionConfig};
use highwater_protocol::{Error, Kind, Rewinds, SessionId, Timestamp};
use highwater_storage::{BatchId, Lease, Store, StoreError};
use ractor::ActorRef;

use super::RegistryMessage;
use super::opening::Hold;
use crate::env::{guarded, reading};
use crate::error::of_store;
use crate::house::House;
use crate::recovery::Log;
use crate::session::Upkeep;

/// A session as its log says, and the right to write to it.
pub(crate) struct Loaded {
    pub(super) session: Session,
    pub(super) lease: Lease,
    /// The last batch that was written under the lease.
    pub(super) batch: BatchId,
    /// What had to be read behind the newest anchor.
    pub(super) upkeep: Upkeep,
}

/// What a job owes to the registry, which counts on it. An executor may drop a job that it never ran: the registry is told
/// then, so that neither those who wait for it hang nor those behind them.
struct Owed<F: FnOnce() -> RegistryMessage> {
    registry: ActorRef<RegistryMessage>,
    unless_run: Option<F>,
}

impl<F: FnOnce() -> RegistryMessage> Owed<F> {
    fn new(registry: ActorRef<RegistryMessage>, unless_run: F) -> Self {
        Self { registry, unless_run: Some(unless_run) }
    }

    fn pay(mut self, message: RegistryMessage) {
        self.unless_run = None;
        // A registry that has ended has nobody left who waits.
        drop(self.registry.cast(message));
    }
}

impl<F: FnOnce() -> RegistryMessage> Drop for Owed<F> {
    fn drop(&mut self) {
        if let Some(unless_run) = self.unless_run.take() {
            drop(self.registry.cast(unless_run()));
        }
    }
}

fn not_run() -> Error {
    Error::new(Kind::Retry, "the work that opens the session was dropped before it was done")
}

/// Raises the epochs of sessions in one commit, behind all writes given before; the registry is told.
pub(super) fn open(house: &House, sessions: Vec<SessionId>, registry: ActorRef<RegistryMessage>) {
    let (store, unopened) = (house.store.clone(), sessions.clone());
    let owed = Owed::new(registry, move || {
        let leases = unopened.into_iter().map(|session| (session, Err(not_run()))).collect();
        RegistryMessage::Opened { leases }
    });
    house.executor.write(Box::new(move || {
        let leases = open_all(&*store, &sessions);
        let leases = sessions.into_iter().zip(leases).collect();
        owed.pay(RegistryMessage::Opened { leases });
    }));
}

/// Opens them together. When one of them cannot be opened by its own fault, it is looked for in halves, so that none fails
/// for another's.
fn open_all(store: &dyn Store, sessions: &[SessionId]) -> Vec<Result<Lease, Error>> {
    let error = match guarded(|| store.open_sessions(sessions)) {
        Ok(leases) if leases.len() == sessions.len() => {
            return leases.into_iter().map(Ok).collect();
        }
        Ok(leases) => {
            StoreError::Unknown(format!("{} of {} sessions opened", leases.len(), sessions.len()))
        }
        Err(error) => error,
    };
    match error {
        // The store itself takes nothing.
        StoreError::Busy(_) | StoreError::Unknown(_) => {
            sessions.iter().map(|_| Err(of_store(&error))).collect()
        }
        _ if sessions.len() == 1 => vec![Err(of_store(&error))],
        _ => {
            let half = sessions.len().div_ceil(2);
            sessions.chunks(half).flat_map(|some| open_all(store, some)).collect()
        }
    }
}

/// Reads a session beside everything else; the registry is told when it is done.
pub(super) fn read(reading: Reading, registry: ActorRef<RegistryMessage>) {
    let (executor, session) = (reading.house.executor.clone(), reading.session.clone());
    let owed = Owed::new(registry, move || {
        let loaded = Err(not_run());
        RegistryMessage::Loaded { session, loaded }
    });
    executor.read(Box::new(move || owed.pay(reading.run())));
}

/// A session that is being read.
pub(super) struct Reading {
    pub(super) house: House,
    pub(super) session: SessionId,
    pub(super) config: SessionConfig,
    /// It was opened here before.
    pub(super) was_opened: bool,
    pub(super) hold: Hold,
}

impl Reading {
    fn run(self) -> RegistryMessage {
        let (lease, batch) = match self.hold {
            Hold::Raised(lease) => (lease, BatchId::default()),
            Hold::Kept(reign) => match guarded(|| self.house.store.session(&self.session)) {
                Ok(info) if info.epoch == reign.epoch => (Ok(info.lease()), reign.batch),
                // Somebody else has opened it since, or it is to be said what is wrong with it.
                _ => return RegistryMessage::Taken { session: self.session },
            },
        };
        let (store, now) = (&*self.house.store, self.house.clock.now());
        let loaded = lease
            .and_then(|lease| reading(|| fold(store, lease, self.config, self.was_opened, now)))
            .map(|(session, lease, upkeep)| Box::new(Loaded { session, lease, batch, upkeep }));
        RegistryMessage::Loaded { session: self.session, loaded }
    }
}

fn fold(
    store: &dyn Store,
    lease: Lease,
    config: SessionConfig,
    known: bool,
    now: Timestamp,
) -> Result<(Session, Lease, Upkeep), Error> {
    let Lease { session, head: end, indexed, .. } = &lease;
    let resident_bytes = config.resident_bytes;
    let log = Log { store, session, indexed: *indexed, end: *end, resident_bytes };
    let (replay, upkeep) = log.fold_counted(Rewinds::default())?;
    // Who was opened here already goes on as it stands in the log: it may have been switched to another model since.
    let settled = replay.settings(config).filter(|log| known && log.format != config.format);
    let config = settled.unwrap_or(config);
    let session = replay.finish(lease.session.clone(), config, now)?;
    Ok((session, lease, upkeep))
}
