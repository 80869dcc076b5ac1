//! Steps and decades for the axes.

/// The smallest of 1, 2, 5, 10, 20, 50, ... of which at most `most` fit into `range`.
pub(super) fn nice_step(range: u64, most: u64) -> u64 {
    let mut decade: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = decade.saturating_mul(factor);
            if range / step <= most {
                return step;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

/// The powers of ten from the one at or below `least` to the one at or above `most`; at least two.
pub(super) fn decades(least: u64, most: u64) -> Vec<u64> {
    let mut low: u64 = 1;
    while low.saturating_mul(10) <= least {
        low *= 10;
    }
    let mut decades = vec![low];
    let mut next = low.saturating_mul(10);
    while decades.len() < 2 || decades.last().is_some_and(|last| *last < most) {
        decades.push(next);
        if next == u64::MAX {
            break;
        }
        next = next.saturating_mul(10);
    }
    decades
}
