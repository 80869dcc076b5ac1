//! Whether anything is under way: a session that is quiet can be ended and read from its log again unnoticed.

use std::fmt;

use crate::anchor::Anchor;
use crate::position::LogPos;

use super::Session;

/// A figure for whoever watches. It decides nothing, so that two sessions that differ in it alone are the same.
#[derive(Default)]
pub(super) struct Tally(pub(super) u64);

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally")
    }
}

impl Session {
    /// Whether nothing is under way: no pass, nobody who waits, nothing that anybody asked for and
    /// that is not durable.
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
        self.evictions.0
    }
}
