//! What the actors take from the world: the time, chance, and a place for blocking work. Real in a process, paused and inline
//! in a simulator, so that the same house runs on one thread with the same bytes twice.

mod draws;
mod inline;
mod threaded;

pub(crate) use draws::{Draws, random_seed};
pub use inline::Inline;
pub use threaded::Threaded;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use highwater_protocol::{Error, Kind, Timestamp};
use highwater_storage::StoreError;

/// Tells the time. Actors never ask anybody else.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The clock of the tokio runtime, counted from a given moment: stands still while the runtime's time is paused.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeClock {
    started: tokio::time::Instant,
    origin: Timestamp,
}

impl RuntimeClock {
    /// Starts at `origin` now. To be called within a runtime.
    pub fn starting_at(origin: Timestamp) -> Self {
        Self { started: tokio::time::Instant::now(), origin }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.origin.after(self.started.elapsed())
    }
}

/// Blocking work on its way to where it may block.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs work that may panic in a store: the panic becomes an error, so that nobody waits for an answer for ever.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(StoreError::Unknown(format!("the store panicked: {}", said(panic.as_ref()))))
    })
}

/// Runs reading that may panic on its way: the panic becomes an error of that reading alone.
pub(crate) fn reading<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let why = format!("reading the store panicked: {}", said(panic.as_ref()));
        Err(Error::new(Kind::Internal, why))
    })
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text").to_owned()
}

/// Where blocking work runs. Writes run one after another in the order in which they were given; reads beside them.
pub trait Executor: Send + Sync + 'static {
    /// Runs a write behind all writes given before.
    fn write(&self, job: Job);

    /// Runs a read, beside writes and other reads.
    fn read(&self, job: Job);

    /// Runs a write that nobody waits for, beside all other work.
    fn write_beside(&self, job: Job) {
        self.read(job);
    }

    /// Waits until all writes given before are done. Blocks. Reads may go on for a moment.
    fn finish(&self);
}
