//! Opening a session: raise its epoch behind all writes given before, then fold its log page by page (L4, L5).

use highwater_protocol::session::{Session, SessionConfig};
use highwater_protocol::{Error, Rewinds, SessionId, Timestamp};
use highwater_storage::{Lease, Store};
use ractor::ActorRef;

use super::RegistryMessage;
use crate::env::guarded;
use crate::error::of_store;
use crate::house::House;
use crate::recovery::Log;

/// A session as its log says, and the right to write to it.
pub(crate) struct Loaded {
    pub(super) session: Session,
    pub(super) lease: Lease,
}

/// Reads a session beside everything else; the registry is told when it is done. `known` sessions were opened before
/// by this process.
pub(super) fn start(
    house: &House,
    session: SessionId,
    config: SessionConfig,
    known: bool,
    registry: ActorRef<RegistryMessage>,
) {
    let (house, writer) = (house.clone(), house.executor.clone());
    writer.write(Box::new(move || {
        let lease = guarded(|| house.store.open_session(&session));
        let reader = house.executor.clone();
        reader.read(Box::new(move || {
            let now = house.clock.now();
            let loaded = lease
                .map_err(|error| of_store(&error))
                .and_then(|lease| read(&*house.store, lease, config, known, now))
                .map(Box::new);
            // A registry that has ended has nobody left who waits.
            drop(registry.cast(RegistryMessage::Loaded { session, loaded }));
        }));
    }));
}

fn read(
    store: &dyn Store,
    lease: Lease,
    config: SessionConfig,
    known: bool,
    now: Timestamp,
) -> Result<Loaded, Error> {
    let Lease { session, head: end, indexed, .. } = &lease;
    let log = Log { store, session, indexed: *indexed, end: *end };
    let replay = log.fold(Rewinds::default())?;
    // Who was opened here already goes on as it stands in the log: it may have been switched to another model since.
    let settled = replay.settings(config).filter(|log| known && log.format != config.format);
    let config = settled.unwrap_or(config);
    let session = replay.finish(lease.session.clone(), config, now)?;
    Ok(Loaded { session, lease })
}
