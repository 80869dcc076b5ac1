//! The compactor: lives for one pass, linked to its session (V6). It plans nothing: it gets the stretches that the pass
//! covers, has their chunks summarized and merged, and sends the result back.
//!
//! ```text
//! session --PassJob--> compactor --acquire(Compaction)--> gate
//!    |  pressure -------->  +--chunk, chunk, .., merge---> summarizer, or the deterministic one in its place
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

use highwater_protocol::SessionId;
use highwater_protocol::session::{Event, PassJob};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use crate::gate::{Errand, Gate, Pressure};
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
    /// How urgent the pass is.
    pub(crate) pressed: watch::Receiver<Pressure>,
    pub(crate) desk: Desk,
    pub(crate) session: ActorRef<SessionMessage>,
    /// Which session it is.
    pub(crate) of: SessionId,
}

/// What a pass works with. Shared by all passes of a house.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Who summarizes, in this order; each takes the place of the one before when that does not answer.
    pub(crate) summarizers: Arc<[Arc<dyn Summarizer>]>,
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
        let CompactorArguments { job, pressed, desk, session, of } = arguments;
        let pass = job.pass;
        let progressed = |done, total| {
            let event = Event::PassProgressed { pass, done, total };
            // A session that has ended needs no progress, and its end kills this actor.
            drop(session.cast(SessionMessage::Event(event)));
        };
        let patience = Patience::new(job.deadline, pressed.clone());
        let holder = Some(myself.get_cell());
        let errand = Errand::of_pass(desk.gate.clone(), pressed.clone(), holder);
        let errand = errand.until(patience.ends()).by_hand(job.by_wish).on_behalf(of.clone(), pass);
        let writer = Writer::new(desk.clone(), errand, job.focus.clone(), patience);
        let summaries = Levels::new(writer, &progressed).summarize(&job.stretches).await;
        session.cast(SessionMessage::Event(Event::PassDone { pass, summaries }))?;
        myself.stop(Some(DONE.to_owned()));
        Ok(())
    }
}
