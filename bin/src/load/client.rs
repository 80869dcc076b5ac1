//! The simulated provider as a model of the house: what summarizers call, behind the gate.

use std::cell::RefCell;
use std::sync::Arc;

use async_trait::async_trait;
use highwater::Errand;
use highwater::model::{Client, Exchange, GatedModel, Heard, Increment, ModelError, Request};
use highwater::summarize::{Completion, Model};
use highwater_protocol::TokenCount;
use highwater_protocol::limit::ClassKind;
use highwater_protocol::prompt::Rendered;
use tokio::time::Instant;

use super::ground::Ground;
use super::provider::Waiting;

tokio::task_local! {
    /// The wait of the summarizer's call, until it has its first permit.
    static ASKED: RefCell<Option<Asked>>;
}

/// A wait for a permit, which ends when this is dropped: with the permit, or without it.
struct Asked {
    at: Instant,
    ground: Arc<Ground>,
    _waits: Waiting,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.ground.metrics.summary_permitted(self.at.elapsed());
    }
}

/// The client of the provider.
pub(super) struct Simulated(pub(super) Arc<Ground>);

/// The gated model, with a note of when each call was asked for.
pub(super) struct Asking {
    pub(super) model: GatedModel,
    pub(super) ground: Arc<Ground>,
}

#[async_trait]
impl Model for Asking {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn window(&self) -> TokenCount {
        Model::window(&self.model)
    }

    fn takes_own_permits(&self) -> bool {
        self.model.takes_own_permits()
    }

    async fn complete(
        &self,
        prompt: Rendered,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError> {
        let size = prompt.tokens();
        self.complete_sized(prompt, size, max_output, errand).await
    }

    async fn complete_sized(
        &self,
        prompt: Rendered,
        size: TokenCount,
        max_output: TokenCount,
        errand: &Errand,
    ) -> Result<Completion, ModelError> {
        if let Some((session, _)) = errand.pass() {
            self.ground.metrics.summary_asked(session);
        }
        let (at, ground) = (Instant::now(), Arc::clone(&self.ground));
        let _waits = ground.provider.waits(ClassKind::Compaction);
        let asked = RefCell::new(Some(Asked { at, ground, _waits }));
        let asking = Model::complete_sized(&self.model, prompt, size, max_output, errand);
        let completed = ASKED.scope(asked, asking).await;
        if let Some((session, pass)) = errand.pass().filter(|_| completed.is_ok()) {
            self.ground.metrics.summarized(session, pass);
        }
        completed
    }
}

#[async_trait]
impl Client for Simulated {
    async fn exchange(
        &self,
        request: &Request,
        _: &mut (dyn FnMut(Increment) + Send),
        heard: &Heard,
    ) -> Exchange {
        let ground = &self.0;
        // The first attempt alone tells how long a permit takes: a retry waits for other reasons, too.
        drop(ASKED.try_with(RefCell::take));
        if ground.scenario.provider.over_http {
            // What is done for it here is done by Highwater's own client.
            self.answer(request, heard).await
        } else {
            ground.meter.provider(self.answer(request, heard)).await
        }
    }
}

impl Simulated {
    /// What the provider says, when it is not withheld.
    async fn answer(&self, request: &Request, heard: &Heard) -> Exchange {
        let ground = &self.0;
        let wanted = ground.summary(request);
        let exchange = ground.provider.pass(&wanted, &ground.speech, request, heard).await;
        ground.withholding.given().await;
        exchange
    }
}
