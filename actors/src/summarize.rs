//! The summarizer port and its implementations that need no model.

mod extract;
mod extractive;
mod scripted;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::stretch::CoveredGroup;

pub use extractive::Extractive;
pub use scripted::{Scripted, Step};

/// One piece of a pass's work.
#[derive(Clone, Debug)]
pub enum SummaryRequest {
    /// Summarize these groups.
    Chunk {
        /// All groups that the pass covers, shared.
        groups: Arc<[CoveredGroup]>,
        /// Which of them.
        range: Range<usize>,
        /// The most that the answer may take.
        cap: TokenCount,
    },
    /// Make one summary out of several, oldest first. The first may be the summary that stood before.
    Merge {
        /// The parts.
        parts: Vec<Arc<str>>,
        /// The most that the answer may take.
        cap: TokenCount,
    },
}

/// A summarizer could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SummarizeError {
    message: String,
}

impl SummarizeError {
    /// An error that says what happened.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Writes summaries. Called by the compactor, each call under a permit of the gate; may take as long as it takes.
///
/// Cancellation: the future is dropped when the pass is abandoned. An implementation keeps nothing that a dropped call
/// would leave half done.
#[async_trait]
pub trait Summarizer: Send + Sync + 'static {
    /// The name that a summary carries as its author.
    fn name(&self) -> &str;

    /// How much text one chunk may hold.
    fn window(&self) -> TokenCount;

    /// Answers one request.
    async fn summarize(&self, request: SummaryRequest) -> Result<String, SummarizeError>;
}
