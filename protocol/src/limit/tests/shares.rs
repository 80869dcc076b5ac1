//! Who has which share when it is not as simple as one rate and one reserve (G2, G3): large turns, learned rates, shares of
//! nothing, models, limits that change under way.

use std::time::Duration;

use super::super::{
    Amounts, Class, Denied, Ending, Limits, NotNow, Quantity, Rate, Report, Seen, Ticket, Wish,
};
use super::account::{Account, NOW, PASS};
use crate::caps;
use crate::time::Moment;

/// A pass that is due at once.
const FULL: Class = Class::Compaction { fill: 100 };

fn input(tokens: u64) -> Amounts {
    Amounts::new(tokens, 0)
}

fn in_ms(millis: u64) -> Moment {
    NOW.after(Duration::from_millis(millis))
}

/// Plays a second at a time until this is granted, with one more pass of a model whenever none waits; in how many seconds.
fn seconds_until(account: &mut Account, wanted: Ticket, pass: (Option<&str>, Amounts)) -> u64 {
    let (model, amounts) = pass;
    for second in 0..300 {
        let now = in_ms(second * 1_000);
        let next = account.ask_of(model, now, FULL, amounts);
        let granted = account.granted(now);
        if granted.contains(&wanted) {
            return second;
        }
        if !granted.contains(&next) {
            account.arbiter.withdraw(next);
        }
        for ticket in granted {
            account.arbiter.finish(now, ticket, &Report::of(Ending::Answered), 0);
        }
    }
    panic!("it is never granted")
}

#[test]
fn a_turn_that_is_larger_than_the_reserve_does_not_wait_for_every_pass_that_comes() {
    let rate = Rate::per_minute(100_000).burst(90_000);
    let limits = Limits::slots(10).reserve(50).with(Quantity::InputTokens, rate);
    let mut account = Account::new(limits);
    let passes = [account.ask(NOW, FULL, input(20_000)), account.ask(NOW, FULL, input(20_000))];
    assert_eq!(account.granted(NOW), passes);
    let turn = account.ask(NOW, Class::Turn, input(60_000));
    // What passes have at once has to fill up: forty thousand at fifty thousand a minute.
    let waited = seconds_until(&mut account, turn, (None, input(20_000)));
    assert_eq!(waited, 48);
}

#[test]
fn where_a_rate_was_proven_turns_keep_their_share_of_it() {
    let mut account = Account::proven(Limits::slots(50).reserve(50), 1_000);
    let now = NOW.after(Duration::from_secs(110));
    let pass = account.ask(now, FULL, input(30_000));
    assert_eq!(account.granted(now), [pass]);
    let turn = account.ask(now, Class::Turn, input(1_000));
    assert_eq!(account.granted(now), [turn], "the pass is made up for by passes");
    let turn = account.ask(now, Class::Turn, input(1_000));
    assert_eq!(account.granted(now), [], "turns are paced, too");
    let half = NOW.after(Duration::from_millis(110_000 + 1_300));
    assert_eq!(account.granted(half), [turn], "at their half of 95 requests and 95,000 tokens");
}

#[test]
fn a_share_of_less_than_one_reserves_nothing_and_passes_do_not_go_first() {
    // A tenth of five a minute, and half of one at once.
    for (per_minute, reserve, each) in [(5, 10, 12_000), (10, 50, 6_000)] {
        let requests = Rate::per_minute(per_minute).burst(1);
        let limits = Limits::slots(4).reserve(reserve).with(Quantity::Requests, requests);
        let mut account = Account::new(limits);
        let first = account.ask(NOW, PASS, input(1));
        assert_eq!(account.granted(NOW), [first], "all of it is for everybody");
        let pass = account.ask(NOW, FULL, input(1));
        let turn = account.ask(NOW, Class::Turn, input(1));
        assert_eq!(account.granted(in_ms(each)), [turn]);
        assert_eq!(account.granted(in_ms(2 * each)), [pass]);
    }
}

#[test]
fn passes_of_a_model_without_a_reserve_starve_for_no_pass_of_another() {
    let own = [("large", Limits::slots(1))];
    let mut account = Account::with(Limits::slots(10).reserve(50), &own);
    let before = account.ask_of(Some("large"), NOW, FULL, input(1));
    assert_eq!(account.granted(NOW), [before]);
    account.arbiter.finish(NOW, before, &Report::of(Ending::Answered), 0);
    let turn = account.ask_of(Some("large"), NOW, Class::Turn, input(1));
    let pass = account.ask_of(Some("large"), NOW, FULL, input(1));
    let mut running = account.granted(NOW);
    assert_eq!(running, [turn]);
    for second in 0..40 {
        let now = in_ms(second * 1_000);
        // A turn of the model waits at any time, and a pass of another one begins all the time.
        account.ask_of(Some("large"), now, Class::Turn, input(1));
        let other = account.ask_of(Some("small"), now, FULL, input(1));
        let granted = account.granted(now);
        if granted.contains(&pass) {
            assert_eq!(second, 30);
            return;
        }
        assert!(granted.contains(&other), "at {second}");
        running.extend(granted);
        for ticket in running.drain(..) {
            account.arbiter.finish(now, ticket, &Report::of(Ending::Answered), 0);
        }
    }
    panic!("it is never granted");
}

#[test]
fn turns_do_not_pay_for_what_passes_took_of_a_higher_limit() {
    let quantity = Quantity::InputTokens;
    let limits = Limits::slots(10).reserve(50).with(quantity, Rate::per_minute(10_000));
    let mut account = Account::new(limits);
    let mut seen = Seen::default();
    seen.of_mut(quantity).limit = Some(3_000);
    let report = Report { seen, ..Report::of(Ending::Answered) };
    account.call(NOW, FULL, input(4_500), &report);
    assert_eq!(account.rate(NOW, quantity).expect("it is limited").per_minute, 3_000);
    let turn = account.ask(NOW, Class::Turn, input(1_000));
    assert_eq!(account.granted(NOW), [turn]);
    let pass = account.ask(NOW, FULL, input(100));
    assert_eq!(account.granted(NOW), [], "passes do");
    account.arbiter.withdraw(pass);
}

#[test]
fn what_fails_or_is_forbidden_is_the_model_and_what_is_spent_the_account() {
    for (ending, times, others_too) in
        [(Ending::Failed, 5, false), (Ending::Forbidden, 1, false), (Ending::Spent, 1, true)]
    {
        let mut account = Account::new(Limits::slots(10));
        for _ in 0..times {
            let ticket = account.ask_of(Some("a"), NOW, Class::Turn, input(1));
            assert_eq!(account.granted(NOW), [ticket]);
            account.arbiter.finish(NOW, ticket, &Report::of(ending), 0);
        }
        let mut refused = |model: &str, ticket| {
            let wish = Wish { model: Some(model.into()), ..Wish::new(Class::Turn, input(1)) };
            let asked = account.arbiter.request(NOW, Ticket(ticket), wish);
            matches!(asked, Err(Denied::NotNow(NotNow::Broken { .. })))
        };
        assert!(refused("a", 90), "{ending:?}");
        assert_eq!(refused("b", 91), others_too, "{ending:?}");
    }
}

#[test]
fn a_model_that_is_not_told_apart_spoils_no_account() {
    let mut account = Account::new(Limits::slots(1_000));
    for number in 0..=caps::MODELS_OF_AN_ACCOUNT {
        account.ask_of(Some(&format!("m{number}")), NOW, Class::Turn, input(1));
    }
    let last = *account.granted(NOW).last().expect("they are granted");
    account.arbiter.finish(NOW, last, &Report::of(Ending::Forbidden), 0);
    let turn = account.ask_of(Some("m0"), NOW, Class::Turn, input(1));
    assert_eq!(account.granted(NOW), [turn]);
}

#[test]
fn a_permit_that_nobody_took_lets_no_pass_go_before_its_time() {
    let mut account = Account::new(Limits::slots(2));
    let unused = account.ask(NOW, Class::Turn, input(1));
    let pass = account.ask(NOW, FULL, input(1));
    assert_eq!(account.granted(NOW), [pass, unused], "none began for a hundred seconds");
    account.arbiter.unused(NOW, unused);
    let [turn, next] = [Class::Turn, FULL].map(|class| account.ask(NOW, class, input(1)));
    assert_eq!(account.granted(NOW), [turn]);
    account.arbiter.finish(in_ms(1_000), turn, &Report::of(Ending::Answered), 0);
    let turn = account.ask(in_ms(1_000), Class::Turn, input(1));
    assert_eq!(account.granted(in_ms(1_000)), [turn], "turns go first for half a minute");
    account.arbiter.withdraw(next);
}
