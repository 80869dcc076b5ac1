//! What two arms measured, at equal view size: calls are weighted so that both arms have as many of them at each size.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::metrics::{Call, histogram, micros};
use super::slices::Arm;
use crate::report::words::real;

/// Views are of one size if they are in the same of so many parts of the window.
const SIZES: u64 = 20;

/// Times of both arms by kind of call and size of view.
#[derive(Debug, Default)]
pub(super) struct Arms(Mutex<BTreeMap<(Arm, Call, u64), Histogram<u64>>>);

/// Both arms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Compared {
    /// Appends and contexts, one by one and both at once.
    pub(super) both: Pair,
    /// Appends; like the other kinds absent where one arm did not measure any.
    pub(super) append: Option<Pair>,
    /// Contexts.
    pub(super) context: Option<Pair>,
    /// Entries with a context.
    pub(super) next_context: Option<Pair>,
}

/// One kind of call in both arms, at equal view size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Pair {
    /// With passes.
    pub(super) passes: Quantiles,
    /// Without.
    pub(super) no_passes: Quantiles,
    /// The 99th percentile with passes by that without.
    pub(super) p99_ratio: f64,
}

/// Weighted quantiles of one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Quantiles {
    /// Calls that were measured.
    pub(super) calls: u64,
    /// Half of them took at most this long.
    pub(super) p50_us: u64,
    /// 99 of 100 of them.
    pub(super) p99_us: u64,
}

impl Arms {
    /// A call of an arm was answered, over a view that is this share of its window.
    pub(super) fn took(&self, arm: Arm, call: Call, (view, window): (u64, u64), time: Duration) {
        let size = (view * SIZES / window.max(1)).min(SIZES);
        let mut times = self.times();
        let times = times.entry((arm, call, size)).or_insert_with(|| histogram(2));
        times.saturating_record(micros(time));
    }

    /// Both arms beside each other; `None` unless both measured something at some size.
    pub(super) fn compared(&self) -> Option<Compared> {
        let times = self.times();
        Some(Compared {
            both: pair(&times, &[Call::Append, Call::Context, Call::NextContext])?,
            append: pair(&times, &[Call::Append]),
            context: pair(&times, &[Call::Context]),
            next_context: pair(&times, &[Call::NextContext]),
        })
    }

    fn times(&self) -> MutexGuard<'_, BTreeMap<(Arm, Call, u64), Histogram<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Times = BTreeMap<(Arm, Call, u64), Histogram<u64>>;

fn pair(times: &Times, calls: &[Call]) -> Option<Pair> {
    let [passes, no_passes] = [Arm::Passes, Arm::NoPasses].map(|arm| weighted(times, calls, arm));
    let (passes, no_passes) = (passes?, no_passes?);
    let p99_ratio = real(passes.p99_us) / real(no_passes.p99_us.max(1));
    Some(Pair { passes, no_passes, p99_ratio })
}

/// The quantiles of one arm, each of whose calls weighs as much as makes both arms equal at each size.
fn weighted(times: &Times, calls: &[Call], arm: Arm) -> Option<Quantiles> {
    let (mut all, mut count) = (Vec::new(), 0);
    for call in calls {
        for size in 0..=SIZES {
            let of = |arm| times.get(&(arm, *call, size)).filter(|times| !times.is_empty());
            let (Some(own), Some(one), Some(other)) = (of(arm), of(Arm::Passes), of(Arm::NoPasses))
            else {
                continue;
            };
            count += own.len();
            let weight = real(one.len().min(other.len())) / real(own.len());
            all.extend(own.iter_recorded().map(|value| {
                (value.value_iterated_to(), real(value.count_since_last_iteration()) * weight)
            }));
        }
    }
    all.sort_unstable_by_key(|(time_us, _)| *time_us);
    let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
    let quantile = |share: f64| {
        let mut below = 0.0;
        all.iter().find_map(|(time_us, weight)| {
            below += weight;
            (below >= sum * share * (1.0 - f64::EPSILON)).then_some(*time_us)
        })
    };
    Some(Quantiles { calls: count, p50_us: quantile(0.5)?, p99_us: quantile(0.99)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(arms: &Arms, arm: Arm, view: u64, ms: u64, count: u64) {
        for _ in 0..count {
            arms.took(arm, Call::Append, (view, 1_000), Duration::from_millis(ms));
            arms.took(arm, Call::Context, (view, 1_000), Duration::from_millis(2 * ms));
        }
    }

    #[test]
    fn an_arm_with_larger_views_is_compared_at_the_size_of_the_other() {
        let arms = Arms::default();
        // Time follows the view alone; one arm has twenty times as many large ones.
        record(&arms, Arm::Passes, 100, 1, 900);
        record(&arms, Arm::Passes, 900, 9, 100);
        record(&arms, Arm::NoPasses, 100, 1, 995);
        record(&arms, Arm::NoPasses, 900, 9, 5);
        let compared = arms.compared().expect("both measured");
        let appends = compared.append.expect("both measured");
        assert!((appends.p99_ratio - 1.0).abs() < 0.02, "{compared:?}");
        assert_eq!((compared.both.passes.calls, compared.next_context), (2_000, None));
        // And one that is slower at equal size is seen.
        record(&arms, Arm::Passes, 100, 5, 50);
        let appends = arms.compared().and_then(|compared| compared.append).expect("both measured");
        assert!(appends.p99_ratio > 4.0, "{appends:?}");
    }

    #[test]
    fn sizes_that_one_arm_never_had_say_nothing() {
        let arms = Arms::default();
        record(&arms, Arm::Passes, 900, 9, 10);
        assert_eq!(arms.compared(), None);
        record(&arms, Arm::NoPasses, 100, 1, 10);
        assert_eq!(arms.compared(), None);
    }
}
