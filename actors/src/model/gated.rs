//! A client behind the gate: a permit for each attempt, retries inside the caller's deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use highwater_protocol::limit::{Amounts, Ending, Key, Report};
use highwater_protocol::prompt::Rendered;
use highwater_protocol::retry::Backoff;
use highwater_protocol::{Kind, TokenCount};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Answer, Client, Exchange, Heard, Increment, Messages, ModelError, Request};
use crate::gate::Errand;
use crate::summarize::{Completion, Model};

/// How long nothing has come when a call that is given up is held against the provider, and not against the deadline: a
/// call that is at work tells more within that time, if only that it is there. An answer that is not streamed is silent
/// until it is there.
const HANGS: Duration = Duration::from_secs(30);

/// A model of a provider, as hosts and summarizers use it. Each attempt is one exchange of its client under a permit of
/// its own; transient errors are tried again with exponential backoff and full jitter, as long as the errand's deadline
/// lets them. Cheap to clone.
///
/// A call that its deadline ends tells the gate nothing of the provider, unless nothing had come of it for 30 seconds:
/// then it counts as failed.
///
/// Cancellation: dropping a future of it ends the exchange, and gives the permit back; what the call was estimated to
/// take stays taken, since the provider may have counted it.
#[derive(Clone)]
pub struct GatedModel {
    client: Arc<dyn Client>,
    key: Key,
    name: Arc<str>,
    window: TokenCount,
    backoff: Backoff,
}

impl fmt::Debug for GatedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

impl GatedModel {
    /// A model behind the gate's key, whose prompts and answers together take up to `window` tokens. The gate must know
    /// the account of `key` before it is called.
    pub fn new(client: impl Client, key: Key, window: TokenCount) -> Self {
        let name = key.to_string().into();
        Self { client: Arc::new(client), key, name, window, backoff: Backoff::default() }
    }

    /// The same with other retries.
    #[must_use]
    pub fn retrying(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Its name: the account and the model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole answer to a request. It may be cut off, empty or nothing but reasoning: [`Answer::whole`] tells.
    pub async fn complete(&self, errand: &Errand, request: &Request) -> Result<Answer, ModelError> {
        self.call(errand, request, None).await
    }

    /// The same, and what it consists of is told as it comes. Once something was told, an error is final: nothing is
    /// told twice. Where the gate does not let a retry through, the error is the one that called for it.
    pub async fn stream(
        &self,
        errand: &Errand,
        request: &Request,
        told: &mut (dyn FnMut(Increment) + Send),
    ) -> Result<Answer, ModelError> {
        self.call(errand, request, Some(told)).await
    }

    async fn prompted(
        &self,
        prompt: Rendered,
        input: Option<TokenCount>,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError> {
        let request = Request { input, ..Request::of(Messages::Prompt(prompt), max_output) };
        let answer = Self::complete(self, errand, &request).await?;
        answer.whole()?;
        Ok(Completion { text: answer.text, finish: answer.finish })
    }

    async fn call(
        &self,
        errand: &Errand,
        request: &Request,
        mut told: Option<&mut (dyn FnMut(Increment) + Send)>,
    ) -> Result<Answer, ModelError> {
        self.client.check(request)?;
        let input = request.estimate().saturating_sub(request.cached);
        let amounts = Amounts::new(input.0, request.max_output.0);
        let mut before = None;
        for retry in 0.. {
            let mut begun = false;
            let mut tell = |increment| {
                if let Some(told) = &mut told {
                    begun = true;
                    told(increment);
                }
            };
            let error = match self.attempt(errand, amounts, request, &mut tell).await {
                Ok(answer) => return Ok(answer),
                Err(ModelError::Gate(denied)) if denied.kind() == Kind::Retry => {
                    return Err(before.unwrap_or(ModelError::Gate(denied)));
                }
                Err(error) => error,
            };
            let last = retry + 1 >= self.backoff.attempts || begun || !error.is_worth_a_retry();
            if last || !self.waits(errand, retry, &error).await {
                return Err(error);
            }
            tracing::debug!(model = %self.name, retry, why = %error, "model.call is tried again");
            before = Some(error);
        }
        unreachable!("attempts are counted")
    }

    async fn attempt(
        &self,
        errand: &Errand,
        amounts: Amounts,
        request: &Request,
        told: &mut (dyn FnMut(Increment) + Send),
    ) -> Result<Answer, ModelError> {
        let permit = errand.permit(self.key.clone(), amounts).await.map_err(ModelError::Gate)?;
        let heard = Heard::new();
        let exchange = self.client.exchange(request, told, &heard);
        let exchange = match errand.deadline() {
            None => Ok(exchange.await),
            Some(deadline) => timeout_at(deadline, exchange).await,
        };
        let Ok(Exchange { outcome, seen, seen_at }) = exchange else {
            let silence = heard.silence();
            let hangs = silence >= HANGS;
            permit.finish(Report::of(if hangs { Ending::Failed } else { Ending::Abandoned }));
            let how = if hangs {
                format!("nothing came for {silence:.1?}")
            } else {
                "it was given up while it was under way".to_owned()
            };
            let message = format!("{}: no answer before the deadline: {how}", self.name);
            return Err(ModelError::Transient { retry_after: None, message });
        };
        let (ending, usage) = match &outcome {
            Ok(answer) => (Ending::Answered, answer.usage.map(|used| self.counted(amounts, used))),
            Err(error) => (error.ending(), None),
        };
        let seen_ago = seen_at.map_or(Duration::ZERO, |at| at.elapsed());
        permit.finish(Report { ending, usage, seen, seen_ago });
        outcome
    }

    /// What counts against the provider's limits of a call that was charged at its start and took this.
    fn counted(&self, charged: Amounts, used: Amounts) -> Amounts {
        if self.client.keeps_output() {
            Amounts::new(used.input_tokens, used.output_tokens.max(charged.output_tokens))
        } else {
            used
        }
    }

    /// Waits before a retry, as long as the provider asks for at least; `false` when the deadline comes first. A
    /// refusal for limits pauses the gate, where the next attempt waits by itself.
    async fn waits(&self, errand: &Errand, retry: u32, error: &ModelError) -> bool {
        let paused =
            matches!(error, ModelError::RateLimited { .. } | ModelError::Overloaded { .. });
        let drawn = if paused { Duration::ZERO } else { self.backoff.wait(retry, errand.draw()) };
        let wait = match error {
            ModelError::Transient { retry_after: Some(least), .. } => drawn.max(*least),
            _ => drawn,
        };
        if errand.deadline().is_some_and(|deadline| Instant::now() + wait >= deadline) {
            return false;
        }
        sleep(wait).await;
        true
    }
}

#[async_trait]
impl Model for GatedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn window(&self) -> TokenCount {
        self.window
    }

    fn takes_own_permits(&self) -> bool {
        true
    }

    async fn complete(
        &self,
        prompt: Rendered,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError> {
        self.prompted(prompt, None, max_output, errand).await
    }

    async fn complete_sized(
        &self,
        prompt: Rendered,
        size: TokenCount,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError> {
        self.prompted(prompt, Some(size), max_output, errand).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    use highwater_protocol::accept::Finish;
    use highwater_protocol::limit::{Class, ClassKind, Limits, Seen};

    use super::*;
    use crate::gate::Gate;

    /// Breaks off within its first answer, and answers then.
    #[derive(Default)]
    struct Breaking(AtomicBool);

    #[async_trait]
    impl Client for Breaking {
        async fn exchange(
            &self,
            _: &Request,
            told: &mut (dyn FnMut(Increment) + Send),
            _: &Heard,
        ) -> Exchange {
            told(Increment::Text("So".to_owned()));
            let outcome = if self.0.swap(true, Ordering::Relaxed) {
                Ok(Answer {
                    text: "So far.".to_owned(),
                    reasoning: String::new(),
                    tool_calls: Vec::new(),
                    finish: Finish::Complete,
                    word: "stop".to_owned(),
                    usage: None,
                    message: String::new(),
                })
            } else {
                let message = "the connection broke".to_owned();
                Err(ModelError::Transient { retry_after: None, message })
            };
            Exchange { outcome, seen: Seen::default(), seen_at: None }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_broke_off_is_asked_for_again_unless_somebody_heard_of_it() {
        let gate = Gate::new(1);
        gate.register("acme", Limits::slots(1), BTreeMap::new()).await.expect("legal limits");
        let errand = Errand::new(gate.clone(), Class::Turn);
        let breaking = || GatedModel::new(Breaking::default(), Key::of("acme"), TokenCount(10_000));
        let request = Request::of(Messages::Body("{}".to_owned()), TokenCount(10));

        let mut told = Vec::new();
        let heard =
            breaking().stream(&errand, &request, &mut |increment| told.push(increment)).await;
        assert!(matches!(heard, Err(ModelError::Transient { .. })), "{heard:?}");
        assert_eq!(told, [Increment::Text("So".to_owned())]);

        let whole = breaking().complete(&errand, &request).await.expect("the second attempt");
        assert_eq!(whole.text, "So far.");
        let status = gate.status_of("acme").await.expect("it answers");
        assert_eq!(status.tally.granted.of(ClassKind::Turn), 3, "a permit for each attempt");
    }
}
