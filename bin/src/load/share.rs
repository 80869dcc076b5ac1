//! G2 under load: each turn of a run beside the same turns at a provider of the reserved share alone. When turns came, what
//! they asked for and how long they held their permits is as the gate noted it; the provider alone is played by the policy
//! with nobody but them.

use std::collections::{BTreeSet, VecDeque};
use std::iter::from_fn;
use std::time::Duration;

use highwater::{Calls, Followed};
use highwater_protocol::Moment;
use highwater_protocol::limit::{
    Amounts, Arbiter, Class, ClassKind, Ending, Limits, Quantity, Report, Ticket, Wish,
};
use serde::Serialize;

/// Turns that are compared at most, which bounds memory: the first ones of a run.
const MOST: usize = 200_000;

/// A turn's call.
#[derive(Clone, Copy, Debug)]
struct Turn {
    asked: Moment,
    granted: Moment,
    ran: Duration,
    amounts: Amounts,
    used: Option<Amounts>,
}

/// The calls of turns so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: Vec<Turn>,
    missed: u64,
}

/// What came out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Shared {
    /// Turns that were compared.
    pub(super) turns: u64,
    /// Those of them that had to wait at the provider alone.
    pub(super) waited_alone: u64,
    /// Those that had to wait in the run.
    pub(super) waited: u64,
    /// Those that were granted later than alone.
    pub(super) later: u64,
    /// By how much at most.
    pub(super) latest_us: u64,
}

impl Turns {
    /// Takes note of all calls that end, until what calls it is dropped.
    pub(super) async fn follow(&mut self, mut calls: Calls) {
        while let Some(told) = calls.next().await {
            match told {
                Followed::Missed(missed) => self.missed += missed,
                Followed::Call(call)
                    if call.class == ClassKind::Turn && self.turns.len() < MOST =>
                {
                    self.turns.push(Turn {
                        asked: call.asked,
                        granted: call.granted,
                        ran: call.ended.since(call.granted),
                        amounts: call.amounts,
                        used: call.used,
                    });
                }
                Followed::Call(_) => {}
            }
        }
    }

    /// Compares them; `None` where nothing is reserved, or where some are not known, which are in the way of the others.
    pub(super) fn compared(mut self, limits: Limits) -> Option<Shared> {
        let share = limits.reserved_share().filter(|_| self.missed == 0)?;
        // What is larger than the share takes of what passes take, and is promised nothing by itself.
        self.turns.retain(|turn| {
            Quantity::ALL.into_iter().all(|each| {
                share.rate(each).is_none_or(|rate| turn.amounts.of(each) <= rate.at_once())
            })
        });
        self.turns.sort_by_key(|turn| (turn.asked, turn.granted));
        let alone = alone(share, &self.turns);
        let mut shared = Shared { turns: self.turns.len() as u64, ..Shared::default() };
        for (turn, alone) in self.turns.iter().zip(alone) {
            let late = turn.granted.since(alone);
            shared.waited_alone += u64::from(alone > turn.asked);
            shared.waited += u64::from(turn.granted > turn.asked);
            shared.later += u64::from(!late.is_zero());
            let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            shared.latest_us = shared.latest_us.max(late_us);
        }
        Some(shared)
    }
}

/// When a provider with these limits grants each of the turns, which are in the order in which they come.
fn alone(limits: Limits, turns: &[Turn]) -> Vec<Moment> {
    let mut arbiter = Arbiter::new("alone", limits, []).expect("the share of legal limits");
    let mut coming: VecDeque<usize> = (0..turns.len()).collect();
    let mut ending: BTreeSet<(Moment, usize)> = BTreeSet::new();
    let mut granted = vec![Moment::default(); turns.len()];
    let mut now = Moment::default();
    loop {
        let comes = coming.front().map(|turn| turns[*turn].asked);
        let ends = ending.first().map(|(at, _)| *at);
        let Some(next) = [comes, ends, arbiter.wakes(now)].into_iter().flatten().min() else {
            return granted;
        };
        now = next.max(now);
        while let Some((at, turn)) = ending.first().copied().filter(|(at, _)| *at <= now) {
            ending.remove(&(at, turn));
            let report = Report { usage: turns[turn].used, ..Report::of(Ending::Answered) };
            arbiter.finish(now, Ticket(turn as u64), &report, 0);
        }
        while let Some(turn) = coming.front().copied().filter(|turn| turns[*turn].asked <= now) {
            coming.pop_front();
            let wish = Wish::new(Class::Turn, turns[turn].amounts);
            // A queue as long as a provider's that is a fraction of the real one is denied: granted never, and so no sooner.
            if arbiter.request(now, Ticket(turn as u64), wish).is_err() {
                granted[turn] = Moment(Duration::MAX);
            }
        }
        for grant in from_fn(|| arbiter.grant(now)) {
            let turn = usize::try_from(grant.ticket.0).expect("an index");
            granted[turn] = now;
            ending.insert((now.after(turns[turn].ran), turn));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(asked_ms: u64, granted_ms: u64, ran_ms: u64) -> Turn {
        let at = |ms| Moment(Duration::from_millis(ms));
        Turn {
            asked: at(asked_ms),
            granted: at(granted_ms),
            ran: Duration::from_millis(ran_ms),
            amounts: Amounts::new(10, 1),
            used: None,
        }
    }

    fn compared(turns: &[Turn]) -> Shared {
        let turns = Turns { turns: turns.to_vec(), missed: 0 };
        turns.compared(Limits::slots(4).reserve(50)).expect("half of it is reserved")
    }

    #[test]
    fn a_turn_that_waits_longer_than_at_the_share_alone_is_counted() {
        // Two slots are reserved: alone, the third turn waits for the end of the first.
        let fine = [turn(0, 0, 100), turn(1, 1, 100), turn(2, 100, 100)];
        let shared = compared(&fine);
        assert_eq!((shared.turns, shared.waited_alone, shared.waited, shared.later), (3, 1, 1, 0));
        let sooner = [turn(0, 0, 100), turn(1, 1, 100), turn(2, 2, 100)];
        assert_eq!(compared(&sooner).later, 0);
        let late = [turn(0, 0, 100), turn(1, 4, 100), turn(2, 107, 100)];
        let shared = compared(&late);
        assert_eq!((shared.later, shared.latest_us), (2, 7_000));
    }

    #[test]
    fn nothing_is_said_where_nothing_is_reserved_or_calls_are_not_known() {
        let turns = || vec![turn(0, 0, 1)];
        let without = Turns { turns: turns(), missed: 0 };
        assert_eq!(without.compared(Limits::slots(4).reserve(0)), None);
        let missed = Turns { turns: turns(), missed: 1 };
        assert_eq!(missed.compared(Limits::slots(4).reserve(50)), None);
    }
}
