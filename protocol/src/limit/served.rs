//! What is noted of calls that had a permit, for whoever wants to follow them.

use super::{Amounts, ClassKind, Ending};
use crate::time::Moment;

/// A call that had a permit, from its wish to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// For whom it was.
    pub class: ClassKind,
    /// What it was estimated to take.
    pub amounts: Amounts,
    /// When the permit was asked for.
    pub asked: Moment,
    /// When it was granted.
    pub granted: Moment,
    /// When it was given back, or taken back.
    pub ended: Moment,
    /// How it went.
    pub ending: Ending,
    /// What it took, as far as the provider said.
    pub used: Option<Amounts>,
}

/// Ends of calls that are noted while somebody follows.
#[derive(Debug, Default)]
pub(super) struct Trail {
    followed: bool,
    ended: Vec<Served>,
}

impl Trail {
    pub(super) fn leave(&mut self, served: Served) {
        if self.followed {
            self.ended.push(served);
        }
    }

    pub(super) fn is_followed(&self) -> bool {
        self.followed
    }

    pub(super) fn take(&mut self, wanted: bool) -> Vec<Served> {
        self.followed = wanted;
        std::mem::take(&mut self.ended)
    }
}
