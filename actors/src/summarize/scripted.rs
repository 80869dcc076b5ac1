//! A summarizer that does what a test tells it to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::accept::Finish;

use super::{Completion, SummarizeError, Summarizer, SummaryRequest};

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
    /// Answers, and is cut off.
    CutOff {
        /// How long it takes.
        after: Duration,
        /// The answer as far as it goes.
        text: String,
    },
    /// Answers with more than the cap of the call.
    TooLong {
        /// How long it takes.
        after: Duration,
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

impl Step {
    /// Answers with nothing.
    pub fn empty(after: Duration) -> Self {
        Self::Say { after, text: String::new() }
    }

    /// Answers with the text of an error, as if it were a summary.
    pub fn error_text(after: Duration) -> Self {
        let text = "{\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}";
        Self::Say { after, text: text.to_owned() }
    }

    /// Fails as a provider does that has too much to do.
    pub fn too_many_requests(after: Duration) -> Self {
        Self::Fail { after, why: "429 Too Many Requests".to_owned() }
    }
}

/// Plays steps in order, one for each call, and repeats the last one for ever.
#[derive(Debug)]
pub struct Scripted {
    steps: Mutex<VecDeque<Step>>,
    window: TokenCount,
    calls: Calls,
}

/// How often a [`Scripted`] was called. Cheap to clone; all clones count the same calls.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicU64>);

impl Calls {
    /// The calls so far, those that did not end included.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Scripted {
    /// A summarizer that plays `steps`; with none it fails each call.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = Mutex::new(steps.into_iter().collect());
        Self { steps, window: TokenCount(u64::MAX / 2), calls: Calls::default() }
    }

    /// The same with a window, so that passes are divided into chunks.
    #[must_use]
    pub fn with_window(mut self, window: TokenCount) -> Self {
        self.window = window;
        self
    }

    /// Counts its calls, also after it was given away.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    fn next(&self) -> Option<Step> {
        let mut steps = self.steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() }
    }
}

#[async_trait]
impl Summarizer for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn window(&self) -> TokenCount {
        self.window
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        self.calls.0.fetch_add(1, Ordering::Relaxed);
        let (after, answer) = match self.next() {
            Some(Step::Say { after, text }) => (after, Ok(Completion::whole(text))),
            Some(Step::CutOff { after, text }) => {
                (after, Ok(Completion { text, finish: Finish::Length }))
            }
            Some(Step::TooLong { after }) => {
                let words = usize::try_from(request.cap.0).unwrap_or(usize::MAX).min(1 << 20);
                (after, Ok(Completion::whole("word ".repeat(words + 1))))
            }
            Some(Step::Fail { after, why }) => (after, Err(SummarizeError::new(why))),
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Panic) => panic!("the script says so"),
            None => (Duration::ZERO, Err(SummarizeError::new("the script is empty"))),
        };
        tokio::time::sleep(after).await;
        answer
    }
}
