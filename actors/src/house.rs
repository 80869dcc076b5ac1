//! What every actor of one house shares: the store, the clock, the place for blocking work, and the other actors.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::Error;
use ractor::ActorRef;

use crate::admission::Budgeted;
use crate::compactor::Desk;
use crate::door::Door;
use crate::env::{Clock, Executor};
use crate::highwater::shut_down;
use crate::journal::JournalMessage;
use crate::registry::Configs;
use crate::residency::Residency;
use crate::session::{Cadence, Questions};

/// Shared by all actors and handles. Cheap to clone, and a pointer wide: a host keeps a handle for each session it knows.
#[derive(Clone)]
pub(crate) struct House(Arc<Rooms>);

/// What is in a house.
pub(crate) struct Rooms {
    pub(crate) store: Arc<Door>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) desk: Desk,
    pub(crate) journal: ActorRef<JournalMessage>,
    pub(crate) queue: Budgeted,
    pub(crate) residency: Arc<Residency>,
    pub(crate) questions: Questions,
    pub(crate) configs: Configs,
    /// How long a session may lie idle before its actor ends.
    pub(crate) passivate_after: Duration,
    /// How much of a log comes between two anchors.
    pub(crate) anchor_every: Cadence,
}

impl House {
    pub(crate) fn new(rooms: Rooms) -> Self {
        Self(Arc::new(rooms))
    }

    /// What came of work on the store. An error is that the house has closed, if it has: the store was taken away then.
    pub(crate) fn unless_closed<T>(&self, done: Result<T, Error>) -> Result<T, Error> {
        done.map_err(|error| if self.queue.is_closed() { shut_down() } else { error })
    }
}

impl Deref for House {
    type Target = Rooms;

    fn deref(&self) -> &Rooms {
        &self.0
    }
}
