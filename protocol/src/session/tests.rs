//! Tests of the state machine: scripts of events, and what it says to each.

mod anchors;
mod call_ids;
mod calls;
mod changes;
mod checkpoints;
mod desk;
mod guards;
mod next_context;
mod pins;
mod plays;
mod residency;
mod usage;

use std::sync::Arc;

use super::*;
use crate::Kind;
use crate::message::{CompactReply, ContextReply, Notice, OpenCalls, Reply, Request};
use crate::pass::{Abandoned, Outcome, Refused};
use crate::position::{LogPos, Seq};
use desk::*;

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    let mut desk = Desk::new(config());
    let body = Request::Append { entries: vec![says("a", 3)] };
    let event = Event::Request { request: RequestId(1), body };
    let commands = desk.session.step(Timestamp(1), event);
    assert!(matches!(commands[..], [Command::Write { .. }]), "{commands:?}");
    let commands = desk.session.step(Timestamp(2), Event::Durable { position: LogPos(2) });
    assert!(matches!(commands[..], [Command::Reply { .. }]), "{commands:?}");
}

#[test]
fn one_batch_is_in_flight_and_what_comes_meanwhile_is_the_next() {
    let mut desk = Desk::new(config());
    let mut write = |number: u64, name: &str| {
        let body = Request::Append { entries: vec![says(name, 3)] };
        desk.session.step(Timestamp(1), Event::Request { request: RequestId(number), body })
    };
    assert_eq!(write(1, "a").len(), 1);
    assert!(write(2, "b").is_empty());
    assert!(write(3, "c").is_empty());
    let commands = desk.session.step(Timestamp(2), Event::Durable { position: LogPos(2) });
    let Command::Write { head, records } = &commands[0] else { panic!("{commands:?}") };
    assert_eq!((*head, records.len()), (LogPos(2), 2));
    assert_eq!(commands.len(), 2, "the first append is answered, the others wait");
}

#[test]
fn a_failed_commit_answers_unknown_and_ends_the_actor() {
    let mut desk = Desk::new(config());
    for number in 1..=2 {
        let body = Request::Append { entries: vec![says(&format!("e{number}"), 3)] };
        desk.session.step(Timestamp(1), Event::Request { request: RequestId(number), body });
    }
    let failed = Event::CommitFailed { failure: CommitFailure::Unknown, why: "disk".into() };
    let commands = desk.session.step(Timestamp(2), failed);
    let kinds: Vec<Kind> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Reply { reply: Err(error), .. } => Some(error.kind()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [Kind::Unknown, Kind::Retry], "sent: unknown; not sent: surely not stored");
    assert!(commands.iter().any(|command| matches!(command, Command::Stop)));
}

#[test]
fn a_pass_starts_at_the_trigger_and_its_splice_lands_the_view() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(50)] });
    assert_eq!(outcome(&commands), Some(Outcome::Spliced));
    assert!(desk.session.state().view().tokens() <= config().budget.landing());
    let context = desk.context();
    assert_eq!(context.resets, 1);
    assert!(context.body().contains("gist gist"));
}

#[test]
fn appends_while_a_pass_runs_never_change_its_outcome() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    for number in 0..10 {
        desk.append(&[says(&format!("late{number}"), 20)]);
        desk.context();
    }
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(50)] });
    assert_eq!(outcome(&commands), Some(Outcome::Spliced));
}

#[test]
fn a_pass_whose_cover_was_elided_meanwhile_still_lands() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    for number in 0..50 {
        desk.append(&[says(&format!("late{number}"), 60)]);
        desk.context();
    }
    assert!(desk.session.state().resets() > 0, "the hard mark was met");
    let shown = desk.session.state().view().tokens();
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(240)] });
    assert_eq!(outcome(&commands), Some(Outcome::Spliced));
    let landed = desk.session.state().view().tokens();
    assert!(landed < shown + TokenCount(500) && landed <= config().budget.hard());
}

#[test]
fn the_end_of_a_pass_is_told_before_the_start_of_the_next() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    for number in 0..25 {
        desk.append(&[says(&format!("late{number}"), 60)]);
    }
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(50)] });
    let told: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Notify(Notice::Spliced { pass, .. }) => Some(("spliced", *pass)),
            Command::Notify(Notice::PassStarted { pass, .. }) => Some(("started", *pass)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("spliced", pass), ("started", pass.next())], "the tail outgrew the saving");
}

#[test]
fn one_pass_is_in_flight_and_a_second_wish_names_it() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let (commands, reply) = desk.ask(Request::Compact { up_to: None, focus: None });
    assert!(
        matches!(reply, Ok(Reply::Compact(CompactReply::AlreadyRunning(running))) if running == pass)
    );
    assert_eq!(started(&commands), None);
}

#[test]
fn results_that_are_no_good_are_refused_and_change_nothing() {
    for (words, why) in [(0, Refused::Empty), (5_000, Refused::OverCap)] {
        let mut desk = Desk::new(config());
        let pass = desk.fill();
        let before = desk.context();
        let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(words)] });
        assert_eq!(outcome(&commands), Some(Outcome::Refused(why)));
        let after = desk.context();
        assert_eq!((before.digest, before.body()), (after.digest, after.body()));
    }
}

#[test]
fn a_cancelled_pass_ends_and_its_late_result_is_dropped() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let (commands, reply) = desk.ask(Request::Cancel);
    assert!(matches!(reply, Ok(Reply::Cancelled(Some(cancelled))) if cancelled == pass));
    assert_eq!(outcome(&commands), Some(Outcome::Abandoned(Abandoned::Cancelled)));
    assert!(commands.iter().any(|command| matches!(command, Command::KillPass(_))));
    let late = desk.step(Event::PassDone { pass, summaries: vec![summary(50)] });
    assert_eq!(outcome(&late), None);
    assert_eq!(desk.session.state().resets(), 0);
}

#[test]
fn a_pass_that_failed_is_not_tried_again_before_the_view_has_grown() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let commands = desk.step(Event::PassFailed { pass, why: "model is down".into() });
    assert!(matches!(outcome(&commands), Some(Outcome::Failed(_))));
    let commands = desk.append(&[says("small", 5)]);
    assert_eq!(started(&commands), None);
    assert!(desk.fill() > pass);
}

#[test]
fn a_session_whose_passes_always_fail_still_answers_every_context() {
    let mut desk = Desk::new(config());
    let mut tried = Vec::new();
    for number in 0..400 {
        let commands = desk.append(&[says(&format!("e{number}"), 60)]);
        let shown = desk.context();
        assert!(shown.tokens <= config().budget.hard(), "turn {number}: {}", shown.tokens);
        if let Some(pass) = started(&commands) {
            tried.push(number);
            // It fails when the view stands at its highest.
            while desk.session.state().view().tokens() < TokenCount(3_900) && number < 60 {
                desk.append(&[says(&format!("more{}", desk.log.len()), 60)]);
            }
            desk.step(Event::PassFailed { pass, why: "model is down".into() });
        }
    }
    assert!(tried.iter().any(|number| *number > 300), "passes are still tried: {tried:?}");
    let elided = desk.session.state().view().groups().filter(|group| group.is_elided()).count();
    assert!(elided > 300, "told by one placeholder: {elided}");
}

#[test]
fn a_failed_pass_is_not_tried_again_at_once_after_a_restart() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    desk.step(Event::PassFailed { pass, why: "model is down".into() });
    let mut session = desk.recovered();
    let body = Request::Append { entries: vec![says("after", 5)] };
    let commands = session.step(Timestamp(100), Event::Request { request: RequestId(1), body });
    assert_eq!(started(&commands), None);
}

#[test]
fn overhead_above_the_trigger_is_said_once_and_starts_no_pass() {
    let mut desk = Desk::new(config());
    let system = format!(r#"{{"role":"system","content":"{}"}}"#, "rule ".repeat(2_500));
    let mut told = 0;
    for number in 0..5 {
        let entry =
            if number == 0 { json("sys", &system) } else { says(&format!("e{number}"), 40) };
        let commands = desk.append(&[entry]);
        assert_eq!(started(&commands), None);
        let overhead = |c: &&Command| matches!(c, Command::Notify(Notice::Overhead { .. }));
        told += commands.iter().filter(overhead).count();
    }
    assert_eq!(told, 1);
}

#[test]
fn who_waits_for_a_pass_is_told_how_it_ended() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let asked = RequestId(900);
    let body = Request::Settled { pass };
    assert!(desk.step(Event::Request { request: asked, body }).is_empty());
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(50)] });
    let told = commands.iter().any(|command| {
        matches!(command, Command::Reply { request, reply: Ok(Reply::Settled(Outcome::Spliced)) }
            if *request == asked)
    });
    assert!(told, "{commands:?}");
    let (_, later) = desk.ask(Request::Settled { pass });
    assert!(matches!(later, Ok(Reply::Settled(Outcome::Spliced))));
    let (_, never) = desk.ask(Request::Settled { pass: PassId(77) });
    assert_eq!(never.expect_err("no such pass").kind(), Kind::NotFound);
}

#[test]
fn a_stand_in_is_final_and_a_late_result_is_quoted() {
    let mut desk = Desk::new(config());
    desk.append(&[says("q", 3), calls("c", "t1")]);
    let (_, refused) = desk.ask(Request::Context { open_calls: OpenCalls::Refuse });
    let Ok(Reply::Context(ContextReply::CallsOpen(open))) = refused else { panic!("{refused:?}") };
    assert_eq!((open[0].seq, &*open[0].id), (Seq(2), "t1"));
    let shown = desk.context();
    assert!(shown.body().contains(crate::STAND_IN));
    desk.append(&[answers("r", "t1")]);
    let later = desk.context();
    let frozen: Vec<_> = shown.blocks().cloned().collect();
    let now: Vec<_> = later.blocks().cloned().collect();
    assert_eq!(now[..frozen.len()], frozen[..], "what was shown is final (P1)");
    assert!(now[frozen.len()].json.contains("result of an earlier tool call"));
}

#[test]
fn recovery_gives_the_same_view_and_abandons_the_unfinished_pass() {
    let mut desk = Desk::new(config());
    desk.append(&[calls("c", "t1")]);
    let first = desk.fill();
    desk.step(Event::PassDone { pass: first, summaries: vec![summary(50)] });
    let second = desk.fill();
    let expected = desk.context();
    let mut session = desk.recovered();
    assert!(session.is_quiet(), "what it owes to the past alone is found again");
    let body = Request::Context { open_calls: OpenCalls::StandIn };
    let commands = session.step(Timestamp(100), Event::Request { request: RequestId(1), body });
    assert!(!session.is_quiet(), "a batch is under way");
    let written = commands.iter().find_map(|command| match command {
        Command::Write { records, .. } => records.first(),
        _ => None,
    });
    assert!(matches!(
        written,
        Some(Record::PassEnded { pass, outcome: Outcome::Abandoned(Abandoned::Restarted), .. })
            if *pass == second
    ));
    let view = session.state.view_mut();
    let blocks: Vec<_> =
        view.segments().expect("all is in memory").iter().flat_map(|s| s.blocks.clone()).collect();
    assert_eq!(blocks, expected.blocks().cloned().collect::<Vec<_>>(), "P2");
    assert_eq!(view.digest(), expected.digest);
}

#[test]
fn illegal_records_are_named_and_never_skipped() {
    let opened =
        Record::Opened { at: Timestamp(0), format: Format::Anthropic, budget: config().budget };
    let entry = says("a", 1);
    let appended = |seq| Record::Appended { at: Timestamp(0), seq, entry: Arc::clone(&entry) };
    let ended =
        Record::PassEnded { at: Timestamp(0), pass: PassId(1), outcome: Outcome::NothingToDo };
    for (records, expected) in [
        (vec![appended(Seq(1))], "never opened"),
        (vec![opened.clone(), appended(Seq(2))], "number is not the next"),
        (vec![opened.clone(), appended(Seq(1)), appended(Seq(2))], "id is taken"),
        (vec![opened, ended], "not in flight"),
    ] {
        let mut state = State::default();
        let failed = records.iter().find_map(|record| state.apply(record).err());
        let error = failed.expect("the last record does not fit");
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn closing_abandons_the_pass_and_refuses_what_comes_after() {
    let mut desk = Desk::new(config());
    desk.fill();
    let (commands, reply) = desk.ask(Request::Close);
    assert!(matches!(reply, Ok(Reply::Closed)));
    assert_eq!(outcome(&commands), Some(Outcome::Abandoned(Abandoned::Closed)));
    assert!(commands.iter().any(|command| matches!(command, Command::Stop)));
    let (_, refused) = desk.ask(Request::Status);
    assert_eq!(refused.expect_err("closing").kind(), Kind::Closed);
}
