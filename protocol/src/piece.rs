//! Pieces of what a pass covers, as a summarizer gets them: whole groups, earlier summaries, and slices of what is too
//! long for one call. Shared messages, no copies.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::entry::{Message, PartKind, Role};
use crate::position::Seq;
use crate::stretch::CoveredGroup;

/// A piece of what a pass covers.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A summary, or a slice of one.
    Summary {
        /// The whole text.
        text: Arc<str>,
        /// What of it belongs to the piece.
        bytes: Range<usize>,
    },
    /// A whole group.
    Group(CoveredGroup),
    /// A slice of one part of a group that is too long for one call.
    Slice(Slice),
}

/// A slice of one part of a message.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The entry.
    pub seq: Seq,
    /// What it says.
    pub message: Arc<Message>,
    /// Which of its parts.
    pub part: usize,
    /// What of the part's text belongs to the piece.
    pub bytes: Range<usize>,
    /// Whether the part is a call whose result is not in its group.
    pub unanswered: bool,
}

/// One thing that a piece says.
#[derive(Clone, Debug)]
pub struct Passage<'a> {
    /// Where it comes from.
    pub source: Source<'a>,
    /// What of its text belongs to the piece.
    pub text: &'a str,
    /// Where that begins in the whole text.
    pub from: usize,
    /// The length of the whole text in bytes.
    pub whole: usize,
}

/// Where a passage comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// An earlier summary.
    Summary,
    /// A part of an entry.
    Part {
        /// The entry.
        seq: Seq,
        /// Who speaks.
        role: Role,
        /// What the part is.
        kind: &'a PartKind,
        /// Whether it is a call whose result is not in its group.
        unanswered: bool,
    },
}

impl Piece {
    /// A whole summary.
    pub fn of_summary(text: Arc<str>) -> Self {
        let bytes = 0..text.len();
        Self::Summary { text, bytes }
    }

    /// What the piece says, in order. Every byte of a text belongs to exactly one passage of exactly one piece.
    pub fn passages(&self) -> Vec<Passage<'_>> {
        match self {
            Self::Summary { text, bytes } => {
                vec![Passage::of(Source::Summary, text, bytes.clone())]
            }
            Self::Slice(slice) => slice.passage().into_iter().collect(),
            Self::Group(group) => {
                let answered = answered(group);
                let mut passages = Vec::new();
                for (seq, message) in &group.members {
                    for part in message.parts.iter().filter(|part| says_something(&part.kind)) {
                        let text = body(&part.kind);
                        let (seq, role, kind) = (*seq, message.role, &part.kind);
                        let unanswered = is_unanswered(kind, &answered);
                        let source = Source::Part { seq, role, kind, unanswered };
                        passages.push(Passage::of(source, text, 0..text.len()));
                    }
                }
                passages
            }
        }
    }

    /// The piece up to `bytes` of its text, and the rest of it. A group is never cut.
    pub(crate) fn split_at(&self, bytes: usize) -> (Self, Self) {
        let (mut front, mut back) = (self.clone(), self.clone());
        if let Some(held) = front.held() {
            held.end = held.start + bytes;
        }
        if let Some(held) = back.held() {
            held.start += bytes;
        }
        (front, back)
    }

    fn held(&mut self) -> Option<&mut Range<usize>> {
        match self {
            Self::Summary { bytes, .. } | Self::Slice(Slice { bytes, .. }) => Some(bytes),
            Self::Group(_) => None,
        }
    }

    /// The messages that the piece is taken from.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        let (members, sliced): (&[_], _) = match self {
            Self::Summary { .. } => (&[], None),
            Self::Group(group) => (&group.members, None),
            Self::Slice(slice) => (&[], Some(&*slice.message)),
        };
        members.iter().map(|(_, message)| &**message).chain(sliced)
    }
}

impl Slice {
    fn passage(&self) -> Option<Passage<'_>> {
        let kind = &self.message.parts.get(self.part)?.kind;
        let role = self.message.role;
        let source = Source::Part { seq: self.seq, role, kind, unanswered: self.unanswered };
        Some(Passage::of(source, body(kind), self.bytes.clone()))
    }
}

impl<'a> Passage<'a> {
    fn of(source: Source<'a>, whole: &'a str, bytes: Range<usize>) -> Self {
        Self { source, from: bytes.start, whole: whole.len(), text: &whole[bytes] }
    }
}

/// Whether a part is a call that is not among the answered ones.
pub(crate) fn is_unanswered(kind: &PartKind, answered: &BTreeSet<&str>) -> bool {
    matches!(kind, PartKind::ToolCall { id, .. } if !answered.contains(&**id))
}

/// The text of a part that may be long: what is said, or a call's arguments.
pub(crate) fn body(kind: &PartKind) -> &str {
    match kind {
        PartKind::Text { text }
        | PartKind::Reasoning { text }
        | PartKind::ToolResult { text, .. } => text,
        PartKind::ToolCall { arguments, .. } => arguments,
        PartKind::Media { .. } | PartKind::Opaque { .. } => "",
    }
}

/// Whether there is anything to show of a part: reasoning may be left with a signature alone.
pub(crate) fn says_something(kind: &PartKind) -> bool {
    !matches!(kind, PartKind::Reasoning { text } if text.is_empty())
}

/// The ids of the calls that a group answers.
pub(crate) fn answered(group: &CoveredGroup) -> BTreeSet<&str> {
    group.members.iter().flat_map(|(_, message)| message.results()).collect()
}
