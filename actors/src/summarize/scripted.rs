//! A summarizer that does what a test tells it to.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use highwater_protocol::TokenCount;

use super::{SummarizeError, Summarizer, SummaryRequest};

/// What one call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answers after a while, in the runtime's time.
    Say {
        /// How long it takes.
        after: Duration,
        /// The answer.
        text: String,
    },
    /// Fails after a while.
    Fail {
        /// How long it takes.
        after: Duration,
        /// What the error says.
        why: String,
    },
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

/// Plays steps in order, one for each call, and repeats the last one for ever.
#[derive(Debug)]
pub struct Scripted {
    steps: Mutex<VecDeque<Step>>,
    window: TokenCount,
}

impl Scripted {
    /// A summarizer that plays `steps`; with none it fails each call.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = Mutex::new(steps.into_iter().collect());
        Self { steps, window: TokenCount(u64::MAX / 2) }
    }

    /// The same with a window, so that passes are divided into chunks.
    #[must_use]
    pub fn with_window(mut self, window: TokenCount) -> Self {
        self.window = window;
        self
    }

    fn next(&self) -> Option<Step> {
        let mut steps = self.steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() }
    }
}

#[async_trait]
impl Summarizer for Scripted {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait lends from self")]
    fn name(&self) -> &str {
        "scripted"
    }

    fn window(&self) -> TokenCount {
        self.window
    }

    async fn summarize(&self, _request: SummaryRequest) -> Result<String, SummarizeError> {
        match self.next() {
            Some(Step::Say { after, text }) => {
                tokio::time::sleep(after).await;
                Ok(text)
            }
            Some(Step::Fail { after, why }) => {
                tokio::time::sleep(after).await;
                Err(SummarizeError::new(why))
            }
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Panic) => panic!("the script says so"),
            None => Err(SummarizeError::new("the script is empty")),
        }
    }
}
