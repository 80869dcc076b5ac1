//! An account and calls that follow each other in it, for tests that look at what is left behind each.

use std::iter::from_fn;
use std::time::Duration;

use super::super::{
    Amounts, Arbiter, Class, Ending, Limits, Quantity, RateStatus, Report, Ticket, Wish,
};
use crate::time::Moment;

pub(super) const NOW: Moment = Moment(Duration::from_secs(100));

pub(super) const PASS: Class = Class::Compaction { fill: 50 };

/// An account, and calls that follow each other in it.
pub(super) struct Account {
    pub(super) arbiter: Arbiter,
    next: u64,
}

impl Account {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with(limits, &[])
    }

    /// One at which 95 calls a minute were proven, each of so many tokens: a hundred were answered, and then many
    /// refused together.
    pub(super) fn proven(limits: Limits, tokens: u64) -> Self {
        let mut account = Self::new(limits);
        let (amounts, later) = (Amounts::new(tokens, 0), Some(Duration::from_secs(1)));
        for _ in 0..100 {
            account.call(NOW, Class::Turn, amounts, &Report::answered(amounts));
        }
        account.refuse(NOW, 15, amounts, later);
        account
    }

    /// So many calls begin now, and are refused together.
    pub(super) fn refuse(
        &mut self,
        now: Moment,
        calls: usize,
        amounts: Amounts,
        retry_after: Option<Duration>,
    ) {
        let tickets: Vec<Ticket> =
            (0..calls).map(|_| self.ask(now, Class::Turn, amounts)).collect();
        assert_eq!(self.granted(now), tickets);
        for ticket in tickets {
            self.arbiter.finish(now, ticket, &Report::of(Ending::RateLimited { retry_after }), 0);
        }
    }

    /// One with models that have limits of their own.
    pub(super) fn with(limits: Limits, models: &[(&str, Limits)]) -> Self {
        let arbiter = Arbiter::new("acme", limits, models.iter().copied());
        Self { arbiter: arbiter.expect("legal limits"), next: 0 }
    }

    pub(super) fn ask(&mut self, now: Moment, class: Class, amounts: Amounts) -> Ticket {
        self.ask_of(None, now, class, amounts)
    }

    /// A call of a model.
    pub(super) fn ask_of(
        &mut self,
        model: Option<&str>,
        now: Moment,
        class: Class,
        amounts: Amounts,
    ) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let wish = Wish { model: model.map(Into::into), ..Wish::new(class, amounts) };
        self.arbiter.request(now, ticket, wish).expect("it may wait");
        ticket
    }

    pub(super) fn granted(&mut self, now: Moment) -> Vec<Ticket> {
        from_fn(|| self.arbiter.grant(now)).map(|grant| grant.ticket).collect()
    }

    /// A call that begins now, and ends with this report.
    pub(super) fn call(&mut self, now: Moment, class: Class, amounts: Amounts, report: &Report) {
        let ticket = self.ask(now, class, amounts);
        assert_eq!(self.granted(now), [ticket]);
        self.arbiter.finish(now, ticket, report, 0);
    }

    pub(super) fn rate(&self, now: Moment, quantity: Quantity) -> Option<RateStatus> {
        let status = self.arbiter.status(now);
        status.keys[0].rates.iter().find(|rate| rate.quantity == quantity).copied()
    }

    pub(super) fn left(&self, now: Moment, quantity: Quantity) -> u64 {
        self.rate(now, quantity).expect("it is limited").left
    }
}
