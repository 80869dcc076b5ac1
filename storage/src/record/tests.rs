//! The stored records are held to their golden bytes, and every record comes back as it went in.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use highwater_protocol::tokens::Usage;
use highwater_protocol::{
    Abandoned, Budget, CallEnd, CallNumber, CallRef, Dialect, Digest, Entry, EntryId, Fact,
    FactKind, Format, Outcome, PassId, Payload, Record, Refused, Replacement, Resolution, Seq,
    SeqRange, SeqSpans, Summary, Timestamp, TokenCount,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde::Serialize;

use super::{Keeping, Payloads, encode, entry_head, samples};
use crate::codec::{self, DecodeError};
use crate::golden;

fn encoded(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    encode(record, Keeping::Within, &mut out).unwrap();
    out
}

/// The payloads of some entries, as a store keeps them.
#[derive(Default)]
struct Kept(Vec<(Digest, Vec<u8>)>);

impl Kept {
    fn of(entry: &Entry) -> Self {
        let record = &entry.source()[entry.json()];
        let kept = |payload: &Payload| (payload.digest, record[payload.range.clone()].to_vec());
        Self(entry.payloads().iter().map(kept).collect())
    }
}

impl Payloads for Kept {
    fn read(&self, digest: &Digest, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let found = self.0.iter().find(|(known, _)| known == digest);
        let missing = || DecodeError::Blob(*digest, "it is missing".into());
        out.extend_from_slice(&found.ok_or_else(missing)?.1);
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    super::decode(bytes, &Kept::default())
}

#[test]
fn the_stored_records_are_read_and_written_as_ever() {
    for (name, record) in samples::all() {
        let stored = golden::check(name, &encoded(&record));
        assert_eq!(decode(&stored), Ok(record), "{name}");
    }
}

#[test]
fn every_golden_file_is_checked() {
    let known: BTreeSet<_> = samples::all().iter().map(|(name, _)| format!("{name}.bin")).collect();
    for file in fs::read_dir(golden::dir()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("row-") || known.contains(&name), "{name} is checked by no test");
    }
}

#[test]
fn records_follow_each_other_in_one_buffer() {
    let mut out = Vec::new();
    let records: Vec<_> = samples::all().into_iter().map(|(_, record)| record).collect();
    let frames: Vec<_> =
        records.iter().map(|record| encode(record, Keeping::Apart, &mut out).unwrap()).collect();
    for (record, written) in records.iter().zip(frames) {
        assert_eq!(decode(&out[written.frame]).as_ref(), Ok(record));
    }
}

fn with_payloads() -> Record {
    let long = |letter: &str| letter.repeat(5000);
    let source = format!(
        "\n{{\"role\":\"user\",\"content\":[\"{}\",\"{}\",\"{}\"]}}\r\n",
        long("a"),
        long("b"),
        long("a")
    );
    let json = 1..source.len() - 2;
    let id = EntryId::parse("e").unwrap();
    let entry = Entry::read(id, Dialect::ClaudeCode, source.as_bytes().into(), json).unwrap();
    Record::Appended { at: Timestamp(1), seq: Seq(2), entry: Arc::new(entry) }
}

#[test]
fn payloads_stand_apart_and_come_back_with_their_entry() {
    let record = with_payloads();
    let Record::Appended { entry, .. } = &record else { unreachable!() };
    let mut apart = Vec::new();
    encode(&record, Keeping::Apart, &mut apart).unwrap();
    assert!(apart.len() < 1000, "{} bytes", apart.len());
    let kept = Kept::of(entry);
    assert_eq!(super::decode(&apart, &kept).as_ref(), Ok(&record));
    let head = entry_head(&apart).unwrap().unwrap();
    assert_eq!(head.payloads, kept.0.iter().map(|(digest, _)| *digest).collect::<Vec<_>>());
    assert_eq!(&head.id, entry.id());
    let within = encoded(&record);
    assert_eq!(decode(&within).as_ref(), Ok(&record), "what leaves the store needs no payloads");
    assert_eq!(entry_head(&within).unwrap().unwrap().payloads, []);
}

#[test]
fn payloads_that_are_missing_or_not_what_they_were_are_named() {
    let record = with_payloads();
    let Record::Appended { entry, .. } = &record else { unreachable!() };
    let mut apart = Vec::new();
    encode(&record, Keeping::Apart, &mut apart).unwrap();
    let missing = decode(&apart).unwrap_err();
    assert!(matches!(missing, DecodeError::Blob(..)), "{missing}");
    let mut other = Kept::of(entry);
    other.0[1].1[77] ^= 1;
    assert_eq!(super::decode(&apart, &other), Err(DecodeError::Body));
    other.0[1].1.truncate(4999);
    assert_eq!(super::decode(&apart, &other), Err(DecodeError::Body));
}

#[test]
fn every_flipped_bit_of_an_entry_is_found() {
    let (_, record) =
        samples::all().into_iter().find(|(name, _)| *name == "appended-claude-code").unwrap();
    let sound = encoded(&record);
    for bit in 0..sound.len() * 8 {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&damaged).is_err(), "bit {bit}");
    }
}

fn refused<T: Serialize>(kind: u8, payload: &T) -> DecodeError {
    let mut out = Vec::new();
    codec::encode(kind, payload, &mut out).unwrap();
    decode(&out).unwrap_err()
}

#[test]
fn values_that_are_not_known_are_named() {
    assert_eq!(refused(99, &0_u64), DecodeError::Kind(99));
    let ended = |outcome: u8, reason: u8, failure: &str| {
        refused(super::kind::PASS_ENDED, &(0_i64, 1_u64, outcome, reason, failure))
    };
    let code = |what, code| DecodeError::Code { what, code };
    assert_eq!(ended(9, 0, ""), code("outcome", 9));
    assert_eq!(ended(1, 1, ""), code("outcome", 1));
    assert_eq!(ended(2, 0, "a reason"), code("outcome", 2));
    assert_eq!(ended(4, 9, ""), code("reason of an abandoned pass", 9));
    assert_eq!(ended(5, 9, ""), code("reason of a refused pass", 9));
    let call_end = refused(super::kind::RESOLVED, &(0_i64, (1_u64, "c"), 9_u8, ""));
    assert_eq!(call_end, code("end of a call", 9));
    let spliced = |covers: Vec<(u64, u64)>, kind: u8| {
        let (pieces, facts) = (vec![(covers, "text", "author")], vec![(kind, "name", "text")]);
        refused(super::kind::SPLICED, &(0_i64, 1_u64, 9_u64, [0_u8; 32], pieces, facts))
    };
    assert_eq!(spliced(vec![(1, 5)], 9), code("kind of a fact", 9));
    let (empty, falling) = (vec![(1, 1)], vec![(5, 7), (1, 3)]);
    let (touching, overlapping) = (vec![(1, 3), (3, 5)], vec![(1, 4), (3, 5)]);
    for covers in [vec![], empty, vec![(5, 1)], falling, touching, overlapping] {
        let disordered = spliced(covers, 1);
        assert!(matches!(disordered, DecodeError::Value(_)), "{disordered}");
    }
    let opened = |format: u8, landing: u64| {
        refused(super::kind::OPENED, &(0_i64, format, 4000_u64, landing, 8000_u64))
    };
    assert_eq!(opened(9, 2000), code("format", 9));
    let marks_that_fall = opened(1, 5000);
    assert!(matches!(marks_that_fall, DecodeError::Value(_)), "{marks_that_fall}");
}

fn comes_back(record: Record) -> TestCaseResult {
    prop_assert_eq!(decode(&encoded(&record)), Ok(record));
    Ok(())
}

fn text() -> impl Strategy<Value = Box<str>> {
    any::<String>().prop_map(String::into_boxed_str)
}

fn seqs() -> impl Strategy<Value = Vec<Seq>> {
    vec(any::<u64>().prop_map(Seq), 0..20)
}

fn call_end() -> impl Strategy<Value = CallEnd> {
    use CallEnd as C;
    let all = [C::Result, C::Failed, C::Abandoned, C::RunningChild, C::AwaitingApproval];
    proptest::sample::select(all.to_vec())
}

fn fact() -> impl Strategy<Value = Fact> {
    use FactKind as F;
    let kinds = vec![F::NoResult, F::RunningChild, F::AwaitingApproval, F::Task, F::LeftOut];
    (proptest::sample::select(kinds), text(), text()).prop_map(|(kind, name, text)| Fact {
        kind,
        name,
        text,
    })
}

fn piece() -> impl Strategy<Value = Replacement> {
    let range = (0..1_000_u64, 1..50_u64)
        .prop_map(|(start, len)| SeqRange::new(Seq(start), Seq(start + len)));
    (vec(range, 1..5), text(), text()).prop_map(|(covers, text, author)| Replacement {
        covers: SeqSpans::of(covers),
        summary: Summary { text, author },
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    use {Abandoned as A, Refused as R};
    let abandoned =
        [A::Cancelled, A::Overdue, A::Closed, A::Restarted, A::Rewound, A::Cleared, A::Changed];
    let abandoned = proptest::sample::select(abandoned.to_vec());
    let refused = [R::Stale, R::Empty, R::NotSmaller, R::TornGroup, R::OverCap];
    let refused = proptest::sample::select(refused.to_vec());
    prop_oneof![
        Just(Outcome::Spliced),
        Just(Outcome::NothingToDo),
        Just(Outcome::AlreadyRunning),
        abandoned.prop_map(Outcome::Abandoned),
        refused.prop_map(Outcome::Refused),
        text().prop_map(Outcome::Failed),
    ]
}

proptest! {
    #[test]
    fn every_opening_comes_back(
        at: i64, chat: bool, landing in 512..u64::MAX / 4, up in 1..u64::MAX / 4, top in 1..u64::MAX / 4,
    ) {
        let at = Timestamp(at);
        let format = if chat { Format::OpenAiChat } else { Format::Anthropic };
        let (landing, trigger) = (TokenCount(landing), TokenCount(landing + up));
        let budget = Budget::new(trigger, landing, TokenCount(trigger.0 + top)).unwrap();
        comes_back(Record::Opened { at, format, budget })?;
    }

    #[test]
    fn every_entry_comes_back(
        at: i64, seq: u64, id in "[^\\pC]{1,40}", source: Vec<u8>,
    ) {
        let entry = Entry::opaque(EntryId::parse(&id).unwrap(), source.into()).unwrap();
        let (at, seq, entry) = (Timestamp(at), Seq(seq), Arc::new(entry));
        comes_back(Record::Appended { at, seq, entry })?;
    }

    #[test]
    fn every_answer_comes_back(
        at: i64, call: u64, position: u64, digest: [u8; 32], calls in vec((any::<u64>(), text()), 0..9),
    ) {
        let stand_ins = calls.into_iter().map(|(seq, id)| CallRef { seq: Seq(seq), id }).collect();
        let (at, call, position) = (Timestamp(at), CallNumber(call), Seq(position));
        comes_back(Record::Answered { at, call, position, digest: Digest(digest), stand_ins })?;
    }

    #[test]
    fn every_elision_comes_back(at: i64, results in seqs(), groups in seqs()) {
        comes_back(Record::Elided { at: Timestamp(at), results, groups })?;
    }

    #[test]
    fn every_start_of_a_pass_comes_back(at: i64, pass: u64, cut: u64, digest: [u8; 32]) {
        let (at, pass, cut) = (Timestamp(at), PassId(pass), Seq(cut));
        comes_back(Record::PassStarted { at, pass, cut, digest: Digest(digest) })?;
    }

    #[test]
    fn every_splice_comes_back(
        at: i64, pass: u64, cut: u64, digest: [u8; 32], pieces in vec(piece(), 0..4), facts in vec(fact(), 0..4),
    ) {
        let (at, pass, cut) = (Timestamp(at), PassId(pass), Seq(cut));
        comes_back(Record::Spliced { at, pass, cut, digest: Digest(digest), pieces, facts })?;
    }

    #[test]
    fn every_change_comes_back(
        at: i64, seq: u64, place: u64, pinned: bool, task in text(), said in proptest::option::of(text()),
        source: Vec<u8>, digest: [u8; 32],
    ) {
        let (at, seq, place) = (Timestamp(at), Seq(seq), Seq(place));
        let entry = Arc::new(Entry::opaque(EntryId::parse("e").unwrap(), source.into()).unwrap());
        comes_back(Record::Edited { at, seq, place, entry })?;
        comes_back(Record::Pinned { at, seq, pinned })?;
        comes_back(Record::Tracked { at, task, text: said })?;
        comes_back(Record::Rewound { at, to: seq })?;
        comes_back(Record::Cleared { at })?;
        comes_back(Record::Checkpointed { at, seq, digest: Digest(digest) })?;
    }

    #[test]
    fn every_report_of_usage_comes_back(
        at: i64, call: u64, model in text(), estimated: u64, input: u64, cached: u64, output: u64,
    ) {
        let [estimated, input, cached, output] = [estimated, input, cached, output].map(TokenCount);
        let usage = Usage { input, cached, output };
        comes_back(Record::Used { at: Timestamp(at), call: CallNumber(call), model, estimated, usage })?;
    }

    #[test]
    fn every_resolution_comes_back(at: i64, seq: u64, id in text(), detail in text(), end in call_end()) {
        let call = CallRef { seq: Seq(seq), id };
        let resolution = Resolution::new(end, &detail).unwrap();
        comes_back(Record::Resolved { at: Timestamp(at), call, resolution })?;
    }

    #[test]
    fn every_end_of_a_pass_comes_back(at: i64, pass: u64, outcome in outcome()) {
        comes_back(Record::PassEnded { at: Timestamp(at), pass: PassId(pass), outcome })?;
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>, kind in 0..20_u8) {
        let _ = decode(&bytes);
        let mut out = Vec::new();
        codec::encode(kind, &codec::Bytes(&bytes), &mut out).unwrap();
        let _ = (decode(&out), entry_head(&out));
        out.clear();
        codec::encode_around(kind, &codec::Bytes(&bytes), [&*bytes].into_iter(), &mut out).unwrap();
        let _ = (decode(&out), entry_head(&out));
    }
}
