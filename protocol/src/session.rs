//! The session as a state machine: events in, commands out, nothing awaited.
//!
//! [`State`] is the fold of the log, the same for the live path and for recovery (L4). [`Session`] adds what does not
//! survive a process: the pass in flight, what waits to become durable, and who waits for it.

mod changes;
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

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
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
}

impl SessionConfig {
    /// Ten minutes: above the slowest honest summarizer seen, below what a person takes for a hang.
    pub const DEFAULT_PASS_DEADLINE: Duration = Duration::from_mins(10);

    /// One minute: a provider that is busy for a while is not a pass that hangs.
    pub const DEFAULT_PASS_DEADLINE_FLOOR: Duration = Duration::from_mins(1);

    /// Automatic passes with the default deadline.
    pub fn new(budget: Budget, format: Format) -> Self {
        Self {
            budget,
            format,
            pass_deadline: Self::DEFAULT_PASS_DEADLINE,
            pass_deadline_floor: Self::DEFAULT_PASS_DEADLINE_FLOOR,
            automatic: true,
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
    /// While the fold is made anew: what happened meanwhile.
    held: Option<VecDeque<Event>>,
}

/// The pass in flight (V6).
#[derive(Debug)]
struct Running {
    pass: PassId,
    cut: Cut,
    /// The most that each summary may take.
    caps: Vec<TokenCount>,
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
