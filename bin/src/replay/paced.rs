//! The simulated summarizer: as slow as it is told to be, with the words of the extractive one.

use std::time::Duration;

use async_trait::async_trait;
use highwater::summarize::{Completion, Extractive, SummarizeError, Summarizer, SummaryRequest};
use highwater_protocol::TokenCount;

/// Takes a fixed time for each call.
pub(super) struct Paced {
    latency: Duration,
    words: Extractive,
}

impl Paced {
    pub(super) fn new(latency: Duration) -> Self {
        Self { latency, words: Extractive }
    }
}

#[async_trait]
impl Summarizer for Paced {
    fn name(&self) -> &str {
        self.words.name()
    }

    fn window(&self) -> TokenCount {
        self.words.window()
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        tokio::time::sleep(self.latency).await;
        self.words.summarize(request).await
    }
}
