//! Anchors: whatever was asked, the fold that starts at one is the fold of the whole log, wherever in the log it was
//! taken, and a session on top of it says the same from then on.

use proptest::collection::vec;
use proptest::prelude::*;

use super::plays::Play;
use super::*;
use crate::CallNumber;
use crate::anchor::{Anchor, CallResult};
use crate::branch::Rewinds;
use crate::record::{CallRef, Record};
use crate::resolution::{CallEnd, Resolution};
use crate::session::tests::desk::*;

fn records(log: &[Record], positions: &[LogPos]) -> Vec<(LogPos, Record)> {
    let at = |at: &LogPos| log[usize::try_from(at.0).expect("small")].clone();
    positions.iter().map(|position| (*position, at(position))).collect()
}

fn restored(log: &[Record], anchor: &Anchor, rewinds: &Rewinds) -> State {
    let records = records(log, &anchor.positions());
    anchor.restore(&records, rewinds).expect("it is of this log")
}

fn read(log: &[Record], mut replay: Replay) -> Replay {
    let from = usize::try_from(replay.next().0).expect("small");
    for (at, record) in log.iter().enumerate().skip(from) {
        replay.apply(LogPos(at as u64), record).expect("the log folds");
    }
    replay
}

/// The fold of a log from its beginning.
fn folded(log: &[Record]) -> State {
    let replay = read(log, Replay::new());
    let Some(rewinds) = replay.starts_over() else { return replay.into_state() };
    read(log, Replay::knowing(rewinds)).into_state()
}

/// The fold of a log from an anchor, as recovery makes it: from another one, here from the beginning, when it does not
/// hold. Whether it held.
fn resumed(log: &[Record], anchor: &Anchor) -> (State, bool) {
    let start = restored(log, anchor, &Rewinds::default());
    let replay = read(log, Replay::resuming(start, LogPos(0)));
    let Some(rewinds) = replay.starts_over() else { return (replay.into_state(), true) };
    if !anchor.holds_for(&rewinds) {
        assert!(anchor.restore(&records(log, &anchor.positions()), &rewinds).is_err());
        return (read(log, Replay::knowing(rewinds)).into_state(), false);
    }
    let start = restored(log, anchor, &rewinds);
    let again = read(log, Replay::resuming(start, LogPos(0)));
    assert!(again.starts_over().is_none(), "its rewinds are known");
    (again.into_state(), true)
}

/// The anchor at each position of a log, and the fold there.
fn anchors(log: &[Record]) -> Vec<(Anchor, State)> {
    let mut state = State::default();
    let mut anchors = Vec::new();
    for (at, record) in log.iter().enumerate() {
        state.apply(record).expect("the log folds");
        state.take_removed();
        if state.is_behind() {
            assert!(state.anchor().is_none(), "a fold that is behind is no anchor");
            state = folded(&log[..=at]);
        }
        anchors.push((state.anchor().expect("it is not behind"), state.clone()));
    }
    anchors
}

fn session_of(play: &Play, state: State) -> Session {
    let replay = Replay::resuming(state, play.desk.session.state.log_end());
    let id = play.desk.session.id().clone();
    replay.finish(id, play.desk.session.config(), play.desk.now).expect("of the same format")
}

/// What two sessions say to the same requests from here on.
fn say_the_same(play: &Play, one: State, other: State, further: &[u16]) {
    let said = [one, other].map(|mut state| {
        // A fold that has seen all entries asks the store for fewer ids.
        state.recognizes_no_ids();
        let (session, log) = (session_of(play, state), play.desk.log.clone());
        let told = Some(Vec::new());
        let mut play =
            play.at(Desk { session, log, told, ..Desk::new(play.desk.session.config()) });
        for choice in further {
            play.step(*choice);
        }
        play.desk.context_or_refusal();
        (play.desk.told.take(), play.desk.session.state.compared())
    });
    assert!(said[0] == said[1], "{:#?}\n{:#?}", said[0], said[1]);
}

fn check(choices: &[u16], further: &[u16], chosen: usize) {
    let mut play = Play::new(low_marks());
    play.step(0);
    for choice in choices {
        play.step(*choice);
        if choice % 5 == 0 {
            play.desk.context_or_refusal();
        }
    }
    let log = &play.desk.log;
    let whole = folded(log);
    assert_eq!(whole.compared(), play.desk.session.state.compared(), "recovery");
    let mut knowing = State::knowing(whole.known_rewinds());
    let anchors = anchors(log);
    let mut held = Vec::new();
    for ((anchor, there), record) in anchors.iter().zip(log) {
        let at = usize::try_from(anchor.at().0).expect("small");
        let again = restored(log, anchor, &Rewinds::default());
        assert_eq!(again.anchor().as_ref(), Some(anchor), "an anchor of what was restored");
        let replay = read(&log[..at], Replay::resuming(again, LogPos(0)));
        assert_eq!(replay.into_state().compared(), there.compared(), "restored at {at}");
        let (state, holds) = resumed(log, anchor);
        assert_eq!(state.compared(), whole.compared(), "folded from {at}");
        held.extend(holds.then_some(state));
        knowing.apply(record).expect("the log folds");
        knowing.take_removed();
        if let Some(known) = knowing.anchor() {
            assert_eq!(known, *anchor, "what is foreseen is no part of an anchor");
        }
    }
    let chosen = held.swap_remove(chosen % held.len());
    say_the_same(&play, whole, chosen, further);
}

proptest! {
    #[test]
    fn whatever_stands_in_an_anchor_nothing_panics(
        changes in vec((any::<usize>(), 0..24_u64), 1..4),
    ) {
        let (log, mut anchor) = rich();
        for (field, number) in changes {
            if anchor.view.groups.is_empty() {
                break;
            }
            put(&mut anchor, field, number);
        }
        let named = anchor.positions().into_iter().filter(|at| at.0 < log.len() as u64);
        let records = records(&log, &named.collect::<Vec<_>>());
        if let Ok(mut state) = anchor.restore(&records, &Rewinds::default()) {
            drop(state.last_context(&[]));
            drop(state.compared());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fold_from_any_anchor_is_the_fold_of_the_whole_log(
        choices in vec(any::<u16>(), 1..48),
        further in vec(any::<u16>(), 1..16),
        chosen in any::<usize>(),
    ) {
        check(&choices, &further, chosen);
    }
}

/// A log whose last anchor has something of everything that can be damaged.
fn rich() -> (Vec<Record>, Anchor) {
    let mut desk = Desk::new(SessionConfig { automatic: false, ..low_marks() });
    let open = |desk: &mut Desk, name: &str, call: &str| {
        desk.append(&[calls(name, call)]);
    };
    desk.append(&[says("a", 60), says("b", 60), says("c", 60)]);
    open(&mut desk, "d", "x");
    desk.append(&[answers("e", "x")]);
    desk.context();
    let (commands, _) = desk.ask(Request::Compact { up_to: Some(Seq(2)), focus: None });
    let pass = started(&commands).expect("there is something to cover");
    desk.step(Event::PassDone { pass, summaries: vec![summary(3)] });
    open(&mut desk, "f", "y");
    let call = CallRef { seq: Seq(6), id: "y".into() };
    let resolution = Resolution::new(CallEnd::RunningChild, "child").expect("short");
    desk.ask(Request::Resolve { call, resolution }).1.expect("it is open");
    desk.append(&[says("g", 10)]);
    desk.ask(Request::Pin { seq: Seq(3), pinned: true }).1.expect("it is in the view");
    desk.append(&[says("h", 10)]);
    desk.ask(Request::Rewind { to: Seq(7) }).1.expect("it is live");
    let anchor = desk.session.state.anchor().expect("it is not behind");
    (desk.log, anchor)
}

#[test]
fn a_damaged_anchor_is_an_error_that_says_where() {
    type Damage = fn(&mut Anchor);
    let damages: [(&str, Damage); 25] = [
        ("at 0", |it| it.at = LogPos(0)),
        ("more entries than records", |it| it.head = Seq(9_000)),
        ("more calls than records", |it| it.call = CallNumber(9_000)),
        ("more passes than records", |it| it.pass = PassId(9_000)),
        ("more resets than records", |it| it.resets = u64::MAX),
        ("a branch that is torn", |it| it.dead[0].end = Seq(100)),
        ("rewinds that do not rise", |it| it.rewinds.push(it.rewinds[0])),
        ("too many outcomes", |it| it.outcomes = vec![(PassId(1), Outcome::Spliced); 65]),
        ("frozen behind the head", |it| it.view.frozen = Seq(100)),
        ("instructions behind the head", |it| it.view.instructions_end = Seq(100)),
        ("no summary there", |it| it.view.summaries[0].0 = Seq(5)),
        ("no splice there", |it| it.view.summaries[0].1 = LogPos(1)),
        ("a summary too few", |it| it.view.summaries.clear()),
        ("no facts there", |it| it.view.register = Some(it.view.summaries[0].1)),
        ("a group too few", |it| drop(it.view.groups.remove(0))),
        ("groups in disorder", |it| it.view.groups.reverse()),
        ("a group twice", |it| it.view.groups.push(it.view.groups[0].clone())),
        ("a group of nothing", |it| it.view.groups[0].members.clear()),
        ("another entry", |it| it.view.groups[0].members[0].seq = Seq(1)),
        ("a call too few", |it| it.view.groups[1].calls.clear()),
        ("an answer by nobody", |it| {
            it.view.groups[1].calls[0].result = CallResult::Answered(Seq(5), 7);
        }),
        ("a stand-in nobody saw", |it| it.view.groups[1].calls[0].result = CallResult::StandIn),
        ("a pin gone", |it| it.view.groups[0].pins.clear()),
        ("boundaries that fall", |it| it.view.boundaries.reverse()),
        ("an open end of no group", |it| it.view.reasoning = Some(Seq(77))),
    ];
    let (log, anchor) = rich();
    restored(&log, &anchor, &Rewinds::default());
    for (what, damage) in damages {
        let mut other = anchor.clone();
        damage(&mut other);
        let named = other.positions().into_iter().filter(|at| at.0 < log.len() as u64);
        let records = records(&log, &named.collect::<Vec<_>>());
        let refused = other.restore(&records, &Rewinds::default());
        let refused = refused.expect_err(what);
        assert_eq!(refused.kind(), Kind::Corrupt, "{what}");
        assert!(refused.to_string().contains("the anchor at"), "{what}: {refused}");
    }
    let records = records(&log, &anchor.positions());
    let refused = anchor.restore(&records[1..], &Rewinds::default());
    assert!(refused.is_err(), "a record is missing");
}

/// Puts a number into one of the fields of an anchor.
fn put(anchor: &mut Anchor, field: usize, number: u64) {
    let place = usize::try_from(number).expect("small");
    let groups = anchor.view.groups.len();
    let group = &mut anchor.view.groups[place % groups];
    let (entries, calls) = (group.members.len(), group.calls.len());
    match field % 16 {
        0 => anchor.at = LogPos(number),
        1 => anchor.head = Seq(number),
        2 => anchor.dead.push(crate::SeqRange::new(Seq(number), Seq(number / 2 + 3))),
        3 => anchor.rewinds.push((LogPos(number), Seq(number / 2))),
        4 => anchor.view.frozen = Seq(number),
        5 => anchor.view.instructions_end = Seq(number),
        6 => anchor.view.summaries.push((Seq(number), LogPos(number))),
        7 => anchor.view.register = Some(LogPos(number)),
        8 => anchor.view.boundaries.push(Seq(number)),
        9 => anchor.view.message = Some(Seq(number)),
        10 => group.members[place % entries].seq = Seq(number),
        11 => group.members[place % entries].at = LogPos(number),
        12 => group.pins.push(Seq(number)),
        13 => group.elided = true,
        14 if calls > 0 => {
            let part = u32::try_from(number % 3).expect("small");
            group.calls[place % calls].result = CallResult::Answered(Seq(number), part);
        }
        _ if calls > 0 => group.calls[place % calls].result = CallResult::Resolved(LogPos(number)),
        _ => drop(anchor.view.groups.pop()),
    }
}

#[test]
fn an_anchor_holds_unless_the_log_goes_back_to_before_its_last_entry() {
    let mut desk = Desk::new(SessionConfig { automatic: false, ..config() });
    desk.append(&[says("a", 3), says("b", 3)]);
    let anchor = desk.session.state.anchor().expect("it is not behind");
    desk.ask(Request::Rewind { to: Seq(1) }).1.expect("it is live");
    let at = anchor.at();
    assert!(matches!(desk.log[usize::try_from(at.0).expect("small")], Record::Rewound { .. }));
    assert!(!anchor.holds_for(&desk.session.state.known_rewinds()), "the next record undoes b");
    let behind = desk.session.state.anchor().expect("it is not behind");
    assert!(behind.holds_for(&desk.session.state.known_rewinds()), "what undoes b is known to it");
    desk.append(&[says("c", 3)]);
    desk.ask(Request::Rewind { to: Seq(1) }).1.expect("it is live");
    assert!(behind.holds_for(&desk.session.state.known_rewinds()), "back to its last entry");
    assert_eq!(behind.tip(), Seq(1));
}

#[test]
fn what_a_call_saw_is_a_fold_that_ends_behind_its_answer() {
    let mut desk = Desk::new(SessionConfig { automatic: false, ..config() });
    desk.append(&[says("a", 3)]);
    let anchor = desk.session.state.anchor().expect("it is not behind");
    desk.append(&[calls("b", "x")]);
    let seen = desk.context();
    let end = desk.log.len();
    desk.append(&[says("c", 3)]);
    desk.ask(Request::Rewind { to: Seq::ZERO }).1.expect("it is live");
    desk.append(&[says("d", 3)]);
    let log = &desk.log[..end];
    let start = restored(log, &anchor, &Rewinds::default());
    let replay = read(log, Replay::resuming(start, anchor.at()));
    let again = replay.into_state().last_context(&seen.stand_ins);
    let again = again.expect("all is in memory");
    assert_eq!(again.body(), seen.body());
    assert_eq!(format!("{again:?}"), format!("{seen:?}"));
}
