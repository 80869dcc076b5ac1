//! Accounts and their models, what is refused at once, what is told later, and how a permit ends.

use std::iter::from_fn;
use std::time::Duration;

use super::super::{
    Amounts, Arbiter, Broke, Class, ClassKind, Denied, Ending, Limits, Never, NotNow, Paused,
    Quantity, Rate, Report, Ticket, Wish,
};
use super::play::secs;
use crate::caps;
use crate::time::Moment;

const NOW: Moment = Moment(Duration::from_secs(100));

fn arbiter(limits: Limits) -> Arbiter {
    Arbiter::new("acme", limits, []).expect("legal limits")
}

fn turn(input: u64) -> Wish {
    Wish::new(Class::Turn, Amounts::new(input, 10))
}

fn of_model(model: &str) -> Wish {
    Wish { model: Some(model.into()), ..turn(1) }
}

fn granted(arbiter: &mut Arbiter, now: Moment) -> Vec<u64> {
    from_fn(|| arbiter.grant(now)).map(|grant| grant.ticket.0).collect()
}

#[test]
fn an_account_and_a_model_in_it_must_both_grant() {
    let small = Limits::slots(1);
    let mut arbiter =
        Arbiter::new("acme", Limits::slots(3), [("opus", small)]).expect("legal limits");
    for (ticket, model) in (0..).zip(["opus", "opus", "haiku", "haiku", "haiku"]) {
        arbiter.request(NOW, Ticket(ticket), of_model(model)).expect("it may wait");
    }
    assert_eq!(granted(&mut arbiter, NOW), [0, 2, 3], "one of opus, three of the account");
    arbiter.finish(NOW, Ticket(2), &Report::of(Ending::Answered), 0);
    assert_eq!(granted(&mut arbiter, NOW), [4], "opus has no slot");
    arbiter.finish(NOW, Ticket(0), &Report::of(Ending::Answered), 0);
    assert_eq!(granted(&mut arbiter, NOW), [1]);
}

#[test]
fn what_can_never_be_granted_is_refused_at_once_and_says_what_may_be() {
    let rate = Rate::per_minute(10_000).burst(5_000);
    let limits = Limits::slots(2).reserve(40).with(Quantity::InputTokens, rate);
    let mut arbiter = arbiter(limits);
    let too_large = |asked, most| {
        Denied::Never(Never::TooLarge { quantity: Quantity::InputTokens, asked, most })
    };
    let pass = Wish::new(Class::Compaction { fill: 99 }, Amounts::new(3_001, 0));
    assert_eq!(arbiter.request(NOW, Ticket(1), pass), Err(too_large(3_001, 3_000)));
    assert_eq!(arbiter.request(NOW, Ticket(1), turn(5_001)), Err(too_large(5_001, 5_000)));
    arbiter.request(NOW, Ticket(1), turn(5_000)).expect("that much is there at once");
    let known = arbiter.request(NOW, Ticket(1), turn(1));
    assert_eq!(known, Err(Denied::Never(Never::Known)));
    let late = Wish { deadline: Some(NOW), ..turn(1) };
    assert_eq!(arbiter.request(NOW, Ticket(2), late), Err(Denied::Never(Never::Late)));
}

#[test]
fn what_is_not_granted_at_once_leaves_nothing_behind() {
    let rate = Rate::per_minute(1).burst(1);
    let mut arbiter = arbiter(Limits::slots(2).with(Quantity::Requests, rate));
    let leased = Wish { lasts: Some(Duration::from_secs(9)), ..turn(1) };
    assert_eq!(arbiter.grant_at_once(NOW, Ticket(0), &leased), None, "its end must be told");
    let first = arbiter.grant_at_once(NOW, Ticket(1), &turn(1)).expect("nothing is in its way");
    assert_eq!((first.ticket, first.waited), (Ticket(1), Duration::ZERO));
    assert!(!arbiter.concerns_others());
    let before = arbiter.status(NOW);
    assert_eq!(arbiter.grant_at_once(NOW, Ticket(2), &turn(1)), None, "the rate is used up");
    let late = Wish { deadline: Some(NOW), ..turn(1) };
    assert_eq!(arbiter.grant_at_once(NOW, Ticket(3), &late), None);
    assert_eq!((arbiter.status(NOW), arbiter.wakes(NOW)), (before, None));
    // Who waits is not passed by, though the minute is over for both.
    arbiter.request(NOW, Ticket(4), turn(1)).expect("it may wait");
    assert!(arbiter.concerns_others());
    let later = NOW.after(Duration::from_secs(61));
    assert_eq!(arbiter.grant_at_once(later, Ticket(5), &turn(1)), None);
    assert_eq!(granted(&mut arbiter, later), [4]);
    arbiter.close();
    assert_eq!(arbiter.grant_at_once(later, Ticket(6), &turn(1)), None);
    assert!(arbiter.concerns_others(), "whoever closes it waits for the end of what is held");
}

#[test]
fn of_more_models_than_are_told_apart_only_the_account_is_looked_at() {
    let mut arbiter = arbiter(Limits::slots(100));
    let most = caps::MODELS_OF_AN_ACCOUNT as u64;
    for number in 0..most + 2 {
        let wish = of_model(&format!("m{number}"));
        arbiter.request(NOW, Ticket(number), wish).expect("it may wait");
    }
    assert_eq!(granted(&mut arbiter, NOW).len() as u64, most + 2);
    assert_eq!(arbiter.status(NOW).keys.len() as u64, most + 1, "the account and its models");
}

#[test]
fn limits_that_are_none_say_which_number_is_wrong() {
    let rate = |per_minute, burst| {
        Limits::slots(4).with(Quantity::Tokens, Rate::per_minute(per_minute).burst(burst))
    };
    for (limits, said) in [
        (Limits::slots(0), "0 slots; there must be 1 to 65536"),
        (Limits::slots(1).reserve(10), "leave none for compaction"),
        (Limits::slots(9).reserve(96), "a reserve of 96 %; it may be 0 to 95 %"),
        (rate(0, 1), "0 tokens each minute"),
        (rate(1 << 40, 1), "1099511627776 tokens each minute"),
        (rate(10, 0), "a burst of 0 tokens with 10 each minute; it may be 1 to 300"),
        (rate(10, 311), "a burst of 311 tokens with 10 each minute"),
    ] {
        let error = Arbiter::new("acme", limits, []).expect_err(said);
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn a_full_queue_tells_how_long_it_would_take() {
    let mut arbiter = arbiter(Limits::slots(1));
    let cap = caps::waiting_for_a_permit(ClassKind::Background) as u64;
    let background = || Wish::new(Class::Background, Amounts::default());
    let mut now = NOW;
    for ticket in 0..=cap {
        arbiter.request(now, Ticket(ticket), background()).expect("it may wait");
        if ticket < 10 {
            granted(&mut arbiter, now);
            now = now.after(Duration::from_secs(2));
            if ticket < 9 {
                arbiter.finish(now, Ticket(ticket), &Report::of(Ending::Answered), 0);
            }
        }
    }
    for ticket in cap + 1..cap + 10 {
        arbiter.request(now, Ticket(ticket), background()).expect("ten were granted");
    }
    let full = arbiter.request(now, Ticket(cap + 10), background());
    let Err(Denied::NotNow(NotNow::Full { class, waiting, expected })) = full else {
        panic!("{full:?}");
    };
    assert_eq!((class, waiting as u64), (ClassKind::Background, cap));
    assert_eq!(expected.as_secs(), 2 * (cap + 1), "two seconds for each");
    arbiter.request(now, Ticket(cap + 11), turn(1)).expect("turns have a queue of their own");
}

#[test]
fn whoever_went_away_is_skipped_and_a_permit_that_nobody_took_costs_nothing() {
    let rate = Rate::per_minute(60).burst(2);
    let mut arbiter = arbiter(Limits::slots(9).with(Quantity::Requests, rate));
    for ticket in 0..5 {
        arbiter.request(NOW, Ticket(ticket), turn(1)).expect("it may wait");
    }
    assert!(arbiter.withdraw(Ticket(1)));
    assert_eq!(granted(&mut arbiter, NOW), [0, 2]);
    assert!(!arbiter.withdraw(Ticket(2)), "it does not wait any more");
    assert!(arbiter.unused(NOW, Ticket(2)));
    assert_eq!(granted(&mut arbiter, NOW), [3], "its request was given back");
    assert_eq!(arbiter.status(NOW).tally.granted.of(ClassKind::Turn), 2);
}

#[test]
fn deadlines_that_pass_are_told_and_the_arbiter_says_when() {
    let mut arbiter = arbiter(Limits::slots(1));
    arbiter.request(NOW, Ticket(0), turn(1)).expect("it may wait");
    granted(&mut arbiter, NOW);
    let soon = Wish { deadline: Some(NOW.after(Duration::from_secs(7))), ..turn(1) };
    arbiter.request(NOW, Ticket(1), soon).expect("it may wait");
    let wakes = arbiter.wakes(NOW).expect("there is a deadline");
    assert_eq!(wakes, secs(107));
    assert_eq!(granted(&mut arbiter, wakes), [0_u64; 0]);
    let waited = Duration::from_secs(7);
    assert_eq!(arbiter.denied(), [(Ticket(1), Denied::NotNow(NotNow::Overdue { waited }))]);
    assert_eq!(arbiter.status(wakes).waiting.of(ClassKind::Turn), 0);
}

#[test]
fn nobody_waits_for_a_pause_that_ends_behind_their_deadline() {
    let mut arbiter = arbiter(Limits::slots(1));
    let until = |at| Wish { deadline: Some(secs(at)), ..turn(1) };
    for (ticket, wish) in (0..).zip([turn(1), until(130), until(131), turn(1)]) {
        arbiter.request(NOW, Ticket(ticket), wish).expect("it may wait");
    }
    assert_eq!(granted(&mut arbiter, NOW), [0]);
    let expected = Duration::from_secs(30);
    let ending = Ending::RateLimited { retry_after: Some(expected) };
    arbiter.finish(NOW, Ticket(0), &Report::of(ending), 0);
    let paused = |expected| Denied::NotNow(NotNow::Paused { why: Paused::RateLimited, expected });
    assert_eq!(arbiter.denied(), [(Ticket(1), paused(expected))]);
    let left = Duration::from_secs(20);
    assert_eq!(arbiter.request(secs(110), Ticket(4), until(130)), Err(paused(left)));
    assert_eq!(
        granted(&mut arbiter, secs(130)),
        [2],
        "one that can still be in time goes on waiting"
    );
    assert_eq!(arbiter.status(secs(130)).tally.denied, 2);
}

#[test]
fn a_lease_ends_unless_it_is_renewed() {
    let mut arbiter = arbiter(Limits::slots(1));
    let lease = Wish { lasts: Some(Duration::from_secs(10)), ..turn(1) };
    arbiter.request(NOW, Ticket(0), lease).expect("it may wait");
    arbiter.request(NOW, Ticket(1), turn(1)).expect("it may wait");
    assert_eq!(granted(&mut arbiter, NOW), [0]);
    assert!(arbiter.renew(secs(109), Ticket(0), Duration::from_secs(10)));
    assert_eq!(granted(&mut arbiter, secs(118)), [0_u64; 0]);
    assert_eq!(arbiter.wakes(secs(118)), Some(secs(119)));
    assert_eq!(granted(&mut arbiter, secs(119)), [1]);
    assert!(!arbiter.renew(secs(119), Ticket(0), Duration::from_secs(10)), "it has run out");
    assert!(!arbiter.finish(secs(120), Ticket(0), &Report::of(Ending::Answered), 0));
    assert_eq!(arbiter.status(secs(120)).tally.lost, 1);
}

#[test]
fn a_breaker_that_opens_turns_away_who_waits_but_nothing_that_was_asked_for_by_hand() {
    let mut arbiter = arbiter(Limits::slots(1));
    let by_hand = || Wish { manual: true, ..turn(1) };
    for (ticket, wish) in (0..).zip([turn(1), turn(1), by_hand()]) {
        arbiter.request(NOW, Ticket(ticket), wish).expect("it may wait");
    }
    assert_eq!(granted(&mut arbiter, NOW), [0]);
    arbiter.finish(NOW, Ticket(0), &Report::of(Ending::Spent), 0);
    let (why, expected) = (Broke::Spent, Duration::from_mins(10));
    let broken = Denied::NotNow(NotNow::Broken { why, expected });
    assert_eq!(arbiter.denied(), [(Ticket(1), broken.clone())]);
    assert_eq!(granted(&mut arbiter, NOW), [2]);
    assert_eq!(arbiter.request(NOW, Ticket(3), turn(1)), Err(broken));
    arbiter.finish(NOW, Ticket(2), &Report::of(Ending::Answered), 0);
    arbiter.request(NOW, Ticket(4), turn(1)).expect("an answer closed it");
}

#[test]
fn a_half_open_breaker_lets_one_probe_through() {
    let mut arbiter = arbiter(Limits::slots(4));
    for ticket in 0..5 {
        arbiter.request(NOW, Ticket(ticket), turn(1)).expect("it may wait");
        granted(&mut arbiter, NOW);
        arbiter.finish(NOW, Ticket(ticket), &Report::of(Ending::Failed), 0);
    }
    let later = NOW.after(Duration::from_secs(30));
    for ticket in 10..13 {
        arbiter.request(later, Ticket(ticket), turn(1)).expect("the time is over");
    }
    assert_eq!(granted(&mut arbiter, later), [10]);
    assert_eq!(
        granted(&mut arbiter, later.after(Duration::from_hours(1))),
        [0_u64; 0],
        "one at a time"
    );
    arbiter.finish(later, Ticket(10), &Report::of(Ending::Answered), 0);
    assert_eq!(granted(&mut arbiter, later), [11, 12]);
}

#[test]
fn a_gate_that_closes_tells_who_waits_and_takes_nobody_on() {
    let mut arbiter = arbiter(Limits::slots(1));
    for ticket in 0..2 {
        arbiter.request(NOW, Ticket(ticket), turn(1)).expect("it may wait");
    }
    granted(&mut arbiter, NOW);
    arbiter.close();
    let closing = Denied::NotNow(NotNow::Closing);
    assert_eq!(arbiter.denied(), [(Ticket(1), closing.clone())]);
    assert_eq!(arbiter.request(NOW, Ticket(2), turn(1)), Err(closing));
    assert!(!arbiter.is_idle());
    arbiter.finish(NOW, Ticket(0), &Report::of(Ending::Answered), 0);
    assert!(arbiter.is_idle());
}

#[test]
fn an_urged_pass_goes_before_those_that_came_with_it() {
    let mut arbiter = arbiter(Limits::slots(1));
    let pass = |fill| Wish::new(Class::Compaction { fill }, Amounts::default());
    for ticket in 0..3 {
        arbiter.request(NOW, Ticket(ticket), pass(10)).expect("it may wait");
    }
    granted(&mut arbiter, NOW);
    arbiter.urge(Ticket(2), Class::Compaction { fill: 95 });
    arbiter.finish(NOW, Ticket(0), &Report::of(Ending::Answered), 0);
    assert_eq!(granted(&mut arbiter, NOW), [2]);
}
