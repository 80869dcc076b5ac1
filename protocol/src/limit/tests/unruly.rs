//! Holders that crash, hang and go away, at random: permits never exceed a limit, and none leaks (G1).

use std::collections::{BTreeMap, BTreeSet};
use std::iter::from_fn;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{
    Amounts, Arbiter, ByClass, Class, ClassKind, Ending, Limits, Quantity, Rate, Report, Ticket,
    Wish,
};
use crate::time::Moment;

#[derive(Clone, Debug)]
enum Step {
    Ask { class: u8, input: u64, lasts: Option<u64>, deadline: Option<u64> },
    Finish { which: usize, used: u64 },
    Refused { which: usize },
    Failed { which: usize },
    Lost { which: usize },
    GoneAway { which: usize },
    Pass { millis: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask =
        (0..3_u8, 0..900_u64, prop::option::of(1..20_000_u64), prop::option::of(1..30_000_u64));
    let ask =
        ask.prop_map(|(class, input, lasts, deadline)| Step::Ask { class, input, lasts, deadline });
    let step = prop_oneof![
        6 => ask,
        3 => (0..8_usize, 0..2_000_u64).prop_map(|(which, used)| Step::Finish { which, used }),
        1 => (0..8_usize).prop_map(|which| Step::Refused { which }),
        1 => (0..8_usize).prop_map(|which| Step::Failed { which }),
        1 => (0..8_usize).prop_map(|which| Step::Lost { which }),
        2 => (0..40_usize).prop_map(|which| Step::GoneAway { which }),
        4 => (1..20_000_u64).prop_map(|millis| Step::Pass { millis }),
    ];
    prop::collection::vec(step, 1..400)
}

/// What the world knows beside the policy: who holds, who waits, and what was granted when.
struct World {
    arbiter: Arbiter,
    limits: Limits,
    now: Moment,
    tickets: u64,
    waiting: BTreeSet<Ticket>,
    held: BTreeMap<Ticket, (ClassKind, Option<Moment>)>,
    wishes: BTreeMap<Ticket, (ClassKind, Amounts, Option<Duration>)>,
    /// What each took as far as it is known: the estimate until it ends, and then what was used of it.
    granted: BTreeMap<Ticket, (Moment, Amounts)>,
}

impl World {
    fn new(limits: Limits) -> Self {
        Self {
            arbiter: Arbiter::new("acme", limits, []).expect("legal limits"),
            limits,
            now: Moment(Duration::from_secs(1)),
            tickets: 0,
            waiting: BTreeSet::new(),
            held: BTreeMap::new(),
            wishes: BTreeMap::new(),
            granted: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask { class, input, lasts, deadline } => self.ask(class, input, lasts, deadline),
            Step::Finish { which, used } => {
                self.end(which, &Report::answered(Amounts::new(used, 0)));
            }
            Step::Refused { which } => {
                let retry_after = Some(Duration::from_secs(2));
                self.end(which, &Report::of(Ending::RateLimited { retry_after }));
            }
            Step::Failed { which } => self.end(which, &Report::of(Ending::Failed)),
            Step::Lost { which } => {
                if let Some(ticket) = self.held.keys().nth(which).copied() {
                    self.held.remove(&ticket);
                    assert!(self.arbiter.lost(self.now, ticket));
                }
            }
            Step::GoneAway { which } => {
                if let Some(ticket) = self.waiting.iter().nth(which).copied() {
                    self.waiting.remove(&ticket);
                    assert!(self.arbiter.withdraw(ticket));
                }
            }
            Step::Pass { millis } => self.now = self.now.after(Duration::from_millis(millis)),
        }
        self.settle();
    }

    fn ask(&mut self, class: u8, input: u64, lasts: Option<u64>, deadline: Option<u64>) {
        let class =
            [Class::Turn, Class::Compaction { fill: 70 }, Class::Background][usize::from(class)];
        let (ticket, amounts) = (Ticket(self.tickets), Amounts::new(input, 0));
        self.tickets += 1;
        let lasts = lasts.map(Duration::from_millis);
        let deadline = deadline.map(|millis| self.now.after(Duration::from_millis(millis)));
        let wish = Wish { deadline, lasts, ..Wish::new(class, amounts) };
        if self.arbiter.request(self.now, ticket, wish).is_ok() {
            self.waiting.insert(ticket);
            self.wishes.insert(ticket, (class.kind(), amounts, lasts));
        }
    }

    fn end(&mut self, which: usize, report: &Report) {
        if let Some(ticket) = self.held.keys().nth(which).copied() {
            self.held.remove(&ticket);
            let (_, taken) = self.granted.get_mut(&ticket).expect("it was granted");
            let used = match report.ending {
                Ending::RateLimited { .. } => Some(Amounts::default()),
                _ => report.usage,
            };
            taken.input_tokens =
                used.map_or(taken.input_tokens, |used| used.input_tokens.min(taken.input_tokens));
            assert!(self.arbiter.finish(self.now, ticket, report, 7));
        }
    }

    /// Takes the grants and the denials, and holds the policy against what it may do.
    fn settle(&mut self) {
        let now = self.now;
        let granted: Vec<Ticket> =
            from_fn(|| self.arbiter.grant(now)).map(|grant| grant.ticket).collect();
        self.held.retain(|_, (_, until)| until.is_none_or(|until| until > now));
        for ticket in granted {
            assert!(self.waiting.remove(&ticket), "{ticket:?} did not wait");
            let (kind, amounts, lasts) = self.wishes[&ticket];
            self.held.insert(ticket, (kind, lasts.map(|lasts| now.after(lasts))));
            self.granted.insert(ticket, (now, amounts));
        }
        for (ticket, _) in self.arbiter.denied() {
            assert!(self.waiting.remove(&ticket), "{ticket:?} did not wait");
        }
        let mut held = ByClass::default();
        for (kind, _) in self.held.values() {
            *held.of_mut(*kind) += 1;
        }
        let status = self.arbiter.status(now);
        assert_eq!(status.held(), held, "none is lost, and none is too many");
        let waiting: usize = status.waiting.iter().map(|(_, length)| length).sum();
        assert_eq!(waiting, self.waiting.len());
        assert!(self.held.len() <= self.limits.slots as usize);
        let turns = held.of(ClassKind::Turn);
        let beside = u32::try_from(self.held.len()).expect("few") - turns;
        assert!(beside <= self.limits.slots - self.limits.reserved_slots(), "in the reserve");
    }

    /// No stretch of time has more grants than its burst and its rate.
    fn check_rates(&self) {
        let mut granted: Vec<_> = self.granted.values().collect();
        granted.sort_by_key(|(at, _)| *at);
        for quantity in [Quantity::Requests, Quantity::InputTokens] {
            let rate = self.limits.rate(quantity).expect("it is limited");
            for first in 0..granted.len() {
                let mut sum = 0;
                for (at, amounts) in &granted[first..] {
                    sum += u128::from(amounts.of(quantity));
                    let refilled =
                        u128::from(rate.each_minute()) * at.since(granted[first].0).as_millis();
                    let most = u128::from(rate.at_once()) + refilled.div_ceil(60_000) + 1;
                    assert!(sum <= most, "{sum} {quantity} where {most} may be, from {first}");
                }
            }
        }
    }
}

fn limits(slots: u32, reserve: u8) -> Limits {
    Limits::slots(slots)
        .reserve(reserve)
        .with(Quantity::Requests, Rate::per_minute(120).burst(10))
        .with(Quantity::InputTokens, Rate::per_minute(9_000).burst(3_000))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permits_never_exceed_a_limit_and_none_leaks(
        steps in steps(),
        slots in 2..9_u32,
        reserve in prop::sample::select(vec![0_u8, 20, 50]),
    ) {
        let mut world = World::new(limits(slots, reserve));
        for step in &steps {
            world.step(step);
        }
        // Everybody ends, and all that waits is granted or told in the end.
        for _ in 0..2_000 {
            if world.held.is_empty() && world.waiting.is_empty() {
                break;
            }
            while !world.held.is_empty() {
                world.end(0, &Report::of(Ending::Answered));
            }
            world.now = world.arbiter.wakes(world.now).unwrap_or(world.now);
            world.settle();
        }
        prop_assert!(world.held.is_empty() && world.waiting.is_empty());
        prop_assert!(world.arbiter.is_idle());
        world.check_rates();
    }
}
