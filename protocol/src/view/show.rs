//! Rendering a view: every group, summary and register once, shared from then on.

use std::sync::Arc;

use crate::entry::Format;
use crate::position::{LogPos, SeqSpans};
use crate::segment::{Segment, Shown};
use crate::tokens::{self, TokenCount};
use crate::{Block, Unit, format};

use super::{Standing, Told, View};

impl View {
    /// The rendered segments, each rendered once. `None` when that takes texts that have left memory.
    pub(crate) fn segments(&mut self) -> Option<Vec<Arc<Segment>>> {
        let format = self.format;
        if !self.away_of_context(&[]).is_empty() {
            return None;
        }
        let (mut rendered, mut lightest) = (0, self.lightest);
        let mut segments = Vec::with_capacity(self.groups.len() + self.summaries.len() + 1);
        let mut summaries = self.summaries.iter();
        let mut next = summaries.next();
        let mut register = self.register.as_ref();
        let mut tell = |standing: &Standing, is_last: bool, segments: &mut Vec<Arc<Segment>>| {
            segments.push(Arc::clone(&standing.segment));
            if let Some(told) = register.take_if(|_| is_last) {
                segments.push(Arc::clone(&told.segment));
            }
        };
        for (first, group) in &mut self.groups {
            while let Some((_, standing)) = next.filter(|(start, _)| *start < first) {
                next = summaries.next();
                tell(standing, next.is_none(), &mut segments);
            }
            // Most of a view was shown before: nothing is counted of what is as it was.
            if let Some(segment) = group.rendered() {
                segments.push(Arc::clone(segment));
                continue;
            }
            let before = group.weight();
            segments.push(group.segment(format).expect("what it takes was just found in memory"));
            rendered += group.weight() - before;
            lightest = lightest.min(*first);
        }
        while let Some((_, standing)) = next {
            next = summaries.next();
            tell(standing, next.is_none(), &mut segments);
        }
        self.weight += rendered;
        self.lightest = lightest;
        Some(segments)
    }
}

impl Standing {
    pub(super) fn weight(&self) -> usize {
        let texts = self.text.len() + self.note.len() + self.covers.weight();
        size_of::<Self>() + texts + self.segment.weight()
    }

    pub(super) fn new(
        format: Format,
        at: LogPos,
        covers: SeqSpans,
        text: &str,
        note: String,
    ) -> Self {
        let tokens = tokens::estimate(&note) + tokens::BLOCK_OVERHEAD_TOKENS;
        let segment = noted(format, Shown::Summary(covers.clone()), &note, tokens);
        Self { at, covers, text: text.into(), note, tokens, segment }
    }

    pub(super) fn render(&mut self, format: Format) {
        self.segment = noted(format, Shown::Summary(self.covers.clone()), &self.note, self.tokens);
    }
}

impl Told {
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.note.len() + self.segment.weight()
    }

    pub(super) fn new(format: Format, at: LogPos, note: String) -> Self {
        let tokens = tokens::estimate(&note) + tokens::BLOCK_OVERHEAD_TOKENS;
        let segment = noted(format, Shown::Register, &note, tokens);
        Self { at, note, segment }
    }

    pub(super) fn render(&mut self, format: Format) {
        self.segment = noted(format, Shown::Register, &self.note, self.segment.tokens);
    }
}

fn noted(format: Format, shown: Shown, note: &str, tokens: TokenCount) -> Arc<Segment> {
    let blocks: Vec<Block> = format::render(format, &[Unit::Note { text: note.to_owned() }]);
    Arc::new(Segment { shown, blocks, tokens })
}
