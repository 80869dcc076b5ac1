//! Sessions on their way from a name to an actor: the epochs of all that wait are raised in one commit, and their logs are
//! read a few at a time.

use std::collections::VecDeque;

use highwater_protocol::{Error, SessionId};
use highwater_storage::Lease;

use super::Reign;

/// So many sessions are read from the store at once, each into a view and a page of its log.
pub(super) const READ_AT_ONCE: usize = 8;

/// The epochs of so many are raised at once: bounds the time of one commit.
pub(super) const OPENED_AT_ONCE: usize = 256;

/// Who waits for what.
#[derive(Default)]
pub(super) struct Openings {
    to_open: VecDeque<SessionId>,
    is_opening: bool,
    to_read: VecDeque<(SessionId, Hold)>,
    being_read: usize,
}

/// Whoever reads a session may write to it.
pub(super) enum Hold {
    /// The last actor here left in order: whoever goes on there has nobody to fence off.
    Kept(Reign),
    /// Its epoch was raised for this, or could not be.
    Raised(Result<Lease, Error>),
}

impl Openings {
    /// Somebody waits for a session that has no actor.
    pub(super) fn want(&mut self, session: SessionId, last_reign: Option<Reign>) {
        match last_reign {
            Some(reign) => self.to_read.push_back((session, Hold::Kept(reign))),
            None => self.to_open.push_back(session),
        }
    }

    /// Whose epochs are to be raised now. The next ones come when these are.
    pub(super) fn open_next(&mut self) -> Option<Vec<SessionId>> {
        if self.is_opening || self.to_open.is_empty() {
            return None;
        }
        self.is_opening = true;
        let count = self.to_open.len().min(OPENED_AT_ONCE);
        Some(self.to_open.drain(..count).collect())
    }

    pub(super) fn opened(&mut self, leases: Vec<(SessionId, Result<Lease, Error>)>) {
        self.is_opening = false;
        let raised = leases.into_iter().map(|(session, lease)| (session, Hold::Raised(lease)));
        self.to_read.extend(raised);
    }

    /// Who is to be read now: what a fold holds on its way counts nowhere yet (L5).
    pub(super) fn read_next(&mut self) -> Option<(SessionId, Hold)> {
        if self.being_read == READ_AT_ONCE {
            return None;
        }
        let next = self.to_read.pop_front()?;
        self.being_read += 1;
        Some(next)
    }

    /// Somebody is read no more.
    pub(super) fn was_read(&mut self) {
        self.being_read -= 1;
    }

    /// Nobody is opened any more.
    pub(super) fn close(&mut self) {
        self.to_open.clear();
        self.to_read.clear();
    }
}
