//! A run that is kept alive over many user messages, as a host of long conversations would do it.
//!
//! At the natural end of a turn the run asks its `PendingBoundaryHandler` for what is pending. The handler waits
//! there for the user's next message and hands it over, with what background tasks told in between. Compaction is of
//! a run: only so does a summary that takes longer than a turn reach the run that asked for it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use awaken_runtime::loop_runner::{
    AgentLoopError, AgentRunResult, PendingBoundaryFreeze, PendingBoundaryHandler,
};
use awaken_runtime::{AgentRuntime, RunActivation};
use awaken_runtime_contract::contract::message::{DeliveryBoundary, Message};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

type Ended = Result<AgentRunResult, AgentLoopError>;

/// Where a run waits between two turns.
struct Desk {
    /// What was told from within, until the user's next message.
    staged: Mutex<Vec<Message>>,
    said: tokio::sync::Mutex<UnboundedReceiver<Message>>,
    /// Told when a turn has ended.
    rests: UnboundedSender<()>,
}

#[async_trait]
impl PendingBoundaryHandler for Desk {
    async fn stage_pending_messages(
        &self,
        _: DeliveryBoundary,
        messages: Vec<Message>,
    ) -> Result<(), AgentLoopError> {
        self.staged.lock().expect("nobody panics").extend(messages);
        Ok(())
    }

    async fn freeze_pending_boundary(
        &self,
        boundary: DeliveryBoundary,
    ) -> Result<Option<PendingBoundaryFreeze>, AgentLoopError> {
        if boundary != DeliveryBoundary::OnNaturalEnd {
            return Ok(None);
        }
        // Nobody listens any more when the talk is over.
        self.rests.send(()).ok();
        let Some(said) = self.said.lock().await.recv().await else { return Ok(None) };
        let mut messages = std::mem::take(&mut *self.staged.lock().expect("nobody panics"));
        messages.push(said);
        Ok(Some(PendingBoundaryFreeze { messages }))
    }
}

/// A thread and its run, which begins with the first message.
pub(crate) struct Talk {
    pub(crate) thread: String,
    desk: Arc<Desk>,
    says: UnboundedSender<Message>,
    rested: UnboundedReceiver<()>,
    run: Option<JoinHandle<Ended>>,
}

impl Talk {
    pub(crate) fn new(thread: &str) -> Self {
        let (says, said) = unbounded_channel();
        let (rests, rested) = unbounded_channel();
        let said = tokio::sync::Mutex::new(said);
        let desk = Arc::new(Desk { staged: Mutex::default(), said, rests });
        Self { thread: thread.to_owned(), desk, says, rested, run: None }
    }

    /// Says this to the run, and waits for the end of its turn.
    pub(crate) async fn say(&mut self, runtime: &Arc<AgentRuntime>, said: Message) {
        if self.run.is_some() {
            self.says.send(said).expect("the desk is there");
        } else {
            let handler = Arc::clone(&self.desk);
            let activation = RunActivation::new(&self.thread, vec![said])
                .with_agent_id("peer")
                .with_pending_boundary_handler(handler);
            let runtime = Arc::clone(runtime);
            self.run =
                Some(tokio::spawn(async move { runtime.run_to_completion(activation).await }));
        }
        let run = self.run.as_mut().expect("it has begun");
        tokio::select! {
            biased;
            rested = self.rested.recv() => rested.expect("the desk is there"),
            ended = run => panic!("the run has ended: {ended:?}"),
        }
    }

    /// Ends the run.
    pub(crate) async fn end(self) {
        let Self { says, run, .. } = self;
        drop(says);
        if let Some(run) = run {
            run.await.expect("nobody panics").expect("the run completes");
        }
    }
}
