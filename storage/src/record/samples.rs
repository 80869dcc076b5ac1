//! One record of every kind and every variant, by the name of its golden file.

use std::ops::Range;
use std::sync::Arc;

use highwater_protocol::tokens::Usage;
use highwater_protocol::{
    Abandoned, Budget, CallEnd, CallNumber, CallRef, Dialect, Digest, Entry, EntryId, Fact,
    FactKind, Format, Outcome, PassId, Record, Refused, Replacement, Resolution, Seq, SeqRange,
    SeqSpans, Summary, Timestamp, TokenCount,
};

const AT: Timestamp = Timestamp(1_700_000_000_123);

/// A digest whose bytes all differ, so that a changed order shows.
fn digest() -> Digest {
    Digest(std::array::from_fn(|index| u8::try_from(index).expect("below 32")))
}

fn opened(format: Format) -> Record {
    let budget = Budget::new(TokenCount(120_000), TokenCount(60_000), TokenCount(180_000));
    Record::Opened { at: AT, format, budget: budget.expect("rising marks") }
}

fn appended(dialect: Dialect, source: &str, json: Range<usize>) -> Record {
    let id = EntryId::parse("entry-\u{e9}").expect("a legal id");
    let entry = Entry::read(id, dialect, source.as_bytes().into(), json).expect("a legal entry");
    Record::Appended { at: AT, seq: Seq(0x0102_0304), entry: Arc::new(entry) }
}

fn ended(outcome: Outcome) -> Record {
    Record::PassEnded { at: AT, pass: PassId(3), outcome }
}

fn entries() -> Vec<(&'static str, Record)> {
    let message = r#"{"role":"user","content":"hello"}"#;
    let line = concat!(
        r#"{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"s1","#,
        r#""timestamp":"2025-01-01T00:00:00.000Z","message":{"role":"user","content":"hello"}}"#,
        "\n"
    );
    vec![
        ("appended-opaque", appended(Dialect::Opaque, "torn {\r\n", 0..6)),
        ("appended-anthropic", appended(Dialect::Anthropic, message, 0..message.len())),
        ("appended-openai-chat", appended(Dialect::OpenAiChat, message, 0..message.len())),
        ("appended-claude-code", appended(Dialect::ClaudeCode, line, 0..line.len() - 1)),
    ]
}

fn outcomes() -> Vec<(&'static str, Record)> {
    vec![
        ("pass-ended-spliced", ended(Outcome::Spliced)),
        ("pass-ended-nothing-to-do", ended(Outcome::NothingToDo)),
        ("pass-ended-already-running", ended(Outcome::AlreadyRunning)),
        ("pass-ended-cancelled", ended(Outcome::Abandoned(Abandoned::Cancelled))),
        ("pass-ended-overdue", ended(Outcome::Abandoned(Abandoned::Overdue))),
        ("pass-ended-closed", ended(Outcome::Abandoned(Abandoned::Closed))),
        ("pass-ended-restarted", ended(Outcome::Abandoned(Abandoned::Restarted))),
        ("pass-ended-rewound", ended(Outcome::Abandoned(Abandoned::Rewound))),
        ("pass-ended-cleared", ended(Outcome::Abandoned(Abandoned::Cleared))),
        ("pass-ended-changed", ended(Outcome::Abandoned(Abandoned::Changed))),
        ("pass-ended-stale", ended(Outcome::Refused(Refused::Stale))),
        ("pass-ended-empty", ended(Outcome::Refused(Refused::Empty))),
        ("pass-ended-not-smaller", ended(Outcome::Refused(Refused::NotSmaller))),
        ("pass-ended-torn-group", ended(Outcome::Refused(Refused::TornGroup))),
        ("pass-ended-over-cap", ended(Outcome::Refused(Refused::OverCap))),
        ("pass-ended-failed", ended(Outcome::Failed("no answer".into()))),
    ]
}

fn spliced() -> Record {
    let range = |start, end| SeqRange::new(Seq(start), Seq(end));
    let piece = |covers, text: &str| {
        let summary = Summary { text: text.into(), author: "extractive".into() };
        Replacement { covers: SeqSpans::of(covers), summary }
    };
    let fact = |kind, name: &str| Fact { kind, name: name.into(), text: "since noon".into() };
    Record::Spliced {
        at: AT,
        pass: PassId(3),
        cut: Seq(9),
        digest: digest(),
        pieces: vec![
            piece(vec![range(1, 5)], "They met."),
            piece(vec![range(6, 7), range(8, 10)], "They parted."),
        ],
        facts: vec![
            fact(FactKind::NoResult, "ls"),
            fact(FactKind::RunningChild, "task"),
            fact(FactKind::AwaitingApproval, "rm"),
            fact(FactKind::Task, "ship"),
            fact(FactKind::LeftOut, "3 others"),
        ],
    }
}

fn changes() -> Vec<(&'static str, Record)> {
    let message = r#"{"role":"user","content":"hello"}"#;
    let Record::Appended { at, seq, entry } =
        appended(Dialect::Anthropic, message, 0..message.len())
    else {
        unreachable!("an entry was appended")
    };
    let task = |text: Option<&str>| Record::Tracked {
        at,
        task: "ship".into(),
        text: text.map(Into::into),
    };
    vec![
        ("edited", Record::Edited { at, seq, place: Seq(7), entry }),
        ("pinned", Record::Pinned { at, seq: Seq(7), pinned: true }),
        ("set-free", Record::Pinned { at, seq: Seq(7), pinned: false }),
        ("tracked", task(Some("by Friday"))),
        ("tracked-done", task(None)),
        ("rewound", Record::Rewound { at, to: Seq(7) }),
        ("cleared", Record::Cleared { at }),
        ("used", used()),
        ("checkpointed", Record::Checkpointed { at, seq, digest: digest() }),
    ]
}

fn used() -> Record {
    let usage =
        Usage { input: TokenCount(9_100), cached: TokenCount(8_000), output: TokenCount(420) };
    let (call, estimated) = (CallNumber(2), TokenCount(9_000));
    Record::Used { at: AT, call, model: "some-model".into(), estimated, usage }
}

fn resolutions() -> Vec<(&'static str, Record)> {
    let resolved = |end| Record::Resolved {
        at: AT,
        call: CallRef { seq: Seq(5), id: "call_1".into() },
        resolution: Resolution::new(end, "as told").expect("a short detail"),
    };
    vec![
        ("resolved-result", resolved(CallEnd::Result)),
        ("resolved-failed", resolved(CallEnd::Failed)),
        ("resolved-abandoned", resolved(CallEnd::Abandoned)),
        ("resolved-running-child", resolved(CallEnd::RunningChild)),
        ("resolved-awaiting-approval", resolved(CallEnd::AwaitingApproval)),
    ]
}

/// All samples.
pub(super) fn all() -> Vec<(&'static str, Record)> {
    let (at, pass) = (AT, PassId(3));
    let stand_ins = vec![
        CallRef { seq: Seq(5), id: "call_1".into() },
        CallRef { seq: Seq(6), id: "call_1".into() },
    ];
    let answered = |stand_ins| Record::Answered {
        at,
        call: CallNumber(2),
        position: Seq(6),
        digest: digest(),
        stand_ins,
    };
    let mut all = vec![
        ("opened-anthropic", opened(Format::Anthropic)),
        ("opened-openai-chat", opened(Format::OpenAiChat)),
        ("answered", answered(Vec::new())),
        ("answered-stand-ins", answered(stand_ins)),
        ("elided", Record::Elided { at, results: vec![Seq(2), Seq(4)], groups: vec![Seq(1)] }),
        ("pass-started", Record::PassStarted { at, pass, cut: Seq(4), digest: digest() }),
        ("spliced", spliced()),
    ];
    all.extend(entries());
    all.extend(changes());
    all.extend(resolutions());
    all.extend(outcomes());
    all
}
