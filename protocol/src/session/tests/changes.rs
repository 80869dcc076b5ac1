//! Tests of what a host may change: rewind, edit, clear, another model, pins, resolutions, tasks; with and without a pass
//! in flight, and the same after a restart.

use super::*;
use crate::record::CallRef;
use crate::resolution::{CallEnd, Resolution};
use crate::session::tests::desk::*;

/// A desk that starts no pass by itself.
pub(super) fn quiet() -> Desk {
    Desk::new(SessionConfig { automatic: false, ..config() })
}

impl Desk {
    /// Entries `first` to `last`, each said by the user, of 40 words each.
    pub(super) fn chat(&mut self, first: u64, last: u64) {
        for number in first..=last {
            self.append(&[says(&format!("e{number}"), 40)]);
        }
    }

    pub(super) fn changed(&mut self, body: Request) -> bool {
        match self.ask(body).1 {
            Ok(Reply::Changed(changed)) => changed,
            other => panic!("not changed: {other:?}"),
        }
    }

    pub(super) fn refused(&mut self, body: Request) -> Kind {
        self.ask(body).1.expect_err("it is refused").kind()
    }

    pub(super) fn compact(&mut self, up_to: u64) -> PassId {
        let body = Request::Compact { up_to: Some(Seq(up_to)), focus: None };
        started(&self.ask(body).0).expect("a pass starts")
    }

    /// A pass up to an entry, with summaries of a few words.
    pub(super) fn splice(&mut self, up_to: u64) {
        let body = Request::Compact { up_to: Some(Seq(up_to)), focus: None };
        let (commands, _) = self.ask(body);
        let jobs = commands.iter().find_map(|command| match command {
            Command::StartPass(job) => Some((job.pass, job.stretches.len())),
            _ => None,
        });
        let (pass, stretches) = jobs.expect("a pass starts");
        let summaries = vec![summary(5); stretches];
        let commands = self.step(Event::PassDone { pass, summaries });
        assert_eq!(outcome(&commands), Some(Outcome::Spliced));
    }

    /// What the next context shows, and that a restart shows the same bytes (P2).
    pub(super) fn shown(&mut self) -> String {
        let live = self.context();
        let mut session = self.recovered();
        let view = session.state.view_mut();
        let blocks: Vec<_> = view
            .segments()
            .expect("all is in memory")
            .iter()
            .flat_map(|s| s.blocks.clone())
            .collect();
        assert_eq!(blocks, live.blocks().cloned().collect::<Vec<_>>(), "P2");
        assert_eq!((view.digest(), session.state.resets()), (live.digest, live.resets));
        shown(&live)
    }
}

fn call(seq: u64, id: &str) -> CallRef {
    CallRef { seq: Seq(seq), id: id.into() }
}

pub(super) fn resolve(seq: u64, id: &str, end: CallEnd, detail: &str) -> Request {
    let resolution = Resolution::new(end, detail).expect("a short detail");
    Request::Resolve { call: call(seq, id), resolution }
}

#[test]
fn a_rewind_restores_the_newest_splice_that_ends_at_or_before_it() {
    let mut desk = quiet();
    desk.chat(1, 5);
    desk.splice(3);
    desk.chat(6, 10);
    desk.splice(8);
    assert_eq!(desk.shown(), "<1-8> 9 10");
    desk.chat(11, 12);
    assert!(desk.changed(Request::Rewind { to: Seq(9) }));
    assert_eq!(desk.shown(), "<1-8> 9");
    desk.chat(13, 13);
    assert_eq!(desk.shown(), "<1-8> 9 13", "numbers go on");
    assert!(desk.changed(Request::Rewind { to: Seq(6) }));
    assert_eq!(desk.shown(), "<1-3> 4 5 6", "below the second splice, above the first");
    desk.chat(14, 15);
    desk.splice(14);
    assert_eq!(desk.shown(), "<1-14> 15", "its range spans what was rewound");
    assert!(desk.changed(Request::Rewind { to: Seq(2) }));
    assert_eq!(desk.shown(), "1 2");
    assert!(desk.changed(Request::Rewind { to: Seq::ZERO }));
    assert_eq!(desk.shown(), "");
}

#[test]
fn a_rewind_to_where_the_branch_ends_changes_nothing_and_one_beside_it_is_refused() {
    let mut desk = quiet();
    desk.chat(1, 6);
    assert!(!desk.changed(Request::Rewind { to: Seq(6) }));
    assert!(desk.changed(Request::Rewind { to: Seq(4) }));
    assert_eq!(desk.session.state().resets(), 1);
    for to in [5, 6, 7] {
        assert_eq!(desk.refused(Request::Rewind { to: Seq(to) }), Kind::Invalid, "to {to}");
    }
    let (_, again) = desk.ask(Request::Append { entries: vec![says("e5", 40)] });
    let Ok(Reply::Appended(receipts)) = again else { panic!("{again:?}") };
    assert_eq!((receipts[0].seq, receipts[0].known, receipts[0].live), (Seq(5), true, false));
    assert_eq!(desk.shown(), "1 2 3 4", "a late retry brings nothing back");
}

#[test]
fn a_pass_outlives_a_rewind_behind_its_cut_and_none_before_it() {
    for (to, expected) in [(7, Outcome::Spliced), (6, Outcome::Spliced)] {
        let mut desk = quiet();
        desk.chat(1, 9);
        let pass = desk.compact(6);
        desk.changed(Request::Rewind { to: Seq(to) });
        let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
        assert_eq!(outcome(&commands), Some(expected), "rewound to {to}");
        assert_eq!(desk.shown(), if to == 7 { "<1-6> 7" } else { "<1-6>" });
    }
    let mut desk = quiet();
    desk.chat(1, 9);
    let pass = desk.compact(6);
    let (commands, _) = desk.ask(Request::Rewind { to: Seq(5) });
    assert_eq!(outcome(&commands), Some(Outcome::Abandoned(Abandoned::Rewound)));
    desk.chat(10, 10);
    let late = desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
    assert_eq!(outcome(&late), None, "a late result is dropped");
    assert_eq!(desk.shown(), "1 2 3 4 5 10");
}

#[test]
fn what_is_asked_while_the_log_is_folded_anew_is_answered_behind_it_in_order() {
    let mut desk = quiet();
    desk.chat(1, 4);
    let ask = |number, body| Event::Request { request: RequestId(number), body };
    let session = &mut desk.session;
    let commands = session.step(Timestamp(50), ask(91, Request::Rewind { to: Seq(2) }));
    let [Command::Write { records, .. }] = &commands[..] else { panic!("{commands:?}") };
    desk.log.extend(records.iter().cloned());
    let append = Request::Append { entries: vec![says("late", 5)] };
    assert!(session.step(Timestamp(51), ask(92, append)).is_empty(), "it is held");
    let end = LogPos(desk.log.len() as u64);
    let commands = session.step(Timestamp(52), Event::Durable { position: end });
    let refold = commands.iter().find_map(|command| match command {
        Command::Refold { rewinds, .. } => Some(rewinds.clone()),
        _ => None,
    });
    assert!(matches!(commands.last(), Some(Command::Reply { request: RequestId(91), .. })));
    let mut replay = Replay::knowing(refold.expect("the log is folded anew"));
    for (at, record) in desk.log.iter().enumerate() {
        replay.apply(LogPos(at as u64), record).expect("the log folds");
    }
    let state = Ok(Box::new(replay.into_state()));
    let commands = session.step(Timestamp(53), Event::Refolded { state });
    let [Command::Write { records, .. }] = &commands[..] else { panic!("{commands:?}") };
    assert!(matches!(&records[..], [Record::Appended { seq: Seq(5), .. }]), "{records:?}");
}

#[test]
fn pins_and_calls_stand_after_a_rewind_as_they_stood_then() {
    let mut desk = quiet();
    desk.append(&[says("q", 3), calls("c", "t1")]);
    desk.changed(Request::Pin { seq: Seq(1), pinned: true });
    desk.append(&[answers("r", "t1")]);
    desk.chat(4, 4);
    desk.changed(Request::Pin { seq: Seq(4), pinned: true });
    desk.changed(Request::Pin { seq: Seq(1), pinned: false });
    desk.changed(Request::Rewind { to: Seq(2) });
    let view = desk.session.state().view();
    assert_eq!(view.open_calls(), [call(2, "t1")], "its result was taken back");
    let pinned: Vec<Seq> =
        view.groups().filter(|g| g.is_pinned()).map(crate::Group::first).collect();
    assert_eq!(pinned, [Seq(1)]);
    desk.append(&[answers("again", "t1")]);
    assert_eq!(desk.shown(), "1 2+5", "the call takes another result");
}

#[test]
fn an_edit_stands_in_the_place_of_what_it_supersedes() {
    let mut desk = quiet();
    desk.chat(1, 3);
    let body = Request::Edit { place: Seq(2), entry: says("better", 3) };
    let (_, reply) = desk.ask(body.clone());
    let Ok(Reply::Edited(receipt)) = reply else { panic!("{reply:?}") };
    assert_eq!((receipt.seq, receipt.known, receipt.live), (Seq(4), false, true));
    assert_eq!(desk.shown(), "1 2 3");
    assert!(desk.context().body().contains("better") && !desk.context().body().contains("e2 "));
    let (_, again) = desk.ask(body);
    assert!(matches!(again, Ok(Reply::Edited(receipt)) if receipt.seq == Seq(4) && receipt.known));
    desk.chat(5, 6);
    desk.changed(Request::Rewind { to: Seq(3) });
    assert!(desk.context().body().contains("better"), "an edit outlives a rewind behind its place");
    desk.splice(3);
    assert_eq!(desk.shown(), "<1-3>");
    for place in [2, 4, 5, 99] {
        let body = Request::Edit { place: Seq(place), entry: says("no", 3) };
        assert_eq!(desk.refused(body), Kind::Invalid, "{place} is not in the view");
    }
}

#[test]
fn an_edit_may_not_change_what_its_entry_hangs_together_with() {
    let mut desk = quiet();
    desk.append(&[says("q", 3), calls("c", "t1"), answers("r", "t1")]);
    for (place, entry) in [(1, calls("x", "t2")), (2, calls("x", "t2")), (3, answers("x", "t2"))] {
        assert_eq!(desk.refused(Request::Edit { place: Seq(place), entry }), Kind::Invalid);
    }
    let other = r#"{"role":"user","content":[{"type":"text","text":"see"},{"type":"tool_result","tool_use_id":"t1","content":"redacted"}]}"#;
    let (_, reply) = desk.ask(Request::Edit { place: Seq(3), entry: json("r2", other) });
    assert!(matches!(reply, Ok(Reply::Edited(_))), "{reply:?}");
    let context = desk.context();
    let blocks: Vec<_> = context.blocks().map(|block| block.json.to_string()).collect();
    assert!(blocks[2].contains("redacted") && blocks[3].contains("see"), "{blocks:?}");
}

#[test]
fn whatever_changes_what_a_pass_covers_abandons_it_and_nothing_behind_it_does() {
    let edit = |place| Request::Edit { place: Seq(place), entry: says("other", 3) };
    let pin = |seq| Request::Pin { seq: Seq(seq), pinned: true };
    for (body, abandoned) in [
        (edit(2), Some(Abandoned::Changed)),
        (edit(7), None),
        (pin(6), Some(Abandoned::Changed)),
        (pin(7), None),
        (Request::Clear, Some(Abandoned::Cleared)),
        (Request::Cancel, Some(Abandoned::Cancelled)),
    ] {
        let mut desk = quiet();
        desk.chat(1, 9);
        let pass = desk.compact(6);
        let (commands, _) = desk.ask(body.clone());
        assert_eq!(outcome(&commands), abandoned.map(Outcome::Abandoned), "{body:?}");
        let late = desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
        let expected = abandoned.is_none().then_some(Outcome::Spliced);
        assert_eq!(outcome(&late), expected, "{body:?}");
    }
}

#[test]
fn a_clear_leaves_the_instructions_and_can_be_rewound() {
    let mut desk = quiet();
    desk.append(&[json("sys", r#"{"role":"system","content":"Be brief."}"#)]);
    desk.chat(2, 6);
    desk.splice(4);
    desk.append(&[calls("c", "t1")]);
    assert!(desk.changed(Request::Clear));
    assert!(!desk.changed(Request::Clear), "nothing is left to clear");
    assert_eq!(desk.shown(), "1");
    desk.append(&[answers("r", "t1")]);
    desk.chat(9, 10);
    assert_eq!(desk.shown(), "1 8 9 10", "a result from before the clear is an orphan");
    desk.splice(9);
    assert_eq!(desk.shown(), "1 <2-9> 10", "its range spans what was cleared");
    desk.changed(Request::Rewind { to: Seq(6) });
    assert_eq!(desk.shown(), "1 <2-4> 5 6");
}

#[test]
fn another_model_takes_the_session_as_it_stands() {
    let mut desk = quiet();
    desk.chat(1, 9);
    desk.splice(6);
    desk.append(&[calls("c", "t1"), answers("r", "t1")]);
    let before = desk.context();
    let budget = Budget::new(TokenCount(600), TokenCount(512), TokenCount(700)).expect("rising");
    let body = Request::Switch { budget, format: Format::OpenAiChat };
    assert!(desk.changed(body.clone()) && !desk.changed(body));
    let after = desk.context();
    assert_eq!((after.format, after.resets), (Format::OpenAiChat, before.resets + 1));
    assert!(after.body().contains("tool_call_id"), "{}", after.body());
    assert_eq!(desk.shown(), shown(&before));
    assert!(after.tokens <= TokenCount(700));
    let refused =
        desk.read(Replay::new()).finish(desk.session.id().clone(), config(), Timestamp(1));
    assert_eq!(refused.expect_err("opened in the old format").kind(), Kind::Invalid);
}

#[test]
fn the_deadline_of_a_pass_comes_from_those_before_it() {
    let floor = Duration::from_millis(20);
    let ceiling = Duration::from_secs(1);
    let config = SessionConfig {
        automatic: false,
        pass_deadline: ceiling,
        pass_deadline_floor: floor,
        ..config()
    };
    let mut desk = Desk::new(config);
    let mut deadlines = Vec::new();
    for (number, took) in (1..).zip([2, 100, 900, 10]) {
        desk.chat(number * 10, number * 10 + 3);
        let up_to = desk.session.state().view().head().prev().0;
        let body = Request::Compact { up_to: Some(Seq(up_to)), focus: None };
        let (commands, _) = desk.ask(body);
        let job = commands.iter().find_map(|command| match command {
            Command::StartPass(job) => Some((job.pass, job.deadline.as_millis())),
            _ => None,
        });
        let (pass, deadline) = job.expect("a pass starts");
        deadlines.push(deadline);
        desk.now = Timestamp(desk.now.0 + took - 1);
        desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
    }
    assert_eq!(deadlines, [1_000, 20, 300, 1_000], "ceiling, floor, three times, ceiling");
}

#[test]
fn near_the_hard_mark_a_pass_is_hurried_once() {
    let mut desk = Desk::new(config());
    let pass = desk.fill();
    let mut hurried = Vec::new();
    for number in 0..40 {
        for command in desk.append(&[says(&format!("more{number}"), 60)]) {
            if let Command::PressPass { pass, hurried: true, .. } = command {
                hurried.push((pass, desk.session.state().view().tokens()));
            }
        }
    }
    assert_eq!(hurried.len(), 1, "{hurried:?}");
    assert_eq!(hurried[0].0, pass);
    assert!(hurried[0].1 + config().budget.retry_growth() >= config().budget.hard());
}

#[test]
fn the_heading_of_a_summary_does_not_grow_with_rewinds_and_edits() {
    let mut desk = Desk::new(config());
    for round in 0..300 {
        let (question, answer) = (format!("q{round}"), format!("a{round}"));
        desk.append(&[says(&question, 4), says(&answer, 9)]);
        let tip = desk.session.state().tip();
        desk.changed(Request::Rewind { to: tip.prev() });
        if let Some(pass) = desk.session.state().unfinished_pass() {
            desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
        }
    }
    let passes = desk.session.state().last_pass().0;
    assert!((1..=4).contains(&passes), "{passes} passes");
    let context = desk.context();
    let told = context.segments[0].blocks[0].json.len();
    assert!(matches!(context.segments[0].shown, crate::Shown::Summary(_)) && told < 300, "{told}");
}

#[test]
fn a_known_id_is_no_edit_of_another_place() {
    let mut desk = quiet();
    desk.chat(1, 4);
    let edit =
        |place, name: &str, words| Request::Edit { place: Seq(place), entry: says(name, words) };
    assert_eq!(desk.refused(edit(2, "e4", 40)), Kind::Conflict, "it was appended");
    assert!(desk.ask(edit(2, "better", 3)).1.is_ok());
    assert_eq!(desk.refused(edit(3, "better", 3)), Kind::Conflict, "it stands in another place");
    let (_, again) = desk.ask(Request::Append { entries: vec![says("better", 3)] });
    let Ok(Reply::Appended(receipts)) = again else { panic!("{again:?}") };
    assert_eq!((receipts[0].seq, receipts[0].known, receipts[0].live), (Seq(5), true, true));
}
