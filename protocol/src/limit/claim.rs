//! Who goes first, and what somebody who waits keeps from those behind.

use super::meter::{Call, Part};

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Beside turns, and put off for long enough.
    Aged,
    Turn,
    /// Beside turns, and may be put off.
    Beside,
}

/// What somebody waits for, and those behind must leave alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) at: usize,
    pub(super) part: Part,
    pub(super) by_turn: bool,
    /// Only of what is not reserved.
    pub(super) own: bool,
}

impl Claim {
    /// Whether it stops a call that could begin otherwise.
    pub(super) fn stops(self, at: usize, call: Call, within_reserve: bool) -> bool {
        let needed = match self.part {
            Part::Slots => true,
            Part::Rate(quantity) => call.amounts.of(quantity) > 0,
        };
        let spared = !call.beside && !self.by_turn && (self.own || within_reserve);
        self.at == at && needed && !spared
    }
}
