//! What was odd in a transcript: counted by kind, with the first place of each.

use std::collections::{BTreeMap, BTreeSet};

use super::transcript::Place;
use crate::entry::Message;
use crate::ids::Digest;

/// One kind of oddity. None of them loses a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// Text that is not a whole JSON object: carried, not shown.
    TornLine,
    /// Several objects on one line: read one by one.
    GluedLine,
    /// A line whose id stood in the file before and said the same: carried, not shown again.
    DuplicateLine,
    /// An entry id that stood before with other content: the entry gets an id of its own.
    ReusedEntryId,
    /// A line of a type that this version does not know: carried, not shown.
    UnknownLineType,
    /// A chat message of a role that nobody knows, or of none: carried, not shown.
    UnknownRole,
    /// A message that should be there but cannot be read: carried, not shown.
    UnreadableMessage,
    /// A result whose call does not stand before it, or was answered already.
    OrphanResult,
    /// A call that is still open at the end.
    UnansweredCall,
    /// A call id that stood before: calls and results are told apart by their order.
    ReusedCallId,
}

impl Warning {
    /// The kind's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::TornLine => "torn line",
            Self::GluedLine => "glued line",
            Self::DuplicateLine => "duplicate line",
            Self::ReusedEntryId => "reused entry id",
            Self::UnknownLineType => "unknown line type",
            Self::UnknownRole => "unknown role",
            Self::UnreadableMessage => "unreadable message",
            Self::OrphanResult => "orphan result",
            Self::UnansweredCall => "unanswered call",
            Self::ReusedCallId => "reused call id",
        }
    }
}

/// The oddities of one transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings(BTreeMap<Warning, (u64, Place)>);

impl Warnings {
    pub(super) fn count(&mut self, warning: Warning, place: Place) {
        let (count, first) = self.0.entry(warning).or_insert((0, place));
        *count += 1;
        *first = (*first).min(place);
    }

    /// Whether nothing was odd.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often a kind was met.
    pub fn count_of(&self, warning: Warning) -> u64 {
        self.0.get(&warning).map_or(0, |(count, _)| *count)
    }

    /// Each kind that was met: its name, how often, and its first place.
    pub fn iter(&self) -> std::vec::IntoIter<(&'static str, u64, Place)> {
        self.into_iter()
    }
}

impl IntoIterator for &Warnings {
    type Item = (&'static str, u64, Place);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let rows = self.0.iter().map(|(kind, (count, first))| (kind.name(), *count, *first));
        rows.collect::<Vec<_>>().into_iter()
    }
}

/// A text's hash, short enough to remember one per record of a long file.
pub(super) fn short_hash(digest: &Digest) -> [u8; 16] {
    let (head, _) = digest.0.split_first_chunk::<16>().expect("a digest is 32 bytes long");
    *head
}

/// The calls of a transcript while it is read: which are open, and which ids were seen.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<[u8; 16], Vec<Place>>,
    seen: BTreeSet<[u8; 16]>,
}

impl Calls {
    /// Takes note of a visible message's calls and results.
    pub(super) fn follow(&mut self, message: &Message, place: Place, warnings: &mut Warnings) {
        for call in message.results() {
            let hash = short_hash(&Digest::of(call.as_bytes()));
            if self.open.get_mut(&hash).and_then(Vec::pop).is_none() {
                warnings.count(Warning::OrphanResult, place);
            }
        }
        for (id, _) in message.calls() {
            let hash = short_hash(&Digest::of(id.as_bytes()));
            if !self.seen.insert(hash) && !id.is_empty() {
                warnings.count(Warning::ReusedCallId, place);
            }
            self.open.entry(hash).or_default().push(place);
        }
    }

    /// Counts what is still open. Calls are open no longer afterwards.
    pub(super) fn finish(&mut self, warnings: &mut Warnings) {
        for place in std::mem::take(&mut self.open).into_values().flatten() {
            warnings.count(Warning::UnansweredCall, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Dialect;
    use crate::format::read_message;

    fn check(messages: &[&str], expected: &[(&str, u64, u64)]) {
        let (mut calls, mut warnings) = (Calls::default(), Warnings::default());
        for (number, json) in (1..).zip(messages) {
            let message = read_message(Dialect::OpenAiChat, json.as_bytes()).unwrap();
            calls.follow(&message, Place::Message(number), &mut warnings);
        }
        calls.finish(&mut warnings);
        let expected =
            expected.iter().map(|(name, count, first)| (*name, *count, Place::Message(*first)));
        assert_eq!(warnings.iter().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    const CALL: &str = r#"{"role":"assistant","tool_calls":[{"id":"a"}]}"#;
    const TWO_CALLS: &str = r#"{"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]}"#;
    const RESULT: &str = r#"{"role":"tool","tool_call_id":"a","content":"x"}"#;
    const NAMELESS_CALL: &str = r#"{"role":"assistant","function_call":{"name":"f"}}"#;
    const NAMELESS_RESULT: &str = r#"{"role":"function","content":"x"}"#;

    #[test]
    fn calls_and_results_are_paired_in_order() {
        check(&[CALL, RESULT], &[]);
        check(&[RESULT, CALL], &[("orphan result", 1, 1), ("unanswered call", 1, 2)]);
        check(&[CALL, RESULT, RESULT], &[("orphan result", 1, 3)]);
        check(&[CALL, RESULT, CALL, RESULT], &[("reused call id", 1, 3)]);
        check(&[CALL, CALL], &[("unanswered call", 2, 1), ("reused call id", 1, 2)]);
        check(&[TWO_CALLS, RESULT], &[("unanswered call", 1, 1)]);
        check(&[NAMELESS_CALL, NAMELESS_RESULT, NAMELESS_CALL, NAMELESS_RESULT], &[]);
    }
}
