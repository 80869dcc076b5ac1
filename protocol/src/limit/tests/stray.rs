//! A provider that refuses calls by chance, whatever its limits are, with work always waiting: what it can carry is
//! used all the same, and limits that are met beside that are still kept to.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::from_fn;
use std::time::Duration;

use super::super::{Amounts, Arbiter, Class, Ending, Limits, Report, Ticket, Wish};
use super::play::{millis, secs};
use crate::retry::share;
use crate::time::Moment;

/// How long an answer takes, and a refusal.
const ANSWERS: Duration = millis(200);
const REFUSES: Duration = millis(5);

/// Numbers by chance (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What a provider does with calls.
#[derive(Clone, Copy)]
struct Rules {
    slots: usize,
    per_minute: f64,
    /// Of a thousand calls, how many are refused by chance, and from when to when all are.
    stray_per_mille: u64,
    outage: (Moment, Moment),
    retry_after: Option<Duration>,
}

/// One without any limit but its slots, that refuses two of a hundred by chance.
const STRAY: Rules = Rules {
    slots: 32,
    per_minute: f64::INFINITY,
    stray_per_mille: 20,
    outage: (secs(0), secs(0)),
    retry_after: None,
};

/// What became of calls within a second.
#[derive(Clone, Copy, Default)]
struct Second {
    answered: u32,
    stray: u32,
    limited: u32,
}

/// The provider, with slots taken and a bucket that holds a minute's worth.
struct Provider {
    rules: Rules,
    dice: Dice,
    in_flight: usize,
    left: f64,
    at: Moment,
    seconds: Vec<Second>,
}

impl Provider {
    /// A call arrives; whether it is answered.
    fn call(&mut self, now: Moment) -> bool {
        let Rules { slots, per_minute, stray_per_mille, outage, .. } = self.rules;
        let refilled = per_minute / 60.0 * now.since(self.at).as_secs_f64();
        self.left =
            if per_minute.is_finite() { (self.left + refilled).min(per_minute) } else { 1.0 };
        self.at = now;
        let second = usize::try_from(now.0.as_secs()).expect("few");
        self.seconds.resize(self.seconds.len().max(second + 1), Second::default());
        let counted = &mut self.seconds[second];
        let out = outage.0 <= now && now < outage.1;
        if out || self.dice.next() % 1_000 < stray_per_mille {
            counted.stray += 1;
            return false;
        }
        if self.in_flight >= slots || self.left < 1.0 {
            counted.limited += 1;
            return false;
        }
        counted.answered += 1;
        self.left -= 1.0;
        self.in_flight += 1;
        true
    }
}

/// Calls for so long, with work always waiting at the gate that knows these limits; what became of them by second.
fn play(limits: Limits, rules: Rules, seed: u64, long: Duration) -> Vec<Second> {
    let mut arbiter = Arbiter::new("acme", limits, []).expect("legal limits");
    let (dice, left) = (Dice(seed), rules.per_minute);
    let at = Moment::default();
    let mut provider = Provider { rules, dice, in_flight: 0, left, at, seconds: Vec::new() };
    let (mut ending, mut answered) = (BTreeSet::new(), BTreeMap::new());
    let (mut now, mut tickets, mut waiting) = (Moment::default(), 0, 0);
    while now.0 < long {
        while ending.first().is_some_and(|(at, _)| *at <= now) {
            let (_, ticket) = ending.pop_first().expect("there is one");
            let was = answered.remove(&ticket).expect("it was made");
            provider.in_flight -= usize::from(was);
            let refused = Ending::RateLimited { retry_after: rules.retry_after };
            let report = Report::of(if was { Ending::Answered } else { refused });
            arbiter.finish(now, ticket, &report, provider.dice.next());
        }
        while waiting < 64 {
            let wish = Wish::new(Class::Turn, Amounts::new(100, 10));
            arbiter.request(now, Ticket(tickets), wish).expect("it may wait");
            (tickets, waiting) = (tickets + 1, waiting + 1);
        }
        for grant in from_fn(|| arbiter.grant(now)) {
            waiting -= 1;
            let was = provider.call(now);
            // No two calls take equally long.
            let takes = if was { ANSWERS } else { REFUSES };
            let takes = takes * 9 / 10 + share(takes / 5, provider.dice.next());
            ending.insert((now.after(takes), grant.ticket));
            answered.insert(grant.ticket, was);
        }
        let next = ending.first().map(|(at, _)| *at).into_iter().chain(arbiter.wakes(now)).min();
        now = next.expect("something happens next");
    }
    provider.seconds
}

/// The sum of something over seconds.
fn sum(seconds: &[Second], of: fn(&Second) -> u32) -> f64 {
    seconds.iter().map(|second| f64::from(of(second))).sum()
}

#[test]
fn calls_refused_by_chance_leave_the_slots_in_use() {
    let carries = 32.0 / ANSWERS.as_secs_f64();
    for retry_after in [Some(millis(20)), None] {
        for seed in 0..8 {
            let rules = Rules { retry_after, ..STRAY };
            let seconds = play(Limits::slots(32), rules, seed, Duration::from_mins(1));
            let used = sum(&seconds, |second| second.answered) / (carries * 60.0);
            assert!(used >= 0.85, "{retry_after:?}, seed {seed}: {used} of the slots");
            let limited = sum(&seconds, |second| second.limited);
            assert!(limited < 0.5, "{retry_after:?}, seed {seed}: {limited} met a limit");
        }
    }
}

#[test]
fn a_rate_that_nobody_told_is_learned_whatever_is_refused_by_chance() {
    let (short, long) = (Some(millis(20)), Some(millis(2_000)));
    for (stray_per_mille, retry_after, most) in [
        (0, None, 0.01),
        (0, long, 0.01),
        // It comes too early, again and again.
        (0, short, 0.03),
        (20, None, 0.04),
        (20, long, 0.04),
        (20, short, 0.04),
    ] {
        let rules = Rules { retry_after, per_minute: 1_200.0, stray_per_mille, ..STRAY };
        for seed in 0..3 {
            let seconds = play(Limits::slots(32), rules, seed, Duration::from_mins(5));
            let answered = sum(&seconds[60..], |second| second.answered);
            let limited = sum(&seconds[60..], |second| second.limited);
            let (used, share) = (answered / (1_200.0 * 4.0), limited / (answered + limited));
            let told = format!("{stray_per_mille}, {retry_after:?}, {seed}: {used}, {share}");
            assert!(used >= 0.7 && share <= most, "{told}");
        }
    }
}

#[test]
fn a_provider_that_refuses_everything_for_a_while_is_left_alone_and_then_used_again() {
    let carries = 32.0 / ANSWERS.as_secs_f64();
    for retry_after in [Some(millis(20)), None] {
        let rules = Rules { retry_after, outage: (secs(30), secs(60)), ..STRAY };
        for seed in 0..3 {
            let seconds = play(Limits::slots(32), rules, seed, Duration::from_mins(4));
            let refused = |seconds| sum(seconds, |second: &Second| second.stray);
            let (first, rest) = (refused(&seconds[30..32]), refused(&seconds[32..60]));
            let told = format!("{retry_after:?}, {seed}: {first} and {rest} calls were refused");
            assert!(first <= 64.0 && rest <= 6.0, "{told}");
            let used = sum(&seconds[180..], |second| second.answered) / (carries * 60.0);
            assert!(used >= 0.85, "{retry_after:?}, seed {seed}: {used} of the slots");
        }
    }
}
