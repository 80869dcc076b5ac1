//! The default summarizer, and the one that finishes when a model does not: deterministic, offline, without a key. It
//! quotes rather than rephrases.

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::piece::Piece;

use super::extract::Extract;
use super::{Completion, SummarizeError, Summarizer, SummaryRequest};

/// How much one call may take: a pass over a usual view is a handful of calls, each of some milliseconds.
const WINDOW: TokenCount = TokenCount(64_000);

/// How much text is worked through before others get their turn on the thread: about a millisecond.
const BATCH_BYTES: usize = 64 << 10;

/// Collects what was asked, standing constraints, decisions, errors, files, and the sentences that weigh most.
/// The same input gives the same summary. Its answers never exceed the cap by the default estimate of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extractive;

impl Extractive {
    pub(crate) const NAME: &str = "extractive";

    /// The summary of some pieces; empty when there is nothing to quote, or no room to quote it.
    pub(crate) async fn write(pieces: &[Piece], cap: TokenCount) -> String {
        let mut extract = Extract::default();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for passage in pieces.iter().flat_map(Piece::passages) {
            bytes += passage.text.len();
            batch.push(passage);
            if bytes >= BATCH_BYTES {
                extract.merge(Extract::of(&batch));
                batch.clear();
                bytes = 0;
                tokio::task::yield_now().await;
            }
        }
        extract.merge(Extract::of(&batch));
        extract.render(cap)
    }
}

#[async_trait]
impl Summarizer for Extractive {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn window(&self) -> TokenCount {
        WINDOW
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    /// It calls no model.
    fn takes_own_permits(&self) -> bool {
        true
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        let text = Self::write(&request.pieces, request.cap).await;
        if text.is_empty() {
            return Err(SummarizeError::new("there is nothing to quote, or no room to quote it"));
        }
        Ok(Completion::whole(text))
    }
}
