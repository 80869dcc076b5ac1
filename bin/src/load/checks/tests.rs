//! The checker itself must see what is wrong, or its silence proves nothing.

use highwater_protocol::{Block, CallNumber, Digest, Format, Role, Seq, SeqRange};

use super::*;

fn segment(shown: Shown, blocks: &[(Role, &str)]) -> Arc<Segment> {
    let blocks = blocks.iter().map(|(role, json)| Block { role: *role, json: (*json).into() });
    Arc::new(Segment { shown, blocks: blocks.collect(), tokens: TokenCount(10) })
}

fn text(seq: u64, text: &str) -> Arc<Segment> {
    let json = format!(r#"{{"type":"text","text":"{text}"}}"#);
    segment(Shown::Entries(vec![Seq(seq)]), &[(Role::User, &json)])
}

fn summary(first: u64, last: u64) -> Arc<Segment> {
    let covers = SeqRange::inclusive(Seq(first), Seq(last)).into();
    segment(Shown::Summary(covers), &[(Role::User, r#"{"type":"text","text":"so far"}"#)])
}

fn context(resets: u64, tokens: u64, segments: Vec<Arc<Segment>>) -> Context {
    Context {
        call: CallNumber(1),
        position: Seq(4),
        digest: Digest::ZERO,
        resets,
        format: Format::Anthropic,
        segments,
        stand_ins: Vec::new(),
        tokens: TokenCount(tokens),
    }
}

/// A branch of entries 1, 2 and 4: a rewind took off the third.
fn branch() -> Branch {
    let mut branch = Branch::default();
    (1..=3).for_each(|seq| branch.appended(Seq(seq)));
    branch.rewound(Seq(2));
    branch.appended(Seq(4));
    branch
}

fn check(contexts: &[Context], expected: &[&str]) {
    let mut checker = Checker::new(TokenCount(3_000));
    let breaches = contexts.iter().flat_map(|context| checker.breaches(context, &branch()));
    assert_eq!(breaches.collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_right_passes_and_a_reset_may_change_everything() {
    let (one, two, four) = (text(1, "a"), text(2, "b"), text(4, "d"));
    check(
        &[
            context(0, 10, vec![one.clone(), two.clone(), four.clone()]),
            context(0, 10, vec![text(1, "a"), two, four.clone()]),
            context(1, 10, vec![one, summary(2, 3), four]),
        ],
        &[],
    );
}

#[test]
fn an_entry_that_is_missing_doubled_or_off_the_branch_is_seen() {
    let (one, two, four) = (text(1, "a"), text(2, "b"), text(4, "d"));
    for (segments, expected) in [
        (vec![one.clone(), four.clone()], "entry 2 is not shown"),
        (vec![one.clone(), two.clone()], "entry 4 is not shown"),
        (
            vec![one.clone(), two.clone(), text(3, "c"), four.clone()],
            "entry 3 is shown twice, or is not on the branch",
        ),
        (vec![one, two, summary(2, 2), four], "entry 2 is shown twice, or is not on the branch"),
    ] {
        check(&[context(0, 10, segments)], &[&format!("context 1: V1: {expected}")]);
    }
}

#[test]
fn a_view_above_the_hard_mark_is_seen() {
    let whole = vec![text(1, "a"), text(2, "b"), text(4, "d")];
    check(&[context(0, 3_001, whole)], &["context 1: V10: 3001 tokens is above the hard mark"]);
}

#[test]
fn a_changed_block_and_a_call_without_its_result_are_seen() {
    let whole = |first: &str| vec![text(1, first), text(2, "b"), text(4, "d")];
    check(
        &[context(0, 10, whole("a")), context(0, 10, whole("x"))],
        &["context 1: P1: block 1 changed without a reset"],
    );
    let call = r#"{"type":"tool_use","id":"c1","name":"ls","input":{}}"#;
    let called = segment(Shown::Entries(vec![Seq(2)]), &[(Role::Assistant, call)]);
    check(
        &[context(0, 10, vec![text(1, "a"), called, text(4, "d")])],
        &["context 1: V2: a call \"c1\" has no result"],
    );
}
