//! Whether anything is under way: a session that is quiet can be ended and read from its log again unnoticed.

use crate::anchor::Anchor;

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

    /// The fold as an anchor; `None` when part of it is not durable yet, or it cannot be one.
    pub fn anchor(&self) -> Option<Anchor> {
        let is_whole = self.outbox.is_durable() && self.held.is_none() && !self.closing;
        if is_whole { self.state.anchor() } else { None }
    }
}
