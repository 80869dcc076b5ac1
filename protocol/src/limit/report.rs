//! What is learned from a call that has ended: how it ended, what it took, and what the provider said of its limits.

use std::time::Duration;

use super::{Amounts, Quantity};

/// What a provider says of one quantity in the headers of an answer, also of a successful one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it allows for each minute.
    pub limit: Option<u64>,
    /// What is left of it now.
    pub remaining: Option<u64>,
    /// How long until all of it is there again.
    pub reset: Option<Duration>,
}

impl Standing {
    /// How long until the next window begins, of one that counts by windows of a minute and has little left: all will be
    /// there again sooner than an even rate would bring it. Nine tenths of that time are taken and two seconds are added,
    /// since headers are rounded to thousands and to seconds.
    pub(super) fn next_window(&self) -> Option<Duration> {
        let (limit, remaining, reset) = (self.limit?, self.remaining?, self.reset?);
        let evenly = u128::from(limit.saturating_sub(remaining)) * 54_000;
        let sooner = (reset.as_millis() + 2_000) * u128::from(limit) < evenly;
        (remaining <= limit / 10 && sooner).then_some(reset)
    }
}

/// What a provider says of its limits in the headers of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen([Standing; Quantity::ALL.len()]);

impl Seen {
    /// What it says of one quantity.
    pub fn of(&self, quantity: Quantity) -> Standing {
        self.0[quantity as usize]
    }

    /// The same, to be filled in.
    pub fn of_mut(&mut self, quantity: Quantity) -> &mut Standing {
        &mut self.0[quantity as usize]
    }
}

/// How a call ended, as far as it concerns whoever calls next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The provider answered, or refused this request alone: it is well.
    Answered,
    /// It refused because of its limits (429).
    RateLimited {
        /// How long to wait at least, if it says so.
        retry_after: Option<Duration>,
    },
    /// It has too much to do (503, 529).
    Overloaded {
        /// How long to wait at least, if it says so.
        retry_after: Option<Duration>,
    },
    /// What may be spent is spent, or the key is not valid: asking again does not help.
    Spent,
    /// The key may not use this model: asking again does not help.
    Forbidden,
    /// No connection, no answer in time, a broken answer, an error of the provider's.
    Failed,
    /// The call was given up by whoever made it: nothing is learned of the provider.
    Abandoned,
}

/// What whoever made a call tells the gate at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// What it took by the provider's count; without it, the estimate stands.
    pub usage: Option<Amounts>,
    /// What the provider said of its limits.
    pub seen: Seen,
    /// How long ago it said so: a streamed answer ends long after its headers came.
    pub seen_ago: Duration,
}

impl Report {
    /// A call that ended so, and of which nothing else is known.
    pub fn of(ending: Ending) -> Self {
        Self { ending, usage: None, seen: Seen::default(), seen_ago: Duration::ZERO }
    }

    /// A call that was answered, and took this.
    pub fn answered(usage: Amounts) -> Self {
        Self { usage: Some(usage), ..Self::of(Ending::Answered) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_told_from_even_rates_whatever_is_rounded() {
        for (limit, remaining, reset, window) in [
            (60_000, 0, 40, true),
            (60_000, 5_000, 20, true),
            (60_000, 0, 60, false),
            (60_000, 0, 58, false),
            // Rounded to a thousand: six hundred are missing.
            (8_000, 7_000, 4, false),
            (30_000, 25_000, 8, false),
            (10, 1, 54, false),
            (10, 1, 20, true),
        ] {
            let reset = Duration::from_secs(reset);
            let told =
                Standing { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) };
            assert_eq!(told.next_window(), window.then_some(reset), "{told:?}");
        }
        assert_eq!(Standing::default().next_window(), None);
    }
}
