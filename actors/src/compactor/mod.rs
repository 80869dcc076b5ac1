//! The compactor: lives for one pass, linked to its session (V6). It plans nothing: it gets the covered groups, asks the
//! summarizer chunk by chunk and then to merge, each call under a permit, and sends the result back.
//!
//! ```text
//! session --PassJob--> compactor --acquire(Compaction)--> gate
//!    ^                     +--Chunk, Chunk, .., Merge----> summarizer
//!    +---PassProgressed, PassDone | PassFailed
//! ```
//!
//! Killing it at any point costs its model calls and nothing else (V7).

use std::sync::Arc;

use highwater_protocol::limit::Class;
use highwater_protocol::session::{Event, PassJob};
use highwater_protocol::stretch::{Covered, Stretch};
use highwater_protocol::{Summary, chunk};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use crate::gate::Gate;
use crate::session::SessionMessage;
use crate::summarize::{Summarizer, SummaryRequest};

/// Why a compactor stops when it has sent its result; any other end is a failure of the pass.
pub(crate) const DONE: &str = "done";

pub(crate) struct CompactorActor;

pub(crate) struct CompactorArguments {
    pub(crate) job: PassJob,
    /// Turns true when the hard mark is near.
    pub(crate) hurried: watch::Receiver<bool>,
    pub(crate) summarizer: Arc<dyn Summarizer>,
    pub(crate) gate: Gate,
    pub(crate) session: ActorRef<SessionMessage>,
}

/// Begin. Sent by the compactor to itself, so that the work is interruptible like any other message.
#[derive(Debug)]
pub(crate) struct Begin;

impl Actor for CompactorActor {
    type Msg = Begin;
    type State = CompactorArguments;
    type Arguments = CompactorArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Begin>,
        arguments: CompactorArguments,
    ) -> Result<CompactorArguments, ActorProcessingErr> {
        myself.cast(Begin)?;
        Ok(arguments)
    }

    async fn handle(
        &self,
        myself: ActorRef<Begin>,
        _message: Begin,
        pass: &mut CompactorArguments,
    ) -> Result<(), ActorProcessingErr> {
        let event = match pass.run().await {
            Ok(summaries) => Event::PassDone { pass: pass.job.pass, summaries },
            Err(why) => Event::PassFailed { pass: pass.job.pass, why: why.into() },
        };
        pass.session.cast(SessionMessage::Event(event))?;
        myself.stop(Some(DONE.to_owned()));
        Ok(())
    }
}

impl CompactorArguments {
    async fn run(&self) -> Result<Vec<Summary>, String> {
        let mut summaries = Vec::new();
        for stretch in &*self.job.stretches {
            let author = self.summarizer.name().into();
            summaries.push(Summary { text: self.summarize(stretch).await?.into(), author });
        }
        Ok(summaries)
    }

    async fn summarize(&self, stretch: &Stretch) -> Result<String, String> {
        let (mut parts, mut groups) = (Vec::new(), Vec::new());
        for part in &stretch.parts {
            match part {
                Covered::Summary(text) => parts.push(Arc::clone(text)),
                Covered::Group(group) => groups.push(group.clone()),
            }
        }
        let (groups, cap) = (Arc::<[_]>::from(groups), stretch.cap);
        let ranges = chunk::chunks(&groups, self.summarizer.window());
        let merges = ranges.len() + parts.len() > 1;
        let total = ranges.len() + usize::from(merges);
        self.progressed(0, total);
        for (index, range) in ranges.into_iter().enumerate() {
            let groups = Arc::clone(&groups);
            let chunk = SummaryRequest::Chunk { groups, range, cap };
            parts.push(self.ask(chunk).await?.into());
            self.progressed(index + 1, total);
        }
        if !merges {
            return parts
                .pop()
                .map(|part| part.to_string())
                .ok_or_else(|| "nothing is covered".to_owned());
        }
        self.ask(SummaryRequest::Merge { parts, cap }).await
    }

    /// One summarizer call under a permit.
    async fn ask(&self, request: SummaryRequest) -> Result<String, String> {
        let permit =
            self.gate.acquire(Class::Compaction).await.map_err(|error| error.to_string())?;
        let answer = self.summarizer.summarize(request).await;
        drop(permit);
        answer.map_err(|error| error.to_string())
    }

    fn progressed(&self, done: usize, total: usize) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (done, total) = (count(done), count(total));
        let event = Event::PassProgressed { pass: self.job.pass, done, total };
        // A session that has ended needs no progress, and its end kills this actor.
        drop(self.session.cast(SessionMessage::Event(event)));
    }
}
