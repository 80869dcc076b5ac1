//! Who waits: one lane for each kind of call and model, each in order; bounded for each class.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::meter::Call;
use super::{ByClass, ClassKind, Ticket, Wish};
use crate::time::Moment;

/// Which lane a wish waits in. Calls in one lane take of the same keys, so only the first of each has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneOf {
    turns: bool,
    beside: bool,
    model: Option<usize>,
    manual: bool,
}

/// A place in a lane: by when it is due, then by when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) due: Moment,
    number: u64,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) wish: Wish,
    pub(super) model: Option<usize>,
    /// Whether it takes of what is not reserved for turns.
    pub(super) beside: bool,
    pub(super) since: Moment,
}

impl Waiter {
    fn lane(&self) -> LaneOf {
        LaneOf {
            turns: self.is_turn(),
            beside: self.beside,
            model: self.model,
            manual: self.wish.manual,
        }
    }

    pub(super) fn is_turn(&self) -> bool {
        self.wish.class.kind() == ClassKind::Turn
    }

    /// The call that it waits for.
    pub(super) fn call(&self) -> Call {
        let Wish { class, amounts, .. } = self.wish;
        Call { kind: class.kind(), beside: self.beside, amounts }
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: BTreeMap<LaneOf, BTreeMap<Place, Waiter>>,
    places: BTreeMap<Ticket, (LaneOf, Place)>,
    deadlines: BTreeSet<(Moment, Ticket)>,
    lengths: ByClass<usize>,
    numbers: u64,
}

impl Queue {
    pub(super) fn length(&self, kind: ClassKind) -> usize {
        self.lengths.of(kind)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn lengths(&self) -> ByClass<usize> {
        self.lengths
    }

    pub(super) fn holds(&self, ticket: Ticket) -> bool {
        self.places.contains_key(&ticket)
    }

    /// Puts a waiter behind those that are due before it.
    pub(super) fn push(&mut self, waiter: Waiter) {
        let due = waiter.since.after(waiter.wish.class.patience());
        let place = Place { due, number: self.numbers };
        self.numbers += 1;
        let lane = waiter.lane();
        self.places.insert(waiter.ticket, (lane, place));
        if let Some(deadline) = waiter.wish.deadline {
            self.deadlines.insert((deadline, waiter.ticket));
        }
        *self.lengths.of_mut(waiter.wish.class.kind()) += 1;
        self.lanes.entry(lane).or_default().insert(place, waiter);
    }

    /// Takes somebody out, wherever they stand.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        let (lane, place) = self.places.remove(&ticket)?;
        let waiters = self.lanes.get_mut(&lane).expect("a place is in a lane");
        let waiter = waiters.remove(&place).expect("a place is taken by who has it");
        if waiters.is_empty() {
            self.lanes.remove(&lane);
        }
        if let Some(deadline) = waiter.wish.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        *self.lengths.of_mut(waiter.wish.class.kind()) -= 1;
        Some(waiter)
    }

    /// The first of each lane.
    pub(super) fn heads(&self) -> impl Iterator<Item = (Place, &Waiter)> {
        self.lanes.values().filter_map(|lane| {
            let (place, waiter) = lane.first_key_value()?;
            Some((*place, waiter))
        })
    }

    /// Everybody, lane by lane.
    pub(super) fn all(&self) -> impl Iterator<Item = &Waiter> {
        self.lanes.values().flat_map(BTreeMap::values)
    }

    /// The first whose deadline has passed.
    pub(super) fn overdue(&self, now: Moment) -> Option<Ticket> {
        let (deadline, ticket) = self.deadlines.first()?;
        (*deadline <= now).then_some(*ticket)
    }

    /// When the next deadline passes.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// How long the first of a kind that came has waited.
    pub(super) fn oldest_wait(&self, now: Moment) -> Option<Duration> {
        self.all().map(|waiter| now.since(waiter.since)).max()
    }
}
