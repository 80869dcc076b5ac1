//! What is chosen at the hard mark, and what never is.

use std::sync::Arc;

use super::*;
use crate::entry::{Entry, Format};
use crate::ids::EntryId;
use crate::position::LogPos;

fn view(messages: &[String]) -> View {
    let mut view = View::new(Format::Anthropic);
    for (index, json) in messages.iter().enumerate() {
        let seq = Seq(index as u64 + 1);
        let id = EntryId::parse(&seq.to_string()).expect("a legal id");
        let entry = Entry::from_json(id, Format::Anthropic, json).expect("a legal message");
        view.append(seq, LogPos(seq.0), &Arc::clone(entry.message()));
    }
    view
}

fn says(role: &str, words: usize) -> String {
    format!(r#"{{"role":"{role}","content":"{}"}}"#, "word ".repeat(words))
}

fn calls(id: &str) -> String {
    let block = format!(r#"{{"type":"tool_use","id":"{id}","name":"ls","input":{{}}}}"#);
    format!(r#"{{"role":"assistant","content":[{block}]}}"#)
}

fn answers(id: &str, words: usize) -> String {
    let content = "word ".repeat(words);
    let block = format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"{content}"}}"#);
    format!(r#"{{"role":"user","content":[{block}]}}"#)
}

fn budget(trigger: u64, landing: u64, hard: u64) -> Budget {
    let marks = [trigger, landing, hard].map(TokenCount);
    Budget::new(marks[0], marks[1], marks[2]).expect("rising marks")
}

#[test]
fn a_view_below_the_hard_mark_is_left_alone() {
    let view = view(&[says("user", 100), calls("a"), answers("a", 1_000)]);
    assert_eq!(plan(&view, &budget(2_000, 600, 3_000), TokenCount::ZERO), Ok(None));
    let over = plan(&view, &budget(2_000, 600, 3_000), TokenCount(2_500)).expect("it fits");
    assert!(over.is_some(), "what the answer adds counts too");
}

#[test]
fn the_oldest_large_results_go_first_and_no_more_than_needed() {
    let mut messages = vec![says("user", 10)];
    for call in ["a", "b", "c", "d"] {
        messages.extend([calls(call), answers(call, 500)]);
    }
    let mut view = view(&messages);
    let elision = plan(&view, &budget(1_200, 1_100, 1_500), TokenCount::ZERO);
    let elision = elision.expect("it fits").expect("over the mark");
    assert_eq!(
        (&elision.results[..], &elision.groups[..]),
        (&[Seq(3), Seq(5), Seq(7)][..], &[][..])
    );
    view.elide(&elision.results, &elision.groups).expect("they are in the view");
    assert!(view.tokens() <= TokenCount(1_100), "landed at {}", view.tokens());
}

#[test]
fn whole_groups_go_next_but_never_the_last_user_message_nor_open_calls() {
    let mut messages: Vec<String> = (0..6).map(|_| says("assistant", 300)).collect();
    messages.extend([says("user", 300), calls("open"), says("assistant", 300)]);
    let mut view = view(&messages);
    let elision = plan(&view, &budget(1_500, 600, 2_000), TokenCount::ZERO);
    let elision = elision.expect("it fits").expect("over the mark");
    assert!(elision.results.is_empty());
    assert!(elision.groups.starts_with(&[Seq(1), Seq(2), Seq(3)]), "{:?}", elision.groups);
    assert!(!elision.groups.contains(&Seq(7)), "the last user message stays");
    assert!(!elision.groups.contains(&Seq(8)), "the open call stays");
    view.elide(&elision.results, &elision.groups).expect("they are in the view");
    assert!(view.tokens() <= TokenCount(2_000));
}

#[test]
fn words_beside_a_result_are_not_the_users_message() {
    let reminder = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"ok"},{"type":"text","text":"remember the rules"}]}"#;
    let mut messages = vec![says("user", 300)];
    messages.extend((0..6).map(|_| says("assistant", 300)));
    messages.extend([calls("a"), reminder.to_owned()]);
    let elision = plan(&view(&messages), &budget(1_500, 600, 2_000), TokenCount::ZERO);
    let elision = elision.expect("it fits").expect("over the mark");
    assert!(!elision.groups.contains(&Seq(1)), "the request stays: {:?}", elision.groups);
    assert!(elision.groups.contains(&Seq(2)));
}

#[test]
fn a_last_user_message_over_the_mark_is_told_with_a_breakdown() {
    let view = view(&[says("system", 50), says("assistant", 300), says("user", 5_000)]);
    let breakdown = plan(&view, &budget(1_500, 600, 2_000), TokenCount::ZERO);
    let breakdown = breakdown.expect_err("nothing can be elided");
    assert!(breakdown.protected > TokenCount(5_000) && breakdown.instructions > TokenCount(50));
    assert_eq!((breakdown.hard, breakdown.summary), (TokenCount(2_000), TokenCount::ZERO));
}

#[test]
fn the_same_view_gives_the_same_choice() {
    let messages: Vec<String> = (0..20).map(|_| says("assistant", 300)).collect();
    let (one, other) = (view(&messages), view(&messages));
    let budget = budget(1_500, 600, 2_000);
    assert_eq!(plan(&one, &budget, TokenCount::ZERO), plan(&other, &budget, TokenCount::ZERO));
}

/// These words are frozen: they stand in contexts that were answered (P1, P2).
#[test]
fn a_placeholder_tells_the_first_eighty_letters_of_a_result() {
    let text = "\u{e9}".repeat(81);
    let kind = Kind::Result { call: "c", bytes: text.len(), preview: preview(&text) };
    let part = Sketch { kind, tokens: TokenCount(9) };
    let told = result_placeholder(Seq(7), "ls", &part);
    let begins = "\u{e9}".repeat(80);
    let expected = format!(
        "[elided: result of \"ls\", 162 bytes, kept whole as entry #7; it begins: \"{begins}\"]"
    );
    assert_eq!(told, expected);
}
