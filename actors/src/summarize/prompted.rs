//! A summarizer that asks a model, and the port that model clients implement.

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::chunk;
use highwater_protocol::prompt::{self, Prompt, Rendered};

use super::{Completion, SummarizeError, Summarizer, SummaryRequest};
use crate::gate::Errand;
use crate::model::{Broken, ModelError};

/// A model that completes a prompt. One call is one request to a provider; retries within a call are the client's.
///
/// Cancellation: dropping the future ends the request.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// The model's name, which summaries carry as their author.
    fn name(&self) -> &str;

    /// The tokens of a prompt and its answer together.
    fn window(&self) -> TokenCount;

    /// Whether it takes a permit of the gate for each call, by [`Errand::permit`]. If not, it is called under one.
    fn takes_own_permits(&self) -> bool {
        false
    }

    /// Answers a prompt with at most `max_output` tokens, counted as the model counts them. An error is logged: no
    /// credentials may stand in it (S3).
    async fn complete(
        &self,
        prompt: Rendered,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError>;

    /// The same for a prompt whose estimated size is known. A model that wants to know it need not estimate it again.
    async fn complete_sized(
        &self,
        prompt: Rendered,
        _size: TokenCount,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError> {
        self.complete(prompt, max_output, errand).await
    }
}

/// Asks a model with the prompt of [`highwater_protocol::prompt`].
#[derive(Clone, Debug)]
pub struct Prompted<M> {
    model: M,
}

impl<M: Model> Prompted<M> {
    /// Over a model.
    pub fn new(model: M) -> Self {
        Self { model }
    }
}

#[async_trait]
impl<M: Model> Summarizer for Prompted<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn window(&self) -> TokenCount {
        self.model.window()
    }

    fn overhead(&self, focus: Option<&str>) -> TokenCount {
        prompt::overhead(focus)
    }

    fn takes_own_permits(&self) -> bool {
        self.model.takes_own_permits()
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        let SummaryRequest { pieces, tokens, cap, focus, strength, errand } = request;
        let prompt = Prompt { strength, cap, focus: focus.as_deref(), pieces: &pieces };
        let max_output = chunk::limit(cap);
        let (size, window) = (prompt.around() + tokens, self.window());
        let whole = size + max_output;
        if whole > window {
            let message = format!("a call of {whole} does not fit the window of {window}");
            return Err(SummarizeError::new(message));
        }
        let answer = self.model.complete_sized(prompt.render(), size, max_output, &errand).await;
        answer.map_err(|error| match error {
            ModelError::Broken { why, message } if why != Broken::Malformed => {
                SummarizeError::unusable(message)
            }
            other => SummarizeError::new(other.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use highwater_protocol::accept::Finish;
    use highwater_protocol::limit::Class;
    use highwater_protocol::piece::Piece;
    use highwater_protocol::prompt::Strength;

    use super::*;
    use crate::gate::Gate;

    /// Keeps what it was asked, and is always cut off.
    #[derive(Default)]
    struct Asked(Mutex<Vec<(Rendered, TokenCount)>>);

    #[async_trait]
    impl Model for Asked {
        fn name(&self) -> &'static str {
            "asked-1"
        }

        fn window(&self) -> TokenCount {
            TokenCount(2_000)
        }

        async fn complete(
            &self,
            prompt: Rendered,
            max_output: TokenCount,
            _errand: &Errand,
        ) -> Result<Completion, ModelError> {
            self.0.lock().expect("nobody panics").push((prompt, max_output));
            Ok(Completion { text: "So f".to_owned(), finish: Finish::Length })
        }
    }

    fn request(text: &str) -> SummaryRequest {
        let pieces = [Piece::of_summary(text.into())];
        SummaryRequest {
            tokens: chunk::size(&pieces),
            pieces: pieces.into(),
            cap: TokenCount(100),
            focus: Some("ferries".into()),
            strength: Strength::Tighter,
            errand: Errand::new(Gate::new(1), Class::Background),
        }
    }

    #[tokio::test]
    async fn a_model_gets_the_prompt_and_a_limit_and_says_how_it_ended() {
        let summarizer = Prompted::new(Asked::default());
        let answer = summarizer.summarize(request("what was")).await.expect("an answer");
        assert_eq!(answer.finish, Finish::Length);
        let asked = summarizer.model.0.into_inner().expect("nobody panics");
        let [(prompt, max_output)] = &asked[..] else { panic!("{} calls", asked.len()) };
        let request = request("what was");
        let (strength, cap, focus) = (request.strength, request.cap, request.focus.as_deref());
        let expected = Prompt { strength, cap, focus, pieces: &request.pieces }.render();
        assert_eq!((prompt, *max_output), (&expected, TokenCount(125)));
    }

    #[tokio::test]
    async fn a_call_over_the_models_window_is_never_made() {
        let summarizer = Prompted::new(Asked::default());
        let refused = summarizer.summarize(request(&"word ".repeat(2_000))).await;
        let why = refused.expect_err("it does not fit").to_string();
        assert!(why.ends_with("does not fit the window of 2000 tokens"), "{why}");
        assert!(summarizer.model.0.into_inner().expect("nobody panics").is_empty());
    }
}
