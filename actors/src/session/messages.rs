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
    /// The caller.
    pub(crate) reply: oneshot::Sender<Result<Reply, Error>>,
    /// Given back when the request is answered or forgotten.
    pub(crate) admission: Admission,
}
