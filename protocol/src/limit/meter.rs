//! One key under way: its slots and rates, who holds how much of them, and whether one more call may begin (G1, G2).
//!
//! Each rate is counted three times: in all, for turns against their reserve, and for everything else against what is
//! not reserved. From that G2 follows: over any stretch of time, others have taken no more than their share of the burst
//! and of the rate, and a turn finds what a provider of the reserve alone would have for it. Where nothing is reserved,
//! others are paced, the next call when the one before is made up for, so that no more of theirs is ever missing than one
//! call took.

use std::time::Duration;

use super::breaker::Breaker;
use super::bucket::{Bucket, Flow};
use super::learned::{Known, Learned, Refused};
use super::pause::{Pause, Paused};
use super::recent::Recent;
use super::{Amounts, ByClass, ClassKind, Ending, Limits, Quantity, Rate, Report};
use crate::time::Moment;

/// Without a reserve, calls beside turns go ahead of waiting turns only when none of them began or ended for so long:
/// one call each time.
pub const STARVED_AFTER: Duration = Duration::from_secs(30);

/// What a call may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Slots,
    Rate(Quantity),
}

/// Something that a call lacks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) part: Part,
    /// Whether turns lack it as well; else it is only what is not reserved.
    pub(super) shared: bool,
    /// How long until it is there; `None` where somebody has to give it back.
    pub(super) wait: Option<Duration>,
}

/// A call as it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) kind: ClassKind,
    /// Whether it takes of what is not reserved: no turn, or one that is larger than the reserve.
    pub(super) beside: bool,
    pub(super) amounts: Amounts,
}

#[derive(Debug)]
struct Rated {
    total: Bucket,
    others: Bucket,
    reserve: Option<Bucket>,
    /// What calls beside turns took over their estimates, and the total was not charged for yet (G6).
    owed: u64,
    /// When the provider's next window begins, if nothing is left of this one.
    held_until: Moment,
}

impl Rated {
    /// A rate of which something is reserved, unless the share is less than one.
    fn new(rate: Rate, reserved: Rate, flow: Flow) -> Self {
        let total = Bucket::new(rate, flow);
        let is_reserved = reserved.each_minute() > 0 && reserved.at_once() > 0;
        let reserve = is_reserved.then(|| Bucket::new(reserved, flow));
        let others = match &reserve {
            Some(reserve) => Bucket::rest(&total, reserve),
            None => Bucket::paced(&total),
        };
        Self { total, others, reserve, owed: 0, held_until: Moment::default() }
    }

    /// The same at another rate. Turns do not pay for what calls beside them took of one that was higher.
    fn changed(&self, now: Moment, rate: Rate, reserved: Rate, flow: Flow) -> Self {
        let Self { total, others, reserve, .. } = Self::new(rate, reserved, flow);
        let mut total = self.total.carried(now, total);
        let others = self.others.carried(now, others);
        let reserve = reserve.map(|new| match &self.reserve {
            Some(old) => old.carried(now, new),
            None => new,
        });
        let mut owed = self.owed;
        if let Some(reserve) = &reserve {
            let most = others.missing(now).min(others.rate().at_once()) + reserve.missing(now);
            owed = owed.saturating_add(total.forgive(now, most));
        }
        Self { total, others, reserve, owed, held_until: self.held_until }
    }

    /// How long a call waits for what turns wait for as well, and how long for what is not reserved. A pace with a reserve
    /// is kept for each of the two shares: turns may use all of it when nothing is to be made up for.
    fn waits(&self, now: Moment, beside: bool, amount: u64) -> (Duration, Duration) {
        let (shared, own) = self.waits_for_cells(now, beside, amount);
        let held = if amount == 0 { Duration::ZERO } else { self.held_until.since(now) };
        (shared.max(held), own)
    }

    fn waits_for_cells(&self, now: Moment, beside: bool, amount: u64) -> (Duration, Duration) {
        let total = || self.total.wait(now, amount);
        match (self.total.flow(), &self.reserve, beside) {
            (Flow::Paced, Some(_), true) => (Duration::ZERO, self.others.wait(now, amount)),
            (Flow::Paced, Some(reserve), false) => {
                (total().min(reserve.wait(now, amount)), Duration::ZERO)
            }
            (_, _, true) => (total(), self.others.wait(now, amount)),
            (_, _, false) => (total(), Duration::ZERO),
        }
    }

    /// The share that a call is counted against, beside the total.
    fn share(&mut self, beside: bool) -> Option<&mut Bucket> {
        if beside { Some(&mut self.others) } else { self.reserve.as_mut() }
    }

    fn take(&mut self, now: Moment, mark: u64, beside: bool, amount: u64) {
        self.total.take(now, mark, amount);
        if let Some(share) = self.share(beside) {
            share.take(now, mark, amount);
        }
    }

    fn give_back(&mut self, now: Moment, mark: u64, beside: bool, (taken, used): (u64, u64)) {
        self.total.give_back(now, mark, taken, used);
        if let Some(share) = self.share(beside) {
            share.give_back(now, mark, taken, used);
        }
    }

    /// A call beside turns took more than its estimate: the next of them has to wait for it.
    fn owe(&mut self, now: Moment, mark: u64, amount: u64) {
        self.others.take(now, mark, amount);
        self.owed = self.owed.saturating_add(amount);
        self.settle(now, mark);
    }

    /// Takes of the total what is owed, as far as no more is missing then than calls beside turns may take at once: turns do
    /// not pay for them. What they have made up for by waiting is owed no more.
    fn settle(&mut self, now: Moment, mark: u64) {
        if self.owed == 0 {
            return;
        }
        let missing = self.others.missing(now);
        self.owed = self.owed.min(missing);
        let room = self.others.rate().at_once().saturating_sub(missing - self.owed);
        let part = self.owed.min(room);
        if part > 0 {
            self.total.take(now, mark, part);
            self.owed -= part;
        }
    }
}

/// One key: an account, or a model in it.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) limits: Limits,
    pub(super) pause: Pause,
    pub(super) breaker: Breaker,
    /// When a call beside turns began or ended last.
    pub(super) last_beside: Moment,
    held: ByClass<u32>,
    /// Of these, the ones that take of what is not reserved.
    beside: u32,
    rates: [Option<Rated>; Quantity::ALL.len()],
    learned: Learned,
    recent: Recent,
    /// Counts what was taken, to tell later from earlier.
    marks: u64,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Self {
        let mut meter = Self {
            limits,
            pause: Pause::default(),
            breaker: Breaker::default(),
            last_beside: Moment::default(),
            held: ByClass::default(),
            beside: 0,
            rates: [const { None }; Quantity::ALL.len()],
            learned: Learned::default(),
            recent: Recent::default(),
            marks: 0,
        };
        meter.adjust(Moment::default());
        meter
    }

    /// Calls at once, as configured or as they turned out.
    pub(super) fn slots(&self) -> u32 {
        self.learned.slots().map_or(self.limits.slots, |slots| slots.clamp(1, self.limits.slots))
    }

    fn reserved_slots(&self) -> u32 {
        let slots = self.slots();
        Limits { slots, ..self.limits }.reserved_slots().min(slots - 1)
    }

    pub(super) fn held(&self) -> ByClass<u32> {
        self.held
    }

    fn in_use(&self) -> u32 {
        self.held.iter().map(|(_, held)| held).sum()
    }

    /// What of a quantity is allowed each minute, and left now.
    pub(super) fn rate(&self, now: Moment, quantity: Quantity) -> Option<(Rate, u64)> {
        let rated = self.rates[quantity as usize].as_ref()?;
        let held = now < rated.held_until;
        Some((rated.total.rate(), if held { 0 } else { rated.total.left(now) }))
    }

    /// Why a call is never granted: the quantity, how much it takes, and the most that it may take. Only what is configured
    /// is for ever: a call that is larger than what was learned waits until all of that is there.
    pub(super) fn never(&self, kind: ClassKind, amounts: Amounts) -> Option<(Quantity, u64, u64)> {
        Quantity::ALL.into_iter().find_map(|quantity| {
            let asked = amounts.of(quantity);
            let most = match kind {
                ClassKind::Turn => self.limits.rate(quantity)?.at_once(),
                _ => self.limits.largest_beside_turns(quantity)?,
            };
            (asked > most).then_some((quantity, asked, most))
        })
    }

    /// Whether a call that was put off for long enough may go ahead of turns: they have their reserve of everything, or no
    /// such call began or ended for a while.
    pub(super) fn lets_aged_by(&self, now: Moment) -> bool {
        let reserves = self.rates.iter().flatten().all(|rated| rated.reserve.is_some());
        (reserves && self.reserved_slots() > 0) || now >= self.starves_at()
    }

    /// When calls beside turns have waited for long enough without a reserve.
    pub(super) fn starves_at(&self) -> Moment {
        self.last_beside.after(STARVED_AFTER)
    }

    /// Whether a turn is larger than the reserve, so that it can never be within it.
    pub(super) fn is_beside_reserve(&self, amounts: Amounts) -> bool {
        Quantity::ALL.into_iter().any(|quantity| {
            let rated = self.rates[quantity as usize].as_ref();
            rated.and_then(|rated| rated.reserve.as_ref()).is_some_and(|reserve| {
                reserve.flow() == Flow::Burst && amounts.of(quantity) > reserve.rate().at_once()
            })
        })
    }

    /// What a call lacks now; nothing when it may begin.
    pub(super) fn lacks(&self, now: Moment, call: Call) -> impl Iterator<Item = Lack> + '_ {
        let Call { beside, amounts, .. } = call;
        let open = self.slots() - self.reserved_slots();
        let slots = [
            (self.in_use() >= self.slots()).then_some(true),
            (beside && self.beside >= open).then_some(false),
        ];
        let slots = slots.into_iter().flatten();
        let slots = slots.map(|shared| Lack { part: Part::Slots, shared, wait: None });
        let rates = Quantity::ALL.into_iter().flat_map(move |quantity| {
            let rated = self.rates[quantity as usize].as_ref();
            let waits = rated.map(|rated| {
                let (shared, others) = rated.waits(now, beside, amounts.of(quantity));
                [(true, shared), (false, others)]
            });
            let waits = waits.into_iter().flatten().filter(|(_, wait)| !wait.is_zero());
            waits.map(move |(shared, wait)| Lack {
                part: Part::Rate(quantity),
                shared,
                wait: Some(wait),
            })
        });
        slots.chain(rates)
    }

    /// Whether a turn could begin now at a provider of the reserve alone.
    pub(super) fn is_within_reserve(&self, now: Moment, call: Call) -> bool {
        let turns = self.in_use() - self.beside;
        let rates = Quantity::ALL.into_iter().all(|quantity| {
            let Some(rated) = &self.rates[quantity as usize] else { return true };
            let amount = call.amounts.of(quantity);
            rated.reserve.as_ref().is_some_and(|reserve| reserve.wait(now, amount).is_zero())
        });
        !call.beside && turns < self.reserved_slots() && rates
    }

    /// How long until a turn is within the reserve, by each rate that it has to wait for.
    pub(super) fn reserve_wait(
        &self,
        now: Moment,
        amounts: Amounts,
    ) -> impl Iterator<Item = Duration> + '_ {
        Quantity::ALL.into_iter().filter_map(move |quantity| {
            let rated = self.rates[quantity as usize].as_ref()?;
            Some(rated.reserve.as_ref()?.wait(now, amounts.of(quantity)))
        })
    }

    /// A call begins. By the mark what it took is given back.
    pub(super) fn take(&mut self, now: Moment, call: Call) -> u64 {
        let mark = self.mark();
        *self.held.of_mut(call.kind) += 1;
        self.beside += u32::from(call.beside);
        self.learned.granted(now, call.amounts);
        for quantity in Quantity::ALL {
            if let Some(rated) = &mut self.rates[quantity as usize] {
                rated.take(now, mark, call.beside, call.amounts.of(quantity));
            }
        }
        mark
    }

    fn mark(&mut self) -> u64 {
        self.marks += 1;
        self.marks
    }

    /// What calls beside turns owe, as far as it is due.
    pub(super) fn settle(&mut self, now: Moment) {
        let mark = self.mark();
        for rated in self.rates.iter_mut().flatten() {
            rated.settle(now, mark);
        }
    }

    /// A call has ended: its slot is free, and what it took is corrected by the provider's count (G6).
    pub(super) fn give_back(&mut self, now: Moment, mark: u64, call: Call, used: Option<Amounts>) {
        let held = self.held.of_mut(call.kind);
        *held = held.checked_sub(1).expect("each grant ends once");
        self.beside -= u32::from(call.beside);
        let Some(used) = used else { return };
        let now_mark = self.mark();
        for quantity in Quantity::ALL {
            let Some(rated) = &mut self.rates[quantity as usize] else { continue };
            let (estimate, used) = (call.amounts.of(quantity), used.of(quantity));
            if used <= estimate {
                rated.give_back(now, mark, call.beside, (estimate, used));
                continue;
            }
            // Nobody can have used more than there ever is at once: a larger count is wrong.
            let over = (used - estimate).min(rated.total.rate().at_once());
            if call.beside {
                rated.owe(now, now_mark, over);
            } else {
                rated.take(now, now_mark, false, over);
            }
        }
    }

    /// Gives back all that a call took whose permit was never used.
    pub(super) fn refund(&mut self, now: Moment, mark: u64, call: Call) {
        for quantity in Quantity::ALL {
            if let Some(rated) = &mut self.rates[quantity as usize] {
                rated.give_back(now, mark, call.beside, (call.amounts.of(quantity), 0));
            }
        }
    }

    /// What was learned or configured of a quantity by what anybody says, not by what was proven.
    fn stated(&self, quantity: Quantity) -> Option<Rate> {
        let configured = self.limits.rate(quantity);
        let told = self.learned.told(quantity).map(Rate::per_minute);
        match (configured, told) {
            (Some(ceiling), Some(told)) => Some(lower(ceiling, told)),
            (one, other) => one.or(other),
        }
    }

    /// Learns from how a call ended.
    pub(super) fn learn(
        &mut self,
        now: Moment,
        granted: Moment,
        amounts: Amounts,
        report: &Report,
        drawn: u64,
    ) {
        let told = self.learned.heard(&report.seen);
        let changed = match report.ending {
            Ending::Answered => {
                self.recent.note(granted, false);
                self.pause.answered();
                self.learned.accepted(now, report.usage)
            }
            Ending::RateLimited { retry_after } => {
                self.refused((now, granted), Paused::RateLimited, retry_after, drawn);
                // Headers may tell of other limits than the one that was met.
                let silent = Quantity::ALL.into_iter().all(|each| {
                    let remaining = report.seen.of(each).remaining;
                    remaining.is_none_or(|remaining| remaining >= amounts.of(each).max(1))
                });
                let met = self.met(granted, amounts, retry_after);
                let lowered = silent && self.learned.refused(now, met);
                if lowered && met.crowded {
                    self.recent.settle(now);
                }
                lowered
            }
            Ending::Overloaded { retry_after } => {
                self.refused((now, granted), Paused::Overloaded, retry_after, drawn);
                false
            }
            Ending::Spent | Ending::Forbidden | Ending::Failed | Ending::Abandoned => false,
        };
        if told || changed {
            self.adjust(now);
        }
        self.lower(now, amounts, report);
    }

    /// A call that was granted then is refused now.
    fn refused(
        &mut self,
        when: (Moment, Moment),
        why: Paused,
        retry_after: Option<Duration>,
        drawn: u64,
    ) {
        self.recent.note(when.1, true);
        self.pause.refused(when, why, retry_after, &self.recent, drawn);
    }

    /// What holds when a call is refused and no header says why.
    fn met(&self, granted: Moment, amounts: Amounts, retry_after: Option<Duration>) -> Refused {
        let stated = Quantity::ALL.map(|each| self.stated(each).map(Rate::each_minute));
        Refused {
            granted,
            amounts,
            others: retry_after.is_none().then(|| self.in_use()),
            crowded: self.recent.is_crowded(),
            known: Known { slots: self.slots(), rates: stated },
        }
    }

    /// Brings what is left to what the provider says is left. One whose time until all is there again is shorter than its
    /// rate would need counts by windows: nothing comes back before.
    fn lower(&mut self, now: Moment, amounts: Amounts, report: &Report) {
        let mark = self.mark();
        for quantity in Quantity::ALL {
            let seen = report.seen.of(quantity);
            let (Some(remaining), Some(rated)) =
                (seen.remaining, &mut self.rates[quantity as usize])
            else {
                continue;
            };
            let refilled = rated.total.refilled_in(report.seen_ago);
            rated.total.lower_to(now, mark, remaining.saturating_add(refilled));
            if remaining < amounts.of(quantity).max(1)
                && let Some(reset) = seen.next_window()
            {
                let begins = now.after(reset.saturating_sub(report.seen_ago));
                rated.held_until = begins.max(rated.held_until);
            }
        }
    }

    /// Brings the rates to what is configured and what was learned, the lower of them.
    fn adjust(&mut self, now: Moment) {
        for quantity in Quantity::ALL {
            let place = quantity as usize;
            let Some((rate, flow)) = self.effective(quantity) else {
                self.rates[place] = None;
                continue;
            };
            let reserved =
                Limits { reserve_percent: self.limits.reserve_percent, ..Limits::slots(1) }
                    .with(quantity, rate)
                    .reserved(quantity)
                    .expect("it was just given");
            let rated = match &self.rates[place] {
                Some(known) if known.total.rate() == rate && known.total.flow() == flow => continue,
                Some(known) => known.changed(now, rate, reserved, flow),
                None => Rated::new(rate, reserved, flow),
            };
            self.rates[place] = Some(rated);
        }
    }

    fn effective(&self, quantity: Quantity) -> Option<(Rate, Flow)> {
        let stated = self.stated(quantity);
        let proven = self
            .learned
            .proven(quantity)
            .filter(|proven| stated.is_none_or(|stated| *proven < stated.each_minute()));
        match proven {
            Some(proven) => Some((Rate::per_minute(proven), Flow::Paced)),
            None => stated.map(|stated| (stated, Flow::Burst)),
        }
    }
}

fn lower(one: Rate, other: Rate) -> Rate {
    let per_minute = one.each_minute().min(other.each_minute());
    Rate::per_minute(per_minute).burst(one.at_once().min(other.at_once()))
}
