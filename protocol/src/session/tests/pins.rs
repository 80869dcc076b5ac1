//! Tests of pinned entries: summaries stand around them, and rewinds undo them.

use super::*;
use crate::session::tests::changes::*;
use crate::session::tests::desk::*;

#[test]
fn a_pinned_group_stays_in_place_and_summaries_stand_around_it() {
    let mut desk = quiet();
    desk.append(&[says("e1", 90), calls("c", "t1"), says("e3", 90), answers("r", "t1")]);
    desk.chat(5, 9);
    desk.changed(Request::Pin { seq: Seq(4), pinned: true });
    assert_eq!(desk.shown(), "1 2+4 3 5 6 7 8 9");
    let pass = desk.compact(8);
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(5); 1] });
    assert_eq!(outcome(&commands), Some(Outcome::Spliced));
    assert_eq!(
        desk.shown(),
        "1 2+4 <3-3,5-8> 9",
        "a short stretch before the pin is left as it is"
    );
    desk.chat(10, 13);
    desk.splice(12);
    assert_eq!(desk.shown(), "1 2+4 <3-3,5-12> 13");
    desk.changed(Request::Pin { seq: Seq(4), pinned: false });
    desk.splice(13);
    assert_eq!(desk.shown(), "<1-13>", "set free, it is covered like any other");
}

#[test]
fn several_summaries_stand_between_pins() {
    let mut desk = quiet();
    desk.append(&[says("e1", 250), says("pinned", 10), says("e3", 250), says("tail", 5)]);
    desk.changed(Request::Pin { seq: Seq(2), pinned: true });
    desk.splice(3);
    assert_eq!(desk.shown(), "<1-1> 2 <3-3> 4");
    let covered = desk.session.state().view().covered();
    assert_eq!(covered, Some(crate::SeqRange::inclusive(Seq(1), Seq(3))));
    desk.append(&[says("e5", 250)]);
    desk.splice(5);
    assert_eq!(desk.shown(), "<1-1> 2 <3-5>", "a summary with nothing new beside it stays");
    desk.changed(Request::Rewind { to: Seq(4) });
    assert_eq!(desk.shown(), "<1-1> 2 <3-3> 4");
}

#[test]
fn a_pin_brings_back_what_was_elided_and_keeps_it() {
    let mut desk = quiet();
    desk.chat(1, 120);
    let elided = desk.context();
    assert!(matches!(elided.segments[0].shown, crate::Shown::Elided(_)), "{}", shown(&elided));
    let (commands, _) = desk.ask(Request::Pin { seq: Seq(1), pinned: true });
    let restored = |c: &Command| matches!(c, Command::Notify(Notice::Restored { seq: Seq(1) }));
    assert!(commands.iter().any(restored));
    assert!(desk.context().resets > elided.resets);
    desk.chat(121, 240);
    let later = desk.context();
    assert_eq!(later.segments[0].shown, crate::Shown::Entries(vec![Seq(1)]), "{}", shown(&later));
    assert!(later.tokens <= config().budget.hard());
}

#[test]
fn a_cut_behind_all_that_was_shown_leaves_the_next_cuts_in_order() {
    let mut desk = quiet();
    desk.append(&[
        says("e1", 250),
        says("pinned", 10),
        says("e3", 250),
        says("e4", 200),
        says("e5", 9),
    ]);
    desk.changed(Request::Pin { seq: Seq(2), pinned: true });
    desk.splice(3);
    assert_eq!(desk.shown(), "<1-1> 2 <3-3> 4 5");
    desk.chat(6, 7);
    assert_eq!(desk.shown(), "<1-1> 2 <3-3> 4 5 6 7");
    desk.splice(5);
    assert_eq!(desk.shown(), "<1-1> 2 <3-5> 6 7");
}

#[test]
fn a_rewind_that_undoes_a_pin_in_what_a_pass_covers_abandons_it() {
    let mut desk = quiet();
    desk.chat(1, 12);
    desk.changed(Request::Pin { seq: Seq(2), pinned: true });
    let pass = desk.compact(9);
    let (commands, _) = desk.ask(Request::Rewind { to: Seq(10) });
    assert_eq!(outcome(&commands), Some(Outcome::Abandoned(Abandoned::Changed)));
    let late = desk.step(Event::PassDone { pass, summaries: vec![summary(5)] });
    assert_eq!(outcome(&late), None);
    desk.splice(9);
    assert_eq!(desk.shown(), "<1-9> 10");
}

#[test]
fn a_restored_pin_that_a_rewind_undoes_never_lets_the_number_of_resets_fall() {
    let mut desk = quiet();
    desk.chat(1, 120);
    desk.context();
    desk.chat(121, 121);
    desk.changed(Request::Pin { seq: Seq(1), pinned: true });
    let before = desk.context().resets;
    desk.changed(Request::Rewind { to: Seq(120) });
    assert!(desk.context().resets > before);
}
