//! The promises that are measured over a whole run, and what of them was broken.

use super::provider::Tally;
use super::share::Shared;
use super::withhold::Withheld;

/// What was measured over a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// Turns, beside a provider of the reserved share alone; nothing where it fails and refuses by chance.
    pub(super) shared: Option<Shared>,
    /// Calls while the provider answered no pass; nothing where it always did.
    pub(super) withheld: Option<Withheld>,
    pub(super) provider: Tally,
}

impl Measured {
    /// Adds what was broken to what is known already: how much, and what.
    pub(super) fn judged(
        &self,
        (mut broken, mut breaches): (u64, Vec<String>),
    ) -> (u64, Vec<String>) {
        let mut found = |count: u64, breach: String| {
            broken += count;
            breaches.push(breach);
        };
        if let Some(waited) = self.withheld.map(|withheld| withheld.waited).filter(|some| *some > 0)
        {
            found(waited, format!("V10: {waited} calls of sessions waited for a model"));
        }
        if let Some(later) = self.shared.map(|shared| shared.later).filter(|later| *later > 0) {
            let told = "turns were granted later than at the reserved share alone";
            found(later, format!("G2: {later} {told}"));
        }
        if let Some(us) = self.shared.and_then(|shared| shared.starved_us).filter(|us| *us > 0) {
            found(1, format!("G2: turns waited for {us} us and had less than their share"));
        }
        let over = self.provider.refused_by_limits;
        if over > 0 {
            found(1, format!("G1: {over} calls went over limits that the gate knows"));
        }
        (broken, breaches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(measured: Measured) -> (u64, Vec<String>) {
        measured.judged((1, vec!["before".to_owned()]))
    }

    #[test]
    fn nothing_is_broken_where_nothing_waited_and_nothing_was_late() {
        let (shared, withheld) = (Some(Shared::default()), Some(Withheld::default()));
        for measured in [Measured::default(), Measured { shared, withheld, ..Measured::default() }]
        {
            assert_eq!(judged(measured), (1, vec!["before".to_owned()]));
        }
    }

    #[test]
    fn each_promise_that_is_broken_is_counted_and_named() {
        let withheld = Some(Withheld { waited: 3, ..Withheld::default() });
        let shared = Some(Shared { later: 5, starved_us: Some(7), ..Shared::default() });
        let provider = Tally { refused_by_limits: 11, ..Tally::default() };
        let cases = [
            (Measured { withheld, ..Measured::default() }, 4, vec!["V10: 3 calls"]),
            (Measured { shared, ..Measured::default() }, 7, vec!["G2: 5 turns", "waited for 7 us"]),
            (Measured { provider, ..Measured::default() }, 2, vec!["G1: 11 calls"]),
        ];
        for (measured, count, told) in cases {
            let (broken, breaches) = judged(measured);
            assert_eq!((broken, breaches.len()), (count, 1 + told.len()), "{breaches:?}");
            for (breach, told) in breaches[1..].iter().zip(told) {
                assert!(breach.contains(told), "{breach}");
            }
        }
    }
}
