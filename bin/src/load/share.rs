//! G2 under load, in two ways. Each turn of a run is held against the same turns at a provider of the reserved share alone:
//! when they came, what they asked for and how long they held their permits is as the gate noted it, and the policy plays
//! them with nobody else. Where more comes than the share can serve, that says little, since everybody waits longer and
//! longer there. So it is also looked whether a turn ever waited while turns had less than their share.

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
    /// Calls whose end was not heard of. Nothing is compared then: what is not known is in the way of the others.
    pub(super) unseen: u64,
    /// Those of them that had to wait at the provider alone.
    pub(super) waited_alone: u64,
    /// Those that had to wait in the run.
    pub(super) waited: u64,
    /// Those that were granted later than alone.
    pub(super) later: u64,
    /// By how much at most.
    pub(super) latest_us: u64,
    /// How long turns waited while turns had fewer slots than are reserved for them; absent where rates may have been why.
    pub(super) starved_us: Option<u64>,
}

impl Turns {
    /// Takes note of all calls that end, until what calls it is dropped; of none where nobody follows them.
    pub(super) async fn follow(&mut self, calls: Option<&mut Calls>) {
        let Some(calls) = calls else { return std::future::pending().await };
        while let Some(told) = calls.next().await {
            self.take(told);
        }
    }

    /// Takes note of those that have been told already.
    pub(super) fn drain(&mut self, calls: Option<&mut Calls>) {
        let Some(calls) = calls else { return };
        while let Some(told) = calls.try_next() {
            self.take(told);
        }
    }

    fn take(&mut self, told: Followed) {
        match told {
            Followed::Missed(missed) => self.missed += missed,
            Followed::Call(call) if call.class != ClassKind::Turn => {}
            Followed::Call(_) if self.turns.len() == MOST => self.missed += 1,
            Followed::Call(call) => self.turns.push(Turn {
                asked: call.asked,
                granted: call.granted,
                ran: call.ended.since(call.granted),
                amounts: call.amounts,
                used: call.used,
            }),
        }
    }

    /// Compares them; `None` where nothing is reserved.
    pub(super) fn compared(mut self, limits: Limits) -> Option<Shared> {
        let share = limits.reserved_share().filter(|share| share.check().is_ok())?;
        if self.missed > 0 {
            return Some(Shared { unseen: self.missed, ..Shared::default() });
        }
        // What is larger than the share takes of what passes take, and is promised nothing by itself.
        self.turns.retain(|turn| {
            Quantity::ALL.into_iter().all(|each| {
                share.rate(each).is_none_or(|rate| turn.amounts.of(each) <= rate.at_once())
            })
        });
        self.turns.sort_by_key(|turn| (turn.asked, turn.granted));
        let alone = alone(share, &self.turns);
        let mut shared = Shared {
            turns: self.turns.len() as u64,
            starved_us: starved_us(share, &self.turns),
            ..Shared::default()
        };
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

/// How long any turn waited while turns had fewer slots than the share has; `None` if its rates could not carry all of them
/// at once.
fn starved_us(share: Limits, turns: &[Turn]) -> Option<u64> {
    let carried = Quantity::ALL.into_iter().all(|each| {
        let wanted: u64 = turns.iter().map(|turn| turn.amounts.of(each)).sum();
        share.rate(each).is_none_or(|rate| wanted <= rate.at_once())
    });
    // What changes at a moment: how many turns wait, and how many have a slot.
    let mut changes: Vec<(Moment, i64, i64)> = Vec::with_capacity(3 * turns.len());
    for turn in turns {
        changes.push((turn.asked, 1, 0));
        changes.push((turn.granted, -1, 1));
        changes.push((turn.granted.after(turn.ran), 0, -1));
    }
    changes.sort_unstable_by_key(|(at, ..)| *at);
    let (mut waiting, mut running) = (0, 0);
    let (mut starved, mut since) = (Duration::ZERO, Moment::default());
    for (at, more_wait, more_run) in changes {
        if waiting > 0 && running < i64::from(share.slots) {
            starved += at.since(since);
        }
        (waiting, running, since) = (waiting + more_wait, running + more_run, at);
    }
    carried.then(|| u64::try_from(starved.as_micros()).unwrap_or(u64::MAX))
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
    fn a_turn_that_waits_while_turns_have_less_than_their_share_is_seen() {
        // Two slots are reserved, and one turn has one: the second waits for a slot that passes have.
        assert_eq!(compared(&[turn(0, 0, 100), turn(10, 30, 100)]).starved_us, Some(20_000));
        // With two that run, a third waits for its like.
        let fine = [turn(0, 0, 100), turn(0, 0, 100), turn(10, 100, 50)];
        assert_eq!(compared(&fine).starved_us, Some(0));
        // Where everybody waits longer and longer at the share alone, it is seen still.
        let mut flood: Vec<Turn> = (0..200).map(|at| turn(at * 10, at * 10, 100)).collect();
        flood.push(turn(5_000, 6_000, 10));
        let shared = compared(&flood);
        assert_eq!((shared.later, shared.starved_us), (0, Some(1_000_000)));
    }

    #[test]
    fn nothing_is_said_where_nothing_is_reserved_or_calls_are_not_known() {
        let turns = || vec![turn(0, 0, 1)];
        let without = Turns { turns: turns(), missed: 0 };
        assert_eq!(without.compared(Limits::slots(4).reserve(0)), None);
        let missed = Turns { turns: turns(), missed: 1 };
        let shared = missed.compared(Limits::slots(4).reserve(50)).expect("half is reserved");
        assert_eq!((shared.turns, shared.unseen), (0, 1));
    }
}
