//! The checker itself must see what is wrong, or its silence proves nothing.

use highwater_protocol::{CallNumber, Digest, Format, Part, Role, SeqRange, TokenCount};

use super::*;

fn budget() -> Budget {
    Budget::new(TokenCount(2000), TokenCount(1000), TokenCount(3000)).expect("rising marks")
}

fn block(role: Role, json: &str) -> Block {
    Block { role, json: json.into() }
}

fn entry(seq: u64, blocks: Vec<Block>) -> Arc<Segment> {
    let shown = Shown::Entries(vec![Seq(seq)]);
    Arc::new(Segment { shown, blocks, tokens: TokenCount(10) })
}

fn text(seq: u64, text: &str) -> Arc<Segment> {
    let json = format!(r#"{{"type":"text","text":"{text}"}}"#);
    entry(seq, vec![block(Role::User, &json)])
}

fn summary(first: u64, last: u64) -> Arc<Segment> {
    let shown = Shown::Summary(SeqRange::inclusive(Seq(first), Seq(last)).into());
    let blocks = vec![block(Role::User, r#"{"type":"text","text":"summary"}"#)];
    Arc::new(Segment { shown, blocks, tokens: TokenCount(10) })
}

fn context(resets: u64, tokens: u64, segments: Vec<Arc<Segment>>) -> Context {
    Context {
        call: CallNumber(1),
        position: Seq(3),
        digest: Digest::ZERO,
        resets,
        format: Format::Anthropic,
        segments,
        stand_ins: Vec::new(),
        tokens: TokenCount(tokens),
    }
}

fn message(role: Role) -> Message {
    let part = Part::new(PartKind::Text { text: "words".into() }, None);
    let (message_id, label, digest) = (None, "user".into(), Digest::ZERO);
    Message { role, message_id, label, parts: vec![part], digest }
}

/// Plays contexts over three visible entries and one record; returns what was found.
fn check(contexts: &[Context], expected: &[&str]) {
    let mut checker = Checker::new(budget());
    for (seq, role) in [(1, Role::User), (2, Role::User), (3, Role::User), (4, Role::Record)] {
        checker.appended(Seq(seq), &message(role));
    }
    for context in contexts {
        checker.answered(context);
    }
    let checks = checker.into_report();
    assert_eq!(checks.contexts, contexts.len() as u64);
    assert_eq!(checks.breaches, expected);
}

fn all() -> Vec<Arc<Segment>> {
    vec![text(1, "a"), text(2, "b"), text(3, "c")]
}

#[test]
fn a_sound_context_has_no_breach() {
    check(&[context(0, 100, all()), context(0, 100, all())], &[]);
    check(&[context(1, 100, vec![summary(1, 2), text(3, "c")])], &[]);
}

#[test]
fn an_entry_that_is_missing_or_shown_twice_is_found() {
    check(
        &[context(0, 100, vec![text(1, "a"), text(3, "c")])],
        &["context 1: V1: entry #2 is shown 0 times"],
    );
    check(
        &[context(0, 100, vec![summary(1, 2), text(2, "b"), text(3, "c")])],
        &["context 1: V1: entry #2 is shown 2 times"],
    );
}

#[test]
fn an_entry_that_is_named_and_not_shown_is_found() {
    check(
        &[context(0, 100, vec![text(1, "a"), entry(2, Vec::new()), text(3, "c")])],
        &["context 1: V1: nothing is shown of Entries([Seq(2)])"],
    );
}

#[test]
fn a_call_without_its_result_and_a_result_without_its_call_are_found() {
    let call = r#"{"type":"tool_use","id":"t1","name":"ls","input":{}}"#;
    let result = r#"{"type":"tool_result","tool_use_id":"t1","content":"x"}"#;
    let with = |blocks| vec![entry(1, blocks), text(2, "b"), text(3, "c")];
    let (call, result) = (block(Role::Assistant, call), block(Role::User, result));
    check(&[context(0, 100, with(vec![call.clone(), result.clone()]))], &[]);
    check(&[context(0, 100, with(vec![call]))], &["context 1: V2: a call \"t1\" has no result"]);
    check(
        &[context(0, 100, with(vec![result]))],
        &["context 1: V2: a result of \"t1\" stands behind no call"],
    );
}

#[test]
fn a_changed_block_without_a_reset_is_found() {
    let mut changed = all();
    changed[1] = text(2, "B");
    check(
        &[context(0, 100, all()), context(0, 100, changed.clone())],
        &["context 1: P1: block 2 changed without a reset"],
    );
    check(&[context(0, 100, all()), context(1, 100, changed)], &[]);
}

#[test]
fn a_context_above_the_hard_mark_is_found() {
    check(&[context(0, 3001, all())], &["context 1: V10: 3001 tokens is above the hard mark"]);
}
