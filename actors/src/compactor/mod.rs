//! The compactor: lives for one pass, linked to its session (V6). It plans nothing: it gets the stretches that the pass
//! covers, has their chunks summarized and merged, and sends the result back.
//!
//! ```text
//! session --PassJob--> compactor --acquire(Compaction)--> gate
//!    |  hurry ----------->  +--chunk, chunk, .., merge---> summarizer, or the deterministic one in its place
//!    ^                      +--what was answered --------> kept for the next pass
//!    +---PassProgressed, PassDone
//! ```
//!
//! Killing it at any point costs its model calls and nothing else (V7).

mod levels;
mod patience;
mod unwinding;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use highwater_protocol::session::{Event, PassJob};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use crate::gate::Gate;
use crate::session::SessionMessage;
use crate::summarize::{KeptSummaries, Summarizer};

use levels::Levels;
use patience::Patience;
use writer::Writer;

/// Why a compactor stops when it has sent its result; any other end is a failure of the pass.
pub(crate) const DONE: &str = "done";

pub(crate) struct CompactorActor;

pub(crate) struct CompactorArguments {
    pub(crate) job: PassJob,
    /// Turns true when the hard mark is near.
    pub(crate) hurried: watch::Receiver<bool>,
    pub(crate) desk: Desk,
    pub(crate) session: ActorRef<SessionMessage>,
}

/// What a pass works with. Shared by all passes of a house.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) summarizer: Arc<dyn Summarizer>,
    pub(crate) gate: Gate,
    pub(crate) kept: Arc<KeptSummaries>,
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
        arguments: &mut CompactorArguments,
    ) -> Result<(), ActorProcessingErr> {
        let CompactorArguments { job, hurried, desk, session } = arguments;
        let pass = job.pass;
        let progressed = |done, total| {
            let event = Event::PassProgressed { pass, done, total };
            // A session that has ended needs no progress, and its end kills this actor.
            drop(session.cast(SessionMessage::Event(event)));
        };
        let patience = Patience::new(job.deadline, hurried.clone());
        let writer = Writer::new(desk.clone(), job.focus.clone(), patience);
        let summaries = Levels::new(writer, &progressed).summarize(&job.stretches).await;
        session.cast(SessionMessage::Event(Event::PassDone { pass, summaries }))?;
        myself.stop(Some(DONE.to_owned()));
        Ok(())
    }
}
