//! Planted defects: an oracle that is told something wrong must say so.

use std::sync::Arc;

use highwater_protocol::message::{ContextReply, OpenCalls, Receipt, Reply, Request};
use highwater_protocol::{
    Block, Budget, CallNumber, Checkpoint, Context, Digest, Entry, EntryId, Format, LogPos, Record,
    Role, Segment, Seq, Shown, Timestamp, TokenCount,
};

use crate::oracle::Oracle;

const AT: Timestamp = Timestamp(1);

fn said(number: u64) -> Arc<Entry> {
    let id = EntryId::parse(&format!("e{number}")).expect("a legal id");
    Arc::new(Entry::user(id, &format!("mark{number}; words")).expect("a small entry"))
}

/// A session with three entries whose append waits for its answer as request 1, a context as
/// request 2, and a checkpoint as request 3.
fn asked() -> Oracle {
    let budget = Budget::new(TokenCount(2_000), TokenCount(1_000), TokenCount(4_000));
    let budget = budget.expect("rising marks");
    let mut oracle = Oracle::default();
    oracle.opens(Format::Anthropic, budget);
    oracle.asks(1, Request::Append { entries: (1..=3).map(said).collect() }, true);
    oracle.asks(2, Request::Context { open_calls: OpenCalls::StandIn }, true);
    oracle.asks(3, Request::Checkpoint, true);
    oracle.take(&Record::Opened { at: AT, format: Format::Anthropic, budget }).expect("asked for");
    oracle
}

fn appended(seq: u64, number: u64) -> Record {
    Record::Appended { at: AT, seq: Seq(seq), entry: said(number) }
}

fn answered(call: u64) -> Record {
    let (call, position, digest) = (CallNumber(call), Seq(3), Digest::ZERO);
    Record::Answered { at: AT, call, position, digest, stand_ins: Vec::new() }
}

fn marked(seq: u64) -> Record {
    Record::Checkpointed { at: AT, seq: Seq(seq), digest: Digest::ZERO }
}

/// The answer that a mark of all three entries stands at a position.
fn mark(position: u64) -> Reply {
    Reply::Checkpoint(Checkpoint { position: LogPos(position), seq: Seq(3), digest: Digest::ZERO })
}

fn segment(shown: u64, number: u64) -> Arc<Segment> {
    segment_of(shown, &format!("mark{number}; words"))
}

fn segment_of(shown: u64, text: &str) -> Arc<Segment> {
    let json = format!("{{\"text\":\"{text}\"}}").into();
    let blocks = vec![Block { role: Role::User, json }];
    Arc::new(Segment { shown: Shown::Entries(vec![Seq(shown)]), blocks, tokens: TokenCount(5) })
}

fn context(segments: Vec<Arc<Segment>>, tokens: u64) -> Reply {
    context_of(1, segments, tokens)
}

fn context_of(call: u64, segments: Vec<Arc<Segment>>, tokens: u64) -> Reply {
    Reply::Context(ContextReply::Ready(Context {
        call: CallNumber(call),
        position: Seq(3),
        digest: Digest::ZERO,
        resets: 0,
        format: Format::Anthropic,
        segments,
        stand_ins: Vec::new(),
        tokens: TokenCount(tokens),
    }))
}

fn receipts(numbers: [u64; 3]) -> Reply {
    let receipt = |(number, seq): (u64, u64)| {
        let id = said(number).id().clone();
        Receipt { id, seq: Seq(seq), known: false, live: true }
    };
    Reply::Appended((1..).zip(numbers).map(receipt).collect())
}

/// What the oracle says to records and to one answer.
fn check(records: &[Record], answer: Option<(u64, Reply)>) -> Result<(), String> {
    let mut oracle = asked();
    records.iter().try_for_each(|record| oracle.take(record))?;
    oracle.taken()?;
    answer.map_or(Ok(()), |(number, reply)| oracle.hears(number, &Ok(reply), true))
}

#[test]
fn what_is_right_is_accepted() {
    let records = [appended(1, 1), appended(2, 2), appended(3, 3), answered(1)];
    let whole = vec![segment(1, 1), segment(2, 2), segment(3, 3)];
    assert_eq!(check(&records, Some((1, receipts([1, 2, 3])))), Ok(()));
    assert_eq!(check(&records, Some((2, context(whole, 15)))), Ok(()));
    let records = [appended(1, 1), appended(2, 2), appended(3, 3), marked(3)];
    assert_eq!(check(&records, Some((3, mark(4)))), Ok(()));
}

#[test]
fn what_is_wrong_is_seen() {
    let stored = || vec![appended(1, 1), appended(2, 2), appended(3, 3), answered(1)];
    let whole = || vec![segment(1, 1), segment(2, 2), segment(3, 3)];
    let missing = vec![segment(1, 1), segment(3, 3)];
    let twice = vec![segment(1, 1), segment(1, 1), segment(2, 2), segment(3, 3)];
    let other = vec![segment(1, 1), segment(2, 9), segment(3, 3)];
    for (promise, records, answer) in [
        ("V1", stored(), Some((2, context(missing, 10)))),
        ("V1", stored(), Some((2, context(twice, 20)))),
        ("V1", stored(), Some((2, context(other, 15)))),
        ("V10", stored(), Some((2, context(whole(), 4_001)))),
        ("L1", stored(), Some((1, receipts([1, 3, 2])))),
        ("L1", vec![appended(2, 1)], None),
        ("L2", vec![appended(1, 1)], None),
        ("L2", Vec::new(), Some((1, receipts([1, 2, 3])))),
        ("L2", Vec::new(), Some((2, context(whole(), 15)))),
        ("L2", stored(), Some((3, mark(4)))),
        ("L2", [stored(), vec![marked(3)]].concat(), Some((3, mark(4)))),
        ("L2", vec![appended(1, 1), appended(2, 2), appended(3, 3)], Some((3, mark(4)))),
        ("L4", vec![appended(1, 1), marked(3)], None),
        ("L3", vec![appended(1, 1), appended(2, 1)], None),
        ("L6", vec![appended(1, 7)], None),
        ("L6", vec![Record::Rewound { at: AT, to: Seq(0) }], None),
    ] {
        let found = check(&records, answer).expect_err(promise);
        assert!(found.starts_with(&format!("{promise}:")), "{promise} was expected: {found}");
    }
}

#[test]
fn a_fork_that_shows_other_bytes_than_its_parent_is_seen() {
    let whole = || vec![segment(1, 1), segment(2, 2), segment(3, 3)];
    let otherwise = || vec![segment(1, 1), segment_of(2, "mark2; other words"), segment(3, 3)];
    let first_of_the_fork = |at: u64, segments| {
        let mut parent = asked();
        for record in [appended(1, 1), appended(2, 2), appended(3, 3), answered(1)] {
            parent.take(&record)?;
        }
        parent.hears(2, &Ok(context(whole(), 15)), true)?;
        let mut fork = parent.forked(LogPos(at))?;
        fork.asks(1, Request::Context { open_calls: OpenCalls::StandIn }, true);
        let call = fork.called() + 1;
        fork.take(&answered(call))?;
        fork.hears(1, &Ok(context_of(call, segments, 15)), true)
    };
    assert_eq!(first_of_the_fork(5, whole()), Ok(()));
    let found = first_of_the_fork(5, otherwise()).expect_err("its parent has shown it as it was");
    assert!(found.starts_with("P1:"), "{found}");
    assert_eq!(first_of_the_fork(4, otherwise()), Ok(()), "it left before anything was shown");
}
