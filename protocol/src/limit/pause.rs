//! The pause after a refusal: for every class, never shortened by a later answer (G4).

use std::time::Duration;

use super::NotNow;
use super::recent::Recent;
use crate::caps::MAX_PAUSE;
use crate::retry::{Backoff, share};
use crate::time::Moment;

/// How long a provider is left alone that says nothing of it: doubled with each refusal that follows.
const UNSAID: Backoff =
    Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1), attempts: u32::MAX };

/// How long it is left alone, at least, after a refusal that is alone. Much less than a call takes, since everybody waits
/// for it.
const BRIEF: Duration = Duration::from_millis(25);

/// What is drawn of at least, where the pause is not shorter.
const JITTER: Duration = Duration::from_millis(250);

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
    /// The provider refused a call that was granted then. What it says is a minimum, up to [`MAX_PAUSE`]. A refusal that
    /// is rare among the last calls, or that says to come back in less than a second and is none of many, is followed by
    /// a pause as short; one that follows another without an answer between never is. Up to a tenth is added by a drawn
    /// number, or up to a quarter of a second where that is more, but never more than the pause itself, so that not
    /// everybody comes back at once.
    pub(super) fn refused(
        &mut self,
        (now, granted): (Moment, Moment),
        why: Paused,
        retry_after: Option<Duration>,
        recent: &Recent,
        drawn: u64,
    ) {
        // Calls that were under way together are refused together: that counts once.
        if granted >= self.until {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        let doublings = self.in_a_row.saturating_sub(1);
        let is_brief = doublings == 0
            && if retry_after.is_some() { !recent.is_crowded() } else { recent.is_calm() };
        let wait = match retry_after.unwrap_or_default() {
            said if said >= UNSAID.base => said,
            said if is_brief => said.max(BRIEF),
            _ => UNSAID.ceiling(doublings),
        };
        let wait = wait.min(MAX_PAUSE);
        let jitter = share((wait / 10).max(JITTER.min(wait)), drawn);
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

    /// A call is refused that began at once, as all before it were.
    fn refused(pause: &mut Pause, now: Moment, why: Paused, wait: Option<Duration>, drawn: u64) {
        let mut recent = Recent::default();
        recent.note(now, true);
        pause.refused((now, now), why, wait, &recent, drawn);
    }

    #[test]
    fn what_the_provider_says_is_a_minimum_and_a_shorter_answer_never_shortens_it() {
        let mut pause = Pause::default();
        refused(&mut pause, NOW, Paused::RateLimited, Some(Duration::from_secs(30)), 0);
        assert_eq!(left(&pause, NOW), 30);
        refused(&mut pause, NOW, Paused::Overloaded, Some(Duration::from_secs(2)), 0);
        assert_eq!(pause.remaining(NOW), Some((Duration::from_secs(30), Paused::RateLimited)));
        pause.answered();
        assert_eq!(left(&pause, NOW), 30, "an answer that was under way ends no pause");
        refused(&mut pause, NOW, Paused::Overloaded, Some(Duration::from_secs(40)), u64::MAX);
        assert_eq!(pause.remaining(NOW), Some((Duration::from_secs(44), Paused::Overloaded)));
        assert_eq!(pause.remaining(NOW.after(Duration::from_secs(44))), None);
    }

    #[test]
    fn unsaid_pauses_double_once_for_each_wave_and_begin_anew_after_an_answer() {
        let mut pause = Pause::default();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..8 {
            refused(&mut pause, now, Paused::Overloaded, None, 0);
            refused(&mut pause, now, Paused::Overloaded, None, 0);
            waits.push(left(&pause, now));
            now = now.after(Duration::from_secs(waits[waits.len() - 1] + 1));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        pause.answered();
        refused(&mut pause, now, Paused::Overloaded, None, 0);
        assert_eq!(left(&pause, now), 1);
    }

    #[test]
    fn a_pause_is_brief_where_refusals_are_few_and_not_where_they_follow_each_other() {
        let (short, millis) = (Some(Duration::from_millis(20)), Duration::from_millis);
        // Calls before it, of which so many were refused, and whether one was answered since then.
        for (calls, said, in_a_row, expected) in [
            (".......x", None, false, 25),
            ("......x", None, false, 1_000),
            (".......x", short, false, 25),
            ("x", short, false, 25),
            ("xxxxx", short, false, 1_000),
            (".......x", None, true, 2_000),
            (".......x", short, true, 2_000),
            (".......x", Some(millis(3_000)), true, 3_000),
        ] {
            let mut recent = Recent::default();
            calls.chars().for_each(|call| recent.note(NOW, call == 'x'));
            let mut pause = Pause { in_a_row: u32::from(in_a_row), ..Pause::default() };
            pause.refused((NOW, NOW), Paused::RateLimited, said, &recent, 0);
            let left = pause.remaining(NOW).map(|(left, _)| left);
            assert_eq!(left, Some(millis(expected)), "{calls}, {said:?}, {in_a_row}");
        }
        let mut pause = Pause::default();
        pause.refused((NOW, NOW), Paused::RateLimited, None, &Recent::default(), u64::MAX);
        let left = pause.remaining(NOW).map(|(left, _)| left);
        assert_eq!(left, Some(millis(50)), "as much again is drawn");
    }
}
