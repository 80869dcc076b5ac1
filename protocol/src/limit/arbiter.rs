//! Who may call an account's models next: the whole policy of the gate as one value (G1 to G6).

mod ends;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::claim::{Claim, Rank};
use super::meter::{Call, Lack, Meter};
use super::pace::Pace;
use super::queue::{Place, Queue, Waiter};
use super::served::{Served, Trail};
use super::status::{KeyStatus, ProviderStatus, Tally};
use super::{Class, ClassKind, Denied, Limits, Never, NotNow, Ticket, Wish};
use crate::caps;
use crate::error::Error;
use crate::time::Moment;

/// The least that a full queue is said to take.
const SOON: Duration = Duration::from_secs(1);

/// The place of the account among the meters; the models follow.
const ACCOUNT: usize = 0;

/// A wish that is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub ticket: Ticket,
    /// How long it waited.
    pub waited: Duration,
}

#[derive(Clone, Debug)]
struct Held {
    call: Call,
    model: Option<usize>,
    asked: Moment,
    granted: Moment,
    until: Option<Moment>,
    /// By which it took of the account and of the model.
    marks: [u64; 2],
    /// When calls beside turns had begun or ended there before.
    last_beside: [Moment; 2],
    /// Whether it is of a model that is not told apart from others.
    lumped: bool,
}

/// The state of one account: what is held, who waits, what was learned.
///
/// Every method takes the time; it must never go back. Behind each that may concern anybody else, ask
/// [`Arbiter::grant`] until there is nobody, tell those whom [`Arbiter::denied`] names, and come again at
/// [`Arbiter::wakes`].
#[derive(Debug)]
pub struct Arbiter {
    provider: Box<str>,
    meters: Vec<Meter>,
    models: BTreeMap<Box<str>, usize>,
    queue: Queue,
    held: BTreeMap<Ticket, Held>,
    leases: BTreeSet<(Moment, Ticket)>,
    denied: Vec<(Ticket, Denied)>,
    pace: Pace,
    tally: Tally,
    trail: Trail,
    closing: bool,
}

impl Arbiter {
    /// An account with these limits, and models in it with limits of their own. [`Kind::Invalid`](crate::Kind::Invalid)
    /// says which limit is wrong.
    pub fn new<'a>(
        provider: &str,
        limits: Limits,
        models: impl IntoIterator<Item = (&'a str, Limits)>,
    ) -> Result<Self, Error> {
        limits.check()?;
        let mut arbiter = Self {
            provider: provider.into(),
            meters: vec![Meter::new(limits)],
            models: BTreeMap::new(),
            queue: Queue::default(),
            held: BTreeMap::new(),
            leases: BTreeSet::new(),
            denied: Vec::new(),
            pace: Pace::default(),
            tally: Tally::default(),
            trail: Trail::default(),
            closing: false,
        };
        for (model, limits) in models {
            limits.check()?;
            arbiter.add(model, limits);
        }
        Ok(arbiter)
    }

    fn add(&mut self, model: &str, limits: Limits) -> usize {
        self.meters.push(Meter::new(limits));
        self.models.insert(model.into(), self.meters.len() - 1);
        self.meters.len() - 1
    }

    /// Somebody wants a permit. Whoever is denied is not waiting; everybody else is granted or denied later.
    pub fn request(&mut self, now: Moment, ticket: Ticket, wish: Wish) -> Result<(), Denied> {
        let admitted = self.admit(now, ticket, &wish);
        match admitted {
            Ok(model) => self.line_up(now, ticket, wish, model),
            Err(denied) => {
                self.tally.denied += 1;
                return Err(denied);
            }
        }
        Ok(())
    }

    fn line_up(&mut self, now: Moment, ticket: Ticket, wish: Wish, model: Option<usize>) {
        let turn = wish.class.kind() == ClassKind::Turn;
        let large = of(model).any(|at| self.meters[at].is_beside_reserve(wish.amounts));
        self.queue.push(Waiter { ticket, wish, model, beside: !turn || large, since: now });
    }

    /// Grants a wish at once if nobody waits and nothing is in its way; else nobody has asked. One that is held for a time
    /// only is never granted so.
    pub fn grant_at_once(&mut self, now: Moment, ticket: Ticket, wish: &Wish) -> Option<Grant> {
        if !self.queue.is_empty() || wish.lasts.is_some() {
            return None;
        }
        let model = self.admit(now, ticket, wish).ok()?;
        self.line_up(now, ticket, wish.clone(), model);
        let grant = self.grant(now);
        if grant.is_none() {
            self.queue.remove(ticket);
        }
        grant
    }

    fn admit(&mut self, now: Moment, ticket: Ticket, wish: &Wish) -> Result<Option<usize>, Denied> {
        if self.closing {
            return Err(Denied::NotNow(NotNow::Closing));
        }
        if self.queue.holds(ticket) || self.held.contains_key(&ticket) {
            return Err(Denied::Never(Never::Known));
        }
        if wish.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(Denied::Never(Never::Late));
        }
        let model = self.model(wish.model.as_deref());
        let kind = wish.class.kind();
        for meter in of(model).map(|place| &self.meters[place]) {
            if let Some((quantity, asked, most)) = meter.never(kind, wish.amounts) {
                return Err(Denied::Never(Never::TooLarge { quantity, asked, most }));
            }
            if let Some((why, expected)) = meter.breaker.refuses(now).filter(|_| !wish.manual) {
                return Err(Denied::NotNow(NotNow::Broken { why, expected }));
            }
            if let Some(paused) = meter.pause.outlasts(now, wish.deadline) {
                return Err(Denied::NotNow(paused));
            }
        }
        let waiting = self.queue.length(kind);
        if waiting >= caps::waiting_for_a_permit(kind) {
            let expected = self.pace.expected(now, waiting + 1).max(self.paused(now, model));
            let expected = expected.max(SOON);
            return Err(Denied::NotNow(NotNow::Full { class: kind, waiting, expected }));
        }
        Ok(model)
    }

    /// The meter of a model; one that has no limits of its own may use all that the account has. Of more models than are
    /// told apart, only the account is looked at.
    fn model(&mut self, name: Option<&str>) -> Option<usize> {
        let name = name?;
        if let Some(known) = self.models.get(name) {
            return Some(*known);
        }
        if self.models.len() >= caps::MODELS_OF_AN_ACCOUNT {
            return None;
        }
        let account = self.meters[ACCOUNT].limits;
        Some(self.add(name, Limits::slots(account.slots).reserve(account.reserve_percent)))
    }

    fn paused(&self, now: Moment, model: Option<usize>) -> Duration {
        let pauses = of(model).filter_map(|place| self.meters[place].pause.remaining(now));
        pauses.map(|(left, _)| left).max().unwrap_or_default()
    }

    /// Whoever waited went away: it costs nothing. Tells whether it was waiting.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        self.queue.remove(ticket).is_some()
    }

    /// Whoever waits has become more urgent, or less: it is put off by the patience of this class from when it came.
    pub fn urge(&mut self, ticket: Ticket, class: Class) {
        if let Some(mut waiter) = self.queue.remove(ticket) {
            waiter.wish.class = class;
            self.queue.push(waiter);
        }
    }

    /// The next one who may call. Ask until there is nobody.
    pub fn grant(&mut self, now: Moment) -> Option<Grant> {
        self.pass_by(now);
        for meter in &mut self.meters {
            meter.settle(now);
        }
        let ticket = self.next(now)?;
        let waiter = self.queue.remove(ticket)?;
        let (call, model) = (waiter.call(), waiter.model);
        let (mut marks, mut last_beside) = ([0; 2], [Moment::default(); 2]);
        for (at, (mark, last)) in of(model).zip(marks.iter_mut().zip(&mut last_beside)) {
            *mark = self.meters[at].take(now, call);
            *last = self.meters[at].last_beside;
            self.meters[at].breaker.granted(now, ticket, waiter.wish.manual);
        }
        let until = waiter.wish.lasts.map(|lasts| now.after(lasts));
        if let Some(until) = until {
            self.leases.insert((until, ticket));
        }
        let lumped = model.is_none() && waiter.wish.model.is_some();
        let asked = waiter.since;
        let held = Held { call, model, asked, granted: now, until, marks, last_beside, lumped };
        self.held.insert(ticket, held);
        let (kind, long) = (call.kind, now.since(waiter.since));
        self.note_beside(now, call, model);
        self.pace.granted(now);
        *self.tally.granted.of_mut(kind) += 1;
        let longest = self.tally.longest_wait.of_mut(kind);
        *longest = long.max(*longest);
        Some(Grant { ticket, waited: long })
    }

    /// A call beside turns began or ended.
    fn note_beside(&mut self, now: Moment, call: Call, model: Option<usize>) {
        if call.kind != ClassKind::Turn {
            for at in of(model) {
                self.meters[at].last_beside = now;
            }
        }
    }

    /// Deadlines and permits that ran out.
    fn pass_by(&mut self, now: Moment) {
        while let Some(ticket) = self.queue.overdue(now) {
            if let Some(late) = self.queue.remove(ticket) {
                self.deny(ticket, NotNow::Overdue { waited: now.since(late.since) });
            }
        }
        while let Some((until, ticket)) = self.leases.first().copied()
            && until <= now
        {
            self.lost(now, ticket);
        }
    }

    fn deny(&mut self, ticket: Ticket, why: NotNow) {
        self.tally.denied += 1;
        self.denied.push((ticket, Denied::NotNow(why)));
    }

    /// Those who wait no longer and got nothing, since this was asked last.
    pub fn denied(&mut self) -> Vec<(Ticket, Denied)> {
        std::mem::take(&mut self.denied)
    }

    fn next(&self, now: Moment) -> Option<Ticket> {
        let mut heads: Vec<_> = self.queue.heads().collect();
        heads.sort_by_key(|(place, waiter)| (self.rank(now, *place, waiter), *place));
        let mut claims = Vec::new();
        heads.into_iter().find_map(|(_, waiter)| {
            let may = self.may_begin(now, waiter, &mut claims);
            may.then_some(waiter.ticket)
        })
    }

    fn rank(&self, now: Moment, place: Place, waiter: &Waiter) -> Rank {
        match (waiter.is_turn(), waiter.beside) {
            (true, false) => return Rank::Turn,
            // It takes of what passes take, and is due since it came.
            (true, true) => return Rank::Aged,
            (false, _) => {}
        }
        let may = of(waiter.model).all(|at| self.meters[at].lets_aged_by(now));
        if place.due <= now && may { Rank::Aged } else { Rank::Beside }
    }

    /// Whether somebody may begin now. If not, what it lacks is claimed from those behind it.
    fn may_begin(&self, now: Moment, waiter: &Waiter, claims: &mut Vec<Claim>) -> bool {
        let (call, turn) = (waiter.call(), waiter.is_turn());
        let stopped = of(waiter.model).any(|at| {
            let meter = &self.meters[at];
            let broken = !waiter.wish.manual && meter.breaker.refuses(now).is_some();
            broken || meter.pause.remaining(now).is_some()
        });
        if stopped {
            return false;
        }
        let lacks: Vec<(usize, Lack)> = of(waiter.model)
            .flat_map(|at| self.meters[at].lacks(now, call).map(move |lack| (at, lack)))
            .collect();
        if lacks.is_empty() {
            return !of(waiter.model).any(|at| {
                let within = self.meters[at].is_within_reserve(now, call);
                claims.iter().any(|claim| claim.stops(at, call, within))
            });
        }
        // What waits for its own share would not begin sooner if turns held back.
        let own = lacks.iter().any(|(_, lack)| !lack.shared);
        let lacks = lacks.into_iter().filter(|(_, lack)| lack.shared != own);
        let by_turn = turn && !call.beside;
        claims.extend(lacks.map(|(at, lack)| Claim { at, part: lack.part, by_turn, own }));
        false
    }

    /// A holder is still there: its permit lasts for so long from now. Tells whether it was held.
    pub fn renew(&mut self, now: Moment, ticket: Ticket, lasts: Duration) -> bool {
        let Some(held) = self.held.get_mut(&ticket) else {
            return false;
        };
        if let Some(until) = held.until.replace(now.after(lasts)) {
            self.leases.remove(&(until, ticket));
        }
        self.leases.insert((now.after(lasts), ticket));
        true
    }

    /// Nobody new is taken on, and whoever waits is denied. What is held goes on.
    pub fn close(&mut self) {
        self.closing = true;
        let tickets: Vec<Ticket> = self.queue.all().map(|waiter| waiter.ticket).collect();
        for ticket in tickets {
            self.queue.remove(ticket);
            self.deny(ticket, NotNow::Closing);
        }
    }

    /// Calls that have ended since this was asked last, which has the ones to come noted until they are not wanted any more.
    pub fn served(&mut self, wanted: bool) -> Vec<Served> {
        self.trail.take(wanted)
    }

    /// Whether a call that ends now concerns anybody else: who waits, who follows, or who closes the account. Where it does
    /// not, [`Arbiter::finish`] leaves nobody to be granted or told.
    pub fn concerns_others(&self) -> bool {
        !self.queue.is_empty() || self.trail.is_followed() || self.closing
    }

    /// Whether nothing is held.
    pub fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// When something may change by itself.
    pub fn wakes(&self, now: Moment) -> Option<Moment> {
        let mut moments: Vec<Moment> = self.queue.next_deadline().into_iter().collect();
        moments.extend(self.leases.first().map(|(until, _)| *until));
        for (place, waiter) in self.queue.heads() {
            let call = waiter.call();
            moments.push(place.due);
            for meter in of(waiter.model).map(|at| &self.meters[at]) {
                moments.push(meter.starves_at());
                moments.extend(meter.breaker.wakes());
                moments.extend(meter.pause.remaining(now).map(|(left, _)| now.after(left)));
                let waits = meter.lacks(now, call).filter_map(|lack| lack.wait);
                moments.extend(
                    waits.chain(meter.reserve_wait(now, call.amounts)).map(|wait| now.after(wait)),
                );
            }
        }
        moments.into_iter().filter(|moment| *moment > now).min()
    }

    /// How the account stands.
    pub fn status(&self, now: Moment) -> ProviderStatus {
        let mut names: Vec<Option<&str>> = vec![None; self.meters.len()];
        for (name, at) in &self.models {
            names[*at] = Some(name);
        }
        let keys = self.meters.iter().zip(names);
        ProviderStatus {
            provider: self.provider.clone(),
            keys: keys.map(|(meter, name)| KeyStatus::of(now, meter, name)).collect(),
            waiting: self.queue.lengths(),
            oldest_wait: self.queue.oldest_wait(now),
            tally: self.tally,
        }
    }
}

/// The meters that a call of a model is counted by.
fn of(model: Option<usize>) -> impl Iterator<Item = usize> + Clone {
    [Some(ACCOUNT), model].into_iter().flatten()
}
