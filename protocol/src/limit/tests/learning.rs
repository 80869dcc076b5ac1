//! What is learned from answers: usage, headers, refusals (G4, G6).

use std::time::Duration;

use super::super::{Amounts, Class, Ending, Limits, Paused, Quantity, Rate, Report, Seen, Ticket};
use super::account::{Account, NOW, PASS};
use crate::time::Moment;

fn input_tokens(per_minute: u64) -> Limits {
    Limits::slots(99).with(Quantity::InputTokens, Rate::per_minute(per_minute).burst(per_minute))
}

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
    let mut account = Account::new(Limits::slots(12));
    let tickets: Vec<Ticket> =
        (0..12).map(|_| account.ask(NOW, Class::Turn, Amounts::new(100, 0))).collect();
    assert_eq!(account.granted(NOW).len(), 12);
    let silent = Report::of(Ending::RateLimited { retry_after: None });
    for ticket in &tickets[5..] {
        account.arbiter.finish(NOW, *ticket, &silent, 0);
    }
    let slots = |account: &Account| account.arbiter.status(NOW).keys[0].slots;
    assert_eq!(slots(&account), 6, "five were not refused, and half is kept of what was known");
    let later = NOW.after(Duration::from_secs(5));
    let second = account.ask(later, Class::Turn, Amounts::new(100, 0));
    assert_eq!(account.granted(later), [second]);
    account.arbiter.finish(later, second, &silent, 0);
    assert_eq!(slots(&account), 5, "a call that began since then is refused");

    let mut account = Account::new(Limits::slots(50));
    let tickets: Vec<Ticket> =
        (0..30).map(|_| account.ask(NOW, Class::Turn, Amounts::new(100, 0))).collect();
    assert_eq!(account.granted(NOW).len(), 30);
    let later = Ending::RateLimited { retry_after: Some(Duration::from_secs(3)) };
    for ticket in &tickets[20..] {
        account.arbiter.finish(NOW, *ticket, &Report::of(later), 0);
    }
    let rate = account.rate(NOW, Quantity::Requests).expect("it was learned");
    assert_eq!(rate.per_minute, 19, "95 % of the twenty that were not refused");
    assert_eq!(slots(&account), 50);
}

#[test]
fn refusals_together_halve_what_is_known_at_most() {
    let limits = Limits::slots(8).with(Quantity::InputTokens, Rate::per_minute(1_000));
    for retry_after in [None, Some(Duration::from_secs(1))] {
        let mut account = Account::new(limits);
        let other = account.ask(NOW, Class::Turn, Amounts::new(10, 0));
        assert_eq!(account.granted(NOW), [other]);
        account.refuse(NOW, 5, Amounts::new(10, 0), retry_after);
        let expected = if retry_after.is_none() { (4, 1_000) } else { (8, 500) };
        assert_eq!(known(&account, NOW), expected);
    }
}

/// The calls at once, and the one rate there is.
fn known(account: &Account, now: Moment) -> (u32, u64) {
    let status = account.arbiter.status(now);
    let [rate] = &status.keys[0].rates[..] else { panic!("{:?}", status.keys[0].rates) };
    (status.keys[0].slots, rate.per_minute)
}

#[test]
fn a_refusal_that_is_alone_among_answers_changes_nothing_and_pauses_briefly() {
    let limits = Limits::slots(8).with(Quantity::InputTokens, Rate::per_minute(100_000));
    let millis = Duration::from_millis;
    for (retry_after, least) in [(None, 25), (Some(millis(20)), 25), (Some(millis(300)), 300)] {
        let mut account = Account::new(limits);
        let mut now = NOW;
        for _ in 0..3 {
            for _ in 0..20 {
                account.call(now, Class::Turn, Amounts::new(10, 0), &Report::of(Ending::Answered));
            }
            account.refuse(now, 1, Amounts::new(10, 0), retry_after);
            assert_eq!(known(&account, now), (8, 100_000), "{retry_after:?}");
            let paused = account.arbiter.status(now).keys[0].paused;
            assert_eq!(paused, Some((millis(least), Paused::RateLimited)));
            now = now.after(millis(least));
        }
    }
}

#[test]
fn a_call_that_takes_more_than_was_proven_refutes_it_and_holds_nobody_up_for_long() {
    let mut account = Account::proven(Limits::slots(50), 10);
    let tokens = |account: &Account, now| account.rate(now, Quantity::InputTokens);
    assert_eq!(tokens(&account, NOW).expect("proven, too").per_minute, 950);
    let now = NOW.after(Duration::from_secs(90));
    let large = account.ask(now, Class::Turn, Amounts::new(30_000, 0));
    assert_eq!(account.granted(now), [large]);
    let next = account.ask(now, Class::Turn, Amounts::new(30_000, 0));
    assert_eq!(account.granted(now.after(Duration::from_secs(59))), []);
    assert_eq!(account.granted(now.after(Duration::from_mins(1))), [next], "a minute at most");
    let used = Report::answered(Amounts::new(30_000, 0));
    account.arbiter.finish(now.after(Duration::from_mins(1)), large, &used, 0);
    assert_eq!(tokens(&account, now.after(Duration::from_mins(1))), None, "it was the requests");
}

#[test]
fn what_a_call_refuted_does_not_come_back_with_what_steps_down_in_vain_lowered() {
    let mut account = Account::proven(Limits::slots(50), 10);
    let tokens = |account: &Account, now| account.rate(now, Quantity::InputTokens);
    let later = Some(Duration::from_secs(1));
    let mut now = NOW;
    // Refusals that are few, and no fewer behind each step down.
    let mut few = |account: &mut Account, used: Amounts| {
        for _ in 0..40 {
            now = now.after(Duration::from_secs(4));
            account.call(now, Class::Turn, Amounts::new(1, 0), &Report::answered(used));
        }
        now = now.after(Duration::from_secs(4));
        account.refuse(now, 1, Amounts::new(1, 0), later);
        now
    };
    for _ in 0..3 {
        let now = few(&mut account, Amounts::new(1, 0));
        assert!(tokens(&account, now).is_some(), "what was proven is lowered");
    }
    let now = few(&mut account, Amounts::new(30_000, 0));
    assert_eq!(tokens(&account, now), None, "it was the requests");
    let requests = account.rate(now, Quantity::Requests).expect("they were not refuted");
    assert_eq!(requests.per_minute, 97, "raised once before the steps down, which were in vain");
}

#[test]
fn a_call_that_is_larger_than_what_was_learned_waits_for_all_of_it() {
    let mut account = Account::new(input_tokens(100_000));
    account.call(NOW, Class::Turn, Amounts::new(10, 0), &told(30_000, 29_990));
    let large = account.ask(NOW, Class::Turn, Amounts::new(28_000, 0));
    assert_eq!(account.granted(NOW), []);
    assert_eq!(account.granted(NOW.after(Duration::from_secs(1))), [large]);
}

#[test]
fn a_provider_that_counts_by_windows_is_left_alone_until_the_next_one() {
    let (input, seconds) = (Quantity::InputTokens, Duration::from_secs);
    // Of the last one less is configured than the provider would give.
    for (reset, waits, configured) in [(40, 40, 60_000), (60, 1, 60_000), (60, 2, 30_000)] {
        let mut account = Account::new(input_tokens(configured));
        let mut report = told(60_000, 0);
        let Report { seen, .. } = &mut report;
        seen.of_mut(input).reset = Some(seconds(reset));
        account.call(NOW, Class::Turn, Amounts::new(1_000, 0), &report);
        let next = account.ask(NOW, Class::Turn, Amounts::new(1_000, 0));
        let at = |millis| NOW.after(Duration::from_millis(millis));
        assert_eq!(account.granted(at(waits * 1_000 - 10)), [], "{reset}");
        // Of one that fills up evenly a thousand are there in a second.
        assert_eq!(account.granted(at(waits * 1_000 + 1_000)), [next], "{reset}");
    }
}

#[test]
fn what_was_proven_is_raised_again_when_nothing_is_refused() {
    let mut account = Account::proven(Limits::slots(50), 1);
    let proven = account.rate(NOW, Quantity::Requests).expect("it was learned").per_minute;
    assert_eq!(proven, 95);
    let answered = Report::of(Ending::Answered);
    let mut now = NOW.after(Duration::from_secs(2));
    let mut calls = |account: &mut Account, count, each| {
        for _ in 0..count {
            now = now.after(each);
            account.call(now, Class::Turn, Amounts::new(1, 0), &answered);
        }
        account.rate(now, Quantity::Requests).expect("it is limited").per_minute
    };
    let seconds = Duration::from_secs;
    assert_eq!(calls(&mut account, 118, seconds(1)), 97, "behind two minutes");
    assert_eq!(calls(&mut account, 119, seconds(1)), 97);
    assert_eq!(calls(&mut account, 1, seconds(1)), 102, "twice as much behind the next two");
    // Calls are paced by the rate; these are as fast as it lets them.
    assert_eq!(calls(&mut account, 150, Duration::from_millis(700)), 102);
    assert_eq!(calls(&mut account, 40, Duration::from_millis(700)), 114);
}

#[test]
fn what_was_used_of_a_proven_rate_stays_charged_however_much_was_estimated() {
    let mut account = Account::proven(Limits::slots(50), 10);
    let now = NOW.after(Duration::from_secs(90));
    let large = account.ask(now, Class::Turn, Amounts::new(3_000, 0));
    assert_eq!(account.granted(now), [large]);
    let ended = now.after(Duration::from_secs(5));
    account.arbiter.finish(ended, large, &Report::answered(Amounts::new(500, 0)), 0);
    let next = account.ask(ended, Class::Turn, Amounts::new(10, 0));
    // Five hundred of 950 a minute are made up for in 31.6 seconds.
    assert_eq!(account.granted(now.after(Duration::from_secs(31))), []);
    assert_eq!(account.granted(now.after(Duration::from_secs(32))), [next]);
}

#[test]
fn what_is_given_back_brings_no_window_forward() {
    let input = Quantity::InputTokens;
    let mut account = Account::new(input_tokens(60_000));
    let under_way = account.ask(NOW, Class::Turn, Amounts::new(10_000, 0));
    assert_eq!(account.granted(NOW), [under_way]);
    let mut report = told(60_000, 0);
    report.seen.of_mut(input).reset = Some(Duration::from_secs(40));
    account.call(NOW, Class::Turn, Amounts::new(1_000, 0), &report);
    assert_eq!(account.left(NOW, input), 0);
    account.arbiter.finish(NOW, under_way, &Report::answered(Amounts::new(1_000, 0)), 0);
    let next = account.ask(NOW, Class::Turn, Amounts::new(1_000, 0));
    assert_eq!(account.granted(NOW.after(Duration::from_millis(39_990))), []);
    assert_eq!(account.granted(NOW.after(Duration::from_secs(40))), [next]);
}

#[test]
fn the_same_headers_again_refute_nothing() {
    let input = Quantity::InputTokens;
    let mut account = Account::new(Limits::slots(9));
    account.call(NOW, Class::Turn, Amounts::new(1_000, 0), &told(60_000, 59_000));
    account.refuse(NOW, 5, Amounts::new(1_000, 0), Some(Duration::from_secs(1)));
    let per_minute = |account: &Account| account.rate(NOW, input).expect("known").per_minute;
    assert_eq!(per_minute(&account), 30_000);
    let now = NOW.after(Duration::from_mins(1));
    account.call(now, Class::Turn, Amounts::new(1_000, 0), &told(60_000, 58_000));
    assert_eq!(per_minute(&account), 30_000, "they were the same when it was refused");
    let now = NOW.after(Duration::from_secs(90));
    account.call(now, Class::Turn, Amounts::new(1_000, 0), &told(50_000, 48_000));
    assert_eq!(per_minute(&account), 50_000, "another limit has to be found out anew");
}
