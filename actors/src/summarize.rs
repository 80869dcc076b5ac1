//! The summarizer port, its implementations that need no model, and the port of the models behind [`Prompted`].

mod extract;
mod extractive;
mod kept;
mod prompted;
mod scripted;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::accept::Finish;
use highwater_protocol::piece::Piece;
use highwater_protocol::prompt::Strength;

use crate::gate::Errand;

pub use extractive::Extractive;
pub(crate) use kept::KeptSummaries;
pub use prompted::{Model, Prompted};
pub use scripted::{Calls, Scripted, Step};

/// One piece of a pass's work: make one summary of these pieces. They are a chunk of what the pass covers, or earlier
/// summaries that are to become one.
#[derive(Clone, Debug)]
pub struct SummaryRequest {
    /// What is summarized, oldest first.
    pub pieces: Arc<[Piece]>,
    /// Their estimated size as records of a prompt, as [`size`](highwater_protocol::chunk::size) tells it.
    pub tokens: TokenCount,
    /// The most that the answer may take. One that takes more is not accepted.
    pub cap: TokenCount,
    /// What whoever asked for the pass wants kept above all.
    pub focus: Option<Arc<str>>,
    /// Whether this is the second try.
    pub strength: Strength,
    /// On whose behalf a model is called: what permits are taken with.
    pub errand: Errand,
}

/// What a model wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// How it ended.
    pub finish: Finish,
}

impl Completion {
    /// A text that ended by itself.
    pub fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), finish: Finish::Complete }
    }
}

/// A summarizer could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SummarizeError {
    message: String,
    unusable: bool,
}

impl SummarizeError {
    /// There is no answer: the next summarizer may have one. It is logged: no credentials may stand in it (S3).
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), unusable: false }
    }

    /// There is an answer that is no summary: cut off, empty, nothing but reasoning. The same one is asked once more.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self { message: message.into(), unusable: true }
    }

    pub(crate) fn is_unusable(&self) -> bool {
        self.unusable
    }
}

/// Writes summaries. Called by the compactor, each call under a permit of the account [`HOUSE`](crate::HOUSE) unless it
/// takes its own; may take as long as it takes.
///
/// An answer is checked before it counts. One that is not accepted is tried once more with [`Strength::Tighter`]; a call
/// that fails is the next summarizer's, and the last one's once more; then [`Extractive`] takes its place. A panic counts
/// as a failure.
///
/// Cancellation: the future is dropped when the pass is abandoned, when most of its time is used up, and when the hard
/// mark is near. An implementation keeps nothing that a dropped call would leave half done.
#[async_trait]
pub trait Summarizer: Send + Sync + 'static {
    /// The name that a summary carries as its author.
    fn name(&self) -> &str;

    /// The tokens that one call may take in all: its own words, what is summarized, and the answer.
    fn window(&self) -> TokenCount;

    /// What its own words take of the window.
    fn overhead(&self, _focus: Option<&str>) -> TokenCount {
        TokenCount::ZERO
    }

    /// Whether the same request always gets the same answer at no cost: such answers are not kept for the next pass,
    /// and nothing is asked twice.
    fn is_deterministic(&self) -> bool {
        false
    }

    /// Whether it takes a permit of the gate for each call that it makes, by [`Errand::permit`]. If not, the compactor takes
    /// one around each request, and a request must be one call.
    fn takes_own_permits(&self) -> bool {
        false
    }

    /// Answers one request.
    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError>;
}
