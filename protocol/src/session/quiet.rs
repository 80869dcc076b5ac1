//! Whether anything is under way: a session that is quiet can be ended and read from its log again unnoticed.

use crate::anchor::Anchor;
use crate::position::LogPos;

use super::Session;

impl Session {
    /// Whether nothing is under way: no pass, nobody who waits, nothing that is not durable.
    pub fn is_quiet(&self) -> bool {
        self.running.is_none()
            && self.waiting.is_empty()
            && self.held.is_none()
            && !self.closing
            && self.outbox.is_settled()
    }

    /// The fold as an anchor, to be stored once everything up to it is durable; `None` when it cannot be one now.
    pub fn anchor(&self) -> Option<Anchor> {
        if self.held.is_some() { None } else { self.state.anchor() }
    }

    /// Up to where the log is durable.
    pub fn durable_position(&self) -> LogPos {
        self.outbox.durable_position()
    }

    /// How often texts have left memory.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }
}
