//! The pause after a refusal: for every class, never shortened by a later answer (G4).

use std::time::Duration;

use super::NotNow;
use crate::caps::MAX_PAUSE;
use crate::retry::{Backoff, share};
use crate::time::Moment;

/// How long a provider is left alone that says nothing of it: doubled with each refusal that follows.
const UNSAID: Backoff =
    Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1), attempts: u32::MAX };

/// Why nothing is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// The provider refused because of its limits.
    RateLimited,
    /// The provider has too much to do.
    Overloaded,
}

impl Paused {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate limited",
            Self::Overloaded => "overloaded",
        }
    }
}

/// Whether and how long a key is paused.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Moment,
    why: Option<Paused>,
    in_a_row: u32,
}

impl Pause {
    /// The provider refused. What it says is a minimum, up to [`MAX_PAUSE`], and less than a second says nothing; up to a
    /// tenth is added by a drawn number, and a quarter of a
    /// second at least, so that not everybody comes back at once.
    pub(super) fn refused(
        &mut self,
        now: Moment,
        why: Paused,
        retry_after: Option<Duration>,
        drawn: u64,
    ) {
        // Calls that were under way together are refused together: that counts once.
        if self.remaining(now).is_none() {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        let doublings = self.in_a_row.saturating_sub(1);
        let said = retry_after.filter(|wait| *wait >= UNSAID.base);
        let wait = said.unwrap_or_else(|| UNSAID.ceiling(doublings)).min(MAX_PAUSE);
        let jitter = share((wait / 10).max(Duration::from_millis(250)), drawn);
        let until = now.after(wait).after(jitter);
        if until > self.until {
            (self.until, self.why) = (until, Some(why));
        }
    }

    /// The provider answered: the next refusal is the first one again. A pause that is under way goes on.
    pub(super) fn answered(&mut self) {
        self.in_a_row = 0;
    }

    /// Why somebody who has to call before a deadline waits in vain, if it lasts until then: it only grows.
    pub(super) fn outlasts(&self, now: Moment, deadline: Option<Moment>) -> Option<NotNow> {
        let (expected, why) = self.remaining(now)?;
        (now.after(expected) >= deadline?).then_some(NotNow::Paused { why, expected })
    }

    /// How long it still lasts, and why.
    pub(super) fn remaining(&self, now: Moment) -> Option<(Duration, Paused)> {
        let left = self.until.since(now);
        self.why.filter(|_| !left.is_zero()).map(|why| (left, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(Duration::from_secs(100));

    fn left(pause: &Pause, now: Moment) -> u64 {
        pause.remaining(now).map_or(0, |(left, _)| left.as_secs())
    }

    #[test]
    fn what_the_provider_says_is_a_minimum_and_a_shorter_answer_never_shortens_it() {
        let mut pause = Pause::default();
        pause.refused(NOW, Paused::RateLimited, Some(Duration::from_secs(30)), 0);
        assert_eq!(left(&pause, NOW), 30);
        pause.refused(NOW, Paused::Overloaded, Some(Duration::from_secs(2)), 0);
        assert_eq!(pause.remaining(NOW), Some((Duration::from_secs(30), Paused::RateLimited)));
        pause.answered();
        assert_eq!(left(&pause, NOW), 30, "an answer that was under way ends no pause");
        pause.refused(NOW, Paused::Overloaded, Some(Duration::from_secs(40)), u64::MAX);
        assert_eq!(pause.remaining(NOW), Some((Duration::from_secs(44), Paused::Overloaded)));
        assert_eq!(pause.remaining(NOW.after(Duration::from_secs(44))), None);
    }

    #[test]
    fn unsaid_pauses_double_once_for_each_wave_and_begin_anew_after_an_answer() {
        let mut pause = Pause::default();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..8 {
            pause.refused(now, Paused::Overloaded, None, 0);
            pause.refused(now, Paused::Overloaded, None, 0);
            waits.push(left(&pause, now));
            now = now.after(Duration::from_secs(waits[waits.len() - 1] + 1));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        pause.answered();
        pause.refused(now, Paused::Overloaded, None, 0);
        assert_eq!(left(&pause, now), 1);
    }
}
