//! A model that keeps the prompts that it was asked with.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use highwater::Errand;
use highwater::model::ModelError;
use highwater::summarize::{Completion, Model, Prompted};
use highwater_protocol::TokenCount;
use highwater_protocol::prompt::Rendered;

/// Answers every prompt with the same words after a while.
pub(super) struct Asked {
    after: Duration,
    text: &'static str,
    prompts: Prompts,
}

/// The data of all prompts so far. All clones are the same.
#[derive(Clone, Default)]
pub(super) struct Prompts(Arc<Mutex<Vec<String>>>);

impl Prompts {
    /// What the last one said.
    pub(super) fn last(&self) -> String {
        let prompts = self.0.lock().expect("nobody panics with it in hand");
        prompts.last().cloned().expect("the model was asked")
    }

    /// How many there were.
    pub(super) fn count(&self) -> usize {
        self.0.lock().expect("nobody panics with it in hand").len()
    }
}

/// A summarizer that asks such a model, and what that is asked.
pub(super) fn asked(after_secs: u64, text: &'static str) -> (Prompted<Asked>, Prompts) {
    let prompts = Prompts::default();
    let after = Duration::from_secs(after_secs);
    (Prompted::new(Asked { after, text, prompts: prompts.clone() }), prompts)
}

#[async_trait]
impl Model for Asked {
    fn name(&self) -> &'static str {
        "asked"
    }

    fn window(&self) -> TokenCount {
        TokenCount(100_000)
    }

    async fn complete(
        &self,
        prompt: Rendered,
        _max_output: TokenCount,
        _errand: &Errand,
    ) -> Result<Completion, ModelError> {
        let data = prompt.messages.join("\n");
        self.prompts.0.lock().expect("nobody panics with it in hand").push(data);
        tokio::time::sleep(self.after).await;
        Ok(Completion::whole(self.text))
    }
}
