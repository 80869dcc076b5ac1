//! The session as a state machine: events in, commands out, nothing awaited.
//!
//! [`State`] is the fold of the log, the same for the live path and for recovery (L4). [`Session`] adds what does not
//! survive a process: the pass in flight, what waits to become durable, and who waits for it.

mod changes;
mod checkpoint;
mod command;
mod event;
mod outbox;
mod passes;
mod past;
mod quiet;
mod replay;
mod state;
mod step;
mod usage;
mod waiting;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use command::{Command, PassJob};
pub use event::{CommitFailure, Event};
pub use replay::Replay;
pub use state::{Known, State};

use crate::budget::Budget;
use crate::cut::Cut;
use crate::entry::Format;
use crate::ids::{PassId, RequestId, SessionId};
use crate::record::Record;
use crate::time::Timestamp;
use crate::tokens::TokenCount;
use outbox::Outbox;
use waiting::{Found, Held};

/// How a session is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The marks of its view.
    pub budget: Budget,
    /// What its contexts are rendered in, until the session is switched to another format.
    pub format: Format,
    /// The longest that a pass may take before it is abandoned: what a first pass gets.
    pub pass_deadline: Duration,
    /// The shortest deadline that a pass gets, however fast the ones before it were.
    pub pass_deadline_floor: Duration,
    /// Whether the session starts passes by itself when its view exceeds the trigger.
    pub automatic: bool,
    /// The bytes of memory that the session may take (L5). After each step texts and rendered blocks of its oldest groups
    /// leave memory until [`Session::resident_bytes`] is within it; they are read again when they are needed.
    ///
    /// It may take more by: what is not durable yet, the group that holds it included; what cannot leave, which is the
    /// outlines and digests of the view, its summaries, kept ids and the register; and, as long as a context waits to be
    /// durable or the session for its store or a new fold, everything that it held when that began. What a pass works on
    /// is the pass's own. To be restored from an anchor, all texts of its view are read at once, before the oldest leave.
    pub resident_bytes: usize,
}

impl SessionConfig {
    /// Ten minutes: above the slowest honest summarizer seen, below what a person takes for a hang.
    pub const DEFAULT_PASS_DEADLINE: Duration = Duration::from_mins(10);

    /// One minute: a provider that is busy for a while is not a pass that hangs.
    pub const DEFAULT_PASS_DEADLINE_FLOOR: Duration = Duration::from_mins(1);

    /// 16 MiB: the view of a window of some million tokens, in outline and rendered, whole.
    pub const DEFAULT_RESIDENT_BYTES: usize = 16 << 20;

    /// Automatic passes with the default deadline.
    pub fn new(budget: Budget, format: Format) -> Self {
        Self {
            budget,
            format,
            pass_deadline: Self::DEFAULT_PASS_DEADLINE,
            pass_deadline_floor: Self::DEFAULT_PASS_DEADLINE_FLOOR,
            automatic: true,
            resident_bytes: Self::DEFAULT_RESIDENT_BYTES,
        }
    }
}

/// A session: the fold of its log, and what is under way.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    config: SessionConfig,
    state: State,
    outbox: Outbox,
    running: Option<Running>,
    /// Requests that wait for a pass to settle.
    waiting: BTreeMap<PassId, Vec<RequestId>>,
    /// No automatic pass below this size (V9).
    retry_above: TokenCount,
    overhead_told: bool,
    closing: bool,
    /// What the session waits for, and what happened meanwhile.
    held: Option<Held>,
    /// What it is to hold at most once it may give something up.
    relief: Option<usize>,
    /// How often texts have left memory.
    evictions: quiet::Tally,
    /// What the store knew of the ids of the request that is carried out.
    found: Option<Found>,
}

/// The pass in flight (V6).
#[derive(Debug)]
struct Running {
    pass: PassId,
    cut: Cut,
    /// The most that each summary may take.
    caps: Vec<TokenCount>,
    /// The last that the compactor was told of how full the view is.
    fill: u8,
    hurried: bool,
    done: u32,
    total: u32,
}

impl Session {
    fn new(id: SessionId, config: SessionConfig, state: State) -> Self {
        let outbox = Outbox::new(state.log_end());
        Self {
            id,
            config,
            state,
            outbox,
            running: None,
            waiting: BTreeMap::new(),
            retry_above: TokenCount::ZERO,
            overhead_told: false,
            closing: false,
            held: None,
            relief: None,
            evictions: quiet::Tally::default(),
            found: None,
        }
    }

    /// Whose transcript this is.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// How it is run now.
    pub fn config(&self) -> SessionConfig {
        self.config
    }

    /// The fold of the log, records included that are not durable yet.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The bytes of memory that the session takes, as far as they grow with its history: texts and rendered blocks of the
    /// view, or its outlines; summaries and notes; the digest chain, boundaries and ids; what waits to become durable.
    /// Kept, not counted anew. Blocks and texts that share their bytes count twice.
    pub fn resident_bytes(&self) -> usize {
        self.state.weight() + self.outbox.weight()
    }

    /// Makes a record of something that was decided: folds it in, and puts it on its way to the store.
    fn record(&mut self, record: Record) {
        self.state.apply(&record).expect("a session makes only records that its own fold accepts");
        self.outbox.push(record);
    }

    /// Reopens the session with other marks, if they differ.
    fn configure(&mut self, now: Timestamp) {
        let (budget, format) = (self.config.budget, self.config.format);
        if self.state.opened() != Some((format, budget)) {
            self.record(Record::Opened { at: now, format, budget });
        }
    }
}
