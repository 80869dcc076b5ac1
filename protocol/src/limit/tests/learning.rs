//! What is learned from answers: usage, headers, refusals (G4, G6).

use std::iter::from_fn;
use std::time::Duration;

use super::super::{
    Amounts, Arbiter, Class, Ending, Limits, Paused, Quantity, Rate, RateStatus, Report, Seen,
    Ticket, Wish,
};
use crate::time::Moment;

const NOW: Moment = Moment(Duration::from_secs(100));

/// An account, and calls that follow each other in it.
struct Account {
    arbiter: Arbiter,
    next: u64,
}

impl Account {
    fn new(limits: Limits) -> Self {
        Self { arbiter: Arbiter::new("acme", limits, []).expect("legal limits"), next: 0 }
    }

    fn ask(&mut self, now: Moment, class: Class, amounts: Amounts) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.arbiter.request(now, ticket, Wish::new(class, amounts)).expect("it may wait");
        ticket
    }

    fn granted(&mut self, now: Moment) -> Vec<Ticket> {
        from_fn(|| self.arbiter.grant(now)).map(|grant| grant.ticket).collect()
    }

    /// A call that begins now, and ends with this report.
    fn call(&mut self, now: Moment, class: Class, amounts: Amounts, report: &Report) {
        let ticket = self.ask(now, class, amounts);
        assert_eq!(self.granted(now), [ticket]);
        self.arbiter.finish(now, ticket, report, 0);
    }

    fn rate(&self, now: Moment, quantity: Quantity) -> Option<RateStatus> {
        let status = self.arbiter.status(now);
        status.keys[0].rates.iter().find(|rate| rate.quantity == quantity).copied()
    }

    fn left(&self, now: Moment, quantity: Quantity) -> u64 {
        self.rate(now, quantity).expect("it is limited").left
    }
}

fn input_tokens(per_minute: u64) -> Limits {
    Limits::slots(99).with(Quantity::InputTokens, Rate::per_minute(per_minute).burst(per_minute))
}

const PASS: Class = Class::Compaction { fill: 50 };

#[test]
fn what_was_not_used_is_given_back_and_an_overrun_is_owed() {
    let input = Quantity::InputTokens;
    let mut account = Account::new(input_tokens(6_000));
    let used = |tokens| Report::answered(Amounts::new(tokens, 0));
    account.call(NOW, Class::Turn, Amounts::new(4_000, 0), &used(1_000));
    assert_eq!(account.left(NOW, input), 5_000);
    account.call(NOW, Class::Turn, Amounts::new(1_000, 0), &used(4_000));
    assert_eq!(account.left(NOW, input), 1_000);
    account.call(NOW, Class::Turn, Amounts::new(1_000, 0), &used(3_000));
    assert_eq!(account.left(NOW, input), 0, "two thousand are owed");
    let next = account.ask(NOW, Class::Turn, Amounts::new(1_000, 0));
    let paid = NOW.after(Duration::from_secs(30));
    assert_eq!(account.granted(NOW.after(Duration::from_millis(29_900))), []);
    assert_eq!(account.granted(paid), [next]);
}

#[test]
fn an_absurd_count_is_owed_up_to_one_burst() {
    let mut account = Account::new(input_tokens(6_000));
    let absurd = Report::answered(Amounts::new(u64::MAX, u64::MAX));
    account.call(NOW, Class::Turn, Amounts::new(10, 0), &absurd);
    let next = account.ask(NOW, Class::Turn, Amounts::new(10, 0));
    assert_eq!(account.granted(NOW.after(Duration::from_secs(61))), [next]);
}

#[test]
fn what_passes_owe_is_paid_by_passes_and_not_by_turns() {
    let mut account = Account::new(input_tokens(6_000).reserve(50));
    let over = Report::answered(Amounts::new(4_000, 0));
    account.call(NOW, PASS, Amounts::new(1_000, 0), &over);
    let pass = account.ask(NOW, PASS, Amounts::new(1_000, 0));
    account.call(NOW, Class::Turn, Amounts::new(3_000, 0), &Report::of(Ending::Answered));
    // Of the 4,000 tokens 2,000 have to be there again for another thousand, at 50 each second.
    assert_eq!(account.granted(NOW.after(Duration::from_secs(39))), []);
    assert_eq!(account.granted(NOW.after(Duration::from_secs(41))), [pass]);
}

#[test]
fn a_refused_call_costs_no_tokens_and_pauses_every_class() {
    let mut account = Account::new(input_tokens(6_000));
    let refused = Ending::RateLimited { retry_after: Some(Duration::from_secs(20)) };
    account.call(NOW, PASS, Amounts::new(3_000, 0), &Report::of(refused));
    assert_eq!(account.left(NOW, Quantity::InputTokens), 6_000);
    let turn = account.ask(NOW, Class::Turn, Amounts::default());
    let pass = account.ask(NOW, PASS, Amounts::default());
    let almost = NOW.after(Duration::from_millis(19_999));
    assert_eq!(account.granted(almost), []);
    let paused = account.arbiter.status(almost).keys[0].paused;
    assert_eq!(paused, Some((Duration::from_millis(1), Paused::RateLimited)));
    assert_eq!(account.arbiter.wakes(almost), Some(NOW.after(Duration::from_secs(20))));
    assert_eq!(account.granted(NOW.after(Duration::from_secs(20))), [turn, pass]);
}

fn told(limit: u64, remaining: u64) -> Report {
    let mut seen = Seen::default();
    let standing = seen.of_mut(Quantity::InputTokens);
    (standing.limit, standing.remaining) = (Some(limit), Some(remaining));
    Report { seen, ..Report::of(Ending::Answered) }
}

#[test]
fn headers_of_answers_set_limits_below_the_configured_ones_and_never_above() {
    let input = Quantity::InputTokens;
    let mut account = Account::new(input_tokens(10_000));
    account.call(NOW, Class::Turn, Amounts::new(10, 0), &told(3_000, 2_990));
    let rate = account.rate(NOW, input).expect("it is limited");
    assert_eq!((rate.per_minute, rate.left), (3_000, 2_690), "a tenth is kept back");
    account.call(NOW, Class::Turn, Amounts::new(10, 0), &told(50_000, 49_000));
    assert_eq!(account.rate(NOW, input).expect("it is limited").per_minute, 10_000);

    let mut account = Account::new(Limits::slots(9));
    assert_eq!(account.rate(NOW, input), None);
    account.call(NOW, Class::Turn, Amounts::new(10, 0), &told(3_000, 500));
    let rate = account.rate(NOW, input).expect("it is limited now");
    assert_eq!((rate.per_minute, rate.left), (3_000, 500), "somebody else used the account");
}

#[test]
fn a_refusal_without_headers_proves_the_calls_at_once_or_the_rate() {
    let limits = Limits::slots(50);
    let mut account = Account::new(limits);
    let tickets: Vec<Ticket> =
        (0..12).map(|_| account.ask(NOW, Class::Turn, Amounts::new(100, 0))).collect();
    assert_eq!(account.granted(NOW).len(), 12);
    let silent = Report::of(Ending::RateLimited { retry_after: None });
    for ticket in &tickets[5..] {
        account.arbiter.finish(NOW, *ticket, &silent, 0);
    }
    assert_eq!(account.arbiter.status(NOW).keys[0].slots, 5, "five were not refused");
    for ticket in &tickets[..5] {
        account.arbiter.finish(NOW, *ticket, &Report::of(Ending::Answered), 0);
    }

    let mut account = Account::new(limits);
    let tickets: Vec<Ticket> =
        (0..30).map(|_| account.ask(NOW, Class::Turn, Amounts::new(100, 0))).collect();
    assert_eq!(account.granted(NOW).len(), 30);
    let later = Ending::RateLimited { retry_after: Some(Duration::from_secs(3)) };
    for ticket in &tickets[20..] {
        account.arbiter.finish(NOW, *ticket, &Report::of(later), 0);
    }
    let rate = account.rate(NOW, Quantity::Requests).expect("it was learned");
    assert_eq!(rate.per_minute, 19, "95 % of the twenty that were not refused");
    assert_eq!(account.arbiter.status(NOW).keys[0].slots, 50);
}

#[test]
fn what_was_proven_is_raised_again_when_nothing_is_refused() {
    let mut account = Account::new(Limits::slots(50));
    let later = Ending::RateLimited { retry_after: Some(Duration::from_secs(1)) };
    for _ in 0..100 {
        account.call(NOW, Class::Turn, Amounts::new(1, 0), &Report::of(Ending::Answered));
    }
    account.call(NOW, Class::Turn, Amounts::new(1, 0), &Report::of(later));
    let proven = account.rate(NOW, Quantity::Requests).expect("it was learned").per_minute;
    assert_eq!(proven, 95);
    let mut now = NOW.after(Duration::from_secs(2));
    for _ in 0..300 {
        now = now.after(Duration::from_secs(1));
        account.call(now, Class::Turn, Amounts::new(1, 0), &Report::of(Ending::Answered));
    }
    let raised = account.rate(now, Quantity::Requests).expect("it is limited").per_minute;
    assert_eq!(raised, 97);
}
