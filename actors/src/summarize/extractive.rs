//! The default summarizer: deterministic, offline, without a key. It quotes rather than rephrases.

use async_trait::async_trait;
use highwater_protocol::TokenCount;

use super::extract::Extract;
use super::{SummarizeError, Summarizer, SummaryRequest};

/// How much one chunk may hold: small enough that a chunk is a matter of about a millisecond on the thread it runs on.
const WINDOW: TokenCount = TokenCount(16_000);

/// Collects what was asked, standing constraints, decisions, errors, files, and the sentences that weigh most.
/// The same input gives the same summary. Its answers never exceed the cap by the default estimate of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extractive;

#[async_trait]
impl Summarizer for Extractive {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait lends from self")]
    fn name(&self) -> &str {
        "extractive"
    }

    fn window(&self) -> TokenCount {
        WINDOW
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<String, SummarizeError> {
        let (extract, cap) = match request {
            SummaryRequest::Chunk { groups, range, cap } => (Extract::of(&groups[range]), cap),
            SummaryRequest::Merge { parts, cap } => {
                let mut merged = Extract::default();
                for part in parts {
                    merged.merge(Extract::parse(&part));
                }
                (merged, cap)
            }
        };
        let text = extract.render(cap);
        if text.is_empty() {
            return Err(SummarizeError::new("there is nothing to quote, or no room to quote it"));
        }
        Ok(text)
    }
}
