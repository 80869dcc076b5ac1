//! One rate as a bucket of cells. governor does the arithmetic (GCRA); its clock and its state are ours, so that time is
//! an argument, and what was taken can be looked at first, given back, and owed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::Rate;
use super::lows::Lows;
use crate::time::Moment;

const MINUTE_NANOS: u64 = 60_000_000_000;

/// The most that is owed at all, in time: who owes more has counted wrong, and shall not wait for days.
const MOST_OWED_NANOS: u64 = 60 * MINUTE_NANOS;

/// How a bucket lets calls through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// As many cells at once as the rate's burst has.
    Burst,
    /// One call of any size at a time: the next when all cells of the one before have been made up for.
    Paced,
}

/// A number that the limiter reads and we set: the time in one place, the state in another. Both in nanoseconds since the
/// clock began; of the state, that is when the bucket is full again (GCRA's theoretical arrival time).
#[derive(Clone, Debug, Default)]
struct Nanoseconds(Arc<AtomicU64>);

impl Nanoseconds {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::Relaxed);
    }
}

impl Clock for Nanoseconds {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.get().into()
    }
}

impl StateStore for Nanoseconds {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (allowed, next) = decide(Some(self.get().into()))?;
        self.set(next.as_u64());
        Ok(allowed)
    }
}

/// A rate under way. Full at first.
#[derive(Debug)]
pub(super) struct Bucket {
    limiter: RateLimiter<NotKeyed, Nanoseconds, Nanoseconds, NoOpMiddleware<Nanos>>,
    full_at: Nanoseconds,
    cell_nanos: u64,
    rate: Rate,
    flow: Flow,
    lows: Lows,
}

impl Bucket {
    pub(super) fn new(rate: Rate, flow: Flow) -> Self {
        let cell_nanos = MINUTE_NANOS.div_ceil(rate.each_minute().max(1));
        let burst = match flow {
            Flow::Burst => cells(rate.at_once()),
            Flow::Paced => NonZeroU32::MIN,
        };
        let quota = Quota::with_period(Duration::from_nanos(cell_nanos))
            .expect("a cell takes a nanosecond at least")
            .allow_burst(burst);
        let full_at = Nanoseconds::default();
        let limiter = RateLimiter::new(quota, full_at.clone(), Nanoseconds::default());
        Self { limiter, full_at, cell_nanos, rate, flow, lows: Lows::default() }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// How long until a call of `amount` may begin; zero is now. A call that is larger than the burst may begin when all
    /// of it is there: whether it may begin at all is decided where it is asked for.
    pub(super) fn wait(&self, now: Moment, amount: u64) -> Duration {
        let asked = match self.flow {
            Flow::Burst => cells(amount.min(self.rate.at_once())),
            Flow::Paced => NonZeroU32::MIN,
        };
        let before = self.full_at.get();
        self.limiter.clock().set(nanos(now));
        let checked = self.limiter.check_n(asked).expect("no more is asked for than the burst");
        // Looking takes nothing: several rates have to agree before any is charged.
        self.full_at.set(before);
        checked.map_or_else(|not| not.wait_time_from(nanos(now).into()), |()| Duration::ZERO)
    }

    /// Takes an amount, there or not: what is missing is owed. Marks rise from one take to the next.
    pub(super) fn take(&mut self, now: Moment, mark: u64, amount: u64) {
        self.lows.note(mark, self.missing_nanos(now));
        let (now, full) = (nanos(now), self.full_at.get());
        let taken = full.max(now).saturating_add(self.nanos_of(amount));
        self.full_at.set(taken.min(full.max(now + MOST_OWED_NANOS)));
    }

    /// Gives back what was taken by a mark and not used: the bucket is as if it had never been taken.
    pub(super) fn give_back(&mut self, now: Moment, mark: u64, amount: u64) {
        let (asked, missing) = (self.nanos_of(amount), self.missing_nanos(now));
        let back = self.lows.give_back(mark, asked, missing);
        self.full_at.set(self.full_at.get() - back);
    }

    /// What is there now.
    pub(super) fn left(&self, now: Moment) -> u64 {
        self.rate.at_once().saturating_sub(self.missing(now))
    }

    /// What was taken and is not there again; more than the burst when something is owed.
    pub(super) fn missing(&self, now: Moment) -> u64 {
        self.missing_nanos(now).div_ceil(self.cell_nanos)
    }

    fn missing_nanos(&self, now: Moment) -> u64 {
        self.full_at.get().saturating_sub(nanos(now))
    }

    /// What comes back in a time.
    pub(super) fn refilled_in(&self, span: Duration) -> u64 {
        u64::try_from(span.as_nanos() / u128::from(self.cell_nanos)).unwrap_or(u64::MAX)
    }

    /// Lowers what is there to `left`; never raises it.
    pub(super) fn lower_to(&mut self, now: Moment, mark: u64, left: u64) {
        let missing = self.rate.at_once().saturating_sub(left);
        self.take(now, mark, missing.saturating_sub(self.missing(now)));
    }

    /// The same bucket at another rate: as much is missing of it as before.
    pub(super) fn at(&self, now: Moment, rate: Rate, flow: Flow) -> Self {
        let mut other = Self::new(rate, flow);
        let full = nanos(now).saturating_add(other.nanos_of(self.missing(now)));
        other.full_at.set(full);
        other.lows = self.lows.scaled(|low| other.nanos_of(low / self.cell_nanos));
        other
    }

    fn nanos_of(&self, amount: u64) -> u64 {
        self.cell_nanos.saturating_mul(amount)
    }
}

/// Nanoseconds are counted for centuries; a moment behind them is their end.
fn nanos(moment: Moment) -> u64 {
    u64::try_from(moment.0.as_nanos()).unwrap_or(u64::MAX / 2)
}

fn cells(amount: u64) -> NonZeroU32 {
    let amount = u32::try_from(amount).unwrap_or(u32::MAX);
    NonZeroU32::new(amount).unwrap_or(NonZeroU32::MIN)
}
