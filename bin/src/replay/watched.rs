//! Watching the summarizers: what each was asked, how long it took, and why it did not answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use highwater::summarize::{Completion, SummarizeError, Summarizer, SummaryRequest};
use highwater_protocol::TokenCount;

use crate::report::{self, Quantiles};

/// A summarizer whose calls are counted. It is what it was in all other ways.
pub(super) struct Watched<S> {
    summarizer: S,
    watch: Watch,
}

/// What was seen of one summarizer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Watch {
    name: Arc<str>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    asked: u64,
    failed: u64,
    late: u64,
    first_failure: Option<String>,
    last_failure: Option<String>,
    answered_us: Vec<u64>,
}

impl<S: Summarizer> Watched<S> {
    pub(super) fn new(summarizer: S) -> Self {
        let watch = Watch { name: summarizer.name().into(), seen: Arc::default() };
        Self { summarizer, watch }
    }

    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }
}

impl Watch {
    /// What was seen so far.
    pub(super) fn report(&self) -> report::Summarizer {
        let seen = self.seen();
        report::Summarizer {
            name: self.name.to_string(),
            asked: seen.asked,
            failed: seen.failed,
            late: seen.late,
            first_failure: seen.first_failure.clone(),
            last_failure: seen.last_failure.clone(),
            answered: Quantiles::of(seen.answered_us.clone()),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that may be given up: dropped behind its deadline, it was late. What is not late has hurried, or was stopped.
struct Call<'a> {
    watch: &'a Watch,
    deadline: Option<tokio::time::Instant>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now()) {
            self.watch.seen().late += 1;
        }
    }
}

#[async_trait]
impl<S: Summarizer> Summarizer for Watched<S> {
    fn name(&self) -> &str {
        self.summarizer.name()
    }

    fn window(&self) -> TokenCount {
        self.summarizer.window()
    }

    fn overhead(&self, focus: Option<&str>) -> TokenCount {
        self.summarizer.overhead(focus)
    }

    fn is_deterministic(&self) -> bool {
        self.summarizer.is_deterministic()
    }

    fn takes_own_permits(&self) -> bool {
        self.summarizer.takes_own_permits()
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        self.watch.seen().asked += 1;
        let asked = Instant::now();
        let mut call = Call { watch: &self.watch, deadline: request.errand.deadline() };
        let answer = self.summarizer.summarize(request).await;
        call.deadline = None;
        let mut seen = self.watch.seen();
        match &answer {
            Ok(_) => {
                seen.answered_us
                    .push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            Err(error) => {
                seen.failed += 1;
                let why = error.to_string();
                if seen.first_failure.is_none() {
                    seen.first_failure = Some(why);
                } else {
                    seen.last_failure = Some(why);
                }
            }
        }
        drop(seen);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use highwater::{Errand, Gate};
    use highwater_protocol::chunk;
    use highwater_protocol::limit::Class;
    use highwater_protocol::piece::Piece;
    use highwater_protocol::prompt::Strength;

    use super::*;
    use crate::replay::paced::Paced;

    /// A call of a model that never answers is given up.
    fn given_up(watched: &Watched<Paced>, deadline: tokio::time::Instant) {
        let pieces = [Piece::of_summary("what was".into())];
        let request = SummaryRequest {
            tokens: chunk::size(&pieces),
            pieces: pieces.into(),
            cap: TokenCount(100),
            focus: None,
            strength: Strength::Normal,
            errand: Errand::new(Gate::new(1), Class::Background).until(deadline),
        };
        let call = pin!(watched.summarize(request));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    #[tokio::test]
    async fn what_is_given_up_behind_its_deadline_was_late() {
        let watched = Watched::new(Paced::new(Duration::MAX));
        let now = tokio::time::Instant::now();
        given_up(&watched, now + Duration::from_mins(10));
        given_up(&watched, now);
        let seen = watched.watch().report();
        assert_eq!((seen.asked, seen.given_up(), seen.late), (2, 2, 1));
    }
}
