//! Anchors come back as they went in, keep their golden bytes, and no bytes make reading one panic.

use highwater_protocol::anchor::{CallAnchor, CallResult, GroupAnchor, MemberAnchor};
use highwater_protocol::{Abandoned, CallEnd, Outcome};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::ser::SerializeTuple;

use super::*;
use crate::golden;

/// An anchor with one of everything.
fn sample() -> Anchor {
    let members = |seqs: &[u64]| -> Vec<MemberAnchor> {
        let member = |seq: &u64| MemberAnchor {
            seq: Seq(*seq),
            at: LogPos(seq + 2),
            results_elided: *seq == 7,
        };
        seqs.iter().map(member).collect()
    };
    let call = |result| CallAnchor { alias: None, result, known: None, resolved: 0 };
    let told = CallAnchor {
        alias: Some("c_5".into()),
        result: CallResult::Resolved(LogPos(11)),
        known: Some(CallEnd::RunningChild),
        resolved: 2,
    };
    let calls = vec![call(CallResult::Answered(Seq(7), 1)), told, call(CallResult::StandIn)];
    let under_way = CallUnderWay {
        call: CallRef { seq: Seq(5), id: "c".into() },
        kind: FactKind::RunningChild,
        tool: "task".into(),
        detail: "child 7".into(),
    };
    Anchor {
        at: LogPos(0x0102_0304),
        format: Format::OpenAiChat,
        budget: Budget::new(TokenCount(120_000), TokenCount(60_000), TokenCount(180_000))
            .expect("rising marks"),
        head: Seq(12),
        dead: vec![SeqRange::new(Seq(9), Seq(12))],
        rewinds: vec![(LogPos(14), Seq(8))],
        call: CallNumber(4),
        pass: PassId(3),
        unfinished: Some((PassId(3), Timestamp(1_700_000_000_123))),
        outcomes: vec![
            (PassId(1), Outcome::Spliced),
            (PassId(2), Outcome::Abandoned(Abandoned::Overdue)),
        ],
        durations: vec![Duration::from_millis(1_500)],
        resets: 6,
        under_way: vec![under_way],
        tasks: vec![("ship".into(), "by Friday".into())],
        reports: ReportsAnchor {
            learned: vec![("large-model".into(), vec![70_000, 66_000])],
            awaited: vec![(CallNumber(7), TokenCount(900))],
        },
        view: ViewAnchor {
            frozen: Seq(8),
            instructions_end: Seq(1),
            summaries: vec![(Seq(2), LogPos(9))],
            register: Some(LogPos(9)),
            groups: vec![
                GroupAnchor { members: members(&[1]), calls: vec![], pins: vec![], elided: false },
                GroupAnchor { members: members(&[5, 7]), calls, pins: vec![Seq(5)], elided: false },
                GroupAnchor { members: members(&[6]), calls: vec![], pins: vec![], elided: true },
                GroupAnchor {
                    members: members(&[12]),
                    calls: vec![call(CallResult::Open)],
                    pins: vec![],
                    elided: false,
                },
            ],
            boundaries: vec![Seq(4), Seq(7)],
            message: Some(Seq(12)),
            reasoning: None,
            digest: Digest(std::array::from_fn(|index| u8::try_from(index).expect("below 32"))),
            tokens: TokenCount(812),
        },
    }
}

#[test]
fn the_stored_anchor_is_read_and_written_as_ever() {
    let stored = golden::check("row-anchor", &encode_anchor(&sample()).expect("it is small"));
    assert_eq!(decode_anchor(&stored), Ok(sample()));
}

#[test]
fn an_anchor_of_another_version_or_kind_is_of_no_use_and_says_so() {
    let mut newer = encode_anchor(&sample()).expect("it is small");
    newer[0] = 2;
    assert_eq!(decode_anchor(&newer), Err(DecodeError::Version(2).to_string()));
    let mut other = Vec::new();
    codec::encode(KIND + 1, &7_u64, &mut other).expect("it is small");
    assert_eq!(decode_anchor(&other), Err(DecodeError::Kind(KIND + 1).to_string()));
}

#[test]
fn lists_that_do_not_fit_each_other_are_refused() {
    type Damage = fn(&mut GroupsV1<'_>);
    let damages: [Damage; 6] = [
        |it| it.sizes[0].0 = 9,
        |it| it.sizes[0].1 = 9,
        |it| it.sizes[0].0 = 0,
        |it| it.positions.truncate(1),
        |it| it.elided[0] = 9,
        |it| it.answers.clear(),
    ];
    for (which, damage) in damages.iter().enumerate() {
        let sample = sample();
        let mut stored = AnchorV1::new(&sample);
        damage(&mut stored.groups);
        assert!(stored.anchor().is_err(), "{which}");
    }
}

/// A payload as it stands.
struct Payload<'a>(&'a [u8]);

impl Serialize for Payload<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

fn text() -> impl Strategy<Value = Box<str>> {
    "\\PC{0,20}".prop_map(Into::into)
}

fn seqs() -> impl Strategy<Value = Vec<Seq>> {
    vec(any::<u64>().prop_map(Seq), 0..6)
}

fn pairs() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec(any::<(u64, u64)>(), 0..6)
}

fn result() -> impl Strategy<Value = CallResult> {
    prop_oneof![
        Just(CallResult::Open),
        Just(CallResult::StandIn),
        any::<(u64, u32)>().prop_map(|(seq, part)| CallResult::Answered(Seq(seq), part)),
        any::<u64>().prop_map(|at| CallResult::Resolved(LogPos(at))),
    ]
}

fn call() -> impl Strategy<Value = CallAnchor> {
    let known = option::of(Just(CallEnd::AwaitingApproval));
    (option::of(text()), result(), known, 0..3_u32)
        .prop_map(|(alias, result, known, resolved)| CallAnchor { alias, result, known, resolved })
}

fn group() -> impl Strategy<Value = GroupAnchor> {
    let member = any::<(u64, u64, bool)>().prop_map(|(seq, at, results_elided)| MemberAnchor {
        seq: Seq(seq),
        at: LogPos(at),
        results_elided,
    });
    (vec(member, 0..5), vec(call(), 0..5), seqs(), any::<bool>())
        .prop_map(|(members, calls, pins, elided)| GroupAnchor { members, calls, pins, elided })
}

proptest! {
    #[test]
    fn every_anchor_comes_back(
        groups in vec(group(), 0..6), boundaries in seqs(), dead in pairs(), rewinds in pairs(),
        summaries in pairs(), marks: [Option<u64>; 4], counts: [u64; 6], digest: [u8; 32],
        failure in text(), tasks in vec((text(), text()), 0..4), durations_ms in vec(any::<u64>(), 0..4),
    ) {
        let mut anchor = sample();
        let [register, message, reasoning, unfinished] = marks;
        anchor.at = LogPos(counts[0]);
        anchor.head = Seq(counts[1]);
        anchor.dead = dead.into_iter().map(|(s, e)| SeqRange::new(Seq(s), Seq(e))).collect();
        anchor.rewinds = rewinds.into_iter().map(|(at, to)| (LogPos(at), Seq(to))).collect();
        (anchor.call, anchor.pass, anchor.resets) = (CallNumber(counts[2]), PassId(counts[3]), counts[4]);
        anchor.unfinished = unfinished.map(|pass| (PassId(pass), Timestamp(-1)));
        anchor.outcomes.push((PassId(9), Outcome::Failed(failure)));
        anchor.durations = durations_ms.into_iter().map(Duration::from_millis).collect();
        anchor.tasks = tasks;
        let summaries = summaries.into_iter().map(|(first, at)| (Seq(first), LogPos(at))).collect();
        anchor.view = ViewAnchor {
            summaries, groups, boundaries,
            register: register.map(LogPos), message: message.map(Seq), reasoning: reasoning.map(Seq),
            digest: Digest(digest), tokens: TokenCount(counts[5]),
            ..anchor.view
        };
        let stored = encode_anchor(&anchor).expect("it is small");
        prop_assert_eq!(decode_anchor(&stored), Ok(anchor));
    }

    #[test]
    fn no_bytes_make_reading_an_anchor_panic(bytes: Vec<u8>, at in 0..900_usize, byte: u8) {
        prop_assert!(decode_anchor(&bytes).is_err());
        let mut damaged = encode_anchor(&sample()).expect("it is small").split_off(10);
        let at = at % damaged.len();
        damaged[at] = byte;
        let mut out = Vec::new();
        codec::encode(KIND, &Payload(&damaged), &mut out).expect("it is small");
        let _ = decode_anchor(&out);
    }
}
