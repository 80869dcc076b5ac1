//! The gate's policy as a value: who is granted a slot next (G1, G2). No runtime, no time; the gate's actor only waits
//! and grants what this says.

mod amounts;
mod limits;
mod report;

use std::collections::VecDeque;

use crate::error::{Error, Kind};

pub use amounts::{Amounts, Quantity};
pub use limits::{Key, Limits, MAX_RESERVE_PERCENT, Rate};
pub use report::{Ending, Report, Seen, Standing};

/// What a model call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A turn of an agent: somebody waits for it.
    Turn,
    /// A summarizer call of a pass: nobody does.
    Compaction,
}

/// Names one wish for a slot. Given by the gate's actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// How many calls a provider takes at once, and how many of these only turns may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotLimits {
    slots: u32,
    reserve: u32,
}

impl SlotLimits {
    /// `slots` in all, `reserve` of them for turns alone. [`Kind::Invalid`] when there is no slot, or the reserve
    /// leaves none for compaction, which would then wait for ever (G5).
    pub fn new(slots: u32, reserve: u32) -> Result<Self, Error> {
        if slots == 0 || reserve >= slots {
            let message = format!(
                "{slots} slots with {reserve} reserved for turns leave none for compaction; \
                 the reserve must be smaller than the slots"
            );
            return Err(Error::new(Kind::Invalid, message));
        }
        Ok(Self { slots, reserve })
    }

    /// Calls at once.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Slots that only turns may use.
    pub fn reserve(&self) -> u32 {
        self.reserve
    }
}

/// The slots of one provider and who waits for them. Turns go before compaction; within a class the first come goes
/// first.
#[derive(Clone, Debug)]
pub struct Slots {
    limits: SlotLimits,
    turns: u32,
    compactions: u32,
    waiting_turns: VecDeque<Ticket>,
    waiting_compactions: VecDeque<Ticket>,
}

/// How the slots stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotStatus {
    /// The limits.
    pub limits: SlotLimits,
    /// Turns that hold a slot.
    pub turns: u32,
    /// Compactions that hold a slot.
    pub compactions: u32,
    /// Turns that wait.
    pub waiting_turns: usize,
    /// Compactions that wait.
    pub waiting_compactions: usize,
}

impl Slots {
    /// All slots free.
    pub fn new(limits: SlotLimits) -> Self {
        Self {
            limits,
            turns: 0,
            compactions: 0,
            waiting_turns: VecDeque::new(),
            waiting_compactions: VecDeque::new(),
        }
    }

    /// Somebody wants a slot. Ask [`Slots::grant`] who gets one.
    pub fn request(&mut self, ticket: Ticket, class: Class) {
        match class {
            Class::Turn => self.waiting_turns.push_back(ticket),
            Class::Compaction => self.waiting_compactions.push_back(ticket),
        }
    }

    /// A slot came back.
    ///
    /// # Panics
    /// When more slots of the class come back than were granted: a defect of the caller.
    pub fn release(&mut self, class: Class) {
        let held = match class {
            Class::Turn => &mut self.turns,
            Class::Compaction => &mut self.compactions,
        };
        *held = held.checked_sub(1).expect("each grant is released once");
    }

    /// The next one to be granted a slot, if there is one: call until `None`.
    pub fn grant(&mut self) -> Option<(Ticket, Class)> {
        let used = self.turns + self.compactions;
        if used < self.limits.slots
            && let Some(ticket) = self.waiting_turns.pop_front()
        {
            self.turns += 1;
            return Some((ticket, Class::Turn));
        }
        let open_to_all = self.limits.slots - self.limits.reserve;
        let free = used < self.limits.slots && self.compactions < open_to_all;
        if free && let Some(ticket) = self.waiting_compactions.pop_front() {
            self.compactions += 1;
            return Some((ticket, Class::Compaction));
        }
        None
    }

    /// How the slots stand.
    pub fn status(&self) -> SlotStatus {
        SlotStatus {
            limits: self.limits,
            turns: self.turns,
            compactions: self.compactions,
            waiting_turns: self.waiting_turns.len(),
            waiting_compactions: self.waiting_compactions.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `t`/`c` (a wish), `T`/`C` (a release) and returns the grants after each step, `.` for none.
    fn check(slots: u32, reserve: u32, script: &str, expected: &str) {
        let mut policy = Slots::new(SlotLimits::new(slots, reserve).expect("legal limits"));
        let mut granted = String::new();
        for (index, step) in script.chars().enumerate() {
            match step {
                't' => policy.request(Ticket(index as u64), Class::Turn),
                'c' => policy.request(Ticket(index as u64), Class::Compaction),
                'T' => policy.release(Class::Turn),
                _ => policy.release(Class::Compaction),
            }
            let before = granted.len();
            while let Some((_, class)) = policy.grant() {
                granted.push(if class == Class::Turn { 't' } else { 'c' });
            }
            if granted.len() == before {
                granted.push('.');
            }
            let status = policy.status();
            assert!(status.turns + status.compactions <= slots, "over the slots: {status:?}");
            assert!(status.compactions <= slots - reserve, "in the reserve: {status:?}");
        }
        assert_eq!(granted, expected, "{slots} slots, {reserve} reserved, {script}");
    }

    #[test]
    fn slots_are_never_exceeded() {
        check(2, 0, "tttT", "tt.t");
        check(1, 0, "ccC", "c.c");
    }

    #[test]
    fn turns_go_before_compactions_that_came_earlier() {
        check(1, 0, "tctT", "t..t");
    }

    #[test]
    fn the_reserve_is_open_to_turns_alone() {
        check(2, 1, "cct", "c.t");
        check(3, 1, "cccttC", "cc.t.t");
    }

    #[test]
    fn limits_that_leave_compaction_nothing_are_refused() {
        assert!(SlotLimits::new(0, 0).is_err());
        assert!(SlotLimits::new(2, 2).is_err());
    }
}
