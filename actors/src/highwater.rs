//! The house as an embedding host sees it: built over a store, asked for sessions, closed at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::limit::Limits;
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
use crate::env::{Clock, Executor, SystemClock, Threaded, random_seed};
use crate::export::{self, Restore};
use crate::gate::{Gate, HOUSE};
use crate::handle::SessionHandle;
use crate::history::History;
use crate::house::{House, Rooms};
use crate::journal::{JournalActor, JournalArguments};
use crate::registry::{Configs, RegistryActor, RegistryMessage};
use crate::residency::{Gauges, Residency};
use crate::session::{Answer, Cadence, Questions, SessionMessage};
use crate::summarize::{Extractive, KeptSummaries, Summarizer};
use highwater_protocol::message::Request;

/// What the house's account allows unless the host says otherwise: one call at once for turns alone, one open to all.
const HOUSE_LIMITS: (u32, u8) = (2, 50);

/// An account by its limits and those of its models.
type Provider = (Limits, BTreeMap<Box<str>, Limits>);

/// Builds a [`Highwater`].
pub struct Builder {
    store: Arc<Door>,
    summarizers: Vec<Arc<dyn Summarizer>>,
    clock: Arc<dyn Clock>,
    executor: Option<Arc<dyn Executor>>,
    counter: Arc<dyn TokenCounter>,
    providers: BTreeMap<Box<str>, Provider>,
    seed: Option<u64>,
    resident_bytes: u64,
    passivate_after: Duration,
    commit_every: Duration,
    anchor_every: Cadence,
}

impl Builder {
    /// Who writes the summaries. Default: [`Extractive`].
    #[must_use]
    pub fn summarizer(mut self, summarizer: impl Summarizer) -> Self {
        self.summarizers = vec![Arc::new(summarizer)];
        self
    }

    /// Who writes a summary when the ones before do not answer. Behind the last one [`Extractive`] stands always.
    #[must_use]
    pub fn fallback(mut self, summarizer: impl Summarizer) -> Self {
        self.summarizers.push(Arc::new(summarizer));
        self
    }

    /// What the provider allows that is named nowhere: of summarizers without a provider of their own, and of whatever
    /// calls the host makes under [`HOUSE`]. Default: two calls at once, one of which only turns may make.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.provider(HOUSE, limits, BTreeMap::new())
    }

    /// An account at a provider, with its limits and those of models in it that have their own (G1). More can be made known
    /// later, by [`Gate::register`].
    #[must_use]
    pub fn provider(
        mut self,
        name: &str,
        limits: Limits,
        models: BTreeMap<Box<str>, Limits>,
    ) -> Self {
        self.providers.insert(name.into(), (limits, models));
        self
    }

    /// What the jitter of pauses and retries is drawn from. Default: another seed in each process.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
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

    /// The least time between the beginnings of two commits. A commit costs as much processor time as a dozen appends, so that
    /// sessions that come one by one share one; whoever appends again as soon as the last append is stored waits for
    /// nothing. Zero commits what there is as soon as the last commit has ended; more than a second is a second. Default:
    /// [`caps::COMMIT_EVERY`].
    #[must_use]
    pub fn commit_every(mut self, least: Duration) -> Self {
        self.commit_every = least.min(Duration::from_secs(1));
        self
    }

    /// What tells the time. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where blocking work runs. Default: two threads that write, and the runtime's blocking pool.
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
    /// [`Kind::Invalid`] when limits are none; [`Kind::Internal`] when the system gives no thread.
    pub async fn start(self) -> Result<Highwater, Error> {
        let gate = Gate::new(self.seed.unwrap_or_else(random_seed));
        for (name, (limits, models)) in self.providers {
            if let Err(error) = gate.register(&name, limits, models).await {
                // Those that were registered have actors already.
                gate.close(Duration::ZERO).await;
                return Err(error);
            }
        }
        let executor = match self.executor {
            Some(executor) => executor,
            None => Arc::new(Threaded::start().map_err(|error| {
                Error::new(Kind::Internal, "the writer thread could not be started").because(error)
            })?),
        };
        let arguments = JournalArguments {
            store: self.store.clone(),
            executor: Arc::clone(&executor),
            commit_every: self.commit_every,
        };
        let (journal, _) =
            Actor::spawn(None, JournalActor, arguments).await.map_err(not_started)?;
        let counts = Counts::new(self.counter, Arc::clone(&executor), caps::KEPT_COUNTS);
        let house = House::new(Rooms {
            store: self.store,
            clock: self.clock,
            executor,
            desk: Desk {
                summarizers: self.summarizers.into(),
                gate,
                kept: Arc::new(KeptSummaries::new(caps::KEPT_SUMMARY_BYTES)),
            },
            journal,
            queue: Budgeted::new(caps::PROCESS_QUEUE_BYTES),
            residency: Residency::new(self.resident_bytes),
            questions: Questions::default(),
            configs: Configs::default(),
            passivate_after: self.passivate_after,
            anchor_every: self.anchor_every,
        });
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
        let (slots, reserve) = HOUSE_LIMITS;
        let house = (Limits::slots(slots).reserve(reserve), BTreeMap::new());
        Builder {
            store: Arc::new(Door::new(store)),
            summarizers: vec![Arc::new(Extractive)],
            clock: Arc::new(SystemClock),
            executor: None,
            counter: count::default_counter(),
            providers: [(HOUSE.into(), house)].into(),
            seed: None,
            resident_bytes: caps::RESIDENT_BYTES,
            passivate_after: caps::PASSIVATE_AFTER,
            commit_every: caps::COMMIT_EVERY,
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

    /// Closes every session, waits until all that was acknowledged or under way is durable, and up to
    /// [`caps::CALLS_END_WITHIN`] for calls that the host makes under permits, ends the actors and the writer threads, and
    /// closes the store: when this returns, another process may open it. Passes in flight are abandoned.
    /// Requests made meanwhile get [`Kind::Closed`], also those that wait for a session to be read.
    pub async fn close(self) -> Result<(), Error> {
        let (reply, live) = oneshot::channel();
        self.registry.cast(RegistryMessage::Close { reply }).map_err(|_| shut_down())?;
        let mut closing = Vec::new();
        for actor in live.await.map_err(|_| shut_down())? {
            let admission = admit(&self.house.queue, &self.house.queue, 0).await?;
            let (answer, closed) = Answer::new(admission);
            let close = SessionMessage::Request { body: Request::Close, answer };
            if actor.cast(close).is_ok() {
                closing.push((actor, closed));
            }
        }
        for (actor, closed) in closing {
            drop(closed.await);
            // One that was closing already, or ended by itself meanwhile, makes durable what it has until it is gone.
            drop(actor.wait(None).await);
        }
        self.house.queue.close();
        if !self.house.desk.gate.close(caps::CALLS_END_WITHIN).await {
            tracing::warn!("the gate closed while calls of models were under way");
        }
        for actor in [self.registry.get_cell(), self.house.journal.get_cell()] {
            // Only an actor that is gone already refuses to stop.
            drop(actor.stop_and_wait(None, None).await);
        }
        let finished = tokio::task::spawn_blocking(move || {
            self.house.executor.finish();
            self.house.store.close();
        });
        finished.await.map_err(|error| {
            Error::new(Kind::Internal, "the writer could not be ended").because(error)
        })
    }
}

pub(crate) fn shut_down() -> Error {
    Error::new(Kind::Closed, "the house is shutting down")
}
