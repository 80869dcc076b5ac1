//! Tests of guards that stand behind others: what only another writer of the log, a late message or a crash at the wrong
//! place would run into.

use super::changes::{quiet, resolve};
use super::*;
use crate::cut;
use crate::ids::Digest;
use crate::position::{SeqRange, SeqSpans};
use crate::record::Replacement;
use crate::resolution::CallEnd;
use crate::splice::{self, Proposal};
use crate::summary::Summary;
use crate::view::View;

fn piece(ranges: &[(u64, u64)], text: &str) -> Replacement {
    let ranges = ranges.iter().map(|(first, last)| SeqRange::inclusive(Seq(*first), Seq(*last)));
    let summary = Summary { text: text.into(), author: "test".into() };
    Replacement { covers: SeqSpans::of(ranges), summary }
}

#[test]
fn a_known_id_is_answered_with_its_number_and_with_other_content_it_is_a_conflict() {
    let mut desk = quiet();
    desk.chat(1, 3);
    let append = |entry| Request::Append { entries: vec![says("new", 3), entry] };
    let (_, other) = desk.ask(append(says("e2", 41)));
    assert_eq!(other.expect_err("it says something else").kind(), Kind::Conflict);
    let twice = Request::Append { entries: vec![says("once", 3), says("once", 4)] };
    assert_eq!(desk.refused(twice), Kind::Conflict, "within one append too");
    assert_eq!(desk.session.state().tip(), Seq(3), "all or nothing");
    let (_, same) = desk.ask(append(says("e2", 40)));
    let Ok(Reply::Appended(receipts)) = same else { panic!("{same:?}") };
    let told: Vec<_> = receipts.iter().map(|receipt| (receipt.seq, receipt.known)).collect();
    assert_eq!(told, [(Seq(4), false), (Seq(2), true)]);
    assert_eq!(desk.shown(), "1 2 3 4");
}

#[test]
fn a_summary_stands_for_exactly_what_lies_between_places_that_stay() {
    let mut desk = quiet();
    desk.chat(1, 7);
    desk.changed(Request::Pin { seq: Seq(3), pinned: true });
    let view = desk.session.state().view();
    let fits = |covers: &[&[(u64, u64)]]| {
        let pieces: Vec<_> = covers.iter().map(|ranges| piece(ranges, "gist")).collect();
        splice::fits(view, Seq(5), &view.digest_at(Seq(5)), &pieces)
    };
    for covers in [&[&[(1, 2)][..], &[(4, 5)]][..], &[&[(1, 2)]], &[&[(4, 5)]]] {
        assert_eq!(fits(covers), Ok(()), "{covers:?}");
    }
    for covers in [
        &[&[(1, 1)][..]][..],
        &[&[(2, 2)]],
        &[&[(1, 3)]],
        &[&[(1, 5)]],
        &[&[(4, 6)]],
        &[&[(1, 2), (4, 5)]],
        &[&[(1, 2)], &[(1, 2)]],
        &[&[(4, 5)], &[(1, 2)]],
    ] {
        assert_eq!(fits(covers), Err(Refused::Stale), "{covers:?}");
    }
}

#[test]
fn a_mark_inside_a_group_moves_the_cut_back_and_no_splice_tears_it() {
    let mut desk = quiet();
    desk.append(&[says("e1", 40), calls("c", "t1"), says("e3", 40), answers("r", "t1")]);
    let check = |view: &View| {
        for (mark, cut) in [(0, None), (1, Some(1)), (2, Some(1)), (3, Some(1)), (4, Some(4))] {
            let planned = cut::plan(view, Seq(mark)).map(|cut| cut.covers().last().0);
            assert_eq!(planned, cut, "at {mark}");
        }
        let torn = splice::fits(view, Seq(3), &view.digest_at(Seq(3)), &[piece(&[(1, 3)], "gist")]);
        assert_eq!(torn, Err(Refused::TornGroup));
    };
    check(desk.session.state().view());
    desk.context();
    check(desk.session.state().view());

    let going_on = json("m", r#"{"role":"assistant","id":"m1","content":"words"}"#);
    for holds in [calls("c", "t1"), going_on] {
        let mut desk = quiet();
        desk.append(&[says("e1", 40), holds, says("e3", 40)]);
        let planned = cut::plan(desk.session.state().view(), Seq(3)).expect("there is a cut");
        assert_eq!(planned.covers().last(), Seq(1), "what is not complete is not covered");
    }
}

#[test]
fn a_summary_of_what_says_something_else_by_now_is_stale() {
    let edit = |place| Request::Edit { place: Seq(place), entry: says("other", 3) };
    for (change, expected) in [
        (Request::Append { entries: vec![says("behind", 3)] }, Ok(())),
        (edit(4), Ok(())),
        (edit(3), Err(Refused::Stale)),
        (edit(1), Err(Refused::Stale)),
    ] {
        let mut desk = quiet();
        desk.chat(1, 5);
        let planned: Digest = desk.session.state().view().digest_at(Seq(3));
        desk.ask(change.clone()).1.expect("it may change");
        let view = desk.session.state().view();
        let fits = splice::fits(view, Seq(3), &planned, &[piece(&[(1, 3)], "gist")]);
        assert_eq!(fits, expected, "{change:?}");
    }
}

#[test]
fn a_splice_is_smaller_in_tokens_and_in_bytes_or_it_is_refused() {
    let mut desk = quiet();
    desk.chat(1, 5);
    let view = desk.session.state().view();
    let digest = view.digest_at(Seq(3));
    for (text, expected) in [
        ("gist ".repeat(9), Ok(())),
        ("gist ".repeat(200), Err(Refused::NotSmaller)),
        ("1 ".repeat(180), Err(Refused::NotSmaller)),
        (format!("gist{}.", " ".repeat(900)), Err(Refused::NotSmaller)),
        (" \n".to_owned(), Err(Refused::Empty)),
    ] {
        let pieces = [piece(&[(1, 3)], &text)];
        let (pass, cut) = (PassId(1), Seq(3));
        let proposal = Proposal { pass, cut, digest: &digest, pieces: &pieces, facts: &[] };
        let checked = splice::check(view, &config().budget, &proposal);
        assert_eq!(checked.map(|effect| assert!(effect.after < effect.before)), expected, "{text}");
    }
}

#[test]
fn a_summary_over_its_cap_or_one_that_would_pass_the_hard_mark_is_refused() {
    let mut desk = quiet();
    desk.chat(1, 40);
    let pass = desk.compact(30);
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(260)] });
    assert_eq!(outcome(&commands), Some(Outcome::Refused(Refused::OverCap)), "its cap is 250");

    let pass = desk.compact(30);
    desk.chat(41, 120);
    assert!(desk.context().resets > 0, "what the pass covers was elided meanwhile");
    let mut next = 121..;
    while desk.session.state().view().tokens() + TokenCount(60) < config().budget.hard() {
        let number = next.next().expect("endless");
        desk.chat(number, number);
    }
    let before = desk.session.state().view().digest();
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(240)] });
    assert_eq!(outcome(&commands), Some(Outcome::Refused(Refused::NotSmaller)));
    assert_eq!(desk.session.state().view().digest(), before);
}

#[test]
fn what_becomes_of_a_call_that_a_pass_covers_abandons_the_pass() {
    let mut desk = quiet();
    desk.append(&[says("q", 90), calls("c", "t1"), says("e3", 90), says("e4", 5)]);
    desk.context();
    desk.compact(3);
    let (commands, _) = desk.ask(resolve(2, "t1", CallEnd::RunningChild, "child 7"));
    assert_eq!(outcome(&commands), Some(Outcome::Abandoned(Abandoned::Changed)));
}

#[test]
fn a_rewind_undoes_elisions_and_tasks_that_came_later() {
    let mut desk = quiet();
    desk.chat(1, 5);
    desk.changed(Request::Track { task: "first".into(), text: Some("stays".into()) });
    desk.chat(6, 120);
    desk.changed(Request::Track { task: "second".into(), text: Some("goes".into()) });
    assert!(desk.shown().starts_with('('), "the first entries are elided");
    desk.changed(Request::Rewind { to: Seq(5) });
    assert_eq!(desk.shown(), "1 2 3 4 5");
    let facts = desk.session.state().facts();
    assert_eq!(facts.iter().map(|fact| &*fact.name).collect::<Vec<_>>(), ["first"]);
}

#[test]
fn who_waits_for_a_pass_is_told_when_a_commit_fails() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let body = Request::Settled { pass };
    desk.step(Event::Request { request: RequestId(900), body });
    let failed = Event::CommitFailed { failure: CommitFailure::Unknown, why: "disk".into() };
    let commands = desk.session.step(Timestamp(100), failed);
    let told = |command: &Command| {
        matches!(command, Command::Reply { request: RequestId(900), reply: Err(_) })
    };
    assert!(commands.iter().any(told), "{commands:?}");
}

#[test]
fn a_crash_at_any_place_of_the_log_leaves_the_view_before_a_splice_or_after_it() {
    let mut desk = quiet();
    desk.append(&[says("e1", 250), says("pinned", 10), says("e3", 250), says("tail", 5)]);
    desk.changed(Request::Pin { seq: Seq(2), pinned: true });
    let before = desk.log.len();
    desk.splice(3);
    let mut seen = Vec::new();
    for end in before..=desk.log.len() {
        let mut state = State::default();
        desk.log[..end].iter().for_each(|record| state.apply(record).expect("the log folds"));
        let summaries = state.view().summaries().count();
        seen.push((summaries, state.outcome(PassId::default().next()).cloned()));
    }
    seen.dedup();
    assert_eq!(seen, [(0, None), (2, Some(Outcome::Spliced))], "summaries, and how the pass ended");
}

#[test]
fn what_comes_late_of_an_abandoned_pass_does_nothing_to_the_next() {
    let mut desk = quiet();
    desk.chat(1, 9);
    let first = desk.compact(4);
    desk.ask(Request::Cancel).1.expect("it is given up");
    let second = desk.compact(6);
    for late in [
        Event::PassDone { pass: first, summaries: vec![summary(5)] },
        Event::PassFailed { pass: first, why: "it was killed".into() },
        Event::PassOverdue { pass: first },
    ] {
        assert_eq!(outcome(&desk.step(late)), None);
    }
    let commands = desk.step(Event::PassDone { pass: second, summaries: vec![summary(5)] });
    assert_eq!(outcome(&commands), Some(Outcome::Spliced));
    assert_eq!(desk.shown(), "<1-6> 7 8 9");
}

#[test]
fn what_was_shown_takes_no_more_entries() {
    let model = |name: &str, message: &str, block: &str| {
        json(name, &format!(r#"{{"role":"assistant",{message}"content":[{block}]}}"#))
    };
    let (text, thought) = (
        r#"{"type":"text","text":"words"}"#,
        r#"{"type":"thinking","thinking":"hm","signature":"s"}"#,
    );
    let part = |name| model(name, r#""id":"m1","#, text);
    for (first, between, late) in [
        (calls("a", "t1"), says("b", 3), answers("c", "t1")),
        (part("a"), says("b", 3), part("c")),
        (says("a", 3), model("b", "", thought), model("c", "", text)),
    ] {
        let mut desk = quiet();
        desk.append(&[first.clone(), between.clone()]);
        let before: Vec<_> = desk.context().blocks().cloned().collect();
        desk.append(std::slice::from_ref(&late));
        assert_eq!(desk.shown(), "1 2 3");
        let after: Vec<_> = desk.context().blocks().cloned().collect();
        assert!(after.len() > before.len() && after.starts_with(&before), "P1: {after:?}");

        let mut desk = quiet();
        desk.append(&[first, between, late]);
        assert!(desk.shown().contains('+'), "without a context they hang together");
    }
}
