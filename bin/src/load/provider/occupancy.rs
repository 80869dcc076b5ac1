//! Who holds the provider's slots and who waits for a permit, over time, as it is seen from this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use highwater_protocol::limit::{ByClass, ClassKind};

use super::super::distribution::whole;
use super::super::scenario::Allowed;
use super::Tally;
use crate::report::words::real;

/// Calls under way and those that wait for permits.
#[derive(Debug)]
pub(super) struct Occupancy {
    slots: u64,
    reserved: u64,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    began: Instant,
    /// When the figures below were brought up to date.
    at: Instant,
    calling: ByClass<u64>,
    waiting: ByClass<u64>,
    busy_us: f64,
    busy_while_waiting_us: f64,
    open_while_waiting_us: f64,
    waiting_us: f64,
}

/// So long somebody has to have waited, in sum, for the slots in use meanwhile to say anything: to take a free permit takes
/// some microseconds, in which a provider that nobody waits for is as idle as ever.
const LEAST_WAITED_US: f64 = 1e6;

/// A call that is under way until this is dropped.
pub(super) struct Calling<'a>(&'a Occupancy, ClassKind);

/// Somebody who waits for a permit until this is dropped.
pub(in crate::load) struct Waiting(Arc<Occupancy>, ClassKind);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        *self.0.seen().calling.of_mut(self.1) -= 1;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.0.seen().waiting.of_mut(self.1) -= 1;
    }
}

impl Occupancy {
    /// Of a provider that allows this, which nobody calls yet.
    pub(super) fn new(allowed: Allowed) -> Self {
        let now = Instant::now();
        let seen = Seen {
            began: now,
            at: now,
            calling: ByClass::default(),
            waiting: ByClass::default(),
            busy_us: 0.0,
            busy_while_waiting_us: 0.0,
            open_while_waiting_us: 0.0,
            waiting_us: 0.0,
        };
        let reserved = u64::from(allowed.limits().reserved_slots());
        Self { slots: allowed.slots, reserved, seen: Mutex::new(seen) }
    }

    /// A call is under way.
    pub(super) fn calls(&self, class: ClassKind) -> Calling<'_> {
        *self.seen().calling.of_mut(class) += 1;
        Calling(self, class)
    }

    /// Somebody waits for a permit.
    pub(super) fn waits(self: &Arc<Self>, class: ClassKind) -> Waiting {
        *self.seen().waiting.of_mut(class) += 1;
        Waiting(Arc::clone(self), class)
    }

    /// The tally, with what was seen of the slots so far.
    pub(super) fn within(&self, tally: Tally) -> Tally {
        let seen = self.seen();
        let lived_us = seen.began.elapsed().as_secs_f64() * 1e6;
        let while_waiting = (seen.waiting_us >= LEAST_WAITED_US)
            .then(|| seen.busy_while_waiting_us / seen.open_while_waiting_us.max(1.0));
        Tally {
            waiting_us: whole(seen.waiting_us),
            utilisation_while_waiting: while_waiting,
            utilisation: seen.busy_us / (lived_us * real(self.slots)),
            ..tally
        }
    }

    /// What is seen, up to now. Whatever is changed in it counts from now on.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed_us = (now - seen.at).as_secs_f64() * 1e6;
        seen.at = now;
        let calls: u64 = seen.calling.iter().map(|(_, calls)| calls).sum();
        seen.busy_us += real(calls) * passed_us;
        let turns_wait = seen.waiting.of(ClassKind::Turn) > 0;
        let unused = self.reserved.saturating_sub(seen.calling.of(ClassKind::Turn));
        let open = if turns_wait { self.slots } else { self.slots - unused };
        if turns_wait || seen.waiting.of(ClassKind::Compaction) > 0 {
            seen.busy_while_waiting_us += real(calls) * passed_us;
            seen.open_while_waiting_us += real(open) * passed_us;
            seen.waiting_us += passed_us;
        }
        seen
    }
}
