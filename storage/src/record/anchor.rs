//! An anchor: the fold of a log up to a position, to recover from. Derived data: whoever cannot read one drops it.
//! Positions and numbers that rise are stored as differences, and one list holds one thing, so that it packs well.

mod groups;
#[cfg(test)]
mod tests;

use std::time::Duration;

use highwater_protocol::anchor::{Anchor, CallUnderWay, ReportsAnchor, ViewAnchor};
use highwater_protocol::{
    Budget, CallNumber, CallRef, Digest, FactKind, Format, LogPos, PassId, Seq, SeqRange,
    Timestamp, TokenCount,
};
use serde::{Deserialize, Serialize};

use super::call::CallRefV1;
use super::code::Coded;
use super::pass::OutcomeV1;
use crate::codec::{self, DecodeError};
use crate::error::StoreError;
use groups::GroupsV1;

/// The kind of an anchor's frame. Persisted: it is never reused. It stands among the rows.
const KIND: u8 = 140;

#[derive(Serialize, Deserialize)]
struct AnchorV1<'a> {
    at: u64,
    format: u8,
    trigger_tokens: u64,
    landing_tokens: u64,
    hard_tokens: u64,
    head: u64,
    /// Start and end of each range, half-open.
    dead: Vec<(u64, u64)>,
    rewinds: Vec<(u64, u64)>,
    call: u64,
    pass: u64,
    unfinished: Option<(u64, i64)>,
    #[serde(borrow)]
    outcomes: Vec<(u64, OutcomeV1<'a>)>,
    durations_ms: Vec<u64>,
    resets: u64,
    #[serde(borrow)]
    under_way: Vec<UnderWayV1<'a>>,
    #[serde(borrow)]
    tasks: Vec<(&'a str, &'a str)>,
    frozen: u64,
    instructions_end: u64,
    summaries: Vec<(u64, u64)>,
    register: Option<u64>,
    #[serde(borrow)]
    groups: GroupsV1<'a>,
    boundaries: Vec<u64>,
    message: Option<u64>,
    reasoning: Option<u64>,
    digest: [u8; 32],
    tokens: u64,
    #[serde(borrow)]
    learned: Vec<(&'a str, Vec<u64>)>,
    awaited: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct UnderWayV1<'a> {
    #[serde(borrow)]
    call: CallRefV1<'a>,
    kind: u8,
    tool: &'a str,
    detail: &'a str,
}

/// The bytes of an anchor. [`StoreError::Invalid`] when it is too large to be stored; then there is none.
pub fn encode_anchor(anchor: &Anchor) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::new();
    codec::encode(KIND, &AnchorV1::new(anchor), &mut out)?;
    Ok(out)
}

/// Reads an anchor. When its bytes are damaged or of a version that is not known, why it is of no use: it is to be
/// dropped, the log says the same.
pub fn decode_anchor(bytes: &[u8]) -> Result<Anchor, String> {
    codec::decode::<AnchorV1<'_>>(KIND, bytes)
        .and_then(AnchorV1::anchor)
        .map_err(|error| error.to_string())
}

impl<'a> AnchorV1<'a> {
    fn new(anchor: &'a Anchor) -> Self {
        let Anchor { budget, view, reports, .. } = anchor;
        let outcomes = anchor.outcomes.iter();
        let durations = anchor.durations.iter();
        Self {
            at: anchor.at.0,
            format: anchor.format.code(),
            trigger_tokens: budget.trigger().0,
            landing_tokens: budget.landing().0,
            hard_tokens: budget.hard().0,
            head: anchor.head.0,
            dead: anchor.dead.iter().map(|range| (range.start.0, range.end.0)).collect(),
            rewinds: anchor.rewinds.iter().map(|(at, to)| (at.0, to.0)).collect(),
            call: anchor.call.0,
            pass: anchor.pass.0,
            unfinished: anchor.unfinished.map(|(pass, at)| (pass.0, at.0)),
            outcomes: outcomes.map(|(pass, it)| (pass.0, OutcomeV1::new(it))).collect(),
            durations_ms: durations.map(millis).collect(),
            resets: anchor.resets,
            under_way: anchor.under_way.iter().map(UnderWayV1::new).collect(),
            tasks: anchor.tasks.iter().map(|(name, text)| (&**name, &**text)).collect(),
            frozen: view.frozen.0,
            instructions_end: view.instructions_end.0,
            summaries: view.summaries.iter().map(|(first, at)| (first.0, at.0)).collect(),
            register: view.register.map(|at| at.0),
            groups: GroupsV1::new(&view.groups),
            boundaries: differences(view.boundaries.iter().map(|seq| seq.0)),
            message: view.message.map(|seq| seq.0),
            reasoning: view.reasoning.map(|seq| seq.0),
            digest: view.digest.0,
            tokens: view.tokens.0,
            learned: reports.learned.iter().map(|(m, shares)| (&**m, shares.clone())).collect(),
            awaited: reports.awaited.iter().map(|(call, tokens)| (call.0, tokens.0)).collect(),
        }
    }

    fn anchor(self) -> Result<Anchor, DecodeError> {
        let [trigger, landing, hard] =
            [self.trigger_tokens, self.landing_tokens, self.hard_tokens].map(TokenCount);
        let seqs = |(at, to): (u64, u64)| (LogPos(at), Seq(to));
        let awaited = |(call, tokens): (u64, u64)| (CallNumber(call), TokenCount(tokens));
        let outcome = |(pass, it): (u64, OutcomeV1<'_>)| Ok((PassId(pass), it.outcome()?));
        Ok(Anchor {
            at: LogPos(self.at),
            format: Format::from_code(self.format)?,
            budget: Budget::new(trigger, landing, hard)?,
            head: Seq(self.head),
            dead: self.dead.into_iter().map(|(s, e)| SeqRange::new(Seq(s), Seq(e))).collect(),
            rewinds: self.rewinds.into_iter().map(seqs).collect(),
            call: CallNumber(self.call),
            pass: PassId(self.pass),
            unfinished: self.unfinished.map(|(pass, at)| (PassId(pass), Timestamp(at))),
            outcomes: self.outcomes.into_iter().map(outcome).collect::<Result<_, DecodeError>>()?,
            durations: self.durations_ms.into_iter().map(Duration::from_millis).collect(),
            resets: self.resets,
            under_way: self
                .under_way
                .into_iter()
                .map(UnderWayV1::call)
                .collect::<Result<_, _>>()?,
            tasks: self.tasks.into_iter().map(|(name, text)| (name.into(), text.into())).collect(),
            reports: ReportsAnchor {
                learned: self.learned.into_iter().map(|(m, shares)| (m.into(), shares)).collect(),
                awaited: self.awaited.into_iter().map(awaited).collect(),
            },
            view: ViewAnchor {
                frozen: Seq(self.frozen),
                instructions_end: Seq(self.instructions_end),
                summaries: self.summaries.into_iter().map(|(f, at)| (Seq(f), LogPos(at))).collect(),
                register: self.register.map(LogPos),
                groups: self.groups.groups()?,
                boundaries: sums(&self.boundaries).map(Seq).collect(),
                message: self.message.map(Seq),
                reasoning: self.reasoning.map(Seq),
                digest: Digest(self.digest),
                tokens: TokenCount(self.tokens),
            },
        })
    }
}

impl<'a> UnderWayV1<'a> {
    fn new(one: &'a CallUnderWay) -> Self {
        let CallUnderWay { call, kind, tool, detail } = one;
        Self { call: CallRefV1::new(call), kind: kind.code(), tool, detail }
    }

    fn call(self) -> Result<CallUnderWay, DecodeError> {
        let call: CallRef = self.call.call();
        let kind = FactKind::from_code(self.kind)?;
        Ok(CallUnderWay { call, kind, tool: self.tool.into(), detail: self.detail.into() })
    }
}

fn millis(duration: &Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Each number without the one before it. Any list comes back from it.
fn differences(numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut last = 0;
    let difference = |number: u64| number.wrapping_sub(std::mem::replace(&mut last, number));
    numbers.into_iter().map(difference).collect()
}

fn sums(differences: &[u64]) -> impl Iterator<Item = u64> {
    differences.iter().scan(0_u64, |sum, difference| {
        *sum = sum.wrapping_add(*difference);
        Some(*sum)
    })
}
