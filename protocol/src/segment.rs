//! A rendered stretch of a context: one group, one summary, or the host's instructions. Shared, never copied.

use crate::block::Block;
use crate::entry::Format;
use crate::format;
use crate::ids::{CallNumber, Digest};
use crate::position::{Seq, SeqSpans};
use crate::record::CallRef;
use crate::tokens::TokenCount;
use std::sync::Arc;

/// What a segment shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// These entries, verbatim (large results may be placeholders).
    Entries(Vec<Seq>),
    /// These entries, as one placeholder (V10).
    Elided(Vec<Seq>),
    /// These entries, through a summary.
    Summary(SeqSpans),
    /// No entry: what was still under way when the summaries before it were made (V8).
    Register,
}

/// Rendered blocks and what they show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What is shown.
    pub shown: Shown,
    /// The blocks, frozen.
    pub blocks: Vec<Block>,
    /// Their estimated size.
    pub tokens: TokenCount,
}

impl Segment {
    /// The bytes of memory that it takes.
    pub(crate) fn weight(&self) -> usize {
        let blocks = self.blocks.iter().map(|block| size_of::<Block>() + block.json.len());
        let shown = match &self.shown {
            Shown::Entries(entries) | Shown::Elided(entries) => entries.len() * size_of::<Seq>(),
            Shown::Summary(covers) => covers.weight(),
            Shown::Register => 0,
        };
        size_of::<Self>() + shown + blocks.sum::<usize>()
    }
}

/// An answered context: what the model sees at one moment.
#[derive(Clone, Debug)]
pub struct Context {
    /// Which answer this is (P8).
    pub call: CallNumber,
    /// The last entry that it knows of.
    pub position: Seq,
    /// The digest chain of the view.
    pub digest: Digest,
    /// How many resets the session has had. While it stays the same, each context's blocks begin with all blocks of
    /// the one before (P1).
    pub resets: u64,
    /// What the blocks are written in.
    pub format: Format,
    /// The rendered segments, in order.
    pub segments: Vec<Arc<Segment>>,
    /// Calls that are shown with a stand-in since this answer (V8).
    pub stand_ins: Vec<CallRef>,
    /// The estimated size.
    pub tokens: TokenCount,
}

impl Context {
    /// The rendered blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.segments.iter().flat_map(|segment| &segment.blocks)
    }

    /// The prompt part of a request body in the context's format: `{"system": .., "messages": ..}`. Cache markers and
    /// request parameters are the caller's to add.
    pub fn body(&self) -> String {
        format::body(self.format, self.blocks())
    }
}
