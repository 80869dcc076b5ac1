//! Houses to play in: over any store, in paused time on one thread, or with real threads.

use std::path::Path;
use std::time::Duration;

use highwater::env::{Inline, RuntimeClock};
use highwater::summarize::{Scripted, Step, Summarizer};
use highwater::{HOUSE, Highwater, Permit, PermitRequest};
use highwater_protocol::limit::{Amounts, Class, ClassKind, Key, ProviderStatus};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Format, SessionId, Timestamp, TokenCount};
pub use highwater_storage::Shared;
use highwater_storage::{MemoryStore, RedbOptions, RedbStore, Store};

/// What blocking work and time are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Work is done where it is asked for, and the clock is the runtime's: for paused time.
    Inline,
    /// A writer thread, the blocking pool, the machine's clock.
    Threaded,
}

/// Starts a house with two slots, one of them for turns alone.
pub async fn house(
    store: impl Store,
    environment: Environment,
    summarizer: impl Summarizer,
) -> Highwater {
    let builder = Highwater::builder(store).summarizer(summarizer).seed(1);
    let builder = match environment {
        Environment::Inline => {
            builder.executor(Inline).clock(RuntimeClock::starting_at(Timestamp(1_000_000)))
        }
        Environment::Threaded => builder,
    };
    builder.start().await.expect("two slots, one reserved")
}

/// How the house's own account stands at the gate.
pub async fn gate(house: &Highwater) -> ProviderStatus {
    house.gate().status_of(HOUSE).await.expect("it answers")
}

/// Compactions that hold a permit of the house's account.
pub async fn compactions(house: &Highwater) -> u32 {
    gate(house).await.held().of(ClassKind::Compaction)
}

/// A turn's permit of the house's account.
pub async fn turn(house: &Highwater) -> Permit {
    permit(house, Class::Turn).await
}

/// A permit of the house's account.
pub async fn permit(house: &Highwater, class: Class) -> Permit {
    let request = PermitRequest::new(Key::of(HOUSE), class, Amounts::default());
    house.gate().acquire(request).await.expect("a permit")
}

/// A house in memory, in the runtime's time.
pub async fn in_memory(summarizer: impl Summarizer) -> Highwater {
    house(MemoryStore::new(), Environment::Inline, summarizer).await
}

/// Opens the redb store in a directory.
pub fn redb(dir: &Path) -> RedbStore {
    RedbStore::open(dir, RedbOptions::default()).expect("nobody else has the store open")
}

/// Small marks: a pass starts at 2,000 tokens and lands at 1,000; no context is above 4,000.
pub fn budget() -> Budget {
    Budget::new(TokenCount(2_000), TokenCount(1_000), TokenCount(4_000)).expect("rising marks")
}

/// Small marks, automatic passes, Anthropic blocks.
pub fn automatic() -> SessionConfig {
    SessionConfig::new(budget(), Format::Anthropic)
}

/// The same without automatic passes.
pub fn by_wish() -> SessionConfig {
    SessionConfig { automatic: false, ..automatic() }
}

/// A session's name.
pub fn named(name: &str) -> SessionId {
    SessionId::parse(name).expect("a legal name")
}

/// A summarizer that answers each call with a short text after some seconds.
pub fn gist(after_secs: u64) -> Scripted {
    Scripted::new([says(after_secs, "The gist of it.")])
}

/// An answer after some seconds.
pub fn says(after_secs: u64, text: &str) -> Step {
    Step::Say { after: Duration::from_secs(after_secs), text: text.to_owned() }
}
