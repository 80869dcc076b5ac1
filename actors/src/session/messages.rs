//! What a session actor is told.

use highwater_protocol::Error;
use highwater_protocol::message::{Reply, Request};
use highwater_protocol::session::Event;
use tokio::sync::oneshot;

use crate::admission::Admission;
use crate::journal::Committed;

/// A message to a session.
#[derive(Debug)]
pub(crate) enum SessionMessage {
    /// A host asks for something.
    Request {
        /// What.
        body: Request,
        /// Where the answer goes.
        answer: Answer,
    },
    /// Something happened to a pass.
    Event(Event),
    /// The batch in flight was committed, or was not.
    Committed(Committed),
    /// Others need the room: end if nothing is under way, or give up what can be read again.
    GiveUp,
    /// Nothing was asked for some time, if this is still how often something was.
    Idle {
        /// Requests taken when the time began.
        taken: u64,
    },
    /// Everything that stood before this in the mailbox was looked at.
    Retire {
        /// Requests taken when this was sent.
        taken: u64,
    },
}

/// Where an answer goes, and the place in the queue that its request takes until then.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The caller. Told `None` when the request was never looked at, so that it may be sent again.
    reply: Option<oneshot::Sender<Option<Result<Reply, Error>>>>,
    /// Whether the request was looked at.
    is_seen: bool,
    /// Given back when the request is answered or forgotten.
    admission: Option<Admission>,
}

impl Answer {
    /// The way to a caller, and where it waits.
    pub(crate) fn new(
        admission: Admission,
    ) -> (Self, oneshot::Receiver<Option<Result<Reply, Error>>>) {
        let (reply, answer) = oneshot::channel();
        (Self { reply: Some(reply), is_seen: false, admission: Some(admission) }, answer)
    }

    /// The request is looked at: from now on only its answer says what became of it.
    pub(crate) fn see(&mut self) {
        self.is_seen = true;
    }

    /// It is answered whenever a model is done: until then others take its place in the queue.
    pub(crate) fn leave_queue(&mut self) {
        self.admission = None;
    }

    /// Tells the caller. One that went away needs no answer; what it asked for is done all the same.
    pub(crate) fn tell(mut self, reply: Result<Reply, Error>) {
        if let Some(caller) = self.reply.take() {
            drop(caller.send(Some(reply)));
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(caller) = self.reply.take().filter(|_| !self.is_seen) {
            drop(caller.send(None));
        }
    }
}
