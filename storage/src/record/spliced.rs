//! A pass ended with a splice: its summaries, what each stands for, and what was still under way.

use highwater_protocol::{
    Digest, Fact, FactKind, PassId, Record, Replacement, Seq, SeqRange, SeqSpans, Summary,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use super::code::Coded;
use crate::codec::DecodeError;

#[derive(Serialize, Deserialize)]
pub(super) struct SplicedV1<'a> {
    at_ms: i64,
    pass: u64,
    cut: u64,
    digest: [u8; 32],
    #[serde(borrow)]
    pieces: Vec<ReplacementV1<'a>>,
    #[serde(borrow)]
    facts: Vec<FactV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ReplacementV1<'a> {
    /// Start and end of each range, half-open, in rising order.
    covers: Vec<(u64, u64)>,
    text: &'a str,
    author: &'a str,
}

#[derive(Serialize, Deserialize)]
struct FactV1<'a> {
    kind: u8,
    name: &'a str,
    text: &'a str,
}

impl<'a> SplicedV1<'a> {
    pub(super) fn new(
        at: Timestamp,
        pass: PassId,
        cut: Seq,
        digest: Digest,
        pieces: &'a [Replacement],
        facts: &'a [Fact],
    ) -> Self {
        Self {
            at_ms: at.0,
            pass: pass.0,
            cut: cut.0,
            digest: digest.0,
            pieces: pieces.iter().map(ReplacementV1::new).collect(),
            facts: facts.iter().map(FactV1::new).collect(),
        }
    }

    pub(super) fn record(self) -> Result<Record, DecodeError> {
        Ok(Record::Spliced {
            at: Timestamp(self.at_ms),
            pass: PassId(self.pass),
            cut: Seq(self.cut),
            digest: Digest(self.digest),
            pieces: self
                .pieces
                .into_iter()
                .map(ReplacementV1::replacement)
                .collect::<Result<_, _>>()?,
            facts: self.facts.into_iter().map(FactV1::fact).collect::<Result<_, _>>()?,
        })
    }
}

impl<'a> ReplacementV1<'a> {
    fn new(piece: &'a Replacement) -> Self {
        let Replacement { covers, summary } = piece;
        let covers = covers.ranges().iter().map(|range| (range.start.0, range.end.0)).collect();
        Self { covers, text: &summary.text, author: &summary.author }
    }

    fn replacement(self) -> Result<Replacement, DecodeError> {
        let range = |(start, end): &(u64, u64)| SeqRange::new(Seq(*start), Seq(*end));
        let ranges: Vec<SeqRange> = self.covers.iter().map(range).collect();
        let covers = SeqSpans::of(ranges.iter().copied());
        if covers.is_empty() || covers.ranges() != ranges {
            let found = format!("what a summary stands for is not in order: {:?}", self.covers);
            return Err(DecodeError::Value(found));
        }
        let summary = Summary { text: self.text.into(), author: self.author.into() };
        Ok(Replacement { covers, summary })
    }
}

impl<'a> FactV1<'a> {
    fn new(fact: &'a Fact) -> Self {
        Self { kind: fact.kind.code(), name: &fact.name, text: &fact.text }
    }

    fn fact(self) -> Result<Fact, DecodeError> {
        let kind = FactKind::from_code(self.kind)?;
        Ok(Fact { kind, name: self.name.into(), text: self.text.into() })
    }
}
