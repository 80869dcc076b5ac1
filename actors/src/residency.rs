//! What sessions hold in memory, counted in bytes for the whole process (L5). Each live session's shell says what it holds
//! after each step; when all together hold more than the budget, the registry has those give up that were used longest ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a house holds, and what it did to hold no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Bytes that live sessions hold: what their views show, summaries, ids, and what waits to be durable.
    pub resident_bytes: u64,
    /// How many bytes they may hold together before some give up theirs.
    pub budget_bytes: u64,
    /// Sessions with a live actor.
    pub live_sessions: u64,
    /// Sessions that were read from the store, since the house was started.
    pub activations: u64,
    /// Sessions whose actor was ended because they were idle, or others needed the room.
    pub passivations: u64,
    /// How often a live session gave up bodies of entries that it can read again.
    pub evictions: u64,
    /// Pages, records and ids read from the store.
    pub page_reads: u64,
}

/// The accounts of one house.
#[derive(Debug)]
pub(crate) struct Residency {
    budget: u64,
    resident: AtomicU64,
    clock: AtomicU64,
    is_relieving: AtomicBool,
    /// What was held when relief was asked for last; zero within the budget.
    asked_at: AtomicU64,
    live: AtomicU64,
    activations: AtomicU64,
    passivations: AtomicU64,
    evictions: AtomicU64,
}

/// What one session holds, and when it was used last. Ends with the session's actor: what it held is given back.
#[derive(Debug)]
pub(crate) struct Account {
    residency: Arc<Residency>,
    held: Arc<Held>,
}

/// As much of an account as others may look at.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: AtomicU64,
    used: AtomicU64,
    evictions: AtomicU64,
}

impl Held {
    /// The bytes that the session holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The turn of the house's counter at which it was used last.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Residency {
    /// Accounts for sessions that may hold `budget` bytes together.
    pub(crate) fn new(budget: u64) -> Arc<Self> {
        Arc::new(Self {
            budget,
            resident: AtomicU64::new(0),
            clock: AtomicU64::new(0),
            is_relieving: AtomicBool::new(false),
            asked_at: AtomicU64::new(0),
            live: AtomicU64::new(0),
            activations: AtomicU64::new(0),
            passivations: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
        })
    }

    /// The account of a session that was just read from the store.
    pub(crate) fn activated(self: &Arc<Self>) -> Account {
        self.live.fetch_add(1, Ordering::Relaxed);
        self.activations.fetch_add(1, Ordering::Relaxed);
        let account = Account { residency: Arc::clone(self), held: Arc::default() };
        account.touch();
        account
    }

    /// A session's actor ends because it is idle, or others need the room.
    pub(crate) fn passivated(&self) {
        self.passivations.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes to be given up, so that some room is left for what comes next; zero within the budget.
    pub(crate) fn excess(&self) -> u64 {
        let resident = self.resident.load(Ordering::Relaxed);
        if resident <= self.budget { 0 } else { resident - (self.budget - self.budget / 8) }
    }

    /// The registry has done what it could.
    pub(crate) fn relieved(&self) {
        let resident = self.resident.load(Ordering::Relaxed);
        self.asked_at.store(resident, Ordering::Relaxed);
        self.is_relieving.store(false, Ordering::Relaxed);
    }

    /// The figures, but for the page reads, which the store counts.
    pub(crate) fn gauges(&self) -> Gauges {
        let read = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        Gauges {
            resident_bytes: read(&self.resident),
            budget_bytes: self.budget,
            live_sessions: read(&self.live),
            activations: read(&self.activations),
            passivations: read(&self.passivations),
            evictions: read(&self.evictions),
            page_reads: 0,
        }
    }
}

impl Account {
    /// The session is used now.
    pub(crate) fn touch(&self) {
        let now = self.residency.clock.fetch_add(1, Ordering::Relaxed);
        self.held.used.store(now, Ordering::Relaxed);
    }

    /// The session holds so many bytes now. Whether the registry is to be asked for relief: all hold too much, it is not
    /// about to see to it, and there is hope. That is when this session could end, when less is held than at the last
    /// asking, since others may be able to give up what is left, or when notably more is held.
    pub(crate) fn holds(&self, bytes: usize, could_end: bool) -> bool {
        let (bytes, residency) = (bytes as u64, &self.residency);
        let before = self.held.bytes.swap(bytes, Ordering::Relaxed);
        // A sum that wraps on its way is right in the end.
        residency.resident.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        if residency.excess() == 0 {
            residency.asked_at.store(0, Ordering::Relaxed);
            return false;
        }
        let resident = residency.resident.load(Ordering::Relaxed);
        let asked_at = residency.asked_at.load(Ordering::Relaxed);
        let as_asked = asked_at..=asked_at + residency.budget / 16;
        (could_end || asked_at == 0 || !as_asked.contains(&resident))
            && !residency.is_relieving.swap(true, Ordering::Relaxed)
    }

    /// How often the session has given up texts, since it was read from the store.
    pub(crate) fn evicted(&self, times: u64) {
        let before = self.held.evictions.swap(times, Ordering::Relaxed);
        self.residency.evictions.fetch_add(times - before, Ordering::Relaxed);
    }

    /// What others may look at.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let held = self.held.bytes.swap(0, Ordering::Relaxed);
        self.residency.resident.fetch_sub(held, Ordering::Relaxed);
        self.residency.live.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sessions_hold_is_counted_and_given_back() {
        let residency = Residency::new(1_000);
        let (a, b) = (residency.activated(), residency.activated());
        assert!(!a.holds(600, true));
        assert!(b.holds(600, true), "together they hold too much");
        assert!(!b.holds(700, true), "it was asked for already");
        assert_eq!(residency.excess(), 1_300 - 875);
        residency.relieved();
        assert!(!b.holds(700, false), "nothing was given up");
        assert!(!b.holds(760, false), "hardly more is held");
        assert!(b.holds(690, false), "something was given up: another may have more");
        residency.relieved();
        assert!(b.holds(900, false), "more is held");
        residency.relieved();
        assert!(!b.holds(900, false), "nothing was given up");
        assert!(b.holds(900, true), "one could end");
        residency.relieved();
        b.holds(700, false);
        residency.relieved();
        assert!(!a.holds(100, true), "800 are within the budget");
        assert_eq!((residency.excess(), residency.gauges().resident_bytes), (0, 800));
        assert!(a.held().used() < b.held().used());
        a.touch();
        assert!(a.held().used() > b.held().used());
        drop(b);
        let gauges = residency.gauges();
        assert_eq!((gauges.resident_bytes, gauges.live_sessions, gauges.activations), (100, 1, 2));
    }
}
