//! Who goes first, as a table.

use std::iter::from_fn;

use super::super::{Amounts, Arbiter, Class, Limits, Quantity, Rate, Report, Ticket, Wish};
use super::play::secs;
use crate::time::Moment;

/// Plays a script and writes down who was granted behind each step, `.` for nobody. `t`, `c`, `u`, `b`: a turn, a pass
/// with an empty view, one at its hard mark, or something else comes. `x`: the call that was granted first ends. `3`:
/// three seconds pass; `m`: a minute. Whoever may tries to be granted at once first, or nobody does: it makes no difference.
fn check(limits: Limits, script: &str, expected: &str) {
    for tries in [false, true] {
        play(limits, script, expected, tries);
    }
}

fn play(limits: Limits, script: &str, expected: &str, tries: bool) {
    let mut arbiter = Arbiter::new("acme", limits, []).expect("legal limits");
    let (mut now, mut steps) = (secs(100), String::new());
    let (mut names, mut held) = (Vec::new(), std::collections::VecDeque::new());
    for step in script.chars() {
        let class = match step {
            't' => Some(Class::Turn),
            'c' => Some(Class::Compaction { fill: 0 }),
            'u' => Some(Class::Compaction { fill: 100 }),
            'b' => Some(Class::Background),
            'x' => {
                let ended = held.pop_front().expect("something was granted");
                let used = Report::answered(Amounts::new(1_000, 0));
                assert!(arbiter.finish(now, ended, &used, 0));
                None
            }
            'm' => {
                now = pass(&mut arbiter, now, 60);
                None
            }
            digit => {
                now = pass(&mut arbiter, now, digit.to_digit(10).expect("a step"));
                None
            }
        };
        let mut granted: Vec<Ticket> = Vec::new();
        if let Some(class) = class {
            let ticket = Ticket(names.len() as u64);
            names.push(step);
            let wish = Wish::new(class, Amounts::new(1_000, 0));
            let at_once = tries.then(|| arbiter.grant_at_once(now, ticket, &wish)).flatten();
            match at_once {
                Some(grant) => granted.push(grant.ticket),
                None => arbiter.request(now, ticket, wish).expect("it may wait"),
            }
        }
        granted.extend(from_fn(|| arbiter.grant(now)).map(|grant| grant.ticket));
        steps.extend(granted.iter().map(|ticket| names[usize::try_from(ticket.0).expect("small")]));
        if granted.is_empty() {
            steps.push('.');
        }
        held.extend(granted);
    }
    assert_eq!(steps, expected, "{limits:?}: {script}, at once first: {tries}");
}

fn pass(_arbiter: &mut Arbiter, now: Moment, seconds: u32) -> Moment {
    now.after(std::time::Duration::from_secs(u64::from(seconds)))
}

fn requests(per_minute: u64, burst: u64) -> Limits {
    Limits::slots(100).with(Quantity::Requests, Rate::per_minute(per_minute).burst(burst))
}

#[test]
fn slots_are_never_exceeded() {
    check(Limits::slots(2), "tttx", "tt.t");
    check(Limits::slots(1), "ccx", "c.c");
}

#[test]
fn turns_go_before_others_that_came_earlier() {
    check(Limits::slots(1), "tcbtxxx", "t...tcb");
}

#[test]
fn the_reserve_is_open_to_turns_alone() {
    check(Limits::slots(2).reserve(50), "cct", "c.t");
    check(Limits::slots(3).reserve(34), "cccttx", "cc.t.t");
}

#[test]
fn passes_near_the_hard_mark_go_before_others_and_the_rest_by_age() {
    check(Limits::slots(1), "tcbuxxx", "t...ucb");
    check(Limits::slots(1), "tb9999999999cxx", "t............bc");
}

#[test]
fn with_a_reserve_aged_passes_go_before_turns_that_are_outside_of_it() {
    // Three slots, one of them reserved: two turns hold what is not.
    check(Limits::slots(3).reserve(34), "ttcctx", "ttc..t");
    check(Limits::slots(3).reserve(34), "tttctmxx", "ttt...ct");
}

#[test]
fn without_a_reserve_one_aged_call_at_a_time_goes_before_turns() {
    check(Limits::slots(1), "tcctttmxxxmx", "t......ctt.c");
}

#[test]
fn requests_come_at_their_rate() {
    check(requests(60, 2), "ttt1t11", "tt.t.t.");
}

#[test]
fn others_are_paced_one_call_at_a_time_or_have_what_is_not_reserved() {
    check(requests(60, 10), "ccct1", "c..tc");
    check(requests(60, 10).reserve(50), "cccccct2", "ccccc.tc");
}

#[test]
fn what_a_turn_waits_for_is_not_taken_by_others() {
    let limits =
        Limits::slots(9).with(Quantity::InputTokens, Rate::per_minute(60_000).burst(1_500));
    check(limits, "ttc1", "t..t");
}
