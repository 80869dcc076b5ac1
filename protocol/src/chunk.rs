//! Dividing what a pass covers into chunks that fit a summarizer's window with head-room, at group boundaries (B3).

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::piece::{Piece, Slice, answered, body, is_unanswered, says_something};
use crate::prompt;
use crate::stretch::{Covered, CoveredGroup};
use crate::tokens::TokenCount;

/// The smallest window that is worked with: below it a record of a few words would not fit beside its answer. A smaller
/// one is taken as this.
pub const MIN_WINDOW_TOKENS: TokenCount = TokenCount(1_024);

/// The least room for data: fits a record with the longest names and a few words.
const MIN_ROOM: TokenCount = TokenCount(512);

/// What the numbers of a slice's bounds take in its record.
const BOUNDS: TokenCount = TokenCount(24);

/// No text takes fewer tokens than one for so many bytes: that is a run of blanks.
const MOST_BYTES_PER_TOKEN: u64 = 16;

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
    Chunks { parts: parts.iter(), ready: None, uncut: VecDeque::new(), room: room.max(MIN_ROOM) }
}

/// See [`chunks`].
#[derive(Debug)]
pub struct Chunks<'a> {
    parts: std::slice::Iter<'a, Covered>,
    /// What is next, cut to size.
    ready: Option<(Piece, TokenCount)>,
    /// What comes behind it and is not cut yet: summaries and slices.
    uncut: VecDeque<Piece>,
    room: TokenCount,
}

impl Iterator for Chunks<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let mut pieces = Vec::new();
        let mut tokens = TokenCount::ZERO;
        while let Some((piece, size)) = self.piece() {
            if !pieces.is_empty() && tokens + size > self.room {
                self.ready = Some((piece, size));
                break;
            }
            pieces.push(piece);
            tokens += size;
        }
        (!pieces.is_empty()).then(|| Chunk { pieces: pieces.into(), tokens })
    }
}

impl Chunks<'_> {
    /// The next piece, which fits the room.
    fn piece(&mut self) -> Option<(Piece, TokenCount)> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        loop {
            if let Some(piece) = self.uncut.pop_front() {
                return Some(self.cut(&piece));
            }
            match self.parts.next()? {
                Covered::Summary(text) => self.uncut.push_back(Piece::of_summary(Arc::clone(text))),
                Covered::Group(group) => {
                    let whole = Piece::Group(group.clone());
                    match size_within(&whole, self.room) {
                        Some(size) => return Some((whole, size)),
                        None => self.uncut = in_parts(group),
                    }
                }
            }
        }
    }

    /// What of a summary or a slice fits the room; the rest is next.
    fn cut(&mut self, piece: &Piece) -> (Piece, TokenCount) {
        let size = |piece: &Piece| size(std::slice::from_ref(piece));
        let bare = size(&piece.split_at(0).0);
        let text = piece.passages().first().map_or("", |passage| passage.text);
        let end = prompt::prefix_within(text, self.room.saturating_sub(bare + BOUNDS));
        if end == text.len() {
            return (piece.clone(), size(piece));
        }
        let (head, rest) = piece.split_at(end);
        self.uncut.push_front(rest);
        let tokens = size(&head);
        (head, tokens)
    }
}

/// The size of pieces as records of a prompt.
pub fn size(pieces: &[Piece]) -> TokenCount {
    pieces.iter().flat_map(Piece::passages).map(|passage| prompt::size(&passage)).sum()
}

/// The size of a piece, if it fits; what is far too long is not measured to its end.
fn size_within(piece: &Piece, room: TokenCount) -> Option<TokenCount> {
    let mut size = TokenCount::ZERO;
    for passage in piece.passages() {
        if passage.text.len() as u64 / MOST_BYTES_PER_TOKEN > room.0 {
            return None;
        }
        size += prompt::size(&passage);
        if size > room {
            return None;
        }
    }
    Some(size)
}

/// The parts of a group, each as a slice that holds all of it.
fn in_parts(group: &CoveredGroup) -> VecDeque<Piece> {
    let answered = answered(group);
    let mut slices = VecDeque::new();
    for (seq, message) in &group.members {
        let parts = message.parts.iter().enumerate();
        for (part, found) in parts.filter(|(_, part)| says_something(&part.kind)) {
            let (seq, message, bytes) = (*seq, Arc::clone(message), 0..body(&found.kind).len());
            let unanswered = is_unanswered(&found.kind, &answered);
            slices.push_back(Piece::Slice(Slice { seq, message, part, bytes, unanswered }));
        }
    }
    slices
}
