//! Dividing what a pass covers into chunks that fit a summarizer's window with head-room, at group boundaries (B3).

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::piece::{Passage, Piece, Slice, Source, answered, body, says_something};
use crate::prompt;
use crate::stretch::{Covered, CoveredGroup};
use crate::tokens::TokenCount;

/// The smallest window that is worked with: below it a record of a few words would not fit beside its answer. A smaller
/// one is taken as this.
pub const MIN_WINDOW_TOKENS: TokenCount = TokenCount(1_024);

/// The least room for data: fits a record with the longest names and a few words.
const MIN_ROOM: TokenCount = TokenCount(512);

/// How a window is shared between the prompt's own text, the data, the answer, and head-room for what the estimate of
/// tokens is wrong by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// What the data of one call may take, records and all.
    pub data: TokenCount,
    /// What the last answer may take.
    pub answer: TokenCount,
    /// What an answer may take that is merged with others: small enough that each merge makes one out of several.
    pub partial: TokenCount,
}

impl Shares {
    /// Shares `window`, in which `overhead` is taken by the prompt itself, for answers of at most `cap`. An answer gets
    /// a quarter of the window at most, and a quarter of itself as head-room; a tenth of the window stays free.
    pub fn of(window: TokenCount, overhead: TokenCount, cap: TokenCount) -> Self {
        let window = window.max(MIN_WINDOW_TOKENS);
        let answer = cap.min(TokenCount(window.0 / 4));
        let taken = TokenCount(window.0 / 10) + overhead + limit(answer);
        let data = window.saturating_sub(taken).max(MIN_ROOM);
        Self { data, answer, partial: answer.min(TokenCount(data.0 / 4)) }
    }
}

/// The most tokens that a model is let write for an answer of at most `cap` by the estimate: a model that counts more
/// tokens in the same text shall not be cut off.
pub fn limit(cap: TokenCount) -> TokenCount {
    TokenCount(cap.0.saturating_add(cap.0 / 4))
}

/// What one call summarizes.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Its pieces, oldest first.
    pub pieces: Arc<[Piece]>,
    /// Their size as records of a prompt.
    pub tokens: TokenCount,
}

/// The chunks of some parts, each of at most `room` tokens as records of a prompt, in order. A group that does not fit
/// beside what is before it begins the next chunk; one that is over the room by itself is sliced at the boundaries of
/// its entries and parts, and a part at those of its characters. Made one by one: each costs time linear in its size.
pub fn chunks(parts: &[Covered], room: TokenCount) -> Chunks<'_> {
    Chunks { parts: parts.iter(), ready: VecDeque::new(), room: room.max(MIN_ROOM) }
}

/// See [`chunks`].
#[derive(Debug)]
pub struct Chunks<'a> {
    parts: std::slice::Iter<'a, Covered>,
    ready: VecDeque<(Piece, TokenCount)>,
    room: TokenCount,
}

impl Iterator for Chunks<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let mut pieces = Vec::new();
        let mut tokens = TokenCount::ZERO;
        while self.is_ready() {
            if !pieces.is_empty() && tokens + self.ready[0].1 > self.room {
                break;
            }
            let (piece, size) = self.ready.pop_front()?;
            pieces.push(piece);
            tokens += size;
        }
        (!pieces.is_empty()).then(|| Chunk { pieces: pieces.into(), tokens })
    }
}

impl Chunks<'_> {
    /// Whether there is another piece; makes the next ones if need be.
    fn is_ready(&mut self) -> bool {
        while self.ready.is_empty() {
            match self.parts.next() {
                None => return false,
                Some(Covered::Summary(text)) => self.add_summary(text),
                Some(Covered::Group(group)) => self.add_group(group),
            }
        }
        true
    }

    fn add_summary(&mut self, text: &Arc<str>) {
        for (bytes, size) in slices(Source::Summary, text, self.room) {
            self.ready.push_back((Piece::Summary { text: Arc::clone(text), bytes }, size));
        }
    }

    fn add_group(&mut self, group: &CoveredGroup) {
        let whole = Piece::Group(group.clone());
        let size = whole.passages().iter().map(prompt::size).sum();
        if size <= self.room {
            self.ready.push_back((whole, size));
            return;
        }
        let answered = answered(group);
        for (seq, message) in &group.members {
            let parts = message.parts.iter().enumerate();
            for (part, found) in parts.filter(|(_, part)| says_something(&part.kind)) {
                let source = Source::part(*seq, message.role, &found.kind, &answered);
                let unanswered = matches!(source, Source::Part { unanswered: true, .. });
                for (bytes, size) in slices(source, body(&found.kind), self.room) {
                    let (seq, message) = (*seq, Arc::clone(message));
                    let slice = Slice { seq, message, part, bytes, unanswered };
                    self.ready.push_back((Piece::Slice(slice), size));
                }
            }
        }
    }
}

/// A text in slices whose records take at most `room` each, with their sizes; one slice if it fits.
fn slices(source: Source<'_>, text: &str, room: TokenCount) -> Vec<(Range<usize>, TokenCount)> {
    let sized = |bytes: Range<usize>| {
        let size = prompt::size(&Passage::of(source, text, bytes.clone()));
        (bytes, size)
    };
    let whole = sized(0..text.len());
    if whole.1 <= room {
        return vec![whole];
    }
    // The record of an empty slice, with room for the numbers of its bounds.
    let bare = sized(0..0).1 + TokenCount(24);
    let (mut slices, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let end = start + prompt::prefix_within(&text[start..], room.saturating_sub(bare));
        slices.push(sized(start..end));
        start = end;
    }
    slices
}
