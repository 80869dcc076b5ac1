//! What the journal is told.

use highwater_protocol::LogPos;
use highwater_protocol::session::CommitFailure;
use highwater_storage::SessionBatch;
use ractor::ActorRef;

use crate::session::SessionMessage;

/// What became of one session's batch: the durable position, or what is known of the failure.
pub(crate) type Committed = Result<LogPos, (CommitFailure, Box<str>)>;

/// A message to the journal.
#[derive(Debug)]
pub(crate) enum JournalMessage {
    /// A session has records to make durable.
    Append {
        /// The records.
        batch: SessionBatch,
        /// Who is to be told.
        session: ActorRef<SessionMessage>,
    },
    /// There are sessions that do not know yet what became of their batches.
    Tell,
    /// Those who were ready have had one turn more to come.
    Gather {
        /// Turns that they have left.
        turns: u8,
    },
    /// It is time for the next commit, if there is something for one.
    Due,
    /// The commit under way has ended.
    Written {
        /// What became of each batch in it, in order.
        results: Vec<Committed>,
    },
}
