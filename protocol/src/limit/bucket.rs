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

/// Time is counted in parts of a nanosecond, so that the cells of a fast rate are not rounded by much. The clock lasts for
/// four years then.
const PARTS: u64 = 64;

const MINUTE: u64 = 60_000_000_000 * PARTS;

/// How a bucket lets calls through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// As many cells at once as the rate's burst has.
    Burst,
    /// One call of any size at a time: the next when all cells of the one before have been made up for.
    Paced,
}

impl Flow {
    /// The most that is owed at all, in time. Of a burst: who owes more has counted wrong, and shall not wait for days. A
    /// pace is often a guess, which one large call shall not make everybody wait for.
    fn most_owed(self) -> u64 {
        match self {
            Self::Burst => 60 * MINUTE,
            Self::Paced => MINUTE,
        }
    }
}

/// A number that the limiter reads and we set: the time in one place, the state in another. Both in parts since the clock
/// began, which the limiter takes for nanoseconds; of the state, that is when the bucket is full again (GCRA's theoretical
/// arrival time).
#[derive(Clone, Debug, Default)]
struct Parts(Arc<AtomicU64>);

impl Parts {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, parts: u64) {
        self.0.store(parts, Ordering::Relaxed);
    }
}

impl Clock for Parts {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.get().into()
    }
}

impl StateStore for Parts {
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
    limiter: RateLimiter<NotKeyed, Parts, Parts, NoOpMiddleware<Nanos>>,
    full_at: Parts,
    cell: u64,
    rate: Rate,
    flow: Flow,
    most_owed: u64,
    lows: Lows,
}

impl Bucket {
    pub(super) fn new(rate: Rate, flow: Flow) -> Self {
        Self::of_cells(MINUTE.div_ceil(rate.each_minute().max(1)), rate, flow)
    }

    /// What is left of a whole beside a part of it. Together they are never faster than the whole, however cells are
    /// rounded: whoever keeps to both keeps to it.
    pub(super) fn rest(whole: &Self, part: &Self) -> Self {
        let per_minute = whole.rate.each_minute() - part.rate.each_minute();
        let burst = whole.rate.at_once() - part.rate.at_once();
        let (fast, slow) = (u128::from(whole.cell), u128::from(part.cell));
        let cell = (fast * slow).div_ceil(slow - fast);
        let cell = u64::try_from(cell).unwrap_or(MINUTE);
        Self::of_cells(cell, Rate::per_minute(per_minute).burst(burst), whole.flow)
    }

    fn of_cells(cell: u64, rate: Rate, flow: Flow) -> Self {
        let burst = match flow {
            Flow::Burst => cells(rate.at_once()),
            Flow::Paced => NonZeroU32::MIN,
        };
        let quota = Quota::with_period(Duration::from_nanos(cell))
            .expect("a cell takes some time")
            .allow_burst(burst);
        let full_at = Parts::default();
        let limiter = RateLimiter::new(quota, full_at.clone(), Parts::default());
        let most_owed = flow.most_owed();
        Self { limiter, full_at, cell, rate, flow, most_owed, lows: Lows::default() }
    }

    /// All of a whole, one call at a time: as long as is made up for what the whole may owe.
    pub(super) fn paced(whole: &Self) -> Self {
        Self { most_owed: whole.most_owed, ..Self::new(whole.rate, Flow::Paced) }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// How long until a call of `amount` may begin; zero is now, as for a call that takes nothing. A call that is larger than the burst may begin when all
    /// of it is there: whether it may begin at all is decided where it is asked for.
    pub(super) fn wait(&self, now: Moment, amount: u64) -> Duration {
        if amount == 0 {
            return Duration::ZERO;
        }
        let asked = match self.flow {
            Flow::Burst => cells(amount.min(self.rate.at_once())),
            Flow::Paced => NonZeroU32::MIN,
        };
        let before = self.full_at.get();
        self.limiter.clock().set(parts(now));
        let checked = self.limiter.check_n(asked).expect("no more is asked for than the burst");
        // Looking takes nothing: several rates have to agree before any is charged.
        self.full_at.set(before);
        let wait =
            checked.map_or_else(|not| not.wait_time_from(parts(now).into()), |()| Duration::ZERO);
        let nanos = wait.as_nanos().div_ceil(u128::from(PARTS));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes an amount, there or not: what is missing is owed. Marks rise from one take to the next.
    pub(super) fn take(&mut self, now: Moment, mark: u64, amount: u64) {
        self.lows.note(mark, self.missing_parts(now));
        let (now, full) = (parts(now), self.full_at.get());
        let taken = full.max(now).saturating_add(self.parts_of(amount));
        self.full_at.set(taken.min(full.max(now + self.most_owed)));
    }

    /// Gives back what was taken by a mark and not used: the bucket is as if no more than that had been taken.
    pub(super) fn give_back(&mut self, now: Moment, mark: u64, taken: u64, used: u64) {
        // Of what was taken, no more was charged than may be owed.
        let charged = self.parts_of(taken).min(self.most_owed);
        let asked = charged.saturating_sub(self.parts_of(used));
        let missing = self.missing_parts(now);
        let back = self.lows.give_back(mark, asked, missing);
        self.full_at.set(self.full_at.get() - back);
    }

    /// What is there now.
    pub(super) fn left(&self, now: Moment) -> u64 {
        self.rate.at_once().saturating_sub(self.missing(now))
    }

    /// What was taken and is not there again; more than the burst when something is owed.
    pub(super) fn missing(&self, now: Moment) -> u64 {
        self.missing_parts(now).div_ceil(self.cell)
    }

    fn missing_parts(&self, now: Moment) -> u64 {
        self.full_at.get().saturating_sub(parts(now))
    }

    /// What comes back in a time.
    pub(super) fn refilled_in(&self, span: Duration) -> u64 {
        let parts = span.as_nanos().saturating_mul(u128::from(PARTS));
        u64::try_from(parts / u128::from(self.cell)).unwrap_or(u64::MAX)
    }

    /// Lowers what is there to `left`; never raises it.
    pub(super) fn lower_to(&mut self, now: Moment, mark: u64, left: u64) {
        let missing = self.rate.at_once().saturating_sub(left);
        self.take(now, mark, missing.saturating_sub(self.missing(now)));
    }

    /// The same state at another rate: as much is missing of `other` as is of this.
    pub(super) fn carried(&self, now: Moment, mut other: Self) -> Self {
        let full = parts(now).saturating_add(other.parts_of(self.missing(now)));
        other.full_at.set(full.min(parts(now) + other.most_owed));
        other.lows = self.lows.scaled(|low| other.parts_of(low / self.cell));
        other
    }

    /// No more than `most` is missing from now on. Tells how much less that is.
    pub(super) fn forgive(&mut self, now: Moment, most: u64) -> u64 {
        let (missing, left) = (self.missing_parts(now), self.parts_of(most));
        if missing <= left {
            return 0;
        }
        self.full_at.set(parts(now) + left);
        self.lows = self.lows.scaled(|low| low.min(left));
        (missing - left) / self.cell
    }

    fn parts_of(&self, amount: u64) -> u64 {
        self.cell.saturating_mul(amount)
    }
}

/// Parts are counted for years; a moment behind them is their end.
fn parts(moment: Moment) -> u64 {
    let parts = moment.0.as_nanos().saturating_mul(u128::from(PARTS));
    u64::try_from(parts).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

fn cells(amount: u64) -> NonZeroU32 {
    let amount = u32::try_from(amount).unwrap_or(u32::MAX);
    NonZeroU32::new(amount).unwrap_or(NonZeroU32::MIN)
}
