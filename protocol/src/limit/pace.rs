//! How fast permits were granted lately, to say how long a full queue would take.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Moment;

/// Grants that are remembered.
const REMEMBERED: usize = 16;

/// The pace before anything is known of it: a call takes some seconds.
const UNKNOWN: Duration = Duration::from_secs(5);

/// The moments of the last grants.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<Moment>);

impl Pace {
    pub(super) fn granted(&mut self, now: Moment) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// How long so many grants take at the pace of the last ones; the time since the last one counts.
    pub(super) fn expected(&self, now: Moment, grants: usize) -> Duration {
        let grants = u32::try_from(grants).unwrap_or(u32::MAX);
        let Some((first, known)) = self.0.front().zip(u32::try_from(self.0.len()).ok()) else {
            return UNKNOWN.saturating_mul(grants);
        };
        (now.since(*first) / known).saturating_mul(grants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_follows_the_last_grants() {
        let mut pace = Pace::default();
        assert_eq!(pace.expected(Moment::default(), 3), Duration::from_secs(15));
        for second in 0..40 {
            pace.granted(Moment(Duration::from_secs(2 * second)));
        }
        let now = Moment(Duration::from_secs(80));
        assert_eq!(pace.expected(now, 10), Duration::from_secs(20), "two seconds for each");
        let later = now.after(Duration::from_secs(32));
        assert!(pace.expected(later, 10) > Duration::from_secs(30), "nothing came for a while");
    }
}
