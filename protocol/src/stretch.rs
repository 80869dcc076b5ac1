//! What a pass works on: stretches of the view, each of which one summary will stand for. Shared messages, no copies.

use std::sync::Arc;

use crate::entry::Message;
use crate::position::{Seq, SeqSpans};
use crate::tokens::TokenCount;

/// A stretch of the view between two places that stay verbatim: the instructions, pinned groups, the tail.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// The entries that its summary will stand for.
    pub covers: SeqSpans,
    /// What is summarized, in the order of the view.
    pub parts: Vec<Covered>,
    /// The most that the text of its summary may take.
    pub cap: TokenCount,
}

/// One part of a stretch.
#[derive(Clone, Debug)]
pub enum Covered {
    /// A summary that stands there now; the new one takes it in.
    Summary(Arc<str>),
    /// A group.
    Group(CoveredGroup),
}

/// One covered group.
#[derive(Clone, Debug)]
pub struct CoveredGroup {
    /// The entries, in order.
    pub members: Vec<(Seq, Arc<Message>)>,
    /// Their size as it was said, before any elision.
    pub tokens: TokenCount,
}
