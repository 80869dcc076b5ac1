//! The house as an embedding host sees it: built over a store, asked for sessions, closed at the end.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::limit::SlotLimits;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Error, Kind, SessionId, caps};
use highwater_storage::Store;
use highwater_storage::export::Restored;
use ractor::{Actor, ActorRef};
use tokio::sync::oneshot;

use crate::admission::{Budgeted, admit};
use crate::compactor::Desk;
use crate::count::{self, Counts, TokenCounter};
use crate::door::Door;
use crate::env::{Clock, Executor, SystemClock, Threaded};
use crate::export::{self, Restore};
use crate::gate::{Gate, GateActor};
use crate::handle::SessionHandle;
use crate::history::History;
use crate::house::House;
use crate::journal::{JournalActor, JournalArguments};
use crate::registry::{RegistryActor, RegistryMessage};
use crate::residency::{Gauges, Residency};
use crate::session::{Answer, Cadence, Questions, SessionMessage};
use crate::summarize::{Extractive, KeptSummaries, Summarizer};
use highwater_protocol::message::Request;

/// Slots of the provider unless the host says otherwise: one for turns alone, one open to both.
const DEFAULT_SLOTS: (u32, u32) = (2, 1);

/// Builds a [`Highwater`].
pub struct Builder {
    store: Arc<Door>,
    summarizer: Arc<dyn Summarizer>,
    clock: Arc<dyn Clock>,
    executor: Option<Arc<dyn Executor>>,
    counter: Arc<dyn TokenCounter>,
    slots: u32,
    reserve: u32,
    resident_bytes: u64,
    passivate_after: Duration,
    anchor_every: Cadence,
}

impl Builder {
    /// Who writes the summaries. Default: [`Extractive`].
    #[must_use]
    pub fn summarizer(mut self, summarizer: impl Summarizer) -> Self {
        self.summarizer = Arc::new(summarizer);
        self
    }

    /// How many model calls the provider takes at once, and how many of them only turns may use. Default: 2 and 1.
    #[must_use]
    pub fn slots(mut self, slots: u32, reserve: u32) -> Self {
        (self.slots, self.reserve) = (slots, reserve);
        self
    }

    /// How many bytes all live sessions may hold together. Above it, those that were used longest ago are ended, and
    /// read from the store again when they are used. Bounds what sessions hold between their turns; a turn that is being
    /// answered, and a pass, hold what they work on besides. Default: [`caps::RESIDENT_BYTES`].
    #[must_use]
    pub fn resident_bytes(mut self, bytes: u64) -> Self {
        self.resident_bytes = bytes;
        self
    }

    /// How long a session may lie idle before its actor ends, at least: it is looked at once in that time, so that it may
    /// take nearly twice as long. The next call reads it from the store again. Default: [`caps::PASSIVATE_AFTER`].
    #[must_use]
    pub fn passivate_after(mut self, idle: Duration) -> Self {
        self.passivate_after = idle;
        self
    }

    /// How much of a session's log may come, in bytes of entries or in records, before an anchor is stored, from which the
    /// next opening folds, and the log behind it is sealed. A session that is ended for want of use takes one after an eighth
    /// of it. Less makes openings shorter and writes more. Default: [`caps::ANCHOR_EVERY_BYTES`] and
    /// [`caps::ANCHOR_EVERY_RECORDS`].
    #[must_use]
    pub fn anchor_every(mut self, bytes: usize, records: usize) -> Self {
        self.anchor_every = Cadence { bytes, records };
        self
    }

    /// What tells the time. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where blocking work runs. Default: one writer thread and the runtime's blocking pool.
    #[must_use]
    pub fn executor(mut self, executor: impl Executor) -> Self {
        self.executor = Some(Arc::new(executor));
        self
    }

    /// Who counts tokens for [`Highwater::counts`]. Default: the vocabulary o200k with the feature `exact-tokens`, the
    /// estimate without it.
    #[must_use]
    pub fn counter(mut self, counter: impl TokenCounter) -> Self {
        self.counter = Arc::new(counter);
        self
    }

    /// Starts the actors. To be called within a tokio runtime.
    ///
    /// [`Kind::Invalid`] when the slots leave compaction none; [`Kind::Internal`] when the system gives no thread.
    pub async fn start(self) -> Result<Highwater, Error> {
        let limits = SlotLimits::new(self.slots, self.reserve)?;
        let executor = match self.executor {
            Some(executor) => executor,
            None => Arc::new(Threaded::start().map_err(|error| {
                Error::new(Kind::Internal, "the writer thread could not be started").because(error)
            })?),
        };
        let (gate, _) = Actor::spawn(None, GateActor, limits).await.map_err(not_started)?;
        let arguments =
            JournalArguments { store: self.store.clone(), executor: Arc::clone(&executor) };
        let (journal, _) =
            Actor::spawn(None, JournalActor, arguments).await.map_err(not_started)?;
        let counts = Counts::new(self.counter, Arc::clone(&executor), caps::KEPT_COUNTS);
        let house = House {
            store: self.store,
            clock: self.clock,
            executor,
            desk: Desk {
                summarizer: self.summarizer,
                gate: Gate::new(gate),
                kept: Arc::new(KeptSummaries::new(caps::KEPT_SUMMARY_BYTES)),
            },
            journal,
            queue: Budgeted::new(caps::PROCESS_QUEUE_BYTES),
            residency: Residency::new(self.resident_bytes),
            questions: Questions::default(),
            passivate_after: self.passivate_after,
            anchor_every: self.anchor_every,
        };
        let (registry, _) =
            Actor::spawn(None, RegistryActor, house.clone()).await.map_err(not_started)?;
        Ok(Highwater { house, registry, counts })
    }
}

fn not_started(error: ractor::SpawnErr) -> Error {
    Error::new(Kind::Internal, "an actor could not be started").because(error)
}

/// The running house. Cheap to clone; all clones are one house. It ends with [`Highwater::close`]: dropping it without
/// leaves the actors running and the store locked until the process ends.
#[derive(Clone)]
pub struct Highwater {
    pub(crate) house: House,
    registry: ActorRef<RegistryMessage>,
    counts: Counts,
}

impl Highwater {
    /// A house over a store.
    pub fn builder(store: impl Store) -> Builder {
        Builder {
            store: Arc::new(Door::new(store)),
            summarizer: Arc::new(Extractive),
            clock: Arc::new(SystemClock),
            executor: None,
            counter: count::default_counter(),
            slots: DEFAULT_SLOTS.0,
            reserve: DEFAULT_SLOTS.1,
            resident_bytes: caps::RESIDENT_BYTES,
            passivate_after: caps::PASSIVATE_AFTER,
            anchor_every: Cadence {
                bytes: caps::ANCHOR_EVERY_BYTES,
                records: caps::ANCHOR_EVERY_RECORDS,
            },
        }
    }

    /// A handle of a session, which is read from its log, or created when it is new.
    ///
    /// [`Kind::Invalid`] when it exists and renders another format; [`Kind::Corrupt`] when its log cannot be folded;
    /// [`Kind::Closed`] when the house is shutting down. The marks of `config` hold from the session's next opening on.
    pub async fn open(
        &self,
        session: SessionId,
        config: SessionConfig,
    ) -> Result<SessionHandle, Error> {
        let (reply, slot) = oneshot::channel();
        let message = RegistryMessage::Slot { session, config, reply };
        self.registry.cast(message).map_err(|_| shut_down())?;
        let slot = slot.await.map_err(|_| shut_down())??;
        let handle = SessionHandle::new(slot, self.registry.clone(), self.house.clone());
        handle.activate().await?;
        Ok(handle)
    }

    /// What the house holds in memory, and how often it gave up or read again.
    pub fn gauges(&self) -> Gauges {
        Gauges { page_reads: self.house.store.reads(), ..self.house.residency.gauges() }
    }

    /// The history of a session that need not be open, nor fit to be opened.
    pub fn history(&self, session: SessionId) -> History {
        History::new(session, self.house.clone())
    }

    /// Writes the log of an exported session into the store, under a name that is not taken. Every file is verified first;
    /// durable when it returns, and ready to be opened. Asked for again, it goes on where it was cut off. See
    /// [`restore`](highwater_storage::export::restore()).
    ///
    /// [`Kind::Corrupt`] names the file that is missing or damaged, [`Kind::Conflict`] the session that is there with
    /// other content; nothing is written then. [`Kind::NotFound`] when there is no such export.
    pub async fn restore(&self, wanted: Restore) -> Result<Restored, Error> {
        export::restore(&self.house, wanted).await
    }

    /// The gate, for the host's own model calls.
    pub fn gate(&self) -> &Gate {
        &self.house.desk.gate
    }

    /// Exact counts of tokens, for a host that wants to know or to report them ([`SessionHandle::report_usage`]).
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Closes every session, waits until all that was acknowledged or under way is durable, ends the actors and the writer
    /// thread, and closes the store: when this returns, another process may open it. Passes in flight are abandoned.
    /// Requests made meanwhile get [`Kind::Closed`], also those that wait for a session to be read.
    pub async fn close(self) -> Result<(), Error> {
        let (reply, live) = oneshot::channel();
        self.registry.cast(RegistryMessage::Close { reply }).map_err(|_| shut_down())?;
        for actor in live.await.map_err(|_| shut_down())? {
            let admission = admit(&self.house.queue, &self.house.queue, 0).await?;
            let (answer, closed) = Answer::new(admission);
            let close = SessionMessage::Request { body: Request::Close, answer };
            if actor.cast(close).is_ok() {
                drop(closed.await);
                // One that was closing already, or ended by itself meanwhile, makes durable what it has until it is gone.
                drop(actor.wait(None).await);
            }
        }
        self.house.queue.close();
        for actor in [
            self.registry.get_cell(),
            self.house.journal.get_cell(),
            self.house.desk.gate.actor().get_cell(),
        ] {
            // Only an actor that is gone already refuses to stop.
            drop(actor.stop_and_wait(None, None).await);
        }
        let (executor, store) = (self.house.executor, self.house.store);
        let finished = tokio::task::spawn_blocking(move || {
            executor.finish();
            store.close();
        });
        finished.await.map_err(|error| {
            Error::new(Kind::Internal, "the writer could not be ended").because(error)
        })
    }
}

pub(crate) fn shut_down() -> Error {
    Error::new(Kind::Closed, "the house is shutting down")
}
